package io.castalia.testing

import io.castalia.Client
import io.castalia.Settings
import io.castalia.entriesOf
import io.castalia.ffi.InMemory as NativeInMemory

/**
 * A client without servers, for tests of applications. The test sets the values; typed reads, events,
 * validators and watches work as in any client. It opens no socket and no file.
 *
 * A call that changes values returns when every open namespace has them: reads return them, and the
 * event is queued for each listener, which is called on its thread, perhaps later. A namespace that was
 * never set is empty. The app id is `test` unless the settings contain one; settings of servers and cache
 * files have no effect.
 */
class InMemory private constructor(settings: Settings, private val native: NativeInMemory) : AutoCloseable {
    /** The client, to be passed to the code under test. Closing it is the same as closing this. */
    val client: Client = Client(settings, native.client())

    /** A client without values. Nothing is read from the environment unless the settings do. */
    @JvmOverloads
    constructor(settings: Settings = Settings()) : this(settings, Client.made(settings) { NativeInMemory(it) })

    /** Sets one value of a namespace of the client's app. */
    fun set(namespace: String, key: String, value: String) = update(namespace, mapOf(key to value))

    /** Removes one key, if it exists. */
    fun remove(namespace: String, key: String) = update(namespace, mapOf(key to null))

    /** Sets several values with a single event; null removes a key. */
    fun update(namespace: String, edits: Map<String, String?>) = client.change { native.update(namespace, edits) }

    /**
     * Replaces all values of a namespace. A document such as `x.yaml` has its text under the key `content`.
     */
    fun publish(namespace: String, entries: Map<String, String>) = client.change { native.publish(namespace, entriesOf(entries)) }

    /**
     * Makes loads of a namespace fail, as without a server, until its values are set again. Values loaded
     * before remain.
     */
    fun fail(namespace: String) = client.change { native.fail(namespace) }

    override fun close() = client.close()
}
