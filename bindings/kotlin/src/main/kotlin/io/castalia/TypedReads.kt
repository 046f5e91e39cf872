package io.castalia

import java.time.Duration
import java.time.Instant
import java.time.ZoneId
import java.util.Locale
import java.util.regex.Pattern

/**
 * Typed reads. They neither wait nor fail, except those named `try...`, which return null for a missing key
 * and throw [CastaliaException.Parse] for a malformed value. The others return the default.
 */
sealed class TypedReads {
    /** The value of a key; null if it is missing. An empty value is returned as such. */
    abstract operator fun get(key: String): String?

    /** The value of a key, or the default. */
    fun get(key: String, default: String): String = get(key) ?: default

    /** A 32-bit integer. */
    fun getInt(key: String, default: Int): Int = read(key, ValueType.INT) ?: default

    /** A 32-bit integer. */
    fun tryGetInt(key: String): Int? = tryRead(key, ValueType.INT)

    /** A 64-bit integer. */
    fun getLong(key: String, default: Long): Long = read(key, ValueType.LONG) ?: default

    /** A 64-bit integer. */
    fun tryGetLong(key: String): Long? = tryRead(key, ValueType.LONG)

    /** A floating-point number. */
    fun getDouble(key: String, default: Double): Double = read(key, ValueType.DOUBLE) ?: default

    /** A floating-point number. */
    fun tryGetDouble(key: String): Double? = tryRead(key, ValueType.DOUBLE)

    /**
     * `true` in any case. Any other value is false, or under `castalia.strict-booleans` malformed unless it
     * is a word for false.
     */
    fun getBoolean(key: String, default: Boolean): Boolean = read(key, ValueType.BOOLEAN) ?: default

    /** A boolean; see [getBoolean]. */
    fun tryGetBoolean(key: String): Boolean? = tryRead(key, ValueType.BOOLEAN)

    /** A duration such as `2D3H4M5S123MS`, or a number of milliseconds. */
    fun getDuration(key: String, default: Duration): Duration = read(key, ValueType.DURATION) ?: default

    /** A duration such as `2D3H4M5S123MS`, or a number of milliseconds. */
    fun tryGetDuration(key: String): Duration? = tryRead(key, ValueType.DURATION)

    /**
     * A date as `yyyy-MM-dd`, optionally followed by ` HH:mm:ss` or ` HH:mm:ss.SSS`, in this time zone, by
     * default that of `castalia.time-zone`; or a date of RFC 3339.
     */
    @JvmOverloads
    fun getDate(key: String, default: Instant, zone: ZoneId = rules.zone): Instant =
        read(key, ValueType.DATE)?.at(zone) ?: default

    /** A date; see [getDate]. */
    @JvmOverloads
    fun tryGetDate(key: String, zone: ZoneId = rules.zone): Instant? = tryRead(key, ValueType.DATE)?.at(zone)

    /** The enum constant with exactly this name. */
    fun <E : Enum<E>> getEnum(key: String, default: E): E = read(key, ValueType.constant(default.declaringClass)) ?: default

    /** The enum constant with exactly this name. */
    fun <E : Enum<E>> tryGetEnum(key: String, type: Class<E>): E? = tryRead(key, ValueType.constant(type))

    /**
     * Splits a value at a literal delimiter, without empty parts at the end; with [trim], without white space
     * around the parts.
     */
    @JvmOverloads
    fun getList(key: String, default: List<String>, delimiter: String = ",", trim: Boolean = false): List<String> =
        read(key, ValueType.list(delimiter, trim)) ?: default

    /** Splits a value at the matches of a pattern, without empty parts at the end. */
    fun getList(key: String, default: List<String>, delimiter: Pattern): List<String> =
        get(key)?.let { delimiter.split(it).asList() } ?: default

    /**
     * The value parsed by a function, which is called at each read; null and exceptions mean that it is
     * malformed. Use it for types without a read of their own, such as JSON, for which the JVM has no parser:
     * `getWith("db", null) { mapper.readValue(it, Db::class.java) }`.
     */
    fun <T> getWith(key: String, default: T, read: (String) -> T?): T {
        val text = get(key) ?: return default
        return runCatching { read(text) }.getOrNull() ?: default.also { noteMalformed(key) }
    }

    /** The value of this type; [ValueType.Malformed], or null if it is missing. */
    internal abstract fun parsed(key: String, type: ValueType<*>): Any?

    /** Reports a malformed value, once. */
    internal abstract fun noteMalformed(key: String)

    /** Name of the namespace, for messages. */
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

/** Rules for reads, from the settings of the client. */
internal class Rules(native: Record, private val usesSystemProperties: Boolean) {
    /** Values for keys that no release has. */
    val fallback: Map<String, String> = checkNotNull(native.record("fallback")).texts()

    /** Maximum number of parsed values of a type that a snapshot caches. */
    val kept: Int = native.long("typed_cache").coerceAtMost(Int.MAX_VALUE.toLong()).toInt()
    val lenientDates: Boolean = native.flag("lenient_dates")
    val strictBooleans: Boolean = native.flag("strict_booleans")
    private val fixed: ZoneId? = native.text("zone").takeUnless { it == "local" }?.let { ZoneId.of(it.uppercase(Locale.ROOT)) }

    /** Time zone of dates without one. That of the JVM may change. */
    val zone: ZoneId get() = fixed ?: ZoneId.systemDefault()

    /** The system property that overrides a key; null if there is none at the moment. */
    fun systemProperty(key: String): String? = if (usesSystemProperties && key.isNotEmpty()) System.getProperty(key) else null

    fun isOverridden(key: String): Boolean = systemProperty(key) != null
}
