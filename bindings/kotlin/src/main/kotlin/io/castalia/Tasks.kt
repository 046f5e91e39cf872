package io.castalia

import io.castalia.ffi.Cancellation
import io.castalia.ffi.suspendCancellableCoroutine
import java.util.concurrent.CancellationException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ExecutionException
import java.util.concurrent.TimeUnit.NANOSECONDS
import java.util.concurrent.TimeoutException
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.coroutines.Continuation
import kotlin.coroutines.ContinuationInterceptor
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.resume
import kotlin.coroutines.startCoroutine

/** A call that waits, as a future. Cancelling it ends the wait. */
internal class Call<T>(private val cancellation: Cancellation) : CompletableFuture<T>() {
    override fun cancel(mayInterruptIfRunning: Boolean): Boolean {
        val cancelled = super.cancel(mayInterruptIfRunning)
        cancellation.cancel()
        return cancelled
    }
}

/**
 * Runs the work of a client on the threads of [Workers], never on those of the native library. So a listener
 * may take its time, call anything, and finds the class loader of the application.
 */
internal class Tasks(private val loader: ClassLoader? = Thread.currentThread().contextClassLoader) {
    private val ended = AtomicBoolean()
    private val pumps = ConcurrentHashMap.newKeySet<Call<Unit>>()

    /** Whether this thread works for this client, and so must not wait for its other threads. */
    val isHere: Boolean get() = Workers.isWorkingFor(this)

    /** Marks the end; false if that was done before. */
    fun end(): Boolean = ended.compareAndSet(false, true)

    /** Throws after the end. */
    fun check() {
        if (ended.get()) throw CastaliaException.closed()
    }

    /** Creates a call that waits. */
    fun <T> future(wait: suspend () -> T): CompletableFuture<T> = started(Workers.calls, wait)

    /** Like [future], but fails after the end. */
    fun <T> call(wait: suspend () -> T): CompletableFuture<T> = future {
        check()
        wait()
    }

    /** Like [future], but its continuation may block and call the application. */
    fun <T> futureForApplication(wait: suspend () -> T): CompletableFuture<T> = started(Workers.listeners, wait)

    /**
     * Starts work that continues until the native half has no more, or it is cancelled. It may call the
     * application.
     */
    fun launch(pump: suspend () -> Unit): CompletableFuture<Unit> = follow(Workers.listeners, pump)

    /** Like [launch], for functions of the application that a load waits for. */
    fun launchHook(pump: suspend () -> Unit): CompletableFuture<Unit> = follow(Workers.hooks, pump)

    /** Like [launch], for work that does not call the application. */
    fun follow(pump: suspend () -> Unit): CompletableFuture<Unit> = follow(Workers.calls, pump)

    private fun follow(workers: Workers, pump: suspend () -> Unit): CompletableFuture<Unit> {
        val call = started(workers, pump)
        pumps += call
        call.whenComplete { _, failure ->
            pumps -= call
            val isExpected = failure == null || failure is CastaliaException.Closed || failure is CancellationException
            if (!isExpected) Report.error("a listener or validator stopped because of an error", failure)
        }
        return call
    }

    private fun <T> started(workers: Workers, wait: suspend () -> T): Call<T> {
        val cancellation = Cancellation()
        val call = Call<T>(cancellation)
        val end = object : Continuation<T> {
            override val context: CoroutineContext = cancellation + On(workers)

            override fun resumeWith(result: Result<T>) {
                hold(workers, -1)
                result.fold(call::complete, call::completeExceptionally)
            }
        }
        val translating: suspend () -> T = { translated { wait() } }
        hold(workers, 1)
        try {
            translating.startCoroutine(end)
        } catch (refused: Throwable) {
            hold(workers, -1)
            throw refused
        }
        return call
    }

    /** Keeps the threads that a call needs until it ends. */
    private fun hold(workers: Workers, change: Int) {
        // A thread keeps the class loader alive while the native half can call back: unloading it
        // would unload the function that is called.
        Workers.calls.hold(change)
        // The call continues on a thread of these, also if the system refuses another one by then.
        workers.hold(change)
    }

    /** Waits for launched work, and cancels it after this many nanoseconds. */
    fun drain(patience: Long) {
        try {
            CompletableFuture.allOf(*pumps.toTypedArray()).get(maxOf(patience, 0), NANOSECONDS)
        } catch (_: TimeoutException) {
            // Cut off below.
        } catch (_: ExecutionException) {
            // Reported where it happened.
        } catch (_: CancellationException) {
            // Cancelled by the application.
        }
        pumps.forEach { it.cancel(true) }
    }

    /** Resumes coroutines on these threads. */
    private inner class On(private val workers: Workers) : ContinuationInterceptor {
        override val key: CoroutineContext.Key<*> get() = ContinuationInterceptor

        override fun <T> interceptContinuation(continuation: Continuation<T>): Continuation<T> = object : Continuation<T> {
            override val context: CoroutineContext get() = continuation.context

            override fun resumeWith(result: Result<T>) = workers.run(this@Tasks, loader) { continuation.resumeWith(result) }
        }
    }
}

/**
 * Repeats a step of work that must not end until it succeeds, after growing pauses: neither a full heap nor a
 * fault may end it for good. Cancelling ends it.
 */
internal suspend fun <T> untilItSucceeds(step: suspend () -> T): T {
    var millis = 0L
    while (true) {
        try {
            if (millis > 0) pause(millis)
            return step()
        } catch (cancelled: CancellationException) {
            throw cancelled
        } catch (failure: Throwable) {
            Report.error("the client could not take over what is new; it tries again", failure)
        }
        millis = (millis * 2).coerceIn(SHORTEST_PAUSE, LONGEST_PAUSE)
    }
}

private suspend fun pause(millis: Long): Unit = suspendCancellableCoroutine { waiting ->
    val end = Runnable { waiting.resume(Unit) }
    try {
        Workers.later(millis, end)
    } catch (_: Throwable) {
        // The system refuses a thread, so this one waits.
        Thread.sleep(millis)
        end.run()
    }
}

private const val SHORTEST_PAUSE = 100L
private const val LONGEST_PAUSE = 10_000L

/** As in the standard library from 1.8 on; older ones have it in an artifact that a program may lack. */
internal inline fun <T : AutoCloseable, R> T.use(run: (T) -> R): R {
    try {
        return run(this)
    } finally {
        close()
    }
}
