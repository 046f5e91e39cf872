package io.castalia

import java.io.BufferedReader
import java.net.URLDecoder
import java.net.URLEncoder
import java.nio.file.Path

/** A scripted config service: a process that is controlled by lines of text. */
class Scripted : AutoCloseable {
    private val process = ProcessBuilder(
        Built.program("castalia-scripted").toString(),
    ).redirectError(ProcessBuilder.Redirect.INHERIT).start()
    private val answers: BufferedReader = process.inputStream.bufferedReader()
    val url: String = answer()

    /** Releases these values of `application`. */
    fun publish(vararg values: Pair<String, String>) = publish("application", values.toMap())

    fun publish(namespace: String, values: Map<String, String>) {
        order("publish", namespace, *values.flatMap { listOf(it.key, it.value) }.toTypedArray())
    }

    /** Sends a command and waits until it was carried out. */
    @Synchronized
    fun order(vararg words: String): String {
        process.outputStream.write((Words.join(words.asList()) + "\n").toByteArray())
        process.outputStream.flush()
        return answer()
    }

    /** Settings of a patient client of this service, without initial delays. */
    fun settings(vararg more: Pair<String, String>): Map<String, String> = PATIENT + mapOf(
        "app.id" to "order",
        "apollo.meta" to url,
        "apollo.cache.file.enable" to "false",
        "apollo.longPollingInitialDelayInMills" to "0",
        "apollo.longPollQPS" to "1000",
        "apollo.loadConfigQPS" to "1000",
    ) + more

    fun client(vararg more: Pair<String, String>) = Client(settings(*more))

    override fun close() {
        process.destroyForcibly().waitFor()
    }

    private fun answer(): String {
        val words = Words.split(checkNotNull(answers.readLine()) { "the scripted server ended" })
        check(words.first() == "ok") { words }
        return words.getOrElse(1) { "" }
    }
}

/** Milliseconds that this machine does not exceed, although it may stop for seconds. */
val PATIENT = listOf(
    "apollo.connectTimeout",
    "apollo.readTimeout",
    "apollo.discoveryConnectTimeout",
    "apollo.discoveryReadTimeout",
    "castalia.start-timeout",
).associateWith { "60000" }

/** Lines of percent-encoded words. */
object Words {
    fun join(words: List<String>): String = words.joinToString(" ") { URLEncoder.encode(it, Charsets.UTF_8).replace("+", "%20") }

    fun split(line: String): List<String> = line.split(" ").map { URLDecoder.decode(it, Charsets.UTF_8) }
}

/** Artifacts of the build beside the classes. */
object Built {
    private val root: Path = Path.of("").toAbsolutePath().parent.parent
    private val cargo: Path = System.getenv("CARGO_TARGET_DIR")?.let(Path::of) ?: root.resolve("target")
    val jar: Path = Path.of(System.getProperty("castalia.test.jar"))

    /** The jar and all that a program needs. */
    val classPath: List<Path> =
        listOf(jar) + Path.of(System.getProperty("castalia.test.libraries")).toFile().listFiles().orEmpty().map { it.toPath() }

    /** The same with the test classes, for programs that are defined here. */
    val withTests: List<Path> = classPath.plusElement(Path.of(System.getProperty("castalia.test.classes")))

    fun program(name: String): Path = cargo.resolve("debug").resolve(name)
}

/**
 * Milliseconds of the quickest of some attempts, each of which returns its own: other programs may have the processors
 * during the others. One within the limit suffices.
 */
fun quickest(limit: Long, attempt: () -> Long): Long {
    var best = Long.MAX_VALUE
    repeat(10) { if (best >= limit) best = minOf(best, attempt()) }
    return best
}

/** Waits until a condition holds; the failure names it. */
fun eventually(what: String, seconds: Int = 60, holds: () -> Boolean) {
    val end = System.nanoTime() + seconds * 1_000_000_000L
    while (!holds()) {
        check(System.nanoTime() < end) { "not within $seconds s: $what" }
        Thread.sleep(5)
    }
}
