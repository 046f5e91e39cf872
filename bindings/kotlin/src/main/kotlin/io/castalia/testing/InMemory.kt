package io.castalia.testing

import io.castalia.Client
import io.castalia.Settings
import io.castalia.ffi.Client as NativeClient
import io.castalia.ffi.Edit

/**
 * A client without servers, for tests of applications. The test sets the values; typed reads, events,
 * validators and watches work as in any client. It opens no socket and no file.
 *
 * A call that changes values returns when every open namespace has them: reads return them, and the
 * event is queued for each listener, which is called on its thread, perhaps later. A namespace that was
 * never set is empty. The app id is `test` unless the settings contain one; settings of servers and cache
 * files have no effect.
 */
class InMemory private constructor(settings: Settings, private val native: NativeClient) : AutoCloseable {
    /** The client, to be passed to the code under test. Closing it is the same as closing this. */
    val client: Client = Client(settings, native)

    /** A client without values. Nothing is read from the environment unless the settings do. */
    @JvmOverloads
    constructor(settings: Settings = Settings()) : this(settings, Client.made(settings) { NativeClient(it, true) })

    /** Sets one value of a namespace of the client's app. */
    fun set(namespace: String, key: String, value: String) = update(namespace, mapOf(key to value))

    /** Removes one key, if it exists. */
    fun remove(namespace: String, key: String) = update(namespace, mapOf(key to null))

    /** Sets several values with a single event; null removes a key. */
    fun update(namespace: String, edits: Map<String, String?>) = change(namespace, edits, false)

    /**
     * Replaces all values of a namespace. A document such as `x.yaml` has its text under the key `content`.
     */
    fun publish(namespace: String, entries: Map<String, String>) = change(namespace, entries, true)

    /**
     * Makes loads of a namespace fail, as without a server, until its values are set again. Values loaded
     * before remain.
     */
    fun fail(namespace: String) = change(namespace, null, false)

    override fun close() = client.close()

    private fun change(namespace: String, values: Map<String, String?>?, replaces: Boolean) {
        val edits = values?.map { Edit(it.key, it.value) }
        client.change { native.change(namespace, edits, replaces) }
    }
}
