package io.castalia

import java.net.URL
import java.util.Collections

/**
 * What the official client reads from the class path: settings of the program, and defaults of its
 * namespaces. Each file is opened by its name, because not every class loader lists the files of a folder.
 */
internal object ClassPath {
    private const val SUFFIX = ".properties"

    /** The content of `META-INF/app.properties`; null if there is none. */
    fun appProperties(): ByteArray? = files("META-INF/app.properties").firstNotNullOfOrNull(::read)

    /**
     * Calls a function with the name and the content of each file of defaults of a namespace, those that
     * override others last: `META-INF/config/{namespace}.properties`, unless it is one of another app, and
     * `{app id}+{namespace}.properties`.
     */
    fun defaults(appId: String, namespace: String, isOwn: Boolean, add: (name: String, content: ByteArray) -> Unit) {
        val stem = if (namespace.endsWith(SUFFIX, ignoreCase = true)) namespace.dropLast(SUFFIX.length) else namespace
        for (name in listOfNotNull(stem.takeIf { isOwn }, "$appId+$stem")) {
            for (file in files("META-INF/config/$name$SUFFIX").toList().reversed()) {
                val content = read(file) ?: continue
                try {
                    add(name, content)
                } catch (malformed: CastaliaException.Parse) {
                    ignore(file, malformed)
                }
            }
        }
    }

    /** Those of the class loader of the application first, then those of this library's. */
    private fun files(path: String): Sequence<URL> {
        val loaders = sequenceOf(Thread.currentThread().contextClassLoader, ClassPath::class.java.classLoader)
        // Compared as texts: `equals` of an address may look up its host.
        return loaders.filterNotNull().distinct().flatMap { find(it, path) }.distinctBy { "$it" }
    }

    private fun find(loader: ClassLoader, path: String): List<URL> = try {
        Collections.list(loader.getResources(path))
    } catch (unreadable: Exception) {
        // Loaders of containers throw others than IOException, such as after their module was stopped.
        Report.warn("the class path cannot be searched for $path", unreadable)
        emptyList()
    }

    private fun read(file: URL): ByteArray? = try {
        // A cached jar would remain open.
        file.openConnection().apply { useCaches = false }.getInputStream().use { it.readAllBytes() }
    } catch (unreadable: Exception) {
        ignore(file, unreadable)
        null
    }

    private fun ignore(file: URL, cause: Exception) = Report.warn("$file is ignored; correct it", cause)
}
