package io.castalia

import io.castalia.ffi.Content
import io.castalia.ffi.Namespace
import io.castalia.ffi.Newer
import java.lang.ref.WeakReference
import java.util.IdentityHashMap
import java.util.concurrent.CompletableFuture
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock

/** An open namespace: the object that reads use, replaced as a whole before any listener is called. */
internal class Opened(
    private val namespace: Namespace,
    private val tasks: Tasks,
    /** Creates the object that reads use; its second argument is called for malformed values. */
    private val made: (Content, tell: (key: String) -> Unit) -> Snapshot,
    /** Whether readers of a key do not see its changes. */
    private val isOverridden: (key: String) -> Boolean,
    /** Applies the newest values before a listener is called, also to other objects that it may read. */
    private val renewAll: (Opened) -> Unit,
    /** Called when the namespace is closed. */
    private val gone: () -> Unit,
) {
    @Volatile
    var current: Snapshot
        private set

    // Fair: frequent reads must delay neither a thread that is about to call a listener, nor
    // closing.
    private val renewing = ReentrantLock(true)

    /** Whether the newest values were lost, because they could not be taken over. */
    private var areLost = false

    private val released = AtomicBoolean()

    /** By listener: each is registered once. */
    private val listening = IdentityHashMap<ChangeListener, Listening<*>>()

    private val self = WeakReference(this)
    private val tell = malformedFor(self)

    init {
        // Following begins first, so that no release is missed.
        val newer = namespace.follow()
        current = made(checkNotNull(namespace.renewed(false)) { "a namespace has a content" }, tell)
        keepCurrent(tasks, newer, self)
    }

    /** Applies the newest values. */
    fun renew() {
        if (released.get()) return
        renewing.withLock {
            if (released.get()) return
            val again = areLost
            // Unless this ends well: the native half regards as taken what it has returned.
            areLost = true
            namespace.renewed(again)?.let { current = made(it, tell) }
            areLost = false
        }
    }

    /** The newest values, applied. */
    fun newest(): Snapshot {
        renew()
        return current
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

    private fun start(keys: Collection<String>, prefixes: Collection<String>, listener: ChangeListener): Listening<*> {
        val changes = stream(keys, prefixes)
        val started = calling(changes, changes::next, listener::onChange)
        listening[listener] = started
        started.job.whenComplete { _, _ ->
            synchronized(listening) { listening.remove(listener, started) }
        }
        return started
    }

    /** Calls a function after each newer snapshot can be read, whether or not a change leads to it. */
    fun follow(call: () -> Unit): Subscription {
        val newer = ask { follow() }
        return calling(newer, { newer.next().takeIf { it } }) { call() }
    }

    private fun <T : Any> calling(stream: AutoCloseable, next: suspend () -> T?, call: (T) -> Unit): Listening<T> =
        Listening(tasks, stream, next, { renewAll(this) }, { note { noteListenerFailure() } }, call)

    /** Cancels the subscription of this object; false if there is none. */
    fun remove(listener: ChangeListener): Boolean {
        val found = synchronized(listening) { listening.remove(listener) } ?: return false
        val wasListening = !found.hasEnded
        found.cancel()
        return wasListening
    }

    /** The next change of a stream, after which reads return the new values; null at the end. */
    fun next(changes: ChangeSource): CompletableFuture<ChangeEvent?> = tasks.future { take(changes) }

    /** Like [next], on a thread that may call the application. */
    fun nextForApplication(changes: ChangeSource): CompletableFuture<ChangeEvent?> = tasks.futureForApplication { take(changes) }

    private suspend fun take(changes: ChangeSource): ChangeEvent? {
        val taken = untilItSucceeds { changes.next() } ?: return null
        untilItSucceeds { renewAll(this) }
        return taken
    }

    /** Closes the namespace. Opening it again creates another object. */
    fun close() = release {
        gone()
        namespace.giveUp()
    }

    /** Releases the native half, once; the values remain. */
    fun release(before: () -> Unit = {}) {
        if (!released.compareAndSet(false, true)) return
        renewing.withLock {
            before()
            namespace.close()
        }
    }

    /** Updates a counter of the native half. */
    private fun note(what: Namespace.() -> Unit) {
        try {
            namespace.what()
        } catch (_: Throwable) {
            // The namespace is closed, and its counters no longer exist; or the memory is full.
        }
    }

    /** The changes from now on. */
    fun stream(keys: Collection<String>, prefixes: Collection<String>): ChangeSource =
        ChangeSource(ask { changes(keys.toList(), prefixes.toList()) }, isOverridden)

    private companion object {
        /**
         * Counts malformed values. Objects built from a snapshot may outlive all references to the namespace.
         */
        fun malformedFor(opened: WeakReference<Opened>) = { key: String ->
            opened.get()?.note { noteMalformed(key) } ?: Unit
        }

        /** Keeps a namespace current as long as it is referenced elsewhere. */
        fun keepCurrent(tasks: Tasks, newer: Newer, opened: WeakReference<Opened>) {
            tasks.follow {
                newer.use {
                    do {
                        val isOpen = untilItSucceeds { renewAndWait(it, opened) }
                    } while (isOpen)
                }
            }
        }

        /** Renews before each wait: what a failure interrupted is not announced again. False at the end. */
        suspend fun renewAndWait(newer: Newer, opened: WeakReference<Opened>): Boolean {
            opened.get()?.renew() ?: return false
            return newer.next()
        }
    }
}
