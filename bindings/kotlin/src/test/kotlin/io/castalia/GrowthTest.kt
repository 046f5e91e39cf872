package io.castalia

import java.io.File
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test

/**
 * Opens and closes clients, and prints before and after how many descriptors and MiB of memory the
 * process uses.
 */
object OpenAndClose {
    private const val THREADS = 8
    private val server = Settings.fromEnv()
    private val local = Settings(mapOf("app.id" to "order", "env" to "LOCAL", "apollo.cache.file.enable" to "false"))

    @JvmStatic
    fun main(arguments: Array<String>) {
        var most = Int.MAX_VALUE
        for (count in arguments) {
            List(THREADS) { thread { cycles(count.toInt() / THREADS) } }.forEach(Thread::join)
            eventually("threads end") { Thread.getAllStackTraces().keys.none { it.name.startsWith("castalia-listener") } }
            System.gc()
            // The connections of the last clients may take a moment to end.
            runCatching { eventually("descriptors are closed") { descriptors() <= most } }
            val open = descriptors()
            most = open + 3
            println("$open ${resident()}")
        }
    }

    /** Most clients have no server, to save time. */
    private fun cycles(count: Int) = repeat(count) {
        Client(if (it % 20 == 0) server else local).use { client ->
            val config = runBlocking { client.config("application") }
            config.onChange { }
            check(config.get("n", "0") == "0")
        }
    }

    private fun descriptors(): Int = File("/proc/self/fd").list().orEmpty().size

    private fun resident(): Long = File("/proc/self/statm").readText().split(" ")[1].toLong() * 4096 / (1 shl 20)
}

class GrowthTest {
    @Test
    fun `opening and closing again and again leaves nothing behind`() {
        // C115, ten thousand times if `CASTALIA_TEST_LONG` is set. The heap has a fixed size and
        // compilation is done after the first half, so further growth is not the JVM's.
        Scripted().use { server ->
            server.publish("n" to "0")
            val settings = server.settings().map { "-D${it.key}=${it.value}" }.toTypedArray()
            val options = settings + arrayOf("-Xms64m", "-Xmx64m", "-XX:+AlwaysPreTouch")
            // Few malloc arenas reach a stable size sooner than one for each thread.
            val arenas = listOf("env", "MALLOC_ARENA_MAX=2")
            val ended = Program("io.castalia.OpenAndClose").run(*options, arguments = listOf("$HALF", "$HALF"), before = arenas)
            assertEquals(0, ended.code, "$ended")
            val (before, after) = ended.output.lines().map { line -> line.split(" ").map(String::toInt) }
            assertTrue(after[0] <= before[0] + 3, "descriptors: $ended")
            assertTrue(after[1] <= before[1] + 4 + HALF / 250, "memory: $ended")
        }
    }

    private companion object {
        val HALF = if (System.getenv("CASTALIA_TEST_LONG") == null) 1000 else 5000
    }
}
