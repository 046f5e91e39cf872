package io.castalia.testing

import io.castalia.Client
import io.castalia.Settings
import io.castalia.entriesOf
import io.castalia.ffi.InMemory as NativeInMemory

/**
 * A client without servers, for tests of applications: its namespaces hold what the test sets, and everything else is that of every
 * client: typed reads, events, validators, watches. It opens no socket and no file.
 *
 * A call that changes content returns once every open namespace has it: reads return it, and its event is queued for each listener.
 * A namespace that was never set is empty. The app id is `test` unless the settings name one; settings of servers and cache files have
 * no effect.
 */
class InMemory private constructor(settings: Settings, private val native: NativeInMemory) : AutoCloseable {
    /** The client, to be handed to what is tested. Closing it is the same as closing this. */
    val client: Client = Client(settings, native.client())

    /** An empty one; nothing is read from the environment unless the settings do. */
    @JvmOverloads
    constructor(settings: Settings = Settings()) : this(settings, Client.made(settings) { NativeInMemory(it) })

    /** Sets one value of a namespace of the app itself. */
    fun set(namespace: String, key: String, value: String) = update(namespace, mapOf(key to value))

    /** Removes one key; one that is not there changes nothing. */
    fun remove(namespace: String, key: String) = update(namespace, mapOf(key to null))

    /** Sets several values in one step, with one event; null removes a key. */
    fun update(namespace: String, edits: Map<String, String?>) = client.change { native.update(namespace, edits) }

    /** Replaces the content of a namespace. A document such as `x.yaml` has its text under the key `content`. */
    fun publish(namespace: String, entries: Map<String, String>) = client.change { native.publish(namespace, entriesOf(entries)) }

    /** Lets a namespace fail to load, as without a server, until its content is set again. What was loaded before remains. */
    fun fail(namespace: String) = client.change { native.fail(namespace) }

    override fun close() = client.close()
}
