package io.castalia

import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow

/** A value that is made of a whole namespace and kept current: that of the newest content that could be read. */
class Watch<T> internal constructor(private val config: Config, private val parse: (Snapshot) -> T) : AutoCloseable {
    // Listening begins first, so that no change falls between.
    private val subscription = config.onChange { follow() }
    private val newest: MutableStateFlow<T> =
        try {
            MutableStateFlow(parse(config.snapshot()))
        } catch (failure: Throwable) {
            subscription.cancel()
            throw failure
        }

    /** Why the newest content could not be read; null when it could. */
    @Volatile
    var lastError: Throwable? = null
        private set

    /** The value now, and each one after it. */
    @get:JvmSynthetic
    val values: StateFlow<T> get() = newest.asStateFlow()

    /** The value now. */
    fun get(): T = newest.value

    /** Keeps the value as it is. */
    fun cancel() = subscription.cancel()

    override fun close() = cancel()

    private fun follow() {
        try {
            newest.value = parse(config.snapshot())
            lastError = null
        } catch (failure: Throwable) {
            lastError = failure
            Tasks.log.log(System.Logger.Level.WARNING, "a watched namespace cannot be read; the last value stays", failure)
        }
    }
}
