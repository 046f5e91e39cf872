package io.castalia

import java.io.BufferedReader
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse.BodyHandlers
import java.nio.file.Path
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit.SECONDS
import kotlin.io.path.exists
import kotlin.io.path.readText
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** The client against the server of this project. */
class ServerTest {
    @TempDir
    lateinit var data: Path
    private val binary: Path = System.getenv("CASTALIA_TEST_BIN")?.let(Path::of) ?: Built.program("castalia")
    private val http = HttpClient.newHttpClient()

    @Test
    fun `a first load, a push and a start without server`() {
        assertTrue(binary.exists(), "there is no $binary; build it or name one with CASTALIA_TEST_BIN")
        val ports = listOf("--config-port", "--admin-port", "--portal-port").flatMap { listOf(it, "0") }
        val command = listOf("$binary", "serve", "--log-format", "json", "--sample-app", "on", "--data-dir", "$data") + ports
        val program = ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD)
        // Seconds. At the end of a poll, a change arrives that no push announced.
        program.environment()["CASTALIA_LONG_POLLING_TIMEOUT"] = "85"
        val server = program.start()
        try {
            val addresses = addresses(server.inputStream.bufferedReader())
            val settings = PATIENT + mapOf(
                "app.id" to "sample-app",
                "apollo.meta" to addresses.getValue("config"),
                "apollo.cache-dir" to "$data",
            )
            Client(settings).use { hearsOfAPublish(it, addresses.getValue("portal")) }
            // Closing does not wait for a disk that is slower than five seconds.
            val cache = data.resolve("sample-app/config-cache/sample-app+default+application.properties")
            eventually("the value is in the cache") { cache.exists() && "Kotlin" in cache.readText() }
            server.destroyForcibly().waitFor()
            Client(settings).use { client ->
                val config = runBlocking { client.config("application") }
                assertEquals(Source.LOCAL, config.source)
                assertEquals(PUBLISHED, config["greeting"])
            }
        } finally {
            server.destroyForcibly().waitFor()
        }
    }

    /** Addresses by role, once all roles that are needed here listen. */
    private fun addresses(lines: BufferedReader): Map<String, String> {
        val addresses = HashMap<String, String>()
        while (!addresses.keys.containsAll(setOf("config", "portal"))) {
            val line = checkNotNull(lines.readLine()) { "the server ended" }
            if ("\"listening\"" in line) addresses[member(line, "role")] = "http://${member(line, "address")}"
        }
        return addresses
    }

    private fun hearsOfAPublish(client: Client, portal: String) {
        val config = runBlocking { client.config("application") }
        assertEquals(Source.REMOTE, config.source)
        val seen = LinkedBlockingQueue<String>()
        config.onChange(setOf("greeting")) { seen += it.changes.getValue("greeting").newValue.orEmpty() }
        publish(portal, PUBLISHED)
        assertEquals(PUBLISHED, seen.poll(45, SECONDS))
        assertEquals(PUBLISHED, config["greeting"])
    }

    private fun publish(portal: String, value: String) {
        val words = listOf("token", "create", "--name", "kotlin", "--app", "sample-app", "--data-dir", "$data")
        val create = ProcessBuilder(listOf("$binary") + words).start()
        val token = create.inputStream.bufferedReader().readText().trim().split(" ").last()
        val namespace = "$portal/openapi/v1/envs/DEV/apps/sample-app/clusters/default/namespaces/application"
        val item = """{"key":"greeting","value":"$value","dataChangeCreatedBy":"apollo","dataChangeLastModifiedBy":"apollo"}"""
        call(token, "PUT", "$namespace/items/greeting?createIfNotExists=true", item)
        call(token, "POST", "$namespace/releases", """{"releaseTitle":"test","releasedBy":"apollo"}""")
    }

    private fun call(token: String, method: String, url: String, body: String) {
        val request = HttpRequest.newBuilder(URI(url)).header("Authorization", token).header("Content-Type", "application/json")
        val answer = http.send(request.method(method, HttpRequest.BodyPublishers.ofString(body)).build(), BodyHandlers.ofString())
        assertEquals(200, answer.statusCode(), answer.body())
    }

    private fun member(json: String, name: String): String = json.substringAfter("\"$name\":\"").substringBefore('"')

    private companion object {
        const val PUBLISHED = "from Kotlin 😀"
    }
}
