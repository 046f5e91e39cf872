package io.castalia

import com.sun.net.httpserver.HttpServer
import java.net.InetSocketAddress
import java.net.URLClassLoader
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.LinkedBlockingQueue
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNull
import kotlin.test.assertSame
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Origins of settings: code, system properties, environment, files on the class path. */
class SettingsTest {
    private val set = ArrayList<String>()

    @TempDir
    lateinit var folder: Path

    @AfterEach
    fun clear() = set.forEach(System::clearProperty)

    private fun property(name: String, value: String) {
        set += name
        System.setProperty(name, value)
    }

    /** Runs with this directory first on the class path. */
    private fun <T> onClassPath(place: Path, run: () -> T): T {
        val thread = Thread.currentThread()
        val before = thread.contextClassLoader
        return URLClassLoader(arrayOf(place.toUri().toURL()), before).use {
            thread.contextClassLoader = it
            try {
                run()
            } finally {
                thread.contextClassLoader = before
            }
        }
    }

    private fun write(name: String, text: String): Path = folder.resolve(name).also {
        Files.createDirectories(it.parent)
        Files.writeString(it, text)
    }

    /** A jar with these files only: folders have no entries. */
    private fun jar(vararg files: Pair<String, String>): Path = folder.resolve("app.jar").also { jar ->
        ZipOutputStream(Files.newOutputStream(jar)).use { written ->
            for ((name, text) in files) {
                written.putNextEntry(ZipEntry(name))
                written.write(text.toByteArray())
            }
        }
    }

    @Test
    fun `code beats system properties, these beat the class path, and without an app id there is no client`() {
        // C001, C002, F005
        write("META-INF/app.properties", "app.id=z\n")
        property("app.id", "x")
        onClassPath(folder) {
            Client(Settings.fromEnv().set("app.id", "code")).use { assertEquals("code", it.appId) }
            Client().use { assertEquals("x", it.appId) }
            System.clearProperty("app.id")
            Client().use { assertEquals("z", it.appId) }
        }
        assertFailsWith<CastaliaException.InvalidArgument> { Client() }
        Client(Settings.fromEnv().set("castalia.java-compat", "true")).use { assertEquals("ApolloNoAppIdPlaceHolder", it.appId) }
        assertFailsWith<CastaliaException.InvalidArgument> { Client(emptyMap()) }
    }

    @Test
    fun `settings in a jar are read, and leave no file behind`() {
        val jar = jar("META-INF/app.properties" to "app.id=jar\napollo.access-key.secret=s\n")
        property("java.io.tmpdir", "${Files.createDirectory(folder.resolve("tmp"))}")
        val client = onClassPath(jar) { Client() }
        assertEquals("jar", client.appId)
        val settings = client.settings().associateBy { it.name }
        assertEquals("app.properties", settings.getValue("app.id").origin)
        assertEquals("***", settings.getValue("apollo.access-key.secret").value)
        assertFalse(
            "s" in
                "${Settings(mapOf("apollo.access-key.secret" to "s3cret"))}".removePrefix("Settings").lowercase().split("=", "{"),
        )
        client.close()
    }

    @Test
    fun `system properties and defaults on the class path answer around a release`() {
        // C105, F125, F126
        write("META-INF/config/application.properties", "below=bundled\na=bundled\n")
        write("META-INF/config/order+other.properties", "k=own\n")
        write("META-INF/config/strange+other.properties", "j=of another app\n")
        property("a", "override")
        property("only.here", "x")
        Scripted().use { server ->
            server.publish("a" to "1", "b" to "2")
            server.settings().forEach(::property)
            val client = onClassPath(folder) {
                Client().also {
                    for (appId in listOf("order", "strange")) {
                        for (name in listOf("application", "other")) it.configOfAsync(appId, name).join()
                    }
                }
            }
            runBlocking {
                val config = client.config("application")
                assertEquals(mapOf("a" to "override", "b" to "2", "below" to "bundled"), config.snapshot().values)
                assertEquals("x", config["only.here"])
                assertNull(config["PATH"])
                assertEquals("own", client.config("other")["k"])
                assertNull(client.config("other")["j"])
                // B125
                assertNull(client.configOf("strange", "application")["below"])
                assertEquals("of another app", client.configOf("strange", "other")["j"])
                val seen = ArrayList<String>()
                config.onChange { event -> seen += event.changes.keys }
                server.publish("a" to "2", "b" to "2")
                server.publish("a" to "2", "b" to "3")
                eventually("the change of b is heard") { seen.isNotEmpty() }
                assertEquals(listOf("b"), seen)
            }
            client.close()
        }
    }

    @Test
    fun `system properties are read whenever a key of their name is`() {
        // B112
        property("a", "first")
        Scripted().use { server ->
            server.publish("a" to "1", "b" to "2")
            server.settings().forEach(::property)
            Client().use { client ->
                val config = client.configAsync("application").join()
                val seen = CopyOnWriteArrayList<Set<String>>()
                config.onChange { seen += it.changes.keys }
                property("a", "5")
                property("b", "7")
                assertEquals("5" to 5, config["a"] to config.getInt("a", 0))
                assertEquals(mapOf("a" to "5", "b" to "7"), config.snapshot().values)
                // Without a copy for each read.
                assertSame(config.snapshot().values, config.snapshot().values)
                System.clearProperty("b")
                assertEquals("2" to 2, config["b"] to config.getInt("b", 0))
                server.publish("a" to "3", "b" to "2")
                server.publish("a" to "3", "b" to "4")
                eventually("the change of b is heard") { seen.isNotEmpty() }
                assertEquals(listOf(setOf("b")), seen.toList())
                System.clearProperty("a")
                assertEquals("3" to 3, config["a"] to config.getInt("a", 0))
                property("only.here", "x")
                assertEquals("x", config["only.here"])
                assertNull(ConfigSource("namespaces", listOf(config)).getProperty("only.here"))
            }
        }
    }

    @Test
    fun `defaults of an app id that only a settings file has are used`() {
        // B78
        write("META-INF/app.properties", "app.id=order\n")
        val named = write("named.properties", "app.id=named\n")
        write("META-INF/config/other.properties", "k=of any app\n")
        write("META-INF/config/order+other.properties", "k=of order\n")
        write("META-INF/config/named+other.properties", "k=of named\n")
        Scripted().use { server ->
            (server.settings() - "app.id").forEach(::property)
            val read = { Client().use { client -> runBlocking { client.config("other")["k"] } } }
            assertEquals("of order", onClassPath(folder, read))
            property("apollo.path.app.properties", "$named")
            assertEquals("of named", onClassPath(folder, read))
        }
    }

    @Test
    fun `defaults of an app id that only a settings file of the Go client has are used`() {
        // B82
        val named = write("agollo.json", """{"appId":"go"}""")
        write("META-INF/config/go+other.properties", "k=of go\n")
        write("META-INF/config/order+other.properties", "k=of order\n")
        Scripted().use { server ->
            (server.settings() - "app.id").forEach(::property)
            property("apollo.path.app.properties", "$named")
            onClassPath(folder) {
                Client().use { client -> assertEquals("of go", runBlocking { client.config("other")["k"] }) }
            }
        }
    }

    @Test
    fun `defaults in code replace those on the class path`() {
        write("META-INF/config/application.properties", "a=of any app\n")
        write("META-INF/config/order+application.properties", "b=of order\n")
        Scripted().use { server ->
            server.publish("r" to "1")
            server.settings().forEach(::property)
            val settings = Settings.fromEnv().defaults("application", mapOf("c" to "in code"))
            onClassPath(folder) {
                Client(settings).use { client ->
                    val values = runBlocking { client.config("application").snapshot().values }
                    assertEquals(mapOf("r" to "1", "c" to "in code"), values)
                }
            }
        }
    }

    @Test
    fun `a blank path of the settings file counts as unset`() {
        // B83
        write("META-INF/app.properties", "app.id=z\n")
        property("apollo.path.app.properties", " ")
        onClassPath(folder) { Client().use { assertEquals("z", it.appId) } }
    }

    @Test
    fun `defaults in a jar that lists no folders are found by name, and a malformed file is ignored`() {
        // B94
        val jar = jar(
            "META-INF/config/doc.yaml.properties" to "k=of doc\n",
            "META-INF/config/listed.properties" to "k=of listed\n",
            "META-INF/config/broken.properties" to "k=\\u12G4\n",
            "META-INF/config/order+broken.properties" to "k=of order\n",
        )
        Scripted().use { server ->
            server.publish("doc.yaml", mapOf("content" to "n: 1"))
            server.settings("castalia.namespaces" to "listed").forEach(::property)
            onClassPath(jar) {
                Client().use { client ->
                    val read = { namespace: String -> client.configAsync(namespace).join().snapshot().values }
                    assertEquals(mapOf("n" to "1", "k" to "of doc"), read("doc.yaml"))
                    // It was opened with the first one.
                    assertEquals(mapOf("k" to "of listed"), read("listed.properties"))
                    assertEquals(mapOf("k" to "of order"), read("broken"))
                }
            }
        }
    }

    @Test
    fun `a class loader that fails hides no defaults of others`() {
        // B94: as a loader of a container whose module was stopped.
        val failing = object : ClassLoader(null) {
            override fun getResources(name: String) = throw IllegalStateException("stopped")
        }
        val thread = Thread.currentThread()
        val before = thread.contextClassLoader
        thread.contextClassLoader = failing
        try {
            ClassPath.defaults("order", "application", isOwn = true) { name, _ -> error("there is no $name") }
            assertNull(ClassPath.appProperties())
        } finally {
            thread.contextClassLoader = before
        }
    }

    @Test
    fun `the environment answers where it is asked for, and after a release`() {
        // F125, DEV-20
        Scripted().use { server ->
            server.publish("HOME" to "released")
            server.settings().forEach(::property)
            property("castalia.java-compat", "true")
            Client().use { client ->
                val config = runBlocking { client.config("application") }
                assertEquals("released", config["HOME"])
                assertEquals(System.getenv("PATH"), config["PATH"])
            }
        }
    }

    @Test
    fun `defaults and seeds are given in code`() {
        val settings = Settings(mapOf("app.id" to "order", "env" to "LOCAL", "apollo.cache-dir" to "$folder"))
        settings.defaults("application", mapOf("d" to "1")).seed("application", mapOf("b" to "2", "a" to "3"))
        Client(settings).use { client ->
            val config = runBlocking { client.config("application") }
            assertEquals(Source.STATIC, config.source)
            assertEquals(listOf("b", "a", "d"), config.snapshot().values.keys.toList())
        }
    }

    @Test
    fun `the environment has a name, also where it is unknown`() {
        val env = { name: String -> Client(mapOf("app.id" to "order", "env" to name)).use { it.env } }
        assertEquals(listOf("PRO", "DEV", "UNKNOWN"), listOf("prod", "DEV", "strange").map(env))
    }

    @Test
    fun `requests are signed with the secret that was set last`() {
        // F162
        val signatures = LinkedBlockingQueue<List<String>>()
        val server = HttpServer.create(InetSocketAddress("127.0.0.1", 0), 0)
        server.createContext("/configs") {
            signatures += it.requestHeaders["Authorization"].orEmpty()
            it.sendResponseHeaders(404, -1)
            it.close()
        }
        server.start()
        val address = "http://127.0.0.1:${server.address.port}"
        val settings = mapOf("app.id" to "order", "apollo.config-service" to address, "apollo.cache.file.enable" to "false")
        Client(settings).use { client ->
            runBlocking {
                val config = client.config("application")
                val signature = suspend {
                    signatures.clear()
                    runCatching { config.refresh() }
                    signatures.take().singleOrNull()
                }
                assertNull(signature())
                client.setAccessKey("order", "0123456789abcdef")
                assertEquals("Apollo order", signature()?.substringBefore(':'))
                client.setAccessKey("order", "")
                assertNull(signature())
            }
        }
        server.stop(0)
    }

    @Test
    fun `a text that is not Unicode is refused`() {
        assertFailsWith<CastaliaException.InvalidArgument> { Client(mapOf("app.id" to "\uD800")) }
    }
}
