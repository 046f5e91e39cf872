package io.castalia

import io.castalia.ffi.Content
import java.util.concurrent.CompletableFuture
import kotlinx.coroutines.flow.Flow

/** An open namespace as one whole text: a document as it is, or properties text. */
class ConfigFile internal constructor(private val tasks: Tasks, internal val opened: Opened<Text>) {
    val appId: String get() = opened.current.appId
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

    /** Loads now and waits for it. */
    @JvmSynthetic
    suspend fun refresh() = opened.refresh()

    /** Loads now. */
    fun refreshAsync(): CompletableFuture<Void?> = tasks.future {
        opened.refresh()
        null
    }

    /** Calls a listener for each change of the text, whose event has the one key `content`. */
    fun onChange(listener: ChangeListener): Subscription = opened.listen(emptySet(), emptySet(), listener)

    /** The changes of the text from the moment it is collected; ends when the client is closed. */
    @JvmSynthetic
    fun changes(): Flow<ChangeEvent> = opened.changes(emptySet(), emptySet())

    override fun toString(): String = "ConfigFile(namespace=$namespace)"

    /** A text at one moment. */
    internal class Text(content: Content) {
        val appId = content.appId
        val namespace = content.namespace
        val source = Source.of(content.source)
        val text = content.text
    }
}
