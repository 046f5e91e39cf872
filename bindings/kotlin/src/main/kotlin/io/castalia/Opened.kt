package io.castalia

import io.castalia.ffi.Changes
import io.castalia.ffi.Content
import io.castalia.ffi.Namespace
import java.lang.ref.WeakReference
import java.util.IdentityHashMap
import java.util.concurrent.CompletableFuture
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock

/** An open namespace: what reads look at, replaced whole before any listener hears of the change. */
internal class Opened<V : Any>(
    private val namespace: Namespace,
    private val tasks: Tasks,
    /** Makes what reads look at, and has a function to tell of malformed values. */
    private val made: (Content, tell: (key: String) -> Unit) -> V,
    /** Is called when the namespace is given up. */
    private val gone: () -> Unit,
) {
    @Volatile
    var current: V
        private set

    // Fair: those who ask often must keep out neither whoever is about to call a listener, nor the end.
    private val renewing = ReentrantLock(true)

    private val released = AtomicBoolean()

    /** By listener: each is there once. */
    private val listening = IdentityHashMap<ChangeListener, Listening>()

    private val self = WeakReference(this)
    private val tell = malformedFor(self)

    init {
        // Listening begins first, so that no change falls between.
        val changes = namespace.changes(emptyList(), emptyList())
        current = made(checkNotNull(namespace.renewed()) { "a namespace has a content" }, tell)
        follow(tasks, changes, self)
    }

    /** Takes over the newest content. */
    fun renew() {
        if (released.get()) return
        renewing.withLock {
            if (!released.get()) namespace.renewed()?.let { current = made(it, tell) }
        }
    }

    fun refresh(): CompletableFuture<Void?> = tasks.call {
        namespace.refresh()
        renew()
        null
    }

    fun <T> ask(question: Namespace.() -> T): T {
        tasks.check()
        return translated { namespace.question() }
    }

    fun listen(keys: Collection<String>, prefixes: Collection<String>, listener: ChangeListener): Subscription =
        synchronized(listening) {
            listening[listener]?.takeUnless { it.hasEnded } ?: start(keys, prefixes, listener)
        }

    private fun start(keys: Collection<String>, prefixes: Collection<String>, listener: ChangeListener): Listening {
        val started = Listening(tasks, stream(keys, prefixes), ::renew, { note { noteListenerFailure() } }, listener)
        listening[listener] = started
        started.job.whenComplete { _, _ ->
            synchronized(listening) { listening.remove(listener, started) }
        }
        return started
    }

    /** Cancels the subscription of this very object; false when there is none. */
    fun remove(listener: ChangeListener): Boolean {
        val found = synchronized(listening) { listening.remove(listener) } ?: return false
        val wasListening = !found.hasEnded
        found.cancel()
        return wasListening
    }

    /** The next change of a stream, after which reads answer with the new values; null when there will be none. */
    fun next(changes: Changes): CompletableFuture<ChangeEvent?> = tasks.future { take(changes) }

    /** As [next], on a thread that may call the application. */
    fun nextForApplication(changes: Changes): CompletableFuture<ChangeEvent?> = tasks.futureForApplication { take(changes) }

    private suspend fun take(changes: Changes): ChangeEvent? = changes.next()?.let {
        renew()
        ChangeEvent(it)
    }

    /** Gives the namespace up: opened again it is another one. */
    fun close() = release {
        gone()
        namespace.giveUp()
    }

    /** Lets the native half go, once; the content stays. */
    fun release(before: () -> Unit = {}) {
        if (!released.compareAndSet(false, true)) return
        renewing.withLock {
            before()
            namespace.close()
        }
    }

    /** Counts something. */
    private fun note(what: Namespace.() -> Unit) {
        try {
            namespace.what()
        } catch (_: IllegalStateException) {
            // It is closed, and nobody counts any more.
        }
    }

    /** The changes from now on. */
    fun stream(keys: Collection<String>, prefixes: Collection<String>): Changes =
        ask { changes(keys.toList(), prefixes.toList()) }

    private companion object {
        /** Counts malformed values; what is made of a content may outlive all who hold the namespace. */
        fun malformedFor(opened: WeakReference<out Opened<*>>) = { key: String ->
            opened.get()?.note { noteMalformed(key) } ?: Unit
        }

        /** Keeps a namespace current as long as somebody else holds it. */
        fun follow(tasks: Tasks, changes: Changes, opened: WeakReference<out Opened<*>>) {
            tasks.follow {
                changes.use {
                    while (it.passed()) opened.get()?.renew() ?: break
                }
            }
        }
    }
}
