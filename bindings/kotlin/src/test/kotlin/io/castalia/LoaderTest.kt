package io.castalia

import java.lang.ref.WeakReference
import java.net.URLClassLoader
import java.nio.file.Path
import java.util.function.BiFunction
import kotlin.test.assertEquals
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

/**
 * An application in a container. Called through JDK types only, since each application has its own
 * classes.
 */
class Deployed : BiFunction<Map<String, String>, Runnable, String> {
    private lateinit var client: Client
    private lateinit var config: Config

    /** Opens a client and returns what it reads; the listener calls the runnable. */
    override fun apply(settings: Map<String, String>, heard: Runnable): String {
        client = Client(settings)
        config = client.configAsync("application").join()
        config.onChange {
            check(Thread.currentThread().contextClassLoader === javaClass.classLoader) {
                "the listener finds no class of its application"
            }
            heard.run()
        }
        return config.get("n", "missing")
    }

    /** Undeploys the application. */
    fun undeploy(): String {
        client.close()
        return config.get("n", "missing")
    }
}

class LoaderTest {
    private val server = Scripted()

    @BeforeEach
    fun publish() = server.publish("n" to "0")

    @AfterEach
    fun stop() = server.close()

    private val tests = Built.withTests.last()

    private fun loader(paths: List<Path>, parent: ClassLoader) =
        URLClassLoader(paths.map { it.toUri().toURL() }.toTypedArray(), parent)

    /** The classes that a container shares with its applications. */
    private fun container(isShared: (Path) -> Boolean) =
        loader(Built.classPath.filter(isShared), ClassLoader.getPlatformClassLoader())

    /** An application with its own classes, and with all libraries that its container lacks. */
    private inner class Application(container: ClassLoader, libraries: List<Path>) {
        private val loader = loader(libraries.plusElement(tests), container)
        private val program = loader.loadClass("io.castalia.Deployed").getConstructor().newInstance()
        var heard = 0
            private set

        @Suppress("UNCHECKED_CAST")
        fun start(): String =
            inside { (program as BiFunction<Map<String, String>, Runnable, String>).apply(server.settings()) { heard++ } }

        fun stop(): WeakReference<ClassLoader> {
            inside { program.javaClass.getMethod("undeploy").invoke(program) }
            loader.close()
            return WeakReference(loader)
        }

        private fun <T> inside(run: () -> T): T {
            val thread = Thread.currentThread()
            val before = thread.contextClassLoader
            thread.contextClassLoader = loader
            try {
                return run()
            } finally {
                thread.contextClassLoader = before
            }
        }
    }

    @Test
    fun `applications with class loaders of their own run side by side`() {
        // T38, T20
        val isJna = { path: Path -> "jna" in path.fileName.toString() }
        val withJna = container(isJna)
        val withoutJna = Built.classPath.filterNot(isJna)
        val applications =
            List(2) { Application(ClassLoader.getPlatformClassLoader(), Built.classPath) } +
                List(2) { Application(withJna, withoutJna) }
        assertEquals(List(4) { "0" }, applications.map { it.start() })
        for (n in 1..3) {
            server.publish("n" to "$n")
            eventually("all applications hear of $n") { applications.all { it.heard == n } }
        }
        applications.first().stop()
        server.publish("n" to "4")
        eventually("the others hear of 4") { applications.drop(1).all { it.heard == 4 } }
        applications.drop(1).forEach { it.stop() }
    }

    @Test
    fun `class loaders of applications that were taken away are collected where the container has the library`() {
        // C121. A native library remains loaded until the JVM ends, and keeps every class loader
        // that called it.
        val container = container { true }
        val loaders =
            List(20) {
                val application = Application(container, emptyList())
                assertEquals("0", application.start())
                application.stop()
            }
        eventually("the class loaders are collected", seconds = 180) {
            System.gc()
            loaders.all { it.get() == null }
        }
        eventually("threads end") { Thread.getAllStackTraces().keys.none { it.name.startsWith("castalia-listener") } }
    }
}
