package io.castalia

/** A value that is made of a whole namespace and kept current: that of the newest content that could be read. */
class Watch<T> internal constructor(private val config: Config, private val parse: (Snapshot) -> T) : AutoCloseable {
    private val parsing = Any()

    @Volatile
    private var newest: T
    private val observers = ArrayList<(T) -> Unit>()
    private var attachment: Any? = null

    /** Why the newest content could not be read; null when it could. */
    @Volatile
    var lastError: Throwable? = null
        private set

    private val subscription: Subscription

    init {
        // Listening begins first, and whoever parses takes the snapshot within the lock: so a release that arrives while the first
        // one is parsed is parsed after it, and never replaced by an older one.
        synchronized(parsing) {
            subscription = config.onChange { follow() }
            newest =
                try {
                    parse(config.snapshot())
                } catch (failure: Throwable) {
                    subscription.endWithoutWaiting()
                    throw failure
                }
        }
    }

    /** The value now. */
    fun get(): T = newest

    /** Keeps the value as it is. */
    fun cancel() = subscription.cancel()

    override fun close() = cancel()

    /** An object that follows the value: made once, of the value now and a way to observe later ones. */
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
            Report.warn("a watched namespace cannot be read; keeping the last value", failure)
        }
    }
}
