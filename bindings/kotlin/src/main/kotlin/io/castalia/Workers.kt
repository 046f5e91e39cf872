package io.castalia

import java.util.concurrent.LinkedTransferQueue
import java.util.concurrent.ScheduledThreadPoolExecutor
import java.util.concurrent.ThreadFactory
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit.MILLISECONDS
import java.util.concurrent.TimeUnit.SECONDS

/**
 * Threads shared by all clients: daemons, started when there is work and ended after two idle seconds, except
 * one while it is held. Knows nothing of clients except whose work a thread does at the moment.
 */
internal class Workers private constructor(private val name: String, most: Int) {
    private val threads = ThreadPoolExecutor(0, most, IDLE_SECONDS, SECONDS, Waiting(), ::start, ::enqueue)
    private var held = 0

    /** Accepts work only if a thread is idle, so that the pool starts threads up to its maximum. */
    private class Waiting : LinkedTransferQueue<Runnable>() {
        override fun offer(work: Runnable): Boolean = tryTransfer(work)
    }

    private class Worker(work: Runnable, name: String) : Thread(null, work, name, 0, false) {
        var owner: Any? = null

        init {
            isDaemon = true
            // Not the loader of the application whose work happened to start this thread.
            contextClassLoader = Workers::class.java.classLoader
        }
    }

    private fun enqueue(work: Runnable, pool: ThreadPoolExecutor) = pool.queue.put(work)

    private fun start(work: Runnable): Thread = Worker(work, name)

    /**
     * Runs work of this owner on one of the threads, with this context class loader. Fails only if there is no
     * thread and the system refuses one.
     */
    fun run(owner: Any, loader: ClassLoader?, work: Runnable) {
        val task = Runnable { asWorker(owner, loader, work) }
        try {
            threads.execute(task)
        } catch (refused: Throwable) {
            if (threads.poolSize == 0) throw refused
            // The native half, which may have called this, does not repeat its call.
            enqueue(task, threads)
        }
    }

    private fun asWorker(owner: Any, loader: ClassLoader?, work: Runnable) {
        val thread = Thread.currentThread() as Worker
        val before = thread.contextClassLoader
        thread.owner = owner
        thread.contextClassLoader = loader
        try {
            work.run()
        } finally {
            thread.contextClassLoader = before
            thread.owner = null
        }
    }

    /** Keeps one thread, once there is one, while there is at least one hold. */
    @Synchronized
    fun hold(change: Int) {
        held += change
        val core = minOf(held, 1)
        if (threads.corePoolSize != core) threads.corePoolSize = core
    }

    companion object {
        private const val IDLE_SECONDS = 2L

        /**
         * Steps of calls, so few threads are enough: they never wait, except for the files of defaults on the class
         * path, and five seconds at most for a logger. Only these threads have the class loader of the client's
         * creator, which finds them.
         */
        val calls = Workers("castalia-call", most = 8)

        /** Listeners and loggers of applications, which may block. Never used for anything that a listener could wait for. */
        val listeners = Workers("castalia-listener", most = 64)

        /**
         * Functions of applications that a load waits for: validators. Apart from listeners, which may all be
         * blocked, or wait for a namespace to open.
         */
        val hooks = Workers("castalia-hook", most = 64)

        private val clock = ScheduledThreadPoolExecutor(1, ThreadFactory { Worker(it, "castalia-clock") }).apply {
            setKeepAliveTime(IDLE_SECONDS, SECONDS)
            allowCoreThreadTimeOut(true)
        }

        /** Runs brief work after a pause. */
        fun later(millis: Long, work: Runnable) {
            clock.schedule(work, millis, MILLISECONDS)
        }

        /** Whether this thread does work of this owner. */
        fun isWorkingFor(owner: Any): Boolean = (Thread.currentThread() as? Worker)?.owner === owner
    }
}
