package io.castalia

import java.util.concurrent.CompletableFuture
import java.util.concurrent.Flow
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicLong

/**
 * Changes as reactive streams of the JDK: each subscriber receives those after its subscription, as many as
 * it requests.
 */
internal class ChangePublisher(
    private val opened: Opened,
    private val keys: Collection<String>,
    private val prefixes: Collection<String>,
) : Flow.Publisher<ChangeEvent> {
    override fun subscribe(subscriber: Flow.Subscriber<in ChangeEvent>) =
        subscriber.onSubscribe(Pull(opened, opened.stream(keys, prefixes), subscriber))
}

/**
 * Takes the next change only when one is requested. Until then the client merges changes as for a slow
 * listener.
 */
private class Pull(
    private val opened: Opened,
    private val changes: ChangeSource,
    private val subscriber: Flow.Subscriber<in ChangeEvent>,
) : Flow.Subscription {
    private val requested = AtomicLong()
    private val ended = AtomicBoolean()

    @Volatile
    private var waiting: CompletableFuture<*>? = null

    override fun request(count: Long) {
        if (count <= 0) {
            val refused = IllegalArgumentException("the number of requested changes must be positive")
            return end { subscriber.onError(refused) }
        }
        val before = requested.getAndAccumulate(count) { sum, more -> if (sum + more < 0) Long.MAX_VALUE else sum + more }
        if (before == 0L) pull()
    }

    override fun cancel() = end {}

    private fun pull() {
        if (ended.get()) return
        val call = opened.nextForApplication(changes)
        waiting = call
        if (ended.get()) call.cancel(true)
        call.whenComplete { event, failure ->
            when {
                event != null -> deliver(event)
                failure == null || failure is CastaliaException.Closed -> end(subscriber::onComplete)
                else -> end { subscriber.onError(failure) }
            }
        }
    }

    private fun deliver(event: ChangeEvent) {
        if (ended.get()) return
        try {
            subscriber.onNext(event)
        } catch (failure: Throwable) {
            cancel()
            Report.error("a subscriber failed; its subscription is cancelled", failure)
        }
        if (requested.decrementAndGet() > 0) pull()
    }

    private fun end(report: () -> Unit) {
        if (!ended.compareAndSet(false, true)) return
        waiting?.cancel(true)
        changes.close()
        report()
    }
}
