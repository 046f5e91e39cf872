package io.castalia

import dev.openfeature.sdk.Client as FeatureClient
import dev.openfeature.sdk.ErrorCode
import dev.openfeature.sdk.OpenFeatureAPI
import dev.openfeature.sdk.Value
import io.castalia.openfeature.CastaliaProvider
import io.castalia.testing.InMemory
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.test.assertEquals
import org.junit.jupiter.api.Test

class OpenFeatureTest {
    private fun provided(test: (InMemory, FeatureClient) -> Unit) = InMemory().use { memory ->
        val api = OpenFeatureAPI.getInstance()
        api.setProviderAndWait(CastaliaProvider(memory.client.configAsync("application").join()))
        try {
            test(memory, api.client)
        } finally {
            api.shutdown()
        }
    }

    @Test
    fun `flags are the values of the namespace, by type`() = provided { memory, flags ->
        val json = """{"list": [1, 2.5, "x", null, true], "none": {}}"""
        memory.publish("application", mapOf("on" to "True", "name" to "blue", "n" to "5", "x" to "0.5", "json" to json))
        assertEquals(true, flags.getBooleanValue("on", false))
        assertEquals("blue", flags.getStringValue("name", ""))
        assertEquals(5 to 0.5, flags.getIntegerValue("n", 0) to flags.getDoubleValue("x", 0.0))
        val structure = flags.getObjectValue("json", Value()).asStructure()
        assertEquals(listOf(1, 2.5, "x", null, true), structure.getValue("list").asList().map { it.asObject() })
        val details = flags.getStringDetails("name", "")
        assertEquals("STATIC" to "application", details.reason to details.flagMetadata.getString("namespace"))
    }

    @Test
    fun `a missing or malformed flag is its default, and the error is told`() = provided { memory, flags ->
        memory.publish("application", mapOf("on" to "yes", "n" to "many", "json" to "5", "broken" to "{"))
        val missing = flags.getBooleanDetails("missing", true)
        assertEquals(true to ErrorCode.FLAG_NOT_FOUND, missing.value to missing.errorCode)
        val mistyped = flags.getBooleanDetails("on", true)
        assertEquals(true to ErrorCode.TYPE_MISMATCH, mistyped.value to mistyped.errorCode)
        val malformed = flags.getIntegerDetails("n", 3)
        assertEquals(3 to ErrorCode.PARSE_ERROR, malformed.value to malformed.errorCode)
        assertEquals(ErrorCode.TYPE_MISMATCH, flags.getObjectDetails("json", Value()).errorCode)
        assertEquals(ErrorCode.PARSE_ERROR, flags.getObjectDetails("broken", Value()).errorCode)
    }

    @Test
    fun `a release is announced with the flags that it changed`() = provided { memory, flags ->
        val changed = CopyOnWriteArrayList<List<String>>()
        flags.onProviderConfigurationChanged { changed += it.flagsChanged.sorted() }
        memory.update("application", mapOf("a" to "1", "b" to "2"))
        eventually("the announcement") { changed.toList() == listOf(listOf("a", "b")) }
    }
}
