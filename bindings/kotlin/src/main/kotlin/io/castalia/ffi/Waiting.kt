package io.castalia.ffi

import java.util.concurrent.CancellationException
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicReference
import kotlin.coroutines.AbstractCoroutineContextElement
import kotlin.coroutines.Continuation
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.resumeWithException
import kotlin.coroutines.suspendCoroutine

/**
 * Replaces the part of kotlinx.coroutines that the generated code uses, so that Java programs do not need that library. Knows
 * nothing of threads: the context of the coroutine decides where it is resumed.
 */
internal class CancellableContinuation<T>(private val inner: Continuation<T>) : Continuation<T> {
    private val resumed = AtomicBoolean()

    override val context: CoroutineContext get() = inner.context

    /** The first result decides: a cancelled wait is resumed a second time by the native half. */
    override fun resumeWith(result: Result<T>) {
        if (resumed.compareAndSet(false, true)) inner.resumeWith(result)
    }
}

/** Suspends until the native half or [Cancellation] resumes it. */
internal suspend fun <T> suspendCancellableCoroutine(start: (CancellableContinuation<T>) -> Unit): T = suspendCoroutine { inner ->
    val waiting = CancellableContinuation(inner)
    inner.context[Cancellation]?.register(waiting)
    start(waiting)
}

/** Ends the wait of a coroutine. */
internal class Cancellation : AbstractCoroutineContextElement(Cancellation) {
    private val waiting = AtomicReference<Continuation<*>?>()

    @Volatile
    private var cancelled = false

    fun register(continuation: Continuation<*>) {
        waiting.set(continuation)
        if (cancelled) resume()
    }

    fun cancel() {
        cancelled = true
        resume()
    }

    private fun resume() {
        waiting.getAndSet(null)?.resumeWithException(CancellationException("cancelled"))
    }

    companion object Key : CoroutineContext.Key<Cancellation>
}
