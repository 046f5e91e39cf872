package io.castalia

import io.castalia.ffi.DefaultLog
import io.castalia.ffi.Json
import io.castalia.ffi.LogRecords
import io.castalia.ffi.LogUser
import io.castalia.ffi.defaultLog
import io.castalia.ffi.logNothing
import io.castalia.ffi.suspendCancellableCoroutine
import java.lang.System.Logger.Level
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Executor
import java.util.concurrent.TimeUnit.SECONDS
import kotlin.coroutines.resume

/** One log record of the client. */
class LogRecord internal constructor(native: Record) {
    /** Severity. */
    val level: Level = native.text("level").let { if (it == "WARN") Level.WARNING else Level.valueOf(it) }

    /** Module that logged it. */
    val target: String = native.text("target")

    /** Message, followed by the fields as `name=value`. */
    val text: String = native.text("text")

    /** Fields by name. */
    val fields: Map<String, String> = checkNotNull(native.record("fields")).texts().toSortedMap()
}

/** Receives log records, one at a time, on a thread of the library. */
fun interface LogSink {
    fun log(record: LogRecord)
}

/**
 * The sink for the records of all clients; the native library has only one. By default, warnings and errors
 * are reported by [Report].
 */
internal object Log {
    private const val PATIENCE_SECONDS = 5L

    /** The warnings and errors for this class loader. */
    @Volatile
    private var default: DefaultLog? = null

    /** Loggers of applications run here: they may block, or wait for a namespace to open. */
    private val threads = Executor { Workers.listeners.run(Log, Log::class.java.classLoader, it) }
    private val drains = Any()

    /** The last call of [drain] that has work. Each begins after the one before, so records remain in order. */
    private var last = CompletableFuture.completedFuture(Unit)

    /** The one of them that has not begun; it serves all that ask for another one. */
    private var next: CompletableFuture<Unit>? = null

    @Synchronized
    fun set(sink: LogSink?, level: Level) {
        Library.load()
        if (sink == null) return logNothing()
        val name = if (level == Level.WARNING) "WARN" else level.name
        val records = translated { LogRecords(name) }
        Tasks().launch {
            records.use { while (true) tell(sink, untilItSucceeds { it.next() } ?: break) }
        }
    }

    /** What a new client holds, so that its records are reported; null if the program has chosen a sink. */
    fun user(): LogUser? {
        val user = newUser()
        // Not while this is locked: a logger may create a client when it is initialized.
        if (user != null) Report.choose()
        return user
    }

    @Synchronized
    private fun newUser(): LogUser? {
        default?.user()?.let { return it }
        val log = defaultLog() ?: return null
        val user = log.user()
        default = log
        try {
            // Not with the class loader of the application that happens to be the first.
            Tasks(Log::class.java.classLoader).follow {
                while (untilItSucceeds { log.awaitNext() }) untilItSucceeds { awaitDrain(log) }
            }
        } catch (refused: Throwable) {
            // The next client starts another one.
            user?.close()
            throw refused
        }
        return user
    }

    /**
     * Reports what was logged before this call, so that a program that ends soon has reported why it has no
     * values. Waits only briefly for a logger that is busy, because its application may wait for the caller.
     */
    fun report() {
        try {
            default?.let { drain(it).get(PATIENCE_SECONDS, SECONDS) }
        } catch (_: InterruptedException) {
            Thread.currentThread().interrupt()
        } catch (_: Throwable) {
            // Such as a full heap, or the end of the patience. What still waits is reported later.
        }
    }

    private suspend fun awaitDrain(log: DefaultLog): Unit = suspendCancellableCoroutine { waiting ->
        drain(log).whenComplete { _, _ -> waiting.resume(Unit) }
    }

    /** Reports all that waits, on another thread. */
    private fun drain(log: DefaultLog): CompletableFuture<Unit> = synchronized(drains) {
        val waiting = next?.takeUnless { it.isDone }
        val isIdle = waiting == null && last.isDone
        // Without a record, no thread is needed.
        val first = if (isIdle) log.take() else null
        when {
            waiting != null -> waiting

            isIdle && first == null -> last

            else -> last.handleAsync({ _, _ -> reportAll(first, log) }, threads).also {
                next = it
                last = it
            }
        }
    }

    private fun reportAll(first: Json?, log: DefaultLog) {
        synchronized(drains) { next = null }
        var record = first ?: log.take()
        while (record != null) {
            report(LogRecord(Record(record)))
            record = log.take()
        }
    }

    private fun report(record: LogRecord) =
        if (record.level == Level.ERROR) Report.error(record.text) else Report.warn(record.text)

    private fun tell(sink: LogSink, record: Json) {
        try {
            sink.log(LogRecord(Record(record)))
        } catch (failure: Throwable) {
            Report.error("a log sink failed", failure)
        }
    }
}
