package io.castalia

import java.nio.file.Files
import java.nio.file.Path
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.junit.jupiter.api.Test

/** The Kotlin programs of the README; those in Java are in `ReadmeProgramTest.java`. */
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

    /** The programs of the README in this language. */
    private fun programs(language: String, text: List<String> = lines("README.md")): List<List<String>> {
        val rest = text.dropWhile { it != "```$language" }.drop(1)
        if (rest.isEmpty()) return emptyList()
        val program = rest.takeWhile { it != "```" }
        return listOf(program) + programs(language, rest.drop(program.size))
    }

    @Test
    fun `the programs of the README are those that are compiled here`() {
        val sources = mapOf(
            "kotlin" to "src/test/kotlin/io/castalia/ReadmeTest.kt",
            "java" to "src/test/java/io/castalia/ReadmeProgramTest.java",
        )
        for ((language, source) in sources) {
            val programs = programs(language)
            assertTrue(programs.isNotEmpty(), language)
            for (program in programs) {
                assertTrue(program.size > 3, language)
                val start = lines(source).indexOf(program.first())
                assertEquals(program, lines(source).drop(start).take(program.size))
            }
        }
    }
}
