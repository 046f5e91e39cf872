package io.castalia

import java.time.Duration
import java.time.Instant

/** State and counters of a client at one moment. */
class Metrics internal constructor(native: Record) {
    /** Every open namespace, sorted by app id and name. */
    val namespaces: List<NamespaceMetrics> = native.list("namespaces").map(::NamespaceMetrics)

    /** Recent errors, oldest first. */
    val errors: List<CastaliaException> = native.list("errors").map { CastaliaException.of(it) }
    val errorCount: Long = native.long("error_count")

    /** Milliseconds by which the servers' clock is ahead. */
    val clockSkewMs: Long = native.long("clock_skew_ms")

    /** Requests by endpoint and status. */
    val http: List<HttpMetrics> = native.list("http").map(::HttpMetrics)

    /** Poll loops whose last request succeeded. */
    val pollsConnected: Long = native.long("polls_connected")

    /** Threads and tasks of the native half; null before the first namespace is opened. */
    val threads: ThreadMetrics? = native.record("threads")?.let(::ThreadMetrics)
}

/** Requests of one endpoint with one status. */
class HttpMetrics internal constructor(native: Record) {
    /** First part of the path: `configs`, `notifications` or `services`. */
    val endpoint: String = native.text("endpoint")

    /** Status; 0 if none arrived. */
    val status: Int = native.long("status").toInt()

    /** Number of requests. */
    val count: Long = native.long("count")

    /** Sum of their durations. */
    val time: Duration = checkNotNull(native.time("time_us"))
}

/** Threads of the native half at one moment, shared by all clients. */
class ThreadMetrics internal constructor(native: Record) {
    /** Worker threads. */
    val workers: Long = native.long("workers")

    /** Tasks that have not ended. */
    val tasks: Long = native.long("tasks")

    /** Tasks waiting for a worker. */
    val queue: Long = native.long("queue")
}

/** One namespace at one moment. */
class NamespaceMetrics internal constructor(native: Record) {
    val appId: String = native.text("app_id")
    val namespace: String = native.text("namespace")

    /** Result of the last load; see [Config.state]. */
    val state: String = native.text("state")
    val source: Source = Source.of(native.text("source"))

    /** Number of keys. */
    val items: Long = native.long("items")
    val releaseKey: String = native.text("release_key")

    /** Number of times it was opened. */
    val usage: Long = native.long("usage")

    /** Duration of the first load; null while it is in progress. */
    val firstLoad: Duration? = native.time("first_load_us")

    /** When the current values were loaded. */
    val updatedAt: Instant = checkNotNull(native.moment("updated_at_us"))

    /** When a server last answered. */
    val contactedAt: Instant? = native.moment("contacted_at_us")

    /** Number of failed listener calls. */
    val listenerFailures: Long = native.long("listener_failures")

    /** Events waiting for listeners. */
    val listenerQueue: Long = native.long("listener_queue")

    /** Number of failed writes of the cache file. */
    val cacheFailures: Long = native.long("cache_failures")

    /** Whether a long poll that included it timed out. */
    val pollTimedOut: Boolean = native.flag("poll_timed_out")

    /** Number of malformed values: each key once for a release. */
    val malformedReads: Long = native.long("malformed_reads")

    /** Number of releases rejected by a validator. */
    val refusals: Long = native.long("refusals")

    /** Error of the last load, or of parsing its document. */
    val lastError: CastaliaException? = native.record("last_error")?.let { CastaliaException.of(it) }
}
