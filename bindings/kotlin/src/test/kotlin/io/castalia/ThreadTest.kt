package io.castalia

import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit.SECONDS
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

class ThreadTest {
    private val server = Scripted()

    @BeforeEach
    fun publish() = server.publish("n" to "0")

    @AfterEach
    fun stop() = server.close()

    private val names = setOf("castalia-listener", "castalia-call", "castalia-close")

    private fun threads() = Thread.getAllStackTraces().keys.count { it.name in names }

    @Test
    fun `clients share their threads, and these end after the last client is closed`() {
        var most = 0
        val clients = ArrayList<Client>()
        repeat(200) {
            val client = server.client("env" to "LOCAL")
            client.configAsync("application").join().onChange { }
            if (it % 2 == 0) clients += client else client.close()
            most = maxOf(most, threads())
        }
        assertTrue(most <= 16, "$most threads")
        clients.forEach(Client::close)
        eventually("all threads end") { threads() == 0 }
    }

    @Test
    fun `six hundred blocked listeners share a bounded number of threads, and keep nobody from opening or closing`() {
        val client = server.client()
        val config = client.configAsync("application").join()
        val go = CountDownLatch(1)
        val heard = AtomicInteger()
        repeat(600) {
            config.onChange {
                heard.incrementAndGet()
                go.await()
            }
        }
        server.publish("n" to "1")
        eventually("as many listeners are busy as may be") { heard.get() == 64 }
        assertTrue(threads() <= 64 + 16, "${threads()} threads")
        server.client().use { other -> assertEquals("1", other.configAsync("application").get(60, SECONDS)["n"]) }
        go.countDown()
        eventually("all listeners hear of it") { heard.get() == 600 }
        client.close()
        eventually("all threads end") { threads() == 0 }
    }
}
