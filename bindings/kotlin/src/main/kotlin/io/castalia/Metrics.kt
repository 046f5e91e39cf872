package io.castalia

import io.castalia.ffi.HttpMetrics as NativeHttpMetrics
import io.castalia.ffi.Metrics as NativeMetrics
import io.castalia.ffi.NamespaceMetrics as NativeNamespaceMetrics
import io.castalia.ffi.ThreadMetrics as NativeThreadMetrics
import java.time.Duration
import java.time.Instant

/** State and counters of a client at one moment. */
class Metrics internal constructor(native: NativeMetrics) {
    /** Every open namespace, sorted by app id and name. */
    val namespaces: List<NamespaceMetrics> = native.namespaces.map(::NamespaceMetrics)

    /** Recent errors, oldest first. */
    val errors: List<CastaliaException> = native.errors.map { CastaliaException.of(it) }
    val errorCount: Long = native.errorCount.toLong()

    /** Milliseconds by which the servers' clock is ahead. */
    val clockSkewMs: Long = native.clockSkewMs

    /** Requests by endpoint and status. */
    val http: List<HttpMetrics> = native.http.map(::HttpMetrics)

    /** Poll loops whose last request succeeded. */
    val pollsConnected: Long = native.pollsConnected.toLong()

    /** Threads and tasks of the native half; null before the first namespace is opened. */
    val threads: ThreadMetrics? = native.threads?.let(::ThreadMetrics)
}

/** Requests of one endpoint with one status. */
class HttpMetrics internal constructor(native: NativeHttpMetrics) {
    /** First part of the path: `configs`, `notifications` or `services`. */
    val endpoint: String = native.endpoint

    /** Status; 0 if none arrived. */
    val status: Int = native.status.toInt()

    /** Number of requests. */
    val count: Long = native.count.toLong()

    /** Sum of their durations. */
    val time: Duration = native.time
}

/** Threads of the native half at one moment, shared by all clients. */
class ThreadMetrics internal constructor(native: NativeThreadMetrics) {
    /** Worker threads. */
    val workers: Long = native.workers.toLong()

    /** Tasks that have not ended. */
    val tasks: Long = native.tasks.toLong()

    /** Tasks waiting for a worker. */
    val queue: Long = native.queue.toLong()
}

/** One namespace at one moment. */
class NamespaceMetrics internal constructor(native: NativeNamespaceMetrics) {
    val appId: String = native.appId
    val namespace: String = native.namespace

    /** Result of the last load; see [Config.state]. */
    val state: String = native.state
    val source: Source = Source.of(native.source)

    /** Number of keys. */
    val items: Long = native.items.toLong()
    val releaseKey: String = native.releaseKey

    /** Number of times it was opened. */
    val usage: Long = native.usage.toLong()

    /** Duration of the first load; null while it is in progress. */
    val firstLoad: Duration? = native.firstLoad

    /** When the current values were loaded. */
    val updatedAt: Instant = native.updatedAt

    /** When a server last answered. */
    val contactedAt: Instant? = native.contactedAt

    /** Number of failed listener calls. */
    val listenerFailures: Long = native.listenerFailures.toLong()

    /** Events waiting for listeners. */
    val listenerQueue: Long = native.listenerQueue.toLong()

    /** Number of failed writes of the cache file. */
    val cacheFailures: Long = native.cacheFailures.toLong()

    /** Whether a long poll that included it timed out. */
    val pollTimedOut: Boolean = native.pollTimedOut

    /** Number of malformed values: each key once for a release. */
    val malformedReads: Long = native.malformedReads.toLong()

    /** Number of releases rejected by a validator. */
    val refusals: Long = native.refusals.toLong()

    /** Error of the last load, or of parsing its document. */
    val lastError: CastaliaException? = native.lastError?.let { CastaliaException.of(it) }
}
