package io.castalia

import io.castalia.ffi.parseBoolean
import io.castalia.ffi.parseDouble
import io.castalia.ffi.parseDuration
import io.castalia.ffi.parseInt
import io.castalia.ffi.parseLong
import java.time.DateTimeException
import java.time.Duration
import java.time.Instant
import java.time.LocalDateTime
import java.time.OffsetDateTime
import java.time.ZoneId
import java.time.format.DateTimeFormatter
import java.time.format.ResolverStyle
import java.util.regex.Pattern

/**
 * Reads of values by key. None waits or fails but those named `try...`: they give null for a missing key, and throw
 * [CastaliaException.Parse] for a malformed value, where the others give the default.
 */
sealed class TypedReads {
    /** The value of a key, null when there is none; an empty value is a value. */
    abstract operator fun get(key: String): String?

    /** The value of a key, or the default. */
    fun get(key: String, default: String): String = get(key) ?: default

    /** A whole number of 32 bits. */
    fun getInt(key: String, default: Int): Int = read(key, ValueType.INT) ?: default

    /** A whole number of 32 bits. */
    fun tryGetInt(key: String): Int? = tryRead(key, ValueType.INT)

    /** A whole number of 64 bits. */
    fun getLong(key: String, default: Long): Long = read(key, ValueType.LONG) ?: default

    /** A whole number of 64 bits. */
    fun tryGetLong(key: String): Long? = tryRead(key, ValueType.LONG)

    /** A number. */
    fun getDouble(key: String, default: Double): Double = read(key, ValueType.DOUBLE) ?: default

    /** A number. */
    fun tryGetDouble(key: String): Double? = tryRead(key, ValueType.DOUBLE)

    /** `true` in any case; every other value is false. */
    fun getBoolean(key: String, default: Boolean): Boolean = read(key, ValueType.BOOLEAN) ?: default

    /** `true` in any case; every other value is false. */
    fun tryGetBoolean(key: String): Boolean? = tryRead(key, ValueType.BOOLEAN)

    /** A time such as `2D3H4M5S123MS`, or a bare number of milliseconds. */
    fun getDuration(key: String, default: Duration): Duration = read(key, ValueType.DURATION) ?: default

    /** A time such as `2D3H4M5S123MS`, or a bare number of milliseconds. */
    fun tryGetDuration(key: String): Duration? = tryRead(key, ValueType.DURATION)

    /** A date as `yyyy-MM-dd`, with ` HH:mm:ss` or ` HH:mm:ss.SSS` behind it, in this zone; or one of RFC 3339. */
    @JvmOverloads
    fun getDate(key: String, default: Instant, zone: ZoneId = ZoneId.systemDefault()): Instant =
        getWith(key, default) { ValueType.date(it, zone) }

    /** A date; see [getDate]. */
    @JvmOverloads
    fun tryGetDate(key: String, zone: ZoneId = ZoneId.systemDefault()): Instant? =
        get(key)?.let { ValueType.date(it, zone) ?: throw malformed(key, "a date such as 2024-01-31 23:59:59") }

    /** The constant of this name. */
    fun <E : Enum<E>> getEnum(key: String, default: E): E =
        default.declaringJavaClass.enumConstants.find { it.name == get(key) } ?: default

    /** The parts between a literal delimiter, without empty ones at the end; with [trim], without blanks around them. */
    @JvmOverloads
    fun getList(key: String, default: List<String>, delimiter: String = ",", trim: Boolean = false): List<String> {
        val parts = getList(key, default, Pattern.compile(delimiter, Pattern.LITERAL))
        return if (!trim || parts === default || parts == listOf("")) parts else trimmed(parts)
    }

    /** The parts between what this pattern finds, without empty ones at the end. */
    fun getList(key: String, default: List<String>, delimiter: Pattern): List<String> =
        get(key)?.let { delimiter.split(it).asList() } ?: default

    private fun trimmed(parts: List<String>) = parts.map(String::trim).dropLastWhile(String::isEmpty)

    /** The value as a function reads it; null and exceptions mean malformed. */
    fun <T> getWith(key: String, default: T, read: (String) -> T?): T =
        get(key)?.let { text -> runCatching { read(text) }.getOrNull() } ?: default

    /** The value of this type, [ValueType.Malformed], or null when there is none. */
    internal abstract fun parsed(key: String, type: ValueType<*>): Any?

    /** Name of what is read from, for messages. */
    internal abstract val readFrom: String

    @Suppress("UNCHECKED_CAST")
    private fun <T : Any> read(key: String, type: ValueType<T>): T? =
        parsed(key, type).takeUnless { it === ValueType.Malformed } as T?

    @Suppress("UNCHECKED_CAST")
    private fun <T : Any> tryRead(key: String, type: ValueType<T>): T? {
        val found = parsed(key, type)
        if (found === ValueType.Malformed) throw malformed(key, type.expected)
        return found as T?
    }

    private fun malformed(key: String, expected: String): CastaliaException {
        val context = mapOf("namespace" to readFrom, "key" to key)
        return CastaliaException.of("Parse", "read value", "the value is not $expected (namespace=$readFrom, key=$key)", context)
    }
}

/** A type of values: the native half knows how to read it, by the same rules as in every language. */
internal class ValueType<T : Any>(val expected: String, val parse: (String) -> T?) {
    /** Stands for a value that is not of the type. */
    object Malformed

    companion object {
        val INT = ValueType("a whole number of 32 bits", ::parseInt)
        val LONG = ValueType("a whole number of 64 bits", ::parseLong)
        val DOUBLE = ValueType("a number", ::parseDouble)
        val BOOLEAN = ValueType("a boolean", ::parseBoolean)
        val DURATION = ValueType("a duration such as 2D3H4M5S123MS or 500", ::parseDuration)

        private val shapes =
            mapOf(10 to "uuuu-MM-dd", 19 to "uuuu-MM-dd HH:mm:ss", 23 to "uuuu-MM-dd HH:mm:ss.SSS")
                .mapValues { DateTimeFormatter.ofPattern(it.value).withResolverStyle(ResolverStyle.STRICT) }

        /** A date; here because the zone is that of the JVM. */
        fun date(text: String, zone: ZoneId): Instant? {
            val trimmed = text.trim()
            return try {
                when {
                    trimmed.getOrNull(DATE_LENGTH) in setOf('T', 't') -> OffsetDateTime.parse(trimmed).toInstant()
                    trimmed.length == DATE_LENGTH -> LocalDateTime.parse("$trimmed 00:00:00", shapes[19]).atZone(zone).toInstant()
                    else -> shapes[trimmed.length]?.let { LocalDateTime.parse(trimmed, it).atZone(zone).toInstant() }
                }
            } catch (_: DateTimeException) {
                null
            }
        }

        private const val DATE_LENGTH = 10
    }
}
