package io.castalia

import java.nio.file.Path
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import org.junit.jupiter.api.Test
import org.slf4j.LoggerFactory
import org.slf4j.impl.SimpleLogger

/** Opens a namespace for which nothing can be loaded. */
object StartWithNothing {
    val settings = Settings(
        mapOf(
            "app.id" to "order",
            "apollo.meta" to "http://127.0.0.1:1",
            "apollo.cache.file.enable" to "false",
            "castalia.start-timeout" to "500",
        ),
    )

    @JvmStatic
    fun main(arguments: Array<String>) = Client(settings).use { client ->
        println(client.configAsync("application").join().state)
    }
}

class StartTest {
    @Test
    fun `a start with nothing is a warning in the log of the JDK`() {
        val ended = Program("io.castalia.StartWithNothing").run()
        assertEquals("Unavailable", ended.output, "$ended")
        assertTrue("WARNING: namespace application of app order is empty" in ended.errors, "$ended")
    }

    @Test
    fun `a start with nothing is a warning in SLF4J where the program has it`() {
        val jars = listOf(LoggerFactory::class, SimpleLogger::class)
            .map { Path.of(it.java.protectionDomain.codeSource.location.toURI()) }
        val ended = Program("io.castalia.StartWithNothing", Built.withTests + jars).run()
        assertEquals("Unavailable", ended.output, "$ended")
        assertTrue("WARN io.castalia - namespace application of app order is empty" in ended.errors, "$ended")
    }

    @Test
    fun `a start policy refuses a start with nothing`() {
        Client(StartWithNothing.settings.startPolicy(StartPolicy.REQUIRE_ALL)).use { client ->
            val failure = assertFailsWith<java.util.concurrent.CompletionException> { client.configAsync("application").join() }
            assertTrue(failure.cause is CastaliaException.NotReady, "$failure")
        }
    }
}
