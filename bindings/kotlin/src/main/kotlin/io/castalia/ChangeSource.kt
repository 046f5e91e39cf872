package io.castalia

import io.castalia.ffi.Changes

/** The changes of a stream. The native half returns each of them again until it has been taken over. */
internal class ChangeSource(private val changes: Changes) : AutoCloseable by changes {
    /** Sequence number of the last change that was taken over. */
    @Volatile
    private var taken = 0L

    /** The next change; null at the end. Not called while another call waits. */
    suspend fun next(): ChangeEvent? = changes.next(taken.toULong())?.let(::ChangeEvent)?.also { taken = it.sequence }
}
