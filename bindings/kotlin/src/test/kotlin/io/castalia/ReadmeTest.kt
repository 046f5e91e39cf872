package io.castalia

import java.nio.file.Files
import java.nio.file.Path
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.junit.jupiter.api.Test

/** The program of the README; that of Java is in `ReadmeProgram.java`. */
@Suppress("unused")
private suspend fun readme() {
    Client(mapOf("app.id" to "order", "apollo.meta" to "http://meta:8080")).use { client ->
        val config = client.config("application")
        val limit = config.getInt("rate.limit", 100)

        config.onChange(prefixes = setOf("rate.")) { event ->
            event.changes.forEach { (key, change) -> println("$key ${change.oldValue} -> ${change.newValue}") }
        }
        config.changes(keys = setOf("feature.x")).collect { event -> println(event.changes) }
    }
}

class ReadmeTest {
    private fun lines(path: String) = Files.readAllLines(Path.of(path)).map(String::trim)

    /** The lines of the README in this language. */
    private fun program(language: String) =
        lines("README.md").dropWhile { it != "```$language" }.drop(1).takeWhile { it != "```" }

    @Test
    fun `the programs of the README are those that are compiled here`() {
        val sources = mapOf(
            "kotlin" to "src/test/kotlin/io/castalia/ReadmeTest.kt",
            "java" to "src/test/java/io/castalia/ReadmeProgram.java",
        )
        for ((language, source) in sources) {
            val program = program(language)
            assertTrue(program.size > 3, language)
            val start = lines(source).indexOf(program.first())
            assertEquals(program, lines(source).drop(start).take(program.size))
        }
    }
}
