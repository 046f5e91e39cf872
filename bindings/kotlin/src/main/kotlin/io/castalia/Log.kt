package io.castalia

import io.castalia.ffi.LogRecord as NativeLogRecord
import io.castalia.ffi.LogRecords
import io.castalia.ffi.logNothing
import java.lang.System.Logger.Level

/** One log record of the client. */
class LogRecord internal constructor(native: NativeLogRecord) {
    /** Severity. */
    val level: Level = if (native.level == "WARN") Level.WARNING else Level.valueOf(native.level)

    /** Module that logged it. */
    val target: String = native.target

    /** Message, followed by the fields as `name=value`. */
    val text: String = native.text

    /** Fields by name. */
    val fields: Map<String, String> = native.fields.associate { it.key to it.value }
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
            records.use { while (true) tell(sink, it.next() ?: break) }
        }
    }

    private fun tell(sink: LogSink, record: NativeLogRecord) {
        try {
            sink.log(LogRecord(record))
        } catch (failure: Throwable) {
            Report.error("a log sink failed", failure)
        }
    }
}
