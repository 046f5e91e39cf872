package io.castalia

import io.castalia.ffi.Content
import java.util.concurrent.CompletableFuture

/** An open namespace as one whole text: a document as it is, or properties text. */
class ConfigFile internal constructor(internal val opened: Opened<Text>) : AutoCloseable {
    val appId: String get() = opened.current.appId
    val cluster: String get() = opened.current.cluster
    val namespace: String get() = opened.current.namespace

    /** The text; null when nothing is loaded. */
    val content: String? get() = opened.current.text

    /** Where the text came from. */
    val source: Source
        get() {
            opened.renew()
            return opened.current.source
        }

    /** How the namespace stands with the servers; as [Config.state]. */
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

    /** Calls a listener for each change of the text, whose event has the one key `content`; as [Config.onChange]. */
    fun onChange(listener: ChangeListener): Subscription = opened.listen(emptySet(), emptySet(), listener)

    /** Ends what [onChange] began with this very object; false when it does not listen. */
    fun removeOnChange(listener: ChangeListener): Boolean = opened.remove(listener)

    /** Gives the namespace up; as [Config.close]. */
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
