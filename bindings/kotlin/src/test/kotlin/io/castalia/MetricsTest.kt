package io.castalia

import java.time.Duration
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test

class MetricsTest {
    @Test
    fun `metrics tell of namespaces, requests, threads and errors`() {
        // C123, F167
        Scripted().use { server ->
            server.publish("a" to "1", "b" to "2")
            // Without a poll, because of which a slow machine may load again.
            server.client("apollo.longPollingInitialDelayInMills" to "600000").use { client ->
                assertNull(client.metrics().threads)
                runBlocking { listOf("application", "missing").forEach { client.config(it) } }
                val metrics = client.metrics()
                val (application, missing) = metrics.namespaces
                assertEquals(listOf("Ready", 2L, 1L), listOf(application.state, application.items, application.usage))
                assertTrue(!application.pollTimedOut && checkNotNull(application.firstLoad) > Duration.ZERO)
                assertIs<CastaliaException.NotFound>(missing.lastError)
                assertTrue(metrics.errorCount >= 1 && metrics.errors.any { it is CastaliaException.NotFound })
                val loads = metrics.http.filter { it.endpoint == "configs" }.associateBy { it.status }
                assertEquals(1, loads.getValue(200).count)
                assertTrue(loads.getValue(404).time > Duration.ZERO)
                val threads = checkNotNull(metrics.threads)
                assertTrue(threads.workers >= 1 && threads.tasks >= 1 && threads.queue >= 0)
                assertTrue(client.metricsText().endsWith("# EOF\n"))
            }
        }
    }
}
