package io.castalia

import java.util.concurrent.CompletableFuture
import java.util.concurrent.Flow

/**
 * An open namespace. Reads never wait and never leave the memory of the JVM; each uses the newest values. For
 * several reads that must be consistent with each other, use a [snapshot].
 */
class Config internal constructor(internal val opened: Opened<Snapshot>) :
    TypedReads(),
    AutoCloseable {
    override fun get(key: String): String? = opened.current[key]

    /** The current values; they never change. */
    fun snapshot(): Snapshot {
        opened.renew()
        return opened.current
    }

    val appId: String get() = opened.current.appId
    val cluster: String get() = opened.current.cluster
    val namespace: String get() = opened.current.namespace

    /** Origin of the values. */
    val source: Source get() = snapshot().source

    /**
     * Result of the last load: `Loading`, `Ready`, `Unavailable` if nothing could be loaded yet, or the kind
     * of its error.
     */
    val state: String get() = opened.ask { state() }

    /** Error of the last load; null if it succeeded. */
    val lastError: CastaliaException? get() = opened.ask { lastError() }?.let { CastaliaException.of(it) }

    /** Loads now and waits for it. */
    @JvmSynthetic
    suspend fun refresh() {
        opened.refresh().awaiting()
    }

    /** Loads now. Functions that are chained to the future must not block; see [Client.configAsync]. */
    fun refreshAsync(): CompletableFuture<Void?> = opened.refresh()

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

    /** Removes a listener object that was registered with [onChange]; false if it is not registered. */
    fun removeOnChange(listener: ChangeListener): Boolean = opened.remove(listener)

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

    /**
     * Closes the namespace: its listeners are not called any more, and unless a [ConfigFile] of it is open it
     * is no longer refreshed. Reads still return the last values; other calls throw
     * [CastaliaException.Closed]. The client opens it again as another object.
     */
    override fun close() = opened.close()

    override fun parsed(key: String, type: ValueType<*>): Any? = opened.current.parsed(key, type)

    override fun noteMalformed(key: String) = opened.current.noteMalformed(key)

    override val readFrom: String get() = namespace

    override val rules: Rules get() = opened.current.rules

    override fun toString(): String = "Config(${opened.current})"
}
