package io.castalia

/**
 * Several namespaces as one source of properties, in the form that frameworks such as Spring expect: a name,
 * names of properties, and a value for each. If several namespaces have a key, the first one is used.
 */
class ConfigSource(
    val name: String,
    /** The namespaces, in order of precedence. */
    val configs: List<Config>,
) {
    /** The value of a property; null if no namespace has it. Like [propertyNames], this waits for nothing. */
    fun getProperty(name: String): String? = configs.firstNotNullOfOrNull { it.opened.current.values[name] }

    /** Names of all properties of the namespaces. */
    fun propertyNames(): Set<String> = configs.flatMapTo(LinkedHashSet()) { it.opened.current.values.keys }

    /** The values that [getProperty] reads, by namespace; the same objects until there is a release. */
    fun snapshots(): List<Snapshot> = configs.map { it.opened.current }

    /** Calls a listener for each change of any of the namespaces. */
    fun onChange(listener: ChangeListener): Subscription {
        val subscriptions = configs.map { it.onChange(listener = listener) }
        return object : Subscription {
            override fun cancel() = subscriptions.forEach(Subscription::cancel)
        }
    }
}
