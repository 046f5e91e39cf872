package io.castalia

/** An open namespace as one text: a document as released, or properties text. */
class ConfigFile internal constructor(internal val opened: Opened) : OpenNamespace {
    /** The text; null if nothing has been loaded. */
    val content: String? get() = opened.current.text

    /**
     * Calls a listener for each change of the text, whose event has the single key `content`; see
     * [Config.onChange].
     */
    fun onChange(listener: ChangeListener): Subscription = opened.listen(emptySet(), emptySet(), listener)

    override fun toString(): String = "ConfigFile(namespace=$namespace)"
}
