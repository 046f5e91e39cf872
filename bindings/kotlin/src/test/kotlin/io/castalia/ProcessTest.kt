package io.castalia

import java.io.File
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.CountDownLatch
import kotlin.system.exitProcess
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

/** Exits without closing while events arrive: by returning, or with an exit code. */
object EndWithoutClose {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val client = Client(Settings.fromEnv())
        val config = runBlocking { client.config("application") }
        val heard = CountDownLatch(3)
        config.onChange { heard.countDown() }
        println("listening")
        heard.await()
        if (arguments.isNotEmpty()) exitProcess(arguments.single().toInt())
    }
}

/** Makes this many blocking calls, for a JVM that checks JNI calls. */
object CallOften {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val client = Client(Settings.fromEnv())
        runBlocking { repeat(arguments.single().toInt()) { client.config("application") } }
        client.close()
        println("done")
    }
}

/**
 * Opens a namespace, and prints whether that opened sockets, and which of them an executed program
 * would inherit.
 */
object ShowInherited {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val client = Client(Settings.fromEnv())
        // The JVM has descriptors of its own.
        val before = open()
        runBlocking { client.config("application") }
        val ours = open() - before
        println("${ours.any { "socket:" in it }} ${ours.filterNot(::isClosedOnExec)}")
        client.close()
    }

    /** Number and name of each descriptor that is not a file. */
    private fun open(): Set<String> = File("/proc/self/fd").list().orEmpty().mapNotNullTo(HashSet()) { number ->
        val name = runCatching { Files.readSymbolicLink(Path.of("/proc/self/fd/$number")) }.getOrNull()
        "$number $name".takeIf { ":[" in it || "anon_inode:" in it }
    }

    private fun isClosedOnExec(descriptor: String): Boolean {
        val flags = File("/proc/self/fdinfo/${descriptor.substringBefore(' ')}").readLines().first { it.startsWith("flags:") }
        return flags.removePrefix("flags:").trim().toInt(radix = 8) and CLOSE_ON_EXEC != 0
    }

    private const val CLOSE_ON_EXEC = 0x80000
}

class ProcessTest {
    private val server = Scripted()

    @BeforeEach
    fun publish() = server.publish("n" to "0")

    @AfterEach
    fun stop() = server.close()

    private fun options() = server.settings().map { "-D${it.key}=${it.value}" }.toTypedArray()

    @Test
    fun `a program ends as it says, though it did not close and events come`() {
        // C114, T48
        repeat(10) { round ->
            val code = if (round % 2 == 0) 0 else round
            val arguments = if (code == 0) emptyList() else listOf("$code")
            val program = Program("io.castalia.EndWithoutClose").start(*options(), arguments = arguments)
            var n = 0
            while (!program.isDone) {
                server.publish("n" to "${++n}")
                Thread.sleep(1)
            }
            val ended = program.get()
            assertEquals(Triple(code, "listening", ""), Triple(ended.code, ended.output, ended.errors))
        }
    }

    @Test
    fun `no socket is inherited by a program that is executed`() {
        // T47. The JVM itself closes descriptors in its children, so the test checks the flag of
        // each.
        val ended = Program("io.castalia.ShowInherited").run(*options())
        assertEquals(Triple(0, "true []", ""), Triple(ended.code, ended.output, ended.errors))
    }

    @Test
    fun `a JVM that checks native code sees no local reference pile up`() {
        // T19. Warnings about unchecked exceptions and a few local references come from JNA while
        // it is loaded.
        val ended = Program("io.castalia.CallOften").run(*options(), "-Xcheck:jni", arguments = listOf("$CALLS"))
        assertEquals(0 to "", ended.code to ended.errors)
        val references = Regex("local refs: (\\d+)").findAll(ended.output).map { it.groupValues[1].toInt() }
        assertTrue(references.all { it < 64 } && "FATAL" !in ended.output, ended.output.take(4000))
        assertTrue("done" in ended.output.lines(), ended.output.takeLast(3000))
    }

    private companion object {
        const val CALLS = 2000
    }
}
