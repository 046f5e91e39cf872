package io.castalia

import java.util.concurrent.CompletableFuture
import java.util.concurrent.SynchronousQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit.SECONDS
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.cancel
import kotlinx.coroutines.future.future
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull

/**
 * What runs for a client: on daemon threads of the JVM, as many as are busy, never on those of the native library. So a listener
 * may take its time, call whatever it likes, and finds the class loader of the application.
 */
internal class Tasks {
    private val ended = AtomicBoolean()
    private val waits = AtomicInteger()
    private val loader = Thread.currentThread().contextClassLoader
    private val threads = ThreadPoolExecutor(0, Int.MAX_VALUE, IDLE_SECONDS, SECONDS, SynchronousQueue(), ::Worker)
    private val dispatcher = threads.asCoroutineDispatcher()
    private val pumps = CoroutineScope(SupervisorJob() + dispatcher)

    private inner class Worker(work: Runnable) : Thread(null, work, "castalia-listener") {
        val tasks get() = this@Tasks

        init {
            isDaemon = true
            contextClassLoader = loader
        }
    }

    /** Whether this is one of our threads, where nobody may wait for the others. */
    val isHere: Boolean get() = (Thread.currentThread() as? Worker)?.tasks === this

    /** Marks the end; false if it was marked before. */
    fun end(): Boolean = ended.compareAndSet(false, true)

    /** Fails after the end. */
    fun check() {
        if (ended.get()) throw CastaliaException.closed()
    }

    /** Makes a call that waits. Whoever is cancelled ends it. */
    suspend fun <T> call(wait: suspend () -> T): T = withContext(dispatcher) { held { translated { wait() } } }

    /** Makes a call that waits, for Java. Cancelling the future ends it. */
    fun <T> future(wait: suspend () -> T): CompletableFuture<T> = CoroutineScope(dispatcher).future { wait() }

    /** Starts what goes on until the native half has no more, or it is cut off. */
    fun launch(pump: suspend () -> Unit): Job = pumps.launch {
        try {
            held { translated { pump() } }
        } catch (error: CastaliaException) {
            if (error !is CastaliaException.Closed) log.log(System.Logger.Level.ERROR, "a listener was cut off", error)
        }
    }

    /** Waits for what was launched, and cuts off what takes longer. */
    suspend fun drain(patience: Duration) {
        withTimeoutOrNull(patience) { pumps.coroutineContext[Job]?.children?.toList()?.joinAll() }
        pumps.cancel()
    }

    /**
     * Keeps one thread as long as the native half has somebody to wake. It is what keeps the class loader alive: a loader that
     * went away would take the function that is called with it.
     */
    private inline fun <T> held(wait: () -> T): T {
        hold(1)
        try {
            return wait()
        } finally {
            hold(-1)
        }
    }

    private fun hold(change: Int) = synchronized(waits) {
        threads.corePoolSize = minOf(waits.addAndGet(change), 1)
    }

    companion object {
        private const val IDLE_SECONDS = 2L

        /** Faults of listeners are told here, whatever becomes of other records. */
        val log: System.Logger = System.getLogger("io.castalia")
    }
}
