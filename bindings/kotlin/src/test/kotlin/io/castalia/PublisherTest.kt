package io.castalia

import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Flow
import java.util.concurrent.TimeUnit.SECONDS
import kotlin.test.assertEquals
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test

class PublisherTest {
    private class Recorder(private val first: Long) : Flow.Subscriber<ChangeEvent> {
        lateinit var subscription: Flow.Subscription
        val values = CopyOnWriteArrayList<String?>()
        val completed = CountDownLatch(1)
        val failures = CopyOnWriteArrayList<Throwable>()

        override fun onSubscribe(subscription: Flow.Subscription) {
            this.subscription = subscription
            subscription.request(first)
        }

        override fun onNext(event: ChangeEvent) {
            values += event.changes.getValue("n").newValue
        }

        override fun onError(failure: Throwable) {
            failures += failure
        }

        override fun onComplete() = completed.countDown()
    }

    @Test
    fun `a stream that is cancelled before its next change is taken ends`() {
        Scripted().use { server ->
            server.publish("n" to "0")
            server.client().use { client ->
                val changes = client.configAsync("application").join().opened.stream(emptyList(), emptyList())
                changes.close()
                assertNull(runBlocking { changes.next() })
            }
        }
    }

    @Test
    fun `a subscriber gets as many changes as it requests, and the end`() {
        Scripted().use { server ->
            server.publish("n" to "0")
            val client = server.client()
            val config = client.configAsync("application").join()
            val (all, one, cancelled, wrong) = listOf(Long.MAX_VALUE, 1L, 1L, 0L).map(::Recorder)
            listOf(all, one, cancelled, wrong).forEach(config.publisher(keys = setOf("n"))::subscribe)
            cancelled.subscription.cancel()
            for (n in 1..3) {
                server.publish("n" to "$n")
                eventually("release $n is heard") { all.values.size == n }
            }
            assertEquals(listOf<String?>("1", "2", "3"), all.values.toList())
            eventually("the first is heard") { one.values.size == 1 }
            one.subscription.request(2)
            eventually("what was requested later is heard") { one.values.toList() == listOf<String?>("1", "2", "3") }
            client.close()
            assertTrue(all.completed.await(60, SECONDS))
            assertEquals(emptyList<String?>(), cancelled.values.toList())
            assertTrue(wrong.failures.single() is IllegalArgumentException)
        }
    }
}
