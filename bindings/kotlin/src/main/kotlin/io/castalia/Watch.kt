package io.castalia

/**
 * A value built from a whole namespace and kept current: that of the newest snapshot that could be parsed.
 */
class Watch<T> internal constructor(private val config: Config, private val parse: (Snapshot) -> T) : AutoCloseable {
    private val parsing = Any()

    @Volatile
    private var newest: T
    private val observers = ArrayList<(T) -> Unit>()
    private var attachment: Any? = null

    /** Error of the newest snapshot; null if it could be parsed. */
    @Volatile
    var lastError: Throwable? = null
        private set

    private val subscription: Subscription

    init {
        // Following begins first, and the snapshot is taken within the lock: so a release that
        // arrives while the first one is parsed is parsed after it, and never replaced by an older
        // one.
        synchronized(parsing) {
            subscription = config.opened.follow(::follow)
            newest =
                try {
                    parse(config.snapshot())
                } catch (failure: Throwable) {
                    subscription.endWithoutWaiting()
                    throw failure
                }
        }
    }

    /** The current value. */
    fun get(): T = newest

    /** Stops following; the value remains. */
    fun cancel() = subscription.cancel()

    override fun close() = cancel()

    /**
     * An object that follows the value: created once, from the current value and a way to observe later ones.
     */
    internal fun attached(make: (T, observe: ((T) -> Unit) -> Unit) -> Any): Any = synchronized(parsing) {
        attachment ?: make(newest, observers::add).also { attachment = it }
    }

    private fun follow() = synchronized(parsing) {
        try {
            newest = parse(config.snapshot())
            lastError = null
            observers.forEach { it(newest) }
        } catch (failure: Throwable) {
            lastError = failure
            // Only the kind is logged: the error itself may quote values.
            val kind = failure.javaClass.simpleName
            Report.warn(
                "the new content of the namespace ${config.namespace} cannot be parsed ($kind); keeping the last good value",
            )
        }
    }
}
