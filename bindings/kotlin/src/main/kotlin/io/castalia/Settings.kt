package io.castalia

import io.castalia.ffi.Entry
import io.castalia.ffi.Given

/** What must be loaded for a namespace to open; otherwise opening fails, mostly with [CastaliaException.NotReady]. */
enum class StartPolicy(internal val setting: String) {
    /** Nothing: an empty namespace is reported as a warning, and its state is `Unavailable`. */
    BEST_EFFORT("best-effort"),

    /** At least one namespace, from a server or a file. */
    REQUIRE_ANY("require-any"),

    /** Every namespace, from a server or a file. */
    REQUIRE_ALL("require-all"),

    /** At least one namespace, from a server. */
    REQUIRE_ANY_REMOTE("require-any-remote"),

    /** Every namespace, from a server. */
    REQUIRE_ALL_REMOTE("require-all-remote"),
}

/** Settings of a client, by property name. A value set here beats every other place. Nothing is checked before the client is made. */
class Settings private constructor(values: Map<String, String>, private val withEnv: Boolean) {
    private val values = HashMap(values)
    private val overlay = HashMap<String, String>()
    private val defaults = HashMap<String, List<Entry>>()
    private val seeds = HashMap<String, List<Entry>>()

    /** These values alone: nothing is read from the surroundings. */
    @JvmOverloads
    constructor(values: Map<String, String> = emptyMap()) : this(values, withEnv = false)

    /** Sets a value by its property name, such as `app.id` or `apollo.meta`. */
    fun set(name: String, value: String): Settings = apply { values[name] = value }

    /** Sets what must be loaded for a start. */
    fun startPolicy(policy: StartPolicy): Settings = set("castalia.start-policy", policy.setting)

    /** Values of keys that a namespace of the app itself does not have: weaker than a release, stronger than the defaults of reads. */
    fun defaults(namespace: String, entries: Map<String, String>): Settings = apply { defaults[namespace] = entriesOf(entries) }

    /** Content of a namespace of the app itself for a start without server and cache file. */
    fun seed(namespace: String, entries: Map<String, String>): Settings = apply { seeds[namespace] = entriesOf(entries) }

    /**
     * Adds properties of the host, such as those of a framework: as if they were system properties. Names that are no setting are
     * ignored.
     */
    fun overlay(values: Map<String, String>): Settings = apply { overlay += values }

    /** System properties answer for keys of every namespace too, as in the official client. */
    internal fun overlay(): Map<String, String> = overlay

    internal fun isWithEnv(): Boolean = withEnv

    /** What the native half takes; the path of settings on the class path counts unless another one is named. */
    internal fun given(appProperties: String?): Given {
        val path = mapOf(ClassPath.APP_PROPERTIES_PATH to appProperties)
        val found = path.filterValues { it != null }.mapValues { it.value.orEmpty() }
        val bundled = if (withEnv) ClassPath.defaults(appId()).mapValues { entriesOf(it.value) } else emptyMap()
        return Given(withEnv, values, found + overlay, bundled + defaults, seeds)
    }

    /** Whether a path of settings files is named somewhere else than on the class path. */
    internal fun namesAppProperties(): Boolean = listOf(values, overlay).any { ClassPath.APP_PROPERTIES_PATH in it } ||
        listOf("APOLLO_PATH_APP_PROPERTIES", "AGOLLO_CONF").any { it in System.getenv() }

    private fun appId(): String? = values["app.id"] ?: overlay["app.id"] ?: System.getenv("APP_ID")

    /** Names alone: values may be secrets. */
    override fun toString(): String = "Settings(${values.keys.sorted()}, withEnv=$withEnv)"

    companion object {
        /**
         * The settings of the surroundings: system properties, environment variables, `server.properties`, and
         * `META-INF/app.properties` of the class path, in this order.
         */
        @JvmStatic
        fun fromEnv(): Settings = Settings(emptyMap(), withEnv = true).apply {
            val properties = System.getProperties()
            properties.stringPropertyNames().forEach { name -> properties.getProperty(name)?.let { overlay[name] = it } }
        }
    }
}

/** Keys and values as the native half takes them. */
internal fun entriesOf(entries: Map<String, String>): List<Entry> = entries.map { Entry(it.key, it.value) }

/** One effective setting. */
data class Setting(
    /** Property name. */
    val name: String,
    /** Value; secrets are masked, and empty means unset. */
    val value: String,
    /** Where the value came from. */
    val origin: String,
    /** The name under which it was found there. */
    val foundAs: String,
    /** What it is for, with its unit. */
    val meaning: String,
)
