package io.castalia

import java.io.File
import java.nio.file.Path
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit.SECONDS

/** A program of its own JVM: one of the main functions among the tests. */
class Program(private val main: String, private val classPath: List<Path> = Built.withTests) {
    fun command(vararg options: String): List<String> = listOf(
        "${Path.of(System.getProperty("java.home"), "bin", "java")}",
        *options,
        "-cp",
        classPath.joinToString(File.pathSeparator),
        main,
    )

    /** Starts it and waits for its end. */
    fun run(vararg options: String, arguments: List<String> = emptyList(), before: List<String> = emptyList()): Ended =
        start(*options, arguments = arguments, before = before).get()

    /** Starts it; `before` is a program that runs it. */
    fun start(
        vararg options: String,
        arguments: List<String> = emptyList(),
        before: List<String> = emptyList(),
    ): CompletableFuture<Ended> {
        val started = System.nanoTime()
        val process = ProcessBuilder(before + command(*options) + arguments).start()
        return CompletableFuture.supplyAsync {
            val errors = CompletableFuture.supplyAsync { process.errorStream.bufferedReader().readText() }
            val output = process.inputStream.bufferedReader().readText()
            if (!process.waitFor(PATIENCE, SECONDS)) process.destroyForcibly()
            Ended(process.waitFor(), output.trim(), errors.get().trim(), (System.nanoTime() - started) / 1e9)
        }
    }

    private companion object {
        const val PATIENCE = 300L
    }
}

/** How a program ended. */
data class Ended(val code: Int, val output: String, val errors: String, val seconds: Double)
