package io.castalia

import io.castalia.ffi.Event

/** What happened to a key. */
enum class ChangeType { ADDED, MODIFIED, DELETED }

/** One key of an event. */
class Change internal constructor(
    /** Value before; null when added. */
    val oldValue: String?,
    /** Value after; null when deleted. */
    val newValue: String?,
    val changeType: ChangeType,
) {
    /** The type alone: values may be secrets. */
    override fun toString(): String = changeType.name
}

/** One change of a namespace: all keys that one new content changed. */
class ChangeEvent internal constructor(event: Event) {
    val appId: String = event.appId
    val namespace: String = event.namespace

    /** Every changed key, whatever the listener asked for. */
    val changes: Map<String, Change> =
        event.changes.associate { it.key to Change(it.oldValue, it.newValue, ChangeType.valueOf(it.changeType)) }

    /** The changed keys that the listener asked for; none when it asked for no key in particular. */
    val interestedKeys: List<String> = event.interestedKeys

    /** Release key before the change; empty when that content was not from a server. */
    val oldReleaseKey: String = event.oldReleaseKey
    val releaseKey: String = event.releaseKey
    val source: Source = Source.of(event.source)

    /** Number of this change within its namespace, rising by one from 1; of merged events the last. */
    val sequence: Long = event.sequence.toLong()

    /** How many later events were merged into this one because the listener did not keep up. */
    val coalesced: Long = event.coalesced.toLong()

    override fun toString(): String = "ChangeEvent(namespace=$namespace, sequence=$sequence, changes=$changes)"
}

/** Is told of changes: in order, one call at a time, on a thread of the client; reads answer with the new values already. */
fun interface ChangeListener {
    fun onChange(event: ChangeEvent)
}
