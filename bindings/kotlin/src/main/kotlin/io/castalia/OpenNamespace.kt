package io.castalia

import io.castalia.ffi.Json
import java.util.concurrent.CompletableFuture

/** An open namespace, as values ([Config]) or as one text ([ConfigFile]): what both offer. */
sealed interface OpenNamespace : AutoCloseable {
    val appId: String get() = opened.current.appId
    val cluster: String get() = opened.current.cluster
    val namespace: String get() = opened.current.namespace

    /** Origin of the values or the text. */
    val source: Source get() = opened.newest().source

    /**
     * Result of the last load: `Loading`, `Ready`, `Unavailable` if nothing could be loaded yet, or the kind
     * of its error.
     */
    val state: String get() = Standing(opened.ask { standing() }).state

    /** Error of the last load; null if it succeeded. */
    val lastError: CastaliaException? get() = Standing(opened.ask { standing() }).lastError

    /** Loads now and waits for it. */
    @JvmSynthetic
    suspend fun refresh() {
        opened.refresh().awaiting()
    }

    /** Loads now. Functions that are chained to the future must not block; see [Client.configAsync]. */
    fun refreshAsync(): CompletableFuture<Void?> = opened.refresh()

    /** Removes a listener object that was registered with `onChange`; false if it is not registered. */
    fun removeOnChange(listener: ChangeListener): Boolean = opened.remove(listener)

    /**
     * Closes the namespace: its listeners are not called any more, and unless it is also open as the other of
     * [Config] and [ConfigFile] or in a [ConfigSource] of the client, it is no longer refreshed. Reads still
     * return the last values; other calls throw [CastaliaException.Closed]. The client opens it again as
     * another object.
     */
    override fun close() = opened.close()
}

/** Result of the last load, as the native half describes it. */
internal class Standing(json: Json) {
    private val record = Record(json)
    val state: String = record.text("state")
    val lastError: CastaliaException? = record.record("last_error")?.let { CastaliaException.of(it) }
}

private val OpenNamespace.opened: Opened
    get() = when (this) {
        is Config -> this.opened
        is ConfigFile -> this.opened
    }
