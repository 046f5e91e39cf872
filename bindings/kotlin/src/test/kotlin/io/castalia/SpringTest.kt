package io.castalia

import kotlin.test.assertEquals
import kotlin.test.assertNull
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test
import org.springframework.core.env.EnumerablePropertySource
import org.springframework.core.env.StandardEnvironment

/** Everything that a Spring module has to implement. */
private class CastaliaPropertySource(source: ConfigSource) : EnumerablePropertySource<ConfigSource>(source.name, source) {
    override fun getProperty(name: String): Any? = source.getProperty(name)

    override fun getPropertyNames(): Array<String> = source.propertyNames().toTypedArray()
}

class SpringTest {
    @Test
    fun `namespaces are a property source of Spring, in their order`() {
        Scripted().use { server ->
            server.publish("timeout" to "100", "url" to "http://\${host}")
            server.publish("shared", mapOf("timeout" to "5", "host" to "db"))
            server.client().use { client ->
                val configs = runBlocking { listOf("application", "shared").map { client.config(it) } }
                val source = ConfigSource("castalia", configs)
                val environment = StandardEnvironment()
                environment.propertySources.addFirst(CastaliaPropertySource(source))
                assertEquals(100, environment.getProperty("timeout", Int::class.java))
                assertEquals("http://db", environment.getProperty("url"))
                assertNull(environment.getProperty("missing"))
                assertEquals(setOf("timeout", "url", "host"), source.propertyNames())
                val refreshed = ArrayList<String>()
                val subscription = source.onChange { refreshed += it.namespace }
                server.publish("shared", mapOf("host" to "db2"))
                eventually("the application is told") { refreshed == listOf("shared") }
                assertEquals("http://db2", environment.getProperty("url"))
                subscription.cancel()
            }
        }
    }
}
