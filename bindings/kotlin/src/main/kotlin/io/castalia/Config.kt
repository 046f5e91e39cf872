package io.castalia

import java.util.concurrent.CompletableFuture
import java.util.concurrent.Flow

/**
 * An open namespace that follows the servers. Reads never wait and never leave the memory of the JVM; each sees the newest content.
 * For several that must fit together, take a [snapshot].
 */
class Config internal constructor(internal val opened: Opened<Snapshot>) :
    TypedReads(),
    AutoCloseable {
    override fun get(key: String): String? = opened.current[key]

    /** The content now; it never changes. */
    fun snapshot(): Snapshot {
        opened.renew()
        return opened.current
    }

    val appId: String get() = opened.current.appId
    val cluster: String get() = opened.current.cluster
    val namespace: String get() = opened.current.namespace

    /** Where the content came from. */
    val source: Source get() = snapshot().source

    /** How the namespace stands with the servers: `Loading`, `Ready`, `Unavailable` when nothing could be loaded yet, or the kind of error that the last load failed with. */
    val state: String get() = opened.ask { state() }

    /** Why the last load failed; null once one worked. */
    val lastError: CastaliaException? get() = opened.ask { lastError() }?.let { CastaliaException.of(it) }

    /** Loads now and waits for it. */
    @JvmSynthetic
    suspend fun refresh() {
        opened.refresh().awaiting()
    }

    /** Loads now. What is chained to the future must not block; see [Client.configAsync]. */
    fun refreshAsync(): CompletableFuture<Void?> = opened.refresh()

    /**
     * Calls a listener for each change of these keys and of keys with these prefixes, or of anything. An object that listens already
     * goes on as it does.
     */
    @JvmOverloads
    fun onChange(
        keys: Collection<String> = emptySet(),
        prefixes: Collection<String> = emptySet(),
        listener: ChangeListener,
    ): Subscription = opened.listen(keys, prefixes, listener)

    /** Ends what [onChange] began with this very object; false when it does not listen. */
    fun removeOnChange(listener: ChangeListener): Boolean = opened.remove(listener)

    /**
     * The changes as a stream for Java: to each subscriber those after it subscribed, in order, on a thread of the client; it ends when
     * this or the client is closed.
     */
    @JvmOverloads
    fun publisher(
        keys: Collection<String> = emptySet(),
        prefixes: Collection<String> = emptySet(),
    ): Flow.Publisher<ChangeEvent> = ChangePublisher(opened, keys, prefixes)

    /** Keeps a value current that a function makes of the whole namespace; throws what that throws for the content now. */
    fun <T> watch(parse: (Snapshot) -> T): Watch<T> = Watch(this, parse)

    /**
     * Gives the namespace up: its listeners hear no more, and unless a [ConfigFile] of it is open it is no longer kept fresh. Reads go
     * on answering from the last content; all else throws [CastaliaException.Closed]. The client opens it anew, as another object.
     */
    override fun close() = opened.close()

    override fun parsed(key: String, type: ValueType<*>): Any? = opened.current.parsed(key, type)

    override fun noteMalformed(key: String) = opened.current.noteMalformed(key)

    override val readFrom: String get() = namespace

    override val rules: Rules get() = opened.current.rules

    override fun toString(): String = "Config(${opened.current})"
}
