package io.castalia

/**
 * Several namespaces as one source of properties, in the form that frameworks such as Spring ask for: a name, names of properties,
 * and a value for each; of namespaces that have the same key the first answers.
 */
class ConfigSource(
    val name: String,
    /** The namespaces, the first of which is the strongest. */
    val configs: List<Config>,
) {
    /** The value of a property, null when no namespace has it. */
    fun getProperty(name: String): String? = configs.firstNotNullOfOrNull { it[name] }

    /** Names of all properties that the namespaces hold. */
    fun propertyNames(): Set<String> = configs.flatMapTo(LinkedHashSet()) { it.snapshot().values.keys }

    /** Calls a listener for each change of any of the namespaces. */
    fun onChange(listener: ChangeListener): Subscription {
        val subscriptions = configs.map { it.onChange(listener = listener) }
        return object : Subscription {
            override fun cancel() = subscriptions.forEach(Subscription::cancel)
        }
    }
}
