package io.castalia

import io.castalia.testing.InMemory
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test

class InMemoryTest {
    @Test
    fun `what a test sets is read at once and listeners hear of it`() {
        InMemory().use { memory ->
            val config = memory.client.configAsync("application").join()
            assertEquals(Source.STATIC to "Ready", config.source to config.state)
            assertEquals(7, config.getInt("n", 7))
            val heard = ArrayList<ChangeEvent>()
            config.onChange { synchronized(heard) { heard += it } }
            for (n in 0..99) {
                memory.set("application", "n", "$n")
                assertEquals(n, config.getInt("n", -1))
            }
            eventually("every event") { synchronized(heard) { heard.sumOf { 1 + it.coalesced } } == 100L }
            memory.update("application", mapOf("n" to null, "m" to "1"))
            assertNull(config["n"])
            memory.remove("application", "m")
            assertEquals(emptyMap(), config.snapshot().values)
            memory.publish("later", mapOf("a" to "1"))
            assertEquals("1", runBlocking { memory.client.config("later") }["a"])
        }
    }

    @Test
    fun `validators, watches, documents and settings are those of every client`() {
        InMemory(Settings().set("app.id", "order").set("castalia.strict-booleans", "true")).use { memory ->
            assertEquals("order", memory.client.appId)
            memory.publish("doc.yaml", mapOf("content" to "size: 4\nflag: maybe"))
            val config = memory.client.configAsync("doc.yaml").join()
            assertFailsWith<CastaliaException.Parse> { config.tryGetBoolean("flag") }
            val watch = config.watch { it.getInt("size", 0) }
            memory.client.validate("doc.yaml") { if (it["size"] == "5") "five is refused" else null }
            assertFailsWith<CastaliaException.Parse> { memory.set("doc.yaml", "content", "size: 5") }
            assertEquals(4, config.getInt("size", 0))
            memory.set("doc.yaml", "content", "size: 6")
            assertEquals(6, config.getInt("size", 0))
            eventually("the watch follows") { watch.get() == 6 }
            val file = memory.client.configFileAsync("doc.yaml").join()
            memory.set("doc.yaml", "content", "size: 7")
            assertEquals("size: 7", file.content)
        }
    }

    @Test
    fun `a test may let a namespace fail`() {
        val memory = InMemory()
        memory.fail("application")
        val config = memory.client.configAsync("application").join()
        assertEquals(Source.NONE to "Unavailable", config.source to config.state)
        memory.set("application", "a", "1")
        assertEquals(1 to "Ready", config.getInt("a", 0) to config.state)
        memory.fail("application")
        assertEquals(1 to "Transport", config.getInt("a", 0) to config.state)
        assertEquals("Transport", config.lastError?.kind)
        memory.close()
        assertFailsWith<CastaliaException.Closed> { memory.set("application", "a", "2") }
        assertEquals(1, config.getInt("a", 0))
    }
}
