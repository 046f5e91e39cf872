package io.castalia

import io.castalia.ffi.Content
import java.time.Instant
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

/** The values of a namespace at one moment; they never change. */
class Snapshot internal constructor(
    content: Content,
    override val rules: Rules,
    /** Called once for each malformed key. */
    private val tell: (key: String) -> Unit,
) : TypedReads() {
    val appId: String = content.appId
    val cluster: String = content.cluster
    val namespace: String = content.namespace

    /** Release key; empty unless the source is remote. */
    val releaseKey: String = content.releaseKey

    /** Id of the newest notification before the load; -1 if there was none. */
    val notificationId: Long = content.notificationId
    val source: Source = Source.of(content.source)

    /** When the values were loaded; for a cache file, its modification time. */
    val loadedAt: Instant = content.loadedAt

    /** The text, if the namespace is open as one text. */
    internal val text: String? = content.text

    private val held = LinkedHashMap<String, String>(content.values.size * 2)
    private val parsed = ConcurrentHashMap<ValueType<*>, ConcurrentHashMap<String, Any>>()
    private val malformed = ConcurrentHashMap.newKeySet<String>()

    init {
        content.values.forEach { held[it.key] = it.value }
    }

    /** Keys and values, in the server's order. */
    val values: Map<String, String> get() = Collections.unmodifiableMap(held)

    override fun get(key: String): String? = held[key] ?: rules.fallback[key]

    /** Parsed values are cached here and dropped with the snapshot. */
    override fun parsed(key: String, type: ValueType<*>): Any? {
        val kept = parsed.computeIfAbsent(type) { ConcurrentHashMap() }
        kept[key]?.let { return it }
        val text = get(key) ?: return null
        val value = type.parse(text, rules) ?: ValueType.Malformed.also { noteMalformed(key) }
        if (kept.size < rules.kept) kept[key] = value
        return value
    }

    override fun noteMalformed(key: String) {
        if (malformed.add(key)) tell(key)
    }

    override val readFrom: String get() = namespace

    /** Prints the number of keys instead of the values, which may be secrets. */
    override fun toString(): String = "Snapshot(namespace=$namespace, keys=${held.size}, source=$source)"
}
