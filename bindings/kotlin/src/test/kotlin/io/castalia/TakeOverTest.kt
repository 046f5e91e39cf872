package io.castalia

import io.castalia.ffi.Content
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

/** No failure while a release is taken over, such as that of a full heap, has an effect for good. */
class TakeOverTest {
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

    /** Runs this before each later snapshot of the namespace is created. */
    @Suppress("UNCHECKED_CAST")
    private fun beforeEachSnapshot(run: () -> Unit) {
        val field = Opened::class.java.getDeclaredField("made").apply { isAccessible = true }
        val made = field.get(config.opened) as (Content, (String) -> Unit) -> Snapshot
        val failing = { content: Content, tell: (String) -> Unit ->
            run()
            made(content, tell)
        }
        field.set(config.opened, failing)
    }

    /** An error that cannot even be printed. */
    private class Unprintable : Error() {
        override fun toString(): String = throw StackOverflowError("as told")
    }

    @Test
    fun `reads return a release that could not be taken over at first`() {
        // B90
        val failures = ConcurrentLinkedQueue<Throwable>()
        beforeEachSnapshot { failures.poll()?.let { throw it } }
        val told = listOf(OutOfMemoryError("as told"), IllegalStateException("as told"))
        told.forEachIndexed { index, failure ->
            failures += failure
            server.publish("n" to "${index + 1}")
            eventually("release ${index + 1} is read") { config.getInt("n", 0) == index + 1 }
            assertTrue(failures.isEmpty())
        }
    }

    @Test
    fun `a listener hears of a release that could not be taken over at first`() {
        // B90
        val listenerFailed = AtomicBoolean()
        beforeEachSnapshot {
            // The first try for the listener fails, and all others before it, so that it has to be made.
            if (!listenerFailed.get()) {
                if (Thread.currentThread().name == "castalia-listener") listenerFailed.set(true)
                throw OutOfMemoryError("as told")
            }
        }
        val heard = CopyOnWriteArrayList<Pair<String?, Int>>()
        config.onChange { heard += it.changes.getValue("n").newValue to config.getInt("n", 0) }
        for (n in 1..2) {
            server.publish("n" to "$n")
            eventually("the listener hears of $n") { heard.size == n }
        }
        assertEquals(listOf<Pair<String?, Int>>("1" to 1, "2" to 2), heard.toList())
        assertTrue(listenerFailed.get())
    }

    @Test
    fun `a listener whose error cannot be logged remains registered`() {
        // B90
        val heard = AtomicInteger()
        config.onChange {
            heard.incrementAndGet()
            throw Unprintable()
        }
        for (n in 1..2) {
            server.publish("n" to "$n")
            eventually("the listener hears of $n") { heard.get() == n }
        }
    }

    @Test
    fun `a change that could not be taken over is returned again`() {
        // B90
        val changes = config.opened.ask { changes(emptyList(), emptyList()) }
        runBlocking {
            server.publish("n" to "1")
            val lost = ChangeEvent(checkNotNull(changes.next(0uL)))
            val again = ChangeEvent(checkNotNull(changes.next(0uL)))
            assertEquals(lost.sequence, again.sequence)
            server.publish("n" to "2")
            val next = ChangeEvent(checkNotNull(changes.next(again.sequence.toULong())))
            assertEquals("2", next.changes.getValue("n").newValue)
        }
        changes.close()
    }

    @Test
    fun `a flow hears of a release that could not be taken over at first`() {
        // B90
        val failures = ConcurrentLinkedQueue(List(2) { OutOfMemoryError("as told") })
        beforeEachSnapshot { failures.poll()?.let { throw it } }
        runBlocking {
            val heard = async(start = CoroutineStart.UNDISPATCHED) { config.changes().first() }
            server.publish("n" to "1")
            assertEquals("1", withTimeout(60_000) { heard.await() }.changes.getValue("n").newValue)
        }
        eventually("the release is read") { config.getInt("n", 0) == 1 }
    }

    @Test
    fun `a pending release that could not be taken over is rejected`() {
        // B90
        val native = Client::class.java.getDeclaredField("native").apply { isAccessible = true }.get(client)
        val releases = (native as io.castalia.ffi.Client).validate("application")
        runBlocking {
            server.publish("n" to "1")
            assertTrue(releases.next())
            // As after a failure: it waits for the next one without an answer.
            val next = async(start = CoroutineStart.UNDISPATCHED) { releases.next() }
            eventually("the release is rejected") { client.metrics().namespaces.single().refusals >= 1 }
            server.publish("n" to "2")
            assertTrue(withTimeout(60_000) { next.await() })
            // A load that began before may offer the rejected release once more.
            while (releases.content()?.values?.single()?.value != "2") {
                assertTrue(withTimeout(60_000) { releases.next() })
            }
            releases.answer(null)
        }
        eventually("the next release is applied") { config["n"] == "2" }
        releases.close()
    }

    @Test
    fun `a validator whose error cannot be printed rejects every release`() {
        // B90
        client.validate("application") { throw Unprintable() }
        for (n in 1..2) {
            server.publish("n" to "$n")
            eventually("release $n is rejected") { client.metrics().namespaces.single().refusals >= n }
        }
        assertEquals("0", config["n"])
    }
}
