package io.castalia

import io.castalia.ffi.ClientOptions
import io.castalia.ffi.Entry
import io.castalia.ffi.LogUser

/**
 * What must be loaded for a namespace to open. Otherwise opening fails, mostly with
 * [CastaliaException.NotReady].
 */
enum class StartPolicy(internal val setting: String) {
    /** Nothing: an empty namespace is reported as a warning, and its state is `Unavailable`. */
    BEST_EFFORT("best-effort"),

    /** At least one namespace, from any source. */
    REQUIRE_ANY("require-any"),

    /** Every namespace, from any source. */
    REQUIRE_ALL("require-all"),

    /** At least one namespace, from a server. */
    REQUIRE_ANY_REMOTE("require-any-remote"),

    /** Every namespace, from a server. */
    REQUIRE_ALL_REMOTE("require-all-remote"),
}

/**
 * Settings of a client, by property name. A value set here overrides every other origin. They are validated
 * when a client is created.
 */
class Settings private constructor(values: Map<String, String>, private val withEnv: Boolean) {
    private val values = HashMap(values)
    private val overlay = HashMap<String, String>()
    private val defaults = HashMap<String, List<Entry>>()
    private val seeds = HashMap<String, List<Entry>>()

    /** Only these values: neither the environment nor files are read. */
    @JvmOverloads
    constructor(values: Map<String, String> = emptyMap()) : this(values, withEnv = false)

    /** Sets a value by its property name, such as `app.id` or `apollo.meta`. */
    fun set(name: String, value: String): Settings = apply { values[name] = value }

    /** Sets what must be loaded for a start to succeed. */
    fun startPolicy(policy: StartPolicy): Settings = set("castalia.start-policy", policy.setting)

    /**
     * Values for keys that a namespace of the client's app does not have. A release overrides them, and they
     * override the defaults of reads.
     */
    fun defaults(namespace: String, entries: Map<String, String>): Settings = apply { defaults[namespace] = entriesOf(entries) }

    /**
     * Values of a namespace of the client's app that are used if there is neither a server nor a cache file.
     */
    fun seed(namespace: String, entries: Map<String, String>): Settings = apply { seeds[namespace] = entriesOf(entries) }

    /**
     * Adds properties of the host, such as those of a framework. They override environment and files, and keys
     * of the same name. Unknown names are ignored.
     */
    fun overlay(values: Map<String, String>): Settings = apply { overlay += values }

    internal fun isWithEnv(): Boolean = withEnv

    /**
     * Settings for the native half, which uses the settings file of the class path unless another one is
     * configured.
     */
    internal fun clientOptions(log: LogUser?): ClientOptions {
        val appProperties = if (withEnv) ClassPath.appProperties() else null
        return ClientOptions(withEnv, values, overlay, defaults, seeds, appProperties, log)
    }

    /** Prints only names, because values may be secrets. */
    override fun toString(): String = "Settings(${values.keys.sorted()}, withEnv=$withEnv)"

    companion object {
        /**
         * Settings from system properties, environment variables, `server.properties`, and
         * `META-INF/app.properties` of the class path, in this order. Settings are read once. Other system
         * properties override keys of the same name, and are read whenever such a key is.
         */
        @JvmStatic
        fun fromEnv(): Settings = Settings(emptyMap(), withEnv = true).apply {
            val properties = System.getProperties()
            for (name in properties.stringPropertyNames().filter { isSetting(it) }) {
                properties.getProperty(name)?.let { overlay[name] = it }
            }
        }

        private fun isSetting(name: String): Boolean =
            name.startsWith("apollo.") || name.startsWith("castalia.") || name.endsWith("_meta") ||
                name in setOf("app.id", "env", "host.ip", "idc")
    }
}

/** Keys and values for the native half. */
internal fun entriesOf(entries: Map<String, String>): List<Entry> = entries.map { Entry(it.key, it.value) }

/** One effective setting. */
data class Setting(
    /** Property name. */
    val name: String,
    /** The value; secrets are masked, and an unset value is empty. */
    val value: String,
    /** Origin of the value. */
    val origin: String,
    /** The name under which it was found. */
    val foundAs: String,
    /** Description, with the unit. */
    val meaning: String,
)

internal fun settingOf(record: Record) = Setting(
    name = record.text("name"),
    value = record.text("value"),
    origin = record.text("origin"),
    foundAs = record.text("found_as"),
    meaning = record.text("meaning"),
)
