package io.castalia

import java.time.Duration
import java.time.Instant
import java.time.ZoneId
import java.time.ZoneOffset
import java.util.Locale
import java.util.regex.Pattern
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNotSame
import kotlin.test.assertNull
import kotlin.test.assertSame
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Test

class ReadTest {
    private val server = Scripted()

    @AfterEach
    fun stop() = server.close()

    private fun config(vararg values: Pair<String, String>): Config = configBy(emptyMap(), *values)

    private fun configBy(settings: Map<String, String>, vararg values: Pair<String, String>): Config {
        server.publish(*values)
        return runBlocking { server.client(*settings.toList().toTypedArray()).config("application") }
    }

    @Test
    fun `texts of every kind and size come through whole`() {
        // C127, T06, T40
        val many = (1..10_000).associate { "key$it" to "value$it" }
        val texts = mapOf("nul" to "a\u0000b", "emoji" to "😀 ü", "e" to "", "big" to "x".repeat(1 shl 20))
        val config = config(*(many + texts).toList().toTypedArray())
        assertEquals(many + texts, config.snapshot().values)
        assertEquals((many + texts).keys.toList(), config.snapshot().values.keys.toList())
        assertNull(config["missing"])
    }

    @Test
    fun `dates are read in the zone of the JVM or the one that is asked for`() {
        // F133
        val config = config(
            "day" to "2024-02-29",
            "time" to "2024-02-29 12:30:00.250",
            "rfc" to "2024-02-29T12:30:00+02:00",
            "no" to "2021-02-30",
        )
        val midnight = Instant.parse("2024-02-29T00:00:00Z")
        assertEquals(midnight, config.tryGetDate("day", ZoneOffset.UTC))
        assertEquals(
            midnight.atZone(ZoneOffset.UTC).withZoneSameLocal(ZoneId.systemDefault()).toInstant(),
            config.tryGetDate("day"),
        )
        assertEquals(Instant.parse("2024-02-29T12:30:00.250Z"), config.tryGetDate("time", ZoneOffset.UTC))
        assertEquals(Instant.parse("2024-02-29T10:30:00Z"), config.tryGetDate("rfc"))
        assertEquals(midnight, config.getDate("no", midnight))
        assertFailsWith<CastaliaException.Parse> { config.tryGetDate("no") }
    }

    @Test
    fun `an hour that the clock skips or shows twice is read as the JVM does`() {
        // F133
        val config = config("skipped" to "2024-03-31 02:30:00", "twice" to "2024-10-27 02:30:00")
        val zone = ZoneId.of("Europe/Berlin")
        assertEquals(Instant.parse("2024-03-31T01:30:00Z"), config.tryGetDate("skipped", zone))
        assertEquals(Instant.parse("2024-10-27T00:30:00Z"), config.tryGetDate("twice", zone))
        // Its offset in winter is that of UTC.
        val london = config("twice" to "2024-10-27 01:30:00")
        assertEquals(Instant.parse("2024-10-27T00:30:00Z"), london.tryGetDate("twice", ZoneId.of("Europe/London")))
    }

    @Test
    fun `dates are as lenient as the settings say`() {
        // F133, DEV-21
        val settings = mapOf("castalia.lenient-dates" to "true")
        val config = configBy(settings, "day" to "2021-02-30", "more" to "2021-02-03 or so")
        assertEquals(Instant.parse("2021-03-02T00:00:00Z"), config.tryGetDate("day", ZoneOffset.UTC))
        assertEquals(Instant.parse("2021-02-03T00:00:00Z"), config.tryGetDate("more", ZoneOffset.UTC))
    }

    @Test
    fun `dates and booleans are read by the rules of the settings`() {
        // F133
        val settings = mapOf("castalia.time-zone" to "+08:00", "castalia.strict-booleans" to "true")
        val values = arrayOf("day" to "2024-01-31", "rfc" to "2024-01-31T08:00:00+02:00", "on" to "on", "odd" to "x")
        val config = configBy(settings, *values)
        for (reads in listOf(config, config.snapshot())) {
            assertEquals(Instant.parse("2024-01-30T16:00:00Z"), reads.tryGetDate("day"))
            assertEquals(Instant.parse("2024-01-31T00:00:00Z"), reads.getDate("day", Instant.EPOCH, ZoneOffset.UTC))
            assertEquals(Instant.parse("2024-01-31T06:00:00Z"), reads.getDate("rfc", Instant.EPOCH))
            assertEquals(listOf(true, false, true), listOf("on", "missing", "odd").map { reads.getBoolean(it, it == "odd") })
            assertFailsWith<CastaliaException.Parse> { reads.tryGetBoolean("odd") }
        }
        val inUtc = configBy(mapOf("castalia.time-zone" to "utc"), *values)
        assertEquals(Instant.parse("2024-01-31T00:00:00Z"), inUtc.tryGetDate("day"))
        assertEquals(false, inUtc.tryGetBoolean("on"))
    }

    @Test
    fun `a malformed value is counted once for each key and release`() {
        // F138
        server.publish("a" to "x", "b" to "y")
        server.client().use { client ->
            val config = runBlocking { client.config("application") }
            val read = {
                for (reads in listOf(config, config.snapshot())) {
                    assertEquals(1, reads.getInt("a", 1))
                    assertEquals(Instant.EPOCH, reads.getDate("a", Instant.EPOCH))
                    assertEquals(Source.NONE, reads.getEnum("a", Source.NONE))
                    assertEquals(2, reads.getWith("b", 2) { throw AssertionError("as told") })
                    assertEquals(3, reads.getWith("b", 3) { null })
                    assertEquals(4, reads.getWith("missing", 4) { null })
                }
                client.metrics().namespaces.single().malformedReads
            }
            assertEquals(listOf(2L, 2L), List(2) { read() })
            server.publish("a" to "z", "b" to "y")
            eventually("the release is read") { config["a"] == "z" }
            assertEquals(listOf(4L, 4L), List(2) { read() })
        }
    }

    @Test
    fun `lists, constants and values of own kinds have their readers`() {
        // C094, F131, F132, F138
        val config = config(
            "list" to "a,b,,",
            "spaced" to "a , b",
            "e" to "",
            "front" to ",a",
            "source" to "LOCAL",
            "bad" to "local",
        )
        assertEquals(listOf("a", "b"), config.getList("list", emptyList()))
        assertEquals(listOf(""), config.getList("e", emptyList()))
        assertEquals(listOf("", "a"), config.getList("front", emptyList()))
        assertEquals(listOf("a", "b"), config.getList("spaced", emptyList(), Pattern.compile("\\s*,\\s*")))
        assertEquals(listOf("x"), config.getList("missing", listOf("x")))
        assertEquals(listOf("a ", " b"), config.getList("spaced", emptyList()))
        assertEquals(listOf("a", "b"), config.getList("spaced", emptyList(), trim = true))
        assertEquals(listOf(""), config.getList("e", emptyList(), trim = true))
        assertEquals(listOf(" x"), config.getList("missing", listOf(" x"), trim = true))
        assertEquals(Source.LOCAL, config.getEnum("source", Source.NONE))
        assertEquals(Source.NONE, config.getEnum("bad", Source.NONE))
        assertEquals(Source.LOCAL, config.tryGetEnum("source", Source::class.java))
        assertNull(config.tryGetEnum("missing", Source::class.java))
        assertFailsWith<CastaliaException.Parse> { config.tryGetEnum("bad", Source::class.java) }
        assertEquals(3, config.getWith("list", 0) { it.toIntOrNull() ?: 3 })
        assertEquals(7, config.getWith("list", 7) { it.toInt() })
        assertEquals(7, config.getWith("list", 7) { null })
        assertEquals("b", config.get("missing", "b"))
    }

    @Test
    fun `values are read alike wherever the JVM is`() {
        // T60
        val config = config("n" to "-1234", "x" to "1234.5", "b" to "TRUE", "time" to "1H500MS", "source" to "STATIC")
        val before = Locale.getDefault()
        try {
            for (locale in listOf("tr-TR", "de-DE", "ar-EG")) {
                Locale.setDefault(Locale.forLanguageTag(locale))
                val snapshot = config.snapshot()
                assertEquals(-1234, snapshot.tryGetInt("n"))
                assertEquals(1234.5, snapshot.tryGetDouble("x"))
                assertEquals(true, snapshot.tryGetBoolean("b"))
                assertEquals(Duration.ofMillis(3_600_500), snapshot.tryGetDuration("time"))
                assertEquals(Source.STATIC, snapshot.getEnum("source", Source.NONE))
                assertEquals(Source.REMOTE, config.source)
            }
        } finally {
            Locale.setDefault(before)
        }
    }

    @Test
    fun `parsed values are kept with their snapshot, as many as the settings say`() {
        // F137
        val config = configBy(mapOf("apollo.configCacheSize" to "1"), "a" to "1,2", "b" to "3")
        val list = { key: String -> config.getList(key, emptyList()) }
        assertSame(list("a"), list("a"))
        assertNotSame(list("b"), list("b"))
        assertSame(config.snapshot().getList("a", emptyList()), list("a"))
        assertFailsWith<UnsupportedOperationException> { (list("a") as MutableList<String>).clear() }
        assertNotSame(list("a"), config.getList("a", emptyList(), trim = true))
    }

    @Test
    fun `a snapshot stays as it was`() {
        // C106
        val config = config("n" to "0")
        val before = config.snapshot()
        repeat(20) { server.publish("n" to "${it + 1}") }
        eventually("the last release is read") { config["n"] == "20" }
        assertEquals("0", before["n"])
        assertEquals(20, config.getInt("n", 0))
    }

    @Test
    fun `a malformed value is told once and gives the default as often as it is read`() {
        val config = config("n" to "abc")
        repeat(3) { assertEquals(7, config.getInt("n", 7)) }
        val error = assertFailsWith<CastaliaException.Parse> { config.tryGetInt("n") }
        assertEquals(mapOf("namespace" to "application", "key" to "n"), error.context)
        assertNull(config.tryGetInt("missing"))
    }

    @Test
    fun `a file is read as its text`() {
        server.publish("db.json", mapOf("content" to "{}"))
        runBlocking {
            val file = server.client().configFile("db.json")
            assertEquals("{}", file.content)
            assertEquals(Source.REMOTE, file.source)
            server.publish("db.json", mapOf("content" to "[]"))
            file.refresh()
            assertEquals("[]", file.content)
        }
    }

    @Test
    fun `a namespace has one object however often it is opened`() {
        server.publish("a" to "1")
        val client = server.client()
        runBlocking { assertEquals(client.config("application"), client.config("application")) }
    }
}
