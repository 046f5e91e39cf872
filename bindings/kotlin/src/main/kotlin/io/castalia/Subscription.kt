package io.castalia

import java.util.concurrent.CompletableFuture

/**
 * A registered listener. It is called until this is cancelled, or the namespace or the client is closed, even
 * if this object is not referenced.
 */
interface Subscription : AutoCloseable {
    /**
     * Ends it: afterwards no call is running and none will start. In the listener itself, and in one that this
     * listener is cancelling, it only marks the end.
     */
    fun cancel()

    override fun close() = cancel()
}

/** Takes what a stream has one at a time, and calls a function of the application. */
internal class Listening<T : Any>(
    tasks: Tasks,
    stream: AutoCloseable,
    /** Takes the next; null at the end. */
    private val next: suspend () -> T?,
    private val renew: () -> Unit,
    private val failed: () -> Unit,
    private val call: (T) -> Unit,
) : Subscription {
    @Volatile
    private var ended = false

    /** What the listener is cancelling, and whose call it waits for. */
    @Volatile
    private var waitsFor: Listening<*>? = null
    val job: CompletableFuture<Unit> = tasks.launch { stream.use { listen() } }

    /** Whether no further call will start. */
    val hasEnded: Boolean get() = ended || job.isDone

    private suspend fun listen() {
        while (true) {
            val taken = untilItSucceeds(next) ?: return
            untilItSucceeds { deliver(taken) }
        }
    }

    /**
     * Holds the monitor while the listener runs; the listener may enter it again. Fails only before the call,
     * which is not repeated.
     */
    @Synchronized
    private fun deliver(taken: T) {
        if (ended) return
        renew()
        running.set(this)
        try {
            call(taken)
        } catch (failure: Throwable) {
            failed()
            Report.error("a change listener failed; it remains registered", failure)
        } finally {
            running.remove()
        }
    }

    override fun cancel() {
        end()
        val caller = running.get() ?: return synchronized(this) {}
        // Set before the others are examined, so that at least one of two that cancel each other finds out.
        caller.waitsFor = this
        try {
            if (!isWaitingFor(caller)) synchronized(this) {}
        } finally {
            caller.waitsFor = null
        }
    }

    /** Whether it is the other, or waits for it, directly or through others. */
    private fun isWaitingFor(other: Listening<*>): Boolean =
        generateSequence<Listening<*>>(this) { it.waitsFor }.take(MAX_WAITING).any { it === other }

    /** Ends it without waiting for a running call. */
    fun end() {
        ended = true
        job.cancel(true)
    }

    private companion object {
        /** Others may wait in a circle for a moment, until they find out. */
        const val MAX_WAITING = 64

        /** The listener that this thread calls. */
        val running = ThreadLocal<Listening<*>>()
    }
}

/** Ends it without waiting if the caller might wait for itself. */
internal fun Subscription.endWithoutWaiting() = if (this is Listening<*>) end() else cancel()
