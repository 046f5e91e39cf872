package io.castalia

import java.io.InputStreamReader
import java.net.JarURLConnection
import java.net.URL
import java.nio.file.Files
import java.nio.file.Path
import java.util.Properties

/**
 * What the official client reads from the class path: settings of the program, and defaults of its
 * namespaces.
 */
internal object ClassPath {
    const val APP_PROPERTIES_PATH = "apollo.path.app.properties"
    private const val APP_PROPERTIES = "META-INF/app.properties"
    private const val DEFAULTS = "META-INF/config"
    private const val SUFFIX = ".properties"

    /**
     * Runs a function with the path of `META-INF/app.properties`, if it exists. In a jar it becomes a file
     * during the call.
     */
    fun <T> withAppProperties(run: (String?) -> T): T {
        val found = loaders().firstNotNullOfOrNull { it.getResource(APP_PROPERTIES) } ?: return run(null)
        if (found.protocol == "file") return run(Path.of(found.toURI()).toString())
        val copy = Files.createTempFile("castalia", SUFFIX)
        try {
            found.openStream().use { Files.write(copy, it.readAllBytes()) }
            return run(copy.toString())
        } finally {
            Files.delete(copy)
        }
    }

    /** The app id in a settings file; null if there is none or the file cannot be read, as in the native half. */
    fun appIdIn(path: String): String? = runCatching { read(listOf(Path.of(path).toUri().toURL()))["app.id"] }.getOrNull()

    /**
     * `META-INF/config/{namespace}.properties` by namespace; `{app id}+{namespace}.properties` overrides it.
     */
    fun defaults(appId: String?): Map<String, Map<String, String>> {
        val folders = loaders().flatMap { it.getResources(DEFAULTS).asSequence() }.distinct()
        val files = folders.flatMap(::files).toList().reversed()
        val own = "$appId+"
        val (special, general) = files.partition { '+' in it.first }
        val chosen = general + special.filter { it.first.startsWith(own) }.map { it.first.removePrefix(own) to it.second }
        return chosen.groupBy({ it.first }, { it.second }).mapValues { (_, urls) -> read(urls) }
    }

    /** Names without suffix, and their locations. */
    private fun files(folder: URL): List<Pair<String, URL>> {
        val connection = folder.openConnection()
        val names =
            when {
                connection is JarURLConnection -> {
                    val paths = connection.jarFile.entries().asSequence().map { it.name }
                    paths.filter { it.startsWith("$DEFAULTS/") }.map { it.removePrefix("$DEFAULTS/") }.toList()
                }

                folder.protocol == "file" -> Path.of(folder.toURI()).toFile().list().orEmpty().toList()

                else -> emptyList()
            }
        val wanted = names.filter { it.endsWith(SUFFIX) && '/' !in it }
        return wanted.map { it.removeSuffix(SUFFIX) to URL("$folder/$it") }
    }

    private fun read(urls: List<URL>): Map<String, String> {
        val properties = Properties()
        urls.forEach { url -> InputStreamReader(url.openStream(), Charsets.UTF_8).use(properties::load) }
        return properties.stringPropertyNames().sorted().associateWith { properties.getProperty(it) }
    }

    /** The class loader of the application first, then this library's. */
    private fun loaders(): Sequence<ClassLoader> =
        sequenceOf(Thread.currentThread().contextClassLoader, ClassPath::class.java.classLoader).filterNotNull().distinct()
}
