package io.castalia

import io.castalia.ffi.Json
import io.castalia.ffi.LogRecords
import io.castalia.ffi.logNothing
import java.lang.System.Logger.Level

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

/** The sink for the records of all clients; the native library has only one. */
internal object Log {
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

    private fun tell(sink: LogSink, record: Json) {
        try {
            sink.log(LogRecord(Record(record)))
        } catch (failure: Throwable) {
            Report.error("a log sink failed", failure)
        }
    }
}
