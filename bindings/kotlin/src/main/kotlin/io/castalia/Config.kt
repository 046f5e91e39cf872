package io.castalia

import java.util.concurrent.Flow

/**
 * An open namespace. Reads never wait and never leave the memory of the JVM; each uses the newest values. For
 * several reads that must be consistent with each other, use a [snapshot].
 */
class Config internal constructor(internal val opened: Opened) :
    TypedReads(),
    OpenNamespace {
    override fun get(key: String): String? = opened.current[key]

    /** The current values; they never change. */
    fun snapshot(): Snapshot = opened.newest()

    /**
     * Calls a listener for each change of these keys and of keys with these prefixes, or for each change
     * without any. An object that is registered already stays as it is.
     */
    @JvmOverloads
    fun onChange(
        keys: Collection<String> = emptySet(),
        prefixes: Collection<String> = emptySet(),
        listener: ChangeListener,
    ): Subscription = opened.listen(keys, prefixes, listener)

    /**
     * The changes as a stream for Java: each subscriber receives those after its subscription, in order, on a
     * thread of the client. It ends when this or the client is closed.
     */
    @JvmOverloads
    fun publisher(
        keys: Collection<String> = emptySet(),
        prefixes: Collection<String> = emptySet(),
    ): Flow.Publisher<ChangeEvent> = ChangePublisher(opened, keys, prefixes)

    /**
     * Keeps a value current that a function builds from the whole namespace; throws what the function throws
     * for the current values.
     */
    fun <T> watch(parse: (Snapshot) -> T): Watch<T> = Watch(this, parse)

    override fun parsed(key: String, type: ValueType<*>): Any? = opened.current.parsed(key, type)

    override fun noteMalformed(key: String) = opened.current.noteMalformed(key)

    override val readFrom: String get() = namespace

    override val rules: Rules get() = opened.current.rules

    override fun toString(): String = "Config(${opened.current})"
}
