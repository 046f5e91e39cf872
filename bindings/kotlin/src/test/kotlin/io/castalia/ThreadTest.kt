package io.castalia

import io.castalia.ffi.Client as NativeClient
import java.util.concurrent.CountDownLatch
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit.SECONDS
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
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

    private val names = setOf("castalia-listener", "castalia-hook", "castalia-call", "castalia-close")

    private fun threads() = names.sumOf { count(it) }

    private fun count(name: String) = Thread.getAllStackTraces().keys.count { it.name == name }

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

    @Test
    fun `six hundred blocked listeners keep no validator from judging a release`() {
        // B44
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
        server.client().use { other ->
            val judged = AtomicInteger()
            other.validate("application") { snapshot ->
                judged.incrementAndGet()
                if (snapshot["n"] == "2") "two is rejected" else null
            }
            val validated = other.configAsync("application").get(60, SECONDS)
            assertEquals("1", validated["n"])
            server.publish("n" to "2")
            eventually("the second release is judged") { judged.get() >= 2 && validated.lastError != null }
            server.publish("n" to "3")
            eventually("the third release is applied") { validated["n"] == "3" }
        }
        go.countDown()
        client.close()
        eventually("all threads end") { threads() == 0 }
    }

    @Test
    fun `a listener for which the system refuses a thread is called later`() {
        // B75
        val client = server.client()
        val config = client.configAsync("application").join()
        val refused = CountDownLatch(1)
        val heard = AtomicInteger()
        repeat(2) {
            config.onChange {
                refused.await()
                heard.incrementAndGet()
            }
        }
        eventually("idle threads end, except one") { count("castalia-listener") <= 1 }
        val pool = Workers::class.java.getDeclaredField("threads").apply { isAccessible = true }.get(Workers.listeners)
        val factory = (pool as ThreadPoolExecutor).threadFactory
        pool.setThreadFactory {
            refused.countDown()
            throw OutOfMemoryError("unable to create native thread")
        }
        try {
            server.publish("n" to "1")
            eventually("both listeners hear of it") { heard.get() == 2 }
        } finally {
            pool.threadFactory = factory
        }
        client.close()
        eventually("all threads end") { threads() == 0 }
    }

    @Test
    fun `a client is released although the system refuses a thread for its end`() {
        // B106
        val settings = Settings(server.settings())
        val native = Client.made<NativeClient>(settings) { options ->
            object : NativeClient(options, false) {
                override suspend fun end(): Unit = throw OutOfMemoryError("unable to create native thread")
            }
        }
        val client = Client(settings, native)
        val config = client.configAsync("application").join()
        assertFailsWith<OutOfMemoryError> { client.close() }
        client.close()
        assertEquals("0", config["n"])
        assertFailsWith<IllegalStateException> { native.report("about") }
        eventually("all threads end") { threads() == 0 }
    }

    @Test
    fun `as many listeners as can run may wait for a namespace with a validator`() {
        // B44
        val client = server.client()
        val config = client.configAsync("application").join()
        val other = server.client()
        other.validate("application") { null }
        val allRun = CountDownLatch(64)
        val read = AtomicInteger()
        repeat(64) {
            config.onChange {
                allRun.countDown()
                allRun.await()
                if (other.configAsync("application").get(60, SECONDS)["n"] == "1") read.incrementAndGet()
            }
        }
        server.publish("n" to "1")
        eventually("all listeners read the namespace", 120) { read.get() == 64 }
        other.close()
        client.close()
        eventually("all threads end") { threads() == 0 }
    }
}
