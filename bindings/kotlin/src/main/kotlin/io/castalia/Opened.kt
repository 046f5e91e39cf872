package io.castalia

import io.castalia.ffi.Changes
import io.castalia.ffi.Content
import io.castalia.ffi.Namespace
import java.lang.ref.WeakReference
import java.util.concurrent.atomic.AtomicLong
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/** An open namespace: what reads look at, replaced whole before any listener hears of the change. */
internal class Opened<V : Any>(private val namespace: Namespace, private val tasks: Tasks, private val made: (Content) -> V) {
    /** Listeners that threw an exception. */
    val failures = AtomicLong()

    @Volatile
    var current: V
        private set

    // Fair: those who ask often must keep out neither whoever is about to call a listener, nor the end.
    private val renewing = ReentrantLock(true)

    @Volatile
    private var released = false

    init {
        // Listening begins first, so that no change falls between.
        val changes = namespace.changes(emptyList(), emptyList())
        current = made(checkNotNull(namespace.renewed()) { "a namespace has a content" })
        follow(tasks, changes, WeakReference(this))
    }

    /** Takes over the newest content. */
    fun renew() {
        if (released) return
        renewing.withLock {
            if (!released) namespace.renewed()?.let { current = made(it) }
        }
    }

    suspend fun refresh() {
        tasks.check()
        tasks.call { namespace.refresh() }
        renew()
    }

    fun <T> ask(question: Namespace.() -> T): T {
        tasks.check()
        return translated { namespace.question() }
    }

    fun listen(keys: Collection<String>, prefixes: Collection<String>, listener: ChangeListener): Subscription =
        Listening(tasks, stream(keys, prefixes), ::renew, failures, listener)

    fun changes(keys: Collection<String>, prefixes: Collection<String>): Flow<ChangeEvent> = flow {
        stream(keys, prefixes).use { changes ->
            while (true) {
                val event = tasks.call { changes.next() } ?: break
                renew()
                emit(ChangeEvent(event))
            }
        }
    }

    /** Lets the native half go; the content stays. */
    fun release() {
        released = true
        renewing.withLock { namespace.close() }
    }

    private fun stream(keys: Collection<String>, prefixes: Collection<String>): Changes =
        ask { changes(keys.toList(), prefixes.toList()) }

    private companion object {
        /** Keeps a namespace current as long as somebody else holds it. */
        fun follow(tasks: Tasks, changes: Changes, opened: WeakReference<out Opened<*>>) {
            tasks.launch {
                changes.use {
                    while (it.passed()) opened.get()?.renew() ?: break
                }
            }
        }
    }
}
