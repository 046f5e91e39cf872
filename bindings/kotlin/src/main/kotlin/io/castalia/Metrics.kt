package io.castalia

import io.castalia.ffi.HttpMetrics as NativeHttpMetrics
import io.castalia.ffi.Metrics as NativeMetrics
import io.castalia.ffi.NamespaceMetrics as NativeNamespaceMetrics
import io.castalia.ffi.ThreadMetrics as NativeThreadMetrics
import java.time.Duration
import java.time.Instant

/** State and counters of a client at one moment. */
class Metrics internal constructor(native: NativeMetrics) {
    /** Every open namespace, by app id and name. */
    val namespaces: List<NamespaceMetrics> = native.namespaces.map(::NamespaceMetrics)

    /** The latest errors, oldest first. */
    val errors: List<CastaliaException> = native.errors.map { CastaliaException.of(it) }
    val errorCount: Long = native.errorCount.toLong()

    /** By how many milliseconds the servers' clock is ahead. */
    val clockSkewMs: Long = native.clockSkewMs

    /** Requests by endpoint and status. */
    val http: List<HttpMetrics> = native.http.map(::HttpMetrics)

    /** Poll loops whose last poll ended well. */
    val pollsConnected: Long = native.pollsConnected.toLong()

    /** Threads and tasks of the native half; null before the first namespace is opened. */
    val threads: ThreadMetrics? = native.threads?.let(::ThreadMetrics)
}

/** Requests of one endpoint that ended in one way. */
class HttpMetrics internal constructor(native: NativeHttpMetrics) {
    /** First part of the path: `configs`, `notifications` or `services`. */
    val endpoint: String = native.endpoint

    /** Status; 0 where none came. */
    val status: Int = native.status.toInt()

    /** How many. */
    val count: Long = native.count.toLong()

    /** How long they took together. */
    val time: Duration = native.time
}

/** The threads of the native half at one moment, which all clients share. */
class ThreadMetrics internal constructor(native: NativeThreadMetrics) {
    /** Worker threads. */
    val workers: Long = native.workers.toLong()

    /** Tasks that live. */
    val tasks: Long = native.tasks.toLong()

    /** Tasks that wait for a worker. */
    val queue: Long = native.queue.toLong()
}

/** One namespace at one moment. */
class NamespaceMetrics internal constructor(native: NativeNamespaceMetrics) {
    val appId: String = native.appId
    val namespace: String = native.namespace

    /** How it stands with the servers; as [Config.state]. */
    val state: String = native.state
    val source: Source = Source.of(native.source)

    /** Number of keys. */
    val items: Long = native.items.toLong()
    val releaseKey: String = native.releaseKey

    /** How often it was opened. */
    val usage: Long = native.usage.toLong()

    /** How long the first load took; null while it is under way. */
    val firstLoad: Duration? = native.firstLoad

    /** When the content last changed. */
    val updatedAt: Instant = native.updatedAt

    /** When a server last answered. */
    val contactedAt: Instant? = native.contactedAt

    /** How often a listener failed. */
    val listenerFailures: Long = native.listenerFailures.toLong()

    /** Events that wait for listeners. */
    val listenerQueue: Long = native.listenerQueue.toLong()

    /** How often the cache file could not be written. */
    val cacheFailures: Long = native.cacheFailures.toLong()

    /** Whether a poll for it was met with silence. */
    val pollTimedOut: Boolean = native.pollTimedOut

    /** Values that were not of the type they were read as: each key once for a release. */
    val malformedReads: Long = native.malformedReads.toLong()

    /** Releases that the application refused. */
    val refusals: Long = native.refusals.toLong()

    /** Why the last load failed, or what is wrong with what it brought. */
    val lastError: CastaliaException? = native.lastError?.let { CastaliaException.of(it) }
}
