package io.castalia

import io.castalia.ffi.Json
import java.time.Duration
import java.time.Instant
import java.time.temporal.ChronoUnit.MICROS

/** A record of the native half, read by the names of its fields, which are the same in every language. */
internal class Record(json: Json) {
    private val fields: Map<String, Json> = (json as Json.Members).items

    fun text(name: String): String = (fields[name] as Json.Text).value

    fun long(name: String): Long = (fields[name] as Json.Whole).value

    fun flag(name: String): Boolean = (fields[name] as Json.Boolean).value

    /** The texts of a list. */
    fun words(name: String): List<String> = (fields[name] as Json.Items).items.map { (it as Json.Text).value }

    /** The records of a list. */
    fun list(name: String): List<Record> = listOf(fields.getValue(name))

    /** A record that may be absent. */
    fun record(name: String): Record? = (fields[name] as? Json.Members)?.let(::Record)

    /** A duration in whole microseconds, which may be absent. */
    fun time(name: String): Duration? = (fields[name] as? Json.Whole)?.let { Duration.of(it.value, MICROS) }

    /** A moment in whole microseconds since 1970, which may be absent. */
    fun moment(name: String): Instant? = time(name)?.let(Instant.EPOCH::plus)

    /** All fields, each a text. */
    fun texts(): Map<String, String> = fields.mapValues { (it.value as Json.Text).value }

    companion object {
        fun listOf(json: Json): List<Record> = (json as Json.Items).items.map(::Record)
    }
}
