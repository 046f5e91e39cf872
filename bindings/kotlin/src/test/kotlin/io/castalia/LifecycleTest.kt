package io.castalia

import java.lang.management.ManagementFactory
import java.lang.ref.WeakReference
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit.SECONDS
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.concurrent.thread
import kotlin.system.measureTimeMillis
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNotSame
import kotlin.test.assertTrue
import kotlinx.coroutines.CoroutineStart.UNDISPATCHED
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

class LifecycleTest {
    private val server = Scripted()

    @BeforeEach
    fun publish() = server.publish("n" to "0")

    @AfterEach
    fun stop() = server.close()

    @Test
    fun `close ends a held poll, reads answer afterwards, and all else is closed`() {
        // C113, F171
        assertTrue(quickest(2100) { closeAfterAll() } < 2100)
    }

    /** Returns how long closing took. */
    private fun closeAfterAll(): Long {
        val client = server.client()
        val config = runBlocking { client.config("application") }
        val file = runBlocking { client.configFile("application") }
        val subscription = config.onChange { }
        server.order("held", "1")
        val millis = measureTimeMillis { client.close() }
        server.order("held", "0")
        client.close()
        assertEquals("0", config["n"])
        assertEquals("n=0\n", file.content)
        assertEquals(Source.REMOTE, config.snapshot().source)
        subscription.cancel()
        val calls: List<() -> Any?> =
            listOf(
                { runBlocking { client.config("application") } },
                { runBlocking { client.configFile("other") } },
                { runBlocking { config.refresh() } },
                { runBlocking { config.changes().toList() } },
                { config.onChange { } },
                { config.watch { it } },
                { config.state },
                { config.lastError },
                { file.onChange { } },
                { file.lastError },
                { client.setAccessKey("order", "secret") },
                { client.validate("application") { null } },
                { client.settings() },
                { client.metrics() },
                { client.metricsText() },
            )
        for (call in calls) assertFailsWith<CastaliaException.Closed> { call() }
        val failure = assertFailsWith<java.util.concurrent.CompletionException> { client.configAsync("application").join() }
        assertTrue(failure.cause is CastaliaException.Closed)
        assertTrue(quickest(100) { measureTimeMillis { client.close() } } < 100)
        return millis
    }

    @Test
    fun `a namespace that is closed is given up, and opened anew`() {
        // F159
        server.client().use { client ->
            val config = runBlocking { client.config("application") }
            val heard = CopyOnWriteArrayList<ChangeEvent>()
            config.onChange { heard += it }
            runBlocking {
                val changes = async(Dispatchers.Default, UNDISPATCHED) { config.changes().toList() }
                val passing = async(Dispatchers.Default, UNDISPATCHED) { runCatching { config.refresh() } }
                config.close()
                config.close()
                assertEquals(emptyList(), changes.await())
                passing.await()
            }
            eventually("it is not open any more") { client.metrics().namespaces.isEmpty() }
            server.publish("n" to "1")
            val calls: List<() -> Any?> =
                listOf(
                    { runBlocking { config.refresh() } },
                    { runBlocking { config.changes().toList() } },
                    { config.onChange { } },
                    { config.watch { it } },
                    { config.state },
                    { config.lastError },
                )
            for (call in calls) assertFailsWith<CastaliaException.Closed> { call() }
            assertEquals("0", config["n"])
            assertEquals(7, config.getInt("x", 7))
            assertEquals(Source.REMOTE to "default", config.source to config.cluster)
            runBlocking {
                val again = client.config("application")
                assertNotSame(config, again)
                assertEquals("1", again["n"])
                config.close()
                server.publish("n" to "2")
                eventually("the new one follows") { again["n"] == "2" }
            }
            assertEquals(emptyList<ChangeEvent>(), heard)
        }
    }

    @Test
    fun `a namespace is open until config and file of it are closed`() {
        // F159
        server.client().use { client ->
            val config = runBlocking { client.config("application") }
            val file = runBlocking { client.configFile("application") }
            val heard = CopyOnWriteArrayList<String>()
            val read = CopyOnWriteArrayList<String>()
            config.onChange { heard += "config" }
            file.onChange { read += "file" }
            config.close()
            server.publish("n" to "1")
            eventually("the file hears") { read.isNotEmpty() }
            assertEquals("n=1\n" to "0", file.content to config["n"])
            assertEquals(emptyList<String>(), heard)
            file.use { assertEquals("Ready", it.state) }
            assertFailsWith<CastaliaException.Closed> { file.state }
            eventually("nothing is open any more") { client.metrics().namespaces.isEmpty() }
            assertEquals("n=1\n" to Source.REMOTE, file.content to file.source)
        }
    }

    @Test
    fun `close waits two seconds for a listener that is busy, and cuts it off then`() {
        assertTrue(quickest(3500) { closeWhileBusy() } in 1900..3500)
    }

    /** Returns how long closing took. */
    private fun closeWhileBusy(): Long {
        val client = server.client()
        val config = runBlocking { client.config("application") }
        val busy = CountDownLatch(1)
        val go = CountDownLatch(1)
        config.onChange {
            busy.countDown()
            go.await()
        }
        server.publish("n" to "${config["n"].orEmpty().toInt() + 1}")
        assertTrue(busy.await(60, SECONDS))
        val millis = measureTimeMillis { client.close() }
        go.countDown()
        return millis
    }

    @Test
    fun `close lets listeners hear what is queued`() {
        // They have two seconds, in which this machine may stop.
        assertTrue((1..10).any { heardUntilClosed() == listOf<String?>("1", "2", "3", "4", "5") })
    }

    private fun heardUntilClosed(): List<String?> {
        server.publish("n" to "0")
        val client = server.client()
        val config = runBlocking { client.config("application") }
        val heard = CopyOnWriteArrayList<String?>()
        config.onChange {
            Thread.sleep(100)
            heard += it.changes.getValue("n").newValue
        }
        for (n in 1..5) {
            server.publish("n" to "$n")
            eventually("release $n is read") { config["n"] == "$n" }
        }
        client.close()
        return heard.toList()
    }

    @Test
    fun `sixteen threads read while the client is closed`() {
        // T37
        repeat(50) {
            val client = server.client()
            val config = runBlocking { client.config("application") }
            val stop = AtomicBoolean()
            val failures = ArrayList<Throwable>()
            val readers =
                List(16) { index ->
                    thread {
                        while (!stop.get()) {
                            try {
                                check(config["n"] == "0")
                                if (index % 4 == 0) client.metrics()
                                if (index % 4 == 1) config.snapshot()
                                if (index % 4 == 2) config.onChange { }.cancel()
                            } catch (_: CastaliaException.Closed) {
                                // Expected.
                            } catch (failure: Throwable) {
                                synchronized(failures) { failures += failure }
                            }
                        }
                    }
                }
            Thread.sleep(2)
            client.close()
            stop.set(true)
            readers.forEach(Thread::join)
            assertEquals(emptyList<Throwable>(), failures)
        }
    }

    @Test
    fun `a client that nobody holds stops by itself`() {
        // F172
        fun open(): Snapshot {
            val config = runBlocking { server.client().config("application") }
            assertEquals("0", config["n"])
            return config.snapshot()
        }
        val snapshot = open()
        server.order("held", "1")
        val gone = thread { server.order("held", "0") }
        eventually("its poll ends") {
            System.gc()
            !gone.isAlive
        }
        assertEquals(5, snapshot.getWith("n", 5) { null })
    }

    @Test
    fun `clients whose listeners hold them are collected when they are closed`() {
        // T14
        fun openAndClose(): WeakReference<Client> {
            val client = server.client()
            runBlocking { client.config("application") }.onChange { client.toString() }
            client.close()
            return WeakReference(client)
        }
        val clients = List(100) { openAndClose() }
        eventually("all clients are collected") {
            System.gc()
            clients.all { it.get() == null }
        }
    }

    @Test
    fun `threads of the library are attached once, as daemons`() {
        // T18
        val client = server.client()
        runBlocking { client.config("application") }
        val workers = { Thread.getAllStackTraces().keys.filter { it.name == "castalia-worker" } }
        repeat(100) { runBlocking { client.config("application") } }
        val before = workers()
        val started = ManagementFactory.getThreadMXBean().totalStartedThreadCount
        runBlocking { repeat(20_000) { client.config("application") } }
        assertTrue(before.size in 1..2 && before.all { it.isDaemon }, "$before")
        assertTrue(workers().containsAll(before))
        assertTrue(ManagementFactory.getThreadMXBean().totalStartedThreadCount - started < 50)
        client.close()
    }
}
