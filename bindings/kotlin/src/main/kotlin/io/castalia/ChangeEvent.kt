package io.castalia

import io.castalia.ffi.Change as NativeChange
import io.castalia.ffi.Event

/** What happened to a key. */
enum class ChangeType { ADDED, MODIFIED, DELETED }

/** The change of one key. */
class Change internal constructor(
    /** Value before; null if the key was added. */
    val oldValue: String?,
    /** Value after; null if the key was deleted. */
    val newValue: String?,
    val changeType: ChangeType,
) {
    /** Prints only the type, because values may be secrets. */
    override fun toString(): String = changeType.name
}

/** All changes that one release made to a namespace. */
class ChangeEvent private constructor(about: Record, changed: List<NativeChange>, isOverridden: (key: String) -> Boolean) {
    /** The changes that are seen by readers of keys, some of which are overridden. */
    internal constructor(event: Event, isOverridden: (key: String) -> Boolean = { false }) :
        this(Record(event.about), event.changes.filterNot { isOverridden(it.key) }, isOverridden)

    private val interest: List<String> = about.words("interested_keys")

    val appId: String = about.text("app_id")
    val namespace: String = about.text("namespace")

    /** Every changed key, including those that the listener is not interested in. */
    val changes: Map<String, Change> =
        changed.associate { it.key to Change(it.oldValue, it.newValue, ChangeType.valueOf(it.changeType)) }

    /** The changed keys that the listener is interested in; empty if it is interested in everything. */
    val interestedKeys: List<String> = interest.filterNot(isOverridden)

    /** Whether all that the listener is interested in is overridden. */
    internal val isHidden: Boolean = changes.isEmpty() || (interest.isNotEmpty() && interestedKeys.isEmpty())

    /** Release key before the change; empty if those values did not come from a server. */
    val oldReleaseKey: String = about.text("old_release_key")
    val releaseKey: String = about.text("release_key")
    val source: Source = Source.of(about.text("source"))

    /**
     * Number of the change within its namespace, increasing by one from 1. For merged events, the number of
     * the last.
     */
    val sequence: Long = about.long("sequence")

    /** Number of later events that were merged into this one because the listener fell behind. */
    val coalesced: Long = about.long("coalesced")

    override fun toString(): String = "ChangeEvent(namespace=$namespace, sequence=$sequence, changes=$changes)"
}

/**
 * Receives changes: in order, one call at a time, on a thread of the client, after reads return the new
 * values.
 */
fun interface ChangeListener {
    fun onChange(event: ChangeEvent)
}
