package io.castalia

import io.castalia.ffi.Changes
import java.util.concurrent.CancellationException

/** The changes of a stream. The native half returns each of them again until it has been taken over. */
internal class ChangeSource(private val changes: Changes, private val isOverridden: (key: String) -> Boolean) : AutoCloseable {
    /** Sequence number of the last change that was taken over. */
    @Volatile
    private var taken = 0L

    @Volatile
    private var isClosed = false

    /** The next change; null at the end, or if this is closed. Not called while another call waits. */
    suspend fun next(): ChangeEvent? = try {
        var event = take()
        while (event != null && event.isHidden) event = take()
        event
    } catch (cancelled: CancellationException) {
        throw cancelled
    } catch (failure: IllegalStateException) {
        // That of an object of the native half that was closed.
        if (isClosed) null else throw failure
    }

    private suspend fun take(): ChangeEvent? =
        changes.next(taken.toULong())?.let { ChangeEvent(it, isOverridden) }?.also { taken = it.sequence }

    override fun close() {
        isClosed = true
        changes.close()
    }
}
