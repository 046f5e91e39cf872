package io.castalia

import io.castalia.ffi.Content
import java.util.concurrent.CompletableFuture

/** An open namespace as one text: a document as released, or properties text. */
class ConfigFile internal constructor(internal val opened: Opened<Text>) : AutoCloseable {
    val appId: String get() = opened.current.appId
    val cluster: String get() = opened.current.cluster
    val namespace: String get() = opened.current.namespace

    /** The text; null if nothing has been loaded. */
    val content: String? get() = opened.current.text

    /** Origin of the text. */
    val source: Source
        get() {
            opened.renew()
            return opened.current.source
        }

    /** Result of the last load; see [Config.state]. */
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
     * Calls a listener for each change of the text, whose event has the single key `content`; see
     * [Config.onChange].
     */
    fun onChange(listener: ChangeListener): Subscription = opened.listen(emptySet(), emptySet(), listener)

    /** Removes a listener object that was registered with [onChange]; false if it is not registered. */
    fun removeOnChange(listener: ChangeListener): Boolean = opened.remove(listener)

    /** Closes the namespace; see [Config.close]. */
    override fun close() = opened.close()

    override fun toString(): String = "ConfigFile(namespace=$namespace)"

    /** A text at one moment. */
    internal class Text(content: Content) {
        val appId = content.appId
        val cluster = content.cluster
        val namespace = content.namespace
        val source = Source.of(content.source)
        val text = content.text
    }
}
