package io.castalia

import io.castalia.ffi.errorKinds
import io.castalia.ffi.testPanic
import io.castalia.ffi.testPanicInTask
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

class ErrorTest {
    @BeforeEach
    fun load() = Library.load()

    @Test
    fun `every kind has its class, name and number`() {
        val kinds = errorKinds()
        assertEquals(12, kinds.size)
        for ((name, code) in kinds) {
            val error = CastaliaException.of(Problem(name, "text", "test", emptyMap()))
            assertEquals(name to code, error.kind to error.code)
        }
    }

    @Test
    fun `an error says what it was about`() {
        Scripted().use { server ->
            server.order("fail", "config", "401")
            server.client().use { client ->
                val config = runBlocking { client.config("application") }
                assertEquals("Unauthorized", config.state)
                val error = assertFailsWith<CastaliaException.Unauthorized> { runBlocking { config.refresh() } }
                assertEquals("application", error.context["namespace"])
                assertTrue("Unauthorized" in error.message.orEmpty())
                assertEquals(4, config.lastError?.code)
                assertEquals("Unauthorized", runBlocking { client.configFile("application") }.lastError?.kind)
            }
        }
    }

    @Test
    fun `a panic is an exception, and the next call works`() {
        // T01, T02
        for (place in listOf("call", "drop")) assertFailsWith<CastaliaException.Internal> { translated { testPanic(place) } }
        assertFailsWith<CastaliaException.Internal> { runBlocking { translated { testPanicInTask() } } }
        assertEquals(12, errorKinds().size)
    }
}
