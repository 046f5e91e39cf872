package io.castalia

import io.castalia.ffi.Rules as NativeRules
import java.time.Duration
import java.time.Instant
import java.time.ZoneId
import java.util.Locale
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

    /** `true` in any case; every other value is false, or malformed under `castalia.strict-booleans` unless it says no. */
    fun getBoolean(key: String, default: Boolean): Boolean = read(key, ValueType.BOOLEAN) ?: default

    /** A boolean; see [getBoolean]. */
    fun tryGetBoolean(key: String): Boolean? = tryRead(key, ValueType.BOOLEAN)

    /** A time such as `2D3H4M5S123MS`, or a bare number of milliseconds. */
    fun getDuration(key: String, default: Duration): Duration = read(key, ValueType.DURATION) ?: default

    /** A time such as `2D3H4M5S123MS`, or a bare number of milliseconds. */
    fun tryGetDuration(key: String): Duration? = tryRead(key, ValueType.DURATION)

    /**
     * A date as `yyyy-MM-dd`, with ` HH:mm:ss` or ` HH:mm:ss.SSS` behind it, in this zone, that of `castalia.time-zone` unless given;
     * or one of RFC 3339.
     */
    @JvmOverloads
    fun getDate(key: String, default: Instant, zone: ZoneId = rules.zone): Instant =
        read(key, ValueType.DATE)?.at(zone) ?: default

    /** A date; see [getDate]. */
    @JvmOverloads
    fun tryGetDate(key: String, zone: ZoneId = rules.zone): Instant? = tryRead(key, ValueType.DATE)?.at(zone)

    /** The constant of exactly this name. */
    fun <E : Enum<E>> getEnum(key: String, default: E): E = read(key, ValueType.constant(default.declaringClass)) ?: default

    /** The constant of exactly this name. */
    fun <E : Enum<E>> tryGetEnum(key: String, type: Class<E>): E? = tryRead(key, ValueType.constant(type))

    /** The parts between a literal delimiter, without empty ones at the end; with [trim], without blanks around them. */
    @JvmOverloads
    fun getList(key: String, default: List<String>, delimiter: String = ",", trim: Boolean = false): List<String> =
        read(key, ValueType.list(delimiter, trim)) ?: default

    /** The parts between what this pattern finds, without empty ones at the end. */
    fun getList(key: String, default: List<String>, delimiter: Pattern): List<String> =
        get(key)?.let { delimiter.split(it).asList() } ?: default

    /**
     * The value as a function reads it; null and exceptions mean malformed. It is called at each read. The way to types that are not
     * here, such as JSON, for which the JVM has no parser: `getWith("db", null) { mapper.readValue(it, Db::class.java) }`.
     */
    fun <T> getWith(key: String, default: T, read: (String) -> T?): T {
        val text = get(key) ?: return default
        return runCatching { read(text) }.getOrNull() ?: default.also { noteMalformed(key) }
    }

    /** The value of this type, [ValueType.Malformed], or null when there is none. */
    internal abstract fun parsed(key: String, type: ValueType<*>): Any?

    /** A value is malformed, which is told once. */
    internal abstract fun noteMalformed(key: String)

    /** Name of what is read from, for messages. */
    internal abstract val readFrom: String

    internal abstract val rules: Rules

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

/** How values are read, by the settings of the client. */
internal class Rules(
    /** Values for keys that no release has. */
    val beyond: Map<String, String>,
    /** How many parsed values of a type a snapshot keeps. */
    val kept: Int,
    native: NativeRules,
) {
    val lenientDates: Boolean = native.lenientDates
    val strictBooleans: Boolean = native.strictBooleans
    private val fixed: ZoneId? = native.zone.takeUnless { it == "local" }?.let { ZoneId.of(it.uppercase(Locale.ROOT)) }

    /** The zone of dates that name none; that of the JVM may change. */
    val zone: ZoneId get() = fixed ?: ZoneId.systemDefault()
}
