package io.castalia

import java.net.ServerSocket
import kotlin.system.measureTimeMillis
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import kotlin.test.fail
import kotlinx.coroutines.CoroutineStart.UNDISPATCHED
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Test

class CoroutineTest {
    @Test
    fun `a cancelled call ends long before its timeout, though no server answers`() {
        // C118
        ServerSocket(0).use { hole ->
            val settings = PATIENT + mapOf(
                "app.id" to "order",
                "apollo.meta" to "http://127.0.0.1:${hole.localPort}",
                "apollo.cache.file.enable" to "false",
            )
            Client(settings).use { client ->
                val millis =
                    measureTimeMillis {
                        assertFailsWith<TimeoutCancellationException> {
                            runBlocking { withTimeout(200) { client.config("application") } }
                        }
                    }
                // Without an end it lasts for a minute.
                assertTrue(millis < 30_000, "$millis ms")
                val future = client.configAsync("application")
                assertTrue(future.cancel(true) && future.isCompletedExceptionally)
            }
        }
    }

    @Test
    fun `changes are a cold flow that ends with the client`() {
        Scripted().use { server ->
            server.publish("n" to "0", "x" to "0")
            val client = server.client()
            runBlocking {
                val config = client.config("application")
                val seen = async(Dispatchers.Default, UNDISPATCHED) { config.changes(keys = setOf("n")).take(2).toList() }
                val rest = async(Dispatchers.Default, UNDISPATCHED) { config.changes().toList() }
                for ((n, x) in listOf("1" to "0", "1" to "1", "2" to "1")) {
                    server.publish("n" to n, "x" to x)
                    eventually("the release is read") { config["n"] == n && config["x"] == x }
                }
                assertEquals(listOf<String?>("1", "2"), seen.await().map { it.changes.getValue("n").newValue })
                withContext(Dispatchers.IO) { client.close() }
                assertEquals(3, rest.await().size)
            }
        }
    }

    @Test
    fun `a watch is a state flow`() {
        Scripted().use { server ->
            server.publish("n" to "0")
            server.client().use { client ->
                runBlocking {
                    val watch = client.config("application").watch { it["n"] }
                    assertEquals("0", watch.values.value)
                    server.publish("n" to "1")
                    assertEquals("1", watch.values.first { it != "0" })
                }
            }
        }
    }

    @Test
    fun `a call made without a dispatcher does not come back on a thread of the library`() {
        Scripted().use { server ->
            server.publish("n" to "0")
            server.client().use { client ->
                runBlocking {
                    // With assertions enabled, the coroutine's name is appended to the thread's.
                    val thread = { Thread.currentThread().name.substringBefore(" @") }
                    val caller = thread()
                    withContext(Dispatchers.Unconfined) {
                        repeat(100) {
                            client.config("application").refresh()
                            if (thread() == "castalia-call") return@withContext
                            // The answer was there before the call suspended.
                            assertEquals(caller, thread())
                        }
                        fail("no call suspended")
                    }
                }
            }
        }
    }
}
