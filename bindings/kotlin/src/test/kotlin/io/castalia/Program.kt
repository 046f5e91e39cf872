package io.castalia

import java.io.File
import java.nio.file.Path
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit.SECONDS

/** A program in its own JVM: one of the main functions among the tests. */
class Program(private val main: String, private val classPath: List<Path> = Built.withTests) {
    fun command(vararg options: String): List<String> = listOf(
        "${Path.of(System.getProperty("java.home"), "bin", "java")}",
        // It ends before optimised code would pay off.
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        *options,
        "-cp",
        classPath.joinToString(File.pathSeparator),
        main,
    )

    /** Starts it and waits for its exit. */
    fun run(vararg options: String, arguments: List<String> = emptyList(), before: List<String> = emptyList()): Ended =
        start(*options, arguments = arguments, before = before).get()

    /** Starts it; `before` is a command that runs it. */
    fun start(
        vararg options: String,
        arguments: List<String> = emptyList(),
        before: List<String> = emptyList(),
    ): CompletableFuture<Ended> {
        val (output, errors) = List(2) { File.createTempFile("castalia-test", ".txt") }
        val process =
            ProcessBuilder(before + command(*options) + arguments).redirectOutput(output).redirectError(errors).start()
        val ended = process.onExit().orTimeout(PATIENCE, SECONDS).whenComplete { _, _ -> process.destroyForcibly() }
        return ended.thenApply { Ended(it.exitValue(), taken(output), taken(errors)) }
    }

    private fun taken(file: File): String = file.readText().trim().also { file.delete() }

    private companion object {
        const val PATIENCE = 900L
    }
}

data class Ended(val code: Int, val output: String, val errors: String)
