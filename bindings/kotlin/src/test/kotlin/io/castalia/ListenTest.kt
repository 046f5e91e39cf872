package io.castalia

import java.io.ByteArrayOutputStream
import java.io.PrintStream
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.CyclicBarrier
import java.util.concurrent.TimeUnit.SECONDS
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertSame
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

class ListenTest {
    private val server = Scripted()
    private lateinit var client: Client
    private lateinit var config: Config

    @BeforeEach
    fun open() {
        server.publish("n" to "0")
        client = server.client()
        config = runBlocking { client.config("application") }
    }

    @AfterEach
    fun close() {
        client.close()
        server.close()
    }

    @Test
    fun `events come in order, and reads have the new value already`() {
        // T22, F150
        val sequences = CopyOnWriteArrayList<Long>()
        val late = AtomicInteger()
        config.onChange { event ->
            sequences += event.sequence
            if (config.getInt("n", 0) < event.changes.getValue("n").newValue.orEmpty().toInt()) late.incrementAndGet()
        }
        val releases = 1000
        repeat(releases) { server.publish("n" to "${it + 1}") }
        eventually("the last release is read") { config.getInt("n", 0) == releases }
        val last = config.snapshot()
        eventually("the last event is heard") { client.metrics().namespaces.single().listenerQueue == 0L }
        assertEquals(sequences.sorted().distinct(), sequences.toList())
        assertEquals(0, late.get())
        assertEquals("$releases", last["n"])
    }

    @Test
    fun `a slow listener delays nobody and gets merged steps`() {
        // T16, F148
        client.close()
        client = server.client("castalia.listener-queue" to "2")
        config = runBlocking { client.config("application") }
        val go = CountDownLatch(1)
        val slow = CopyOnWriteArrayList<ChangeEvent>()
        val quick = AtomicInteger()
        config.onChange {
            go.await()
            slow += it
        }
        config.onChange { quick.incrementAndGet() }
        for (n in 1..20) {
            server.publish("n" to "$n")
            eventually("the quick listener hears of $n") { quick.get() == n }
        }
        go.countDown()
        eventually("the slow listener hears of all") { slow.sumOf { it.coalesced + 1 } == 20L }
        assertTrue(slow.size <= 4, "$slow")
        assertEquals("20", slow.last().changes.getValue("n").newValue)
    }

    @Test
    fun `a listener that throws is counted and stays registered`() {
        // T03, C103
        val heard = AtomicInteger()
        config.onChange { throw AssertionError("as told") }
        config.onChange { heard.incrementAndGet() }
        for (n in 1..2) {
            server.publish("n" to "$n")
            eventually("the other listener hears of $n") { heard.get() == n }
        }
        eventually("both failures are counted") { client.metrics().namespaces.single().listenerFailures == 2L }
    }

    @Test
    fun `a listener may call whatever it likes`() {
        // T17, T51
        server.publish("other", mapOf("k" to "v"))
        val done = CountDownLatch(1)
        val failure = AtomicBoolean()
        lateinit var subscription: Subscription
        subscription =
            config.onChange {
                try {
                    assertEquals("1", config["n"])
                    assertEquals("v", client.configAsync("other").join()["k"])
                    config.refreshAsync().join()
                    config.onChange { }.cancel()
                    subscription.cancel()
                    client.close()
                } catch (error: Throwable) {
                    failure.set(true)
                    throw error
                } finally {
                    done.countDown()
                }
            }
        server.publish("n" to "1")
        assertTrue(done.await(60, SECONDS))
        assertFalse(failure.get())
        eventually("the client is closed") { runCatching { client.settings() }.exceptionOrNull() is CastaliaException.Closed }
    }

    @Test
    fun `listeners that cancel each other wait for nothing`() {
        val count = 3
        val allRun = CyclicBarrier(count)
        val registered = CountDownLatch(1)
        val done = CountDownLatch(count)
        val subscriptions = CopyOnWriteArrayList<Subscription>()
        repeat(count) { index ->
            subscriptions +=
                config.onChange {
                    allRun.await(60, SECONDS)
                    registered.await()
                    subscriptions[(index + 1) % count].cancel()
                    done.countDown()
                }
        }
        registered.countDown()
        server.publish("n" to "1")
        assertTrue(done.await(60, SECONDS))
        server.publish("n" to "2")
        eventually("the value is read") { config["n"] == "2" }
        assertEquals(0L, client.metrics().namespaces.single().listenerFailures)
    }

    @Test
    fun `after cancel no call is running and none starts`() {
        // T15, C102
        val running = AtomicInteger()
        val stop = AtomicBoolean()
        val publisher =
            thread { generateSequence(1) { it + 1 }.takeWhile { !stop.get() }.forEach { server.publish("n" to "$it") } }
        repeat(300) {
            val ended = AtomicBoolean()
            val subscription =
                config.onChange {
                    check(!ended.get()) { "called after cancel" }
                    running.incrementAndGet()
                    Thread.sleep(1)
                    running.decrementAndGet()
                }
            if (it % 3 == 0) Thread.sleep(3)
            subscription.cancel()
            ended.set(true)
            assertEquals(0, running.get())
        }
        stop.set(true)
        publisher.join()
        assertEquals(0, client.metrics().namespaces.single().listenerFailures)
    }

    @Test
    fun `an object listens once, and is removed as the object that it is`() {
        // F146
        val heard = CopyOnWriteArrayList<String>()

        class Equal(private val name: String) : ChangeListener {
            override fun onChange(event: ChangeEvent) = heard.plusAssign(name)

            override fun equals(other: Any?): Boolean = other is Equal

            override fun hashCode(): Int = 0
        }
        val (one, other) = Equal("one") to Equal("other")
        val subscription = config.onChange(listener = one)
        assertSame(subscription, config.onChange(keys = setOf("strange"), listener = one))
        config.onChange(listener = other)
        server.publish("n" to "1")
        eventually("both hear") { heard.size == 2 }
        assertTrue(config.removeOnChange(one))
        assertFalse(config.removeOnChange(one))
        server.publish("n" to "2")
        eventually("the other hears") { heard.size == 3 }
        assertEquals(listOf("one", "other", "other"), heard.sorted())
        config.onChange(listener = one).cancel()
        assertFalse(config.removeOnChange(one))
        config.onChange(listener = one)
        server.publish("n" to "3")
        eventually("one that was removed may listen again") { heard.count { it == "one" } == 2 }
        val file = runBlocking { client.configFile("application") }
        file.onChange(one)
        assertTrue(file.removeOnChange(one) && !file.removeOnChange(one) && config.removeOnChange(one))
    }

    @Test
    fun `listeners are held, whatever is collected`() {
        // T36
        val heard = AtomicInteger()
        config.onChange { heard.incrementAndGet() }
        for (n in 1..50) {
            System.gc()
            server.publish("n" to "$n")
            eventually("the listener hears of $n") { heard.get() == n }
        }
    }

    @Test
    fun `a listener asks for keys and prefixes, and every event has all changes`() {
        // C101
        val events = CopyOnWriteArrayList<ChangeEvent>()
        config.onChange(setOf("b"), setOf("db.")) { events += it }
        server.publish("n" to "1")
        server.publish("n" to "2", "b" to "1", "db.url" to "x")
        eventually("the event is heard") { events.isNotEmpty() }
        val event = events.single()
        assertEquals(listOf("b", "db.url"), event.interestedKeys)
        assertTrue(event.changes.keys.containsAll(listOf("n", "b", "db.url")))
        assertEquals(ChangeType.ADDED, event.changes.getValue("b").changeType)
        assertEquals(config.snapshot().releaseKey, event.releaseKey)
    }

    @Test
    fun `a file tells of its text`() {
        server.publish("notes.txt", mapOf("content" to "a"))
        val file = runBlocking { client.configFile("notes.txt") }
        val seen = CopyOnWriteArrayList<Change>()
        file.onChange { seen += it.changes.getValue("content") }
        server.publish("notes.txt", mapOf("content" to "b"))
        eventually("the event is heard") { seen.isNotEmpty() }
        assertEquals("a" to "b", seen.single().let { it.oldValue to it.newValue })
        assertEquals("b", file.content)
    }

    @Test
    fun `a release that a validator refuses is not applied`() {
        client.validate("application") { snapshot -> if (snapshot.getInt("n", 0) < 0) "n is negative" else null }
        server.publish("n" to "-1")
        eventually("the refusal is told") { config.lastError != null }
        assertTrue("n is negative" in config.lastError?.message.orEmpty())
        assertEquals("0", config["n"])
        assertEquals(1, client.metrics().namespaces.single().refusals)
        server.publish("n" to "5")
        eventually("a good release is applied") { config["n"] == "5" }
        client.validate("application") { error("as told") }
        server.publish("n" to "6")
        eventually("a validator that fails refuses") { "as told" in config.lastError?.message.orEmpty() }
    }

    @Test
    fun `a watch keeps the last value that could be read`() {
        val watch = config.watch { it.tryGetInt("n") }
        assertEquals(0, watch.get())
        server.publish("n" to "1")
        eventually("the new value is there") { watch.get() == 1 }
        val log = ByteArrayOutputStream()
        val stderr = System.err
        System.setErr(PrintStream(log, true))
        try {
            server.publish("n" to "secret")
            eventually("the problem is logged") { "cannot be parsed (Parse)" in log.toString() }
        } finally {
            System.setErr(stderr)
        }
        assertFalse("secret" in log.toString(), log.toString())
        assertTrue(watch.lastError is CastaliaException.Parse)
        assertEquals(1, watch.get())
        server.publish("n" to "2")
        eventually("the problem is over") { watch.get() == 2 && watch.lastError == null }
        watch.cancel()
        server.publish("n" to "x")
        eventually("the release is there") { config["n"] == "x" }
        assertEquals(2, watch.get())
        assertFailsWith<CastaliaException.Parse> { config.watch { it.tryGetInt("n") } }
    }

    @Test
    fun `a watch ends with the newest release, also when one arrives while the first is parsed`() {
        repeat(100) { round ->
            server.publish("n" to "0")
            eventually("round $round begins") { config["n"] == "0" }
            val first = AtomicBoolean(true)
            val watch = config.watch { snapshot ->
                val value = snapshot["n"]
                if (first.compareAndSet(true, false)) {
                    server.publish("n" to "$round x")
                    // Takes as long as a parser, and sometimes so long that the release has
                    // arrived.
                    if (round % 2 == 0) eventually("the release arrives") { config["n"] == "$round x" }
                }
                value
            }
            eventually("the newest release is seen in round $round") { watch.get() == "$round x" }
            assertEquals(null, watch.lastError)
            watch.cancel()
        }
    }

    @Test
    fun `log records reach the sink, which may call the client`() {
        // T21
        val records = CopyOnWriteArrayList<LogRecord>()
        Client.setLog({
            records += it
            config["n"]
            config.refreshAsync()
        }, System.Logger.Level.DEBUG)
        server.order("fail", "config", "500")
        runCatching { runBlocking { config.refresh() } }
        config.getWith<String?>("n", null) { null }
        // F170
        val fields = mapOf("namespace" to "application", "key" to "n")
        eventually("a record with fields comes") { records.any { it.fields == fields && "key=n" in it.text } }
        assertTrue(records.all { it.target.startsWith("castalia") })
        Client.setLog(null)
        server.order("fail", "config", "200")
        runBlocking { config.refresh() }
    }
}
