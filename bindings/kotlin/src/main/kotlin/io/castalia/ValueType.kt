package io.castalia

import io.castalia.ffi.parseBoolean
import io.castalia.ffi.parseDate
import io.castalia.ffi.parseDouble
import io.castalia.ffi.parseDuration
import io.castalia.ffi.parseInt
import io.castalia.ffi.parseList
import io.castalia.ffi.parseLong
import java.time.Instant
import java.time.LocalDateTime
import java.time.ZoneId
import java.time.ZoneOffset
import java.util.Collections

/**
 * A type of values, which the native half parses by the same rules as in every language. Types with the same
 * id are equal.
 */
internal class ValueType<T : Any>(private val id: Any, val expected: String, val parse: (String, Rules) -> T?) {
    override fun equals(other: Any?): Boolean = other is ValueType<*> && id == other.id

    override fun hashCode(): Int = id.hashCode()

    /** Marks a malformed value. */
    object Malformed

    companion object {
        val INT = ValueType("int", "a whole number of 32 bits") { text, _ -> parseInt(text) }
        val LONG = ValueType("long", "a whole number of 64 bits") { text, _ -> parseLong(text) }
        val DOUBLE = ValueType("double", "a number") { text, _ -> parseDouble(text) }
        val BOOLEAN = ValueType("boolean", "a boolean") { text, rules -> parseBoolean(text, rules.strictBooleans) }
        val DURATION = ValueType("duration", "a duration such as 2D3H4M5S123MS or 500") { text, _ -> parseDuration(text) }
        val DATE =
            ValueType("date", "a date such as 2024-01-31 23:59:59") { text, rules ->
                val ownZone = text.trim().getOrNull(DAY_LENGTH) in setOf('T', 't')
                parseDate(text, rules.lenientDates)?.let { Date(it, ownZone) }
            }

        fun list(delimiter: String, trim: Boolean): ValueType<List<String>> =
            ValueType(delimiter to trim, "a list") { text, _ -> Collections.unmodifiableList(parseList(text, delimiter, trim)) }

        fun <E : Enum<E>> constant(type: Class<E>): ValueType<E> =
            ValueType(type, "a constant of ${type.simpleName}") { text, _ -> type.enumConstants.find { it.name == text } }

        private const val DAY_LENGTH = 10
    }
}

/** A date that was parsed in UTC. Other time zones are applied by the JVM, unless the text contains one. */
internal class Date(private val inUtc: Instant, private val ownZone: Boolean) {
    fun at(zone: ZoneId): Instant {
        if (ownZone) return inUtc
        return LocalDateTime.ofInstant(inUtc, ZoneOffset.UTC).atZone(zone).toInstant()
    }
}
