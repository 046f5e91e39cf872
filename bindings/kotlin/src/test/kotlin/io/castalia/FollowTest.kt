package io.castalia

import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.assertEquals
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Test

/** What is derived from a namespace follows every release, also those that no change announces. */
class FollowTest {
    private val server = Scripted()

    @AfterEach
    fun stop() = server.close()

    @Test
    fun `a release with its keys in another order is followed`() {
        // B54
        server.publish("a" to "1", "b" to "2")
        server.client().use { client ->
            val config = client.configAsync("application").join()
            val file = client.configFileAsync("application").join()
            val heard = AtomicInteger()
            config.onChange { heard.incrementAndGet() }
            file.onChange { heard.incrementAndGet() }
            val watch = config.watch { it.releaseKey to it.values.keys.toList() }
            assertEquals("k1" to listOf("a", "b"), watch.get())
            server.publish("b" to "2", "a" to "1")
            eventually("the watch follows") { watch.get() == "k2" to listOf("b", "a") }
            // Nothing else asks this one for newer values.
            eventually("the text follows") { file.content == "b=2\na=1\n" }
            watch.cancel()
            server.publish("a" to "1", "b" to "2")
            eventually("the text follows again") { file.content == "a=1\nb=2\n" }
            assertEquals("k2" to 0, watch.get().first to heard.get())
        }
    }

    @Test
    fun `another source is followed although the values are the same`() {
        // B54
        server.publish("n" to "0")
        server.order("fail", "config", "503")
        Client(Settings(server.settings()).seed("application", mapOf("n" to "0"))).use { client ->
            val config = client.configAsync("application").join()
            val watch = config.watch { it.source to it.releaseKey }
            assertEquals(Source.STATIC to "", watch.get())
            server.order("fail", "config", "200")
            eventually("the server answers") { runCatching { config.refreshAsync().join() }.isSuccess }
            eventually("the watch follows") { watch.get() == Source.REMOTE to "k1" }
        }
    }

    @Test
    fun `what follows a namespace does not keep it open`() {
        // B54
        server.publish("n" to "0")
        server.client().use { client ->
            val config = client.configAsync("application").join()
            val watches = List(3) { config.watch { it["n"] } }
            config.close()
            assertEquals(emptyList(), client.metrics().namespaces.map { it.namespace })
            server.publish("n" to "1")
            val again = client.configAsync("application").join()
            assertEquals("1", again["n"])
            assertEquals(listOf<String?>("0", "0", "0"), watches.map { it.get() })
        }
    }
}
