package io.castalia

import io.castalia.ffi.Content
import java.time.Instant
import java.util.AbstractMap.SimpleImmutableEntry
import java.util.Collections
import java.util.concurrent.ConcurrentHashMap

/** Origin of the values of a namespace. */
enum class Source {
    /** A config service. */
    REMOTE,

    /** The cache file of an earlier run. */
    LOCAL,

    /** A seed, or a source function of the application. */
    STATIC,

    /** Nothing has been loaded: reads return their defaults. */
    NONE,
    ;

    internal companion object {
        fun of(name: String): Source = valueOf(name.uppercase(java.util.Locale.ROOT))
    }
}

/**
 * The values of a namespace at one moment; they never change. A system property of the same name as a key
 * overrides its value at each read, unless the client was created without the environment.
 */
class Snapshot private constructor(
    content: Content,
    about: Record,
    override val rules: Rules,
    /** Called once for each malformed key. */
    private val tell: (key: String) -> Unit,
) : TypedReads() {
    internal constructor(content: Content, rules: Rules, tell: (key: String) -> Unit) :
        this(content, Record(content.about), rules, tell)

    val appId: String = about.text("app_id")
    val cluster: String = about.text("cluster")
    val namespace: String = about.text("namespace")

    /** Release key; empty unless the source is remote. */
    val releaseKey: String = about.text("release_key")

    /** Id of the newest notification before the load; -1 if there was none. */
    val notificationId: Long = about.long("notification_id")
    val source: Source = Source.of(about.text("source"))

    /** When the values were loaded; for a cache file, its modification time. */
    val loadedAt: Instant = checkNotNull(about.moment("loaded_at_us"))

    /** The text, if the namespace is open as one text. */
    internal val text: String? = content.text

    private val held = LinkedHashMap<String, String>(content.values.size * 2)
    private val parsed = ConcurrentHashMap<ValueType<*>, ConcurrentHashMap<String, Any>>()
    private val malformed = ConcurrentHashMap.newKeySet<String>()

    init {
        content.values.forEach { held[it.key] = it.value }
    }

    /** Keys and values, in the server's order. */
    val values: Map<String, String> = OverriddenValues(held, rules::systemProperty)

    override fun get(key: String): String? = rules.systemProperty(key) ?: lasting(key)

    /** The value unless a system property overrides it. */
    private fun lasting(key: String): String? = held[key] ?: rules.fallback[key]

    /** Parsed values are cached here and dropped with the snapshot, except those of system properties, which may change. */
    override fun parsed(key: String, type: ValueType<*>): Any? {
        rules.systemProperty(key)?.let { return parse(key, it, type) }
        val kept = parsed.computeIfAbsent(type) { ConcurrentHashMap() }
        kept[key]?.let { return it }
        val text = lasting(key) ?: return null
        val value = parse(key, text, type)
        if (kept.size < rules.kept) kept[key] = value
        return value
    }

    private fun parse(key: String, text: String, type: ValueType<*>): Any =
        type.parse(text, rules) ?: ValueType.Malformed.also { noteMalformed(key) }

    override fun noteMalformed(key: String) {
        if (malformed.add(key)) tell(key)
    }

    override val readFrom: String get() = namespace

    /** Prints the number of keys instead of the values, which may be secrets. */
    override fun toString(): String = "Snapshot(namespace=$namespace, keys=${held.size}, source=$source)"
}

/** Values some of which are overridden when they are read. */
private class OverriddenValues(private val held: Map<String, String>, private val overrideOf: (key: String) -> String?) :
    AbstractMap<String, String>() {
    override val size: Int get() = held.size
    override val keys: Set<String> = Collections.unmodifiableSet(held.keys)
    override val entries: Set<Map.Entry<String, String>> = object : AbstractSet<Map.Entry<String, String>>() {
        override val size: Int get() = held.size

        override fun iterator(): Iterator<Map.Entry<String, String>> =
            held.asSequence().map { SimpleImmutableEntry(it.key, overrideOf(it.key) ?: it.value) }.iterator()
    }

    override fun containsKey(key: String): Boolean = held.containsKey(key)

    override fun get(key: String): String? = held[key]?.let { overrideOf(key) ?: it }
}
