package io.castalia

import java.io.File
import java.nio.file.Path
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit.SECONDS
import java.util.concurrent.locks.ReentrantLock
import java.util.logging.Handler
import java.util.logging.Logger
import kotlin.concurrent.withLock
import kotlin.system.exitProcess
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
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

/** The same with a sink that prints what it receives. */
object StartWithSink {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val printed = CountDownLatch(1)
        val sink = LogSink {
            println("${it.level} ${it.text}")
            if ("is empty" in it.text) printed.countDown()
        }
        Client.setLog(sink, System.Logger.Level.WARNING)
        Client(StartWithNothing.settings).use { client ->
            client.configAsync("application").join()
            printed.await()
        }
    }
}

/** Opens a namespace with the settings of its environment, and ends at once without closing the client. */
object StartAndExit {
    @JvmStatic
    fun main(arguments: Array<String>) {
        println(Client().configAsync("application").join().state)
        exitProcess(0)
    }
}

/** Prints whether the logger has opened its file when there is a client, which has logged nothing yet. */
object StartWithLogFile {
    @JvmStatic
    fun main(arguments: Array<String>) = Client(StartWithNothing.settings).use {
        println(File(System.getProperty(SimpleLogger.LOG_FILE_KEY)).exists())
    }
}

/** Opens a namespace with nothing while it has a lock that its logger needs. */
object StartUnderLock {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val lock = ReentrantLock()
        val logger = Logger.getLogger("io.castalia")
        logger.addHandler(
            object : Handler() {
                override fun publish(record: java.util.logging.LogRecord) = lock.withLock { }

                override fun flush() = Unit

                override fun close() = Unit
            },
        )
        val client = Client(StartWithNothing.settings)
        lock.withLock { println(client.configAsync("application").get(60, SECONDS).state) }
        client.close()
    }
}

/** Runs until loads fail with this state. */
object RunUntil {
    @JvmStatic
    fun main(arguments: Array<String>) = Client().use { client ->
        val config = client.configAsync("application").join()
        eventually("loads fail") { config.state == arguments.single() }
    }
}

class StartTest {
    private fun options(server: Scripted) = server.settings().map { "-D${it.key}=${it.value}" }.toTypedArray()

    private fun emptyWarnings(ended: Ended): Int = Regex("the namespace is empty").findAll(ended.errors).count()

    @Test
    fun `a start with nothing is a warning in the log of the JDK`() {
        val ended = Program("io.castalia.StartWithNothing").run()
        assertEquals("Unavailable", ended.output, "$ended")
        assertTrue("WARNING: the namespace is empty" in ended.errors, "$ended")
        assertEquals(1, emptyWarnings(ended), "$ended")
    }

    @Test
    fun `a start that loads nothing is a warning, whatever the reason`() {
        // B111
        for ((status, state) in listOf("401" to "Unauthorized", "404" to "NotFound")) {
            Scripted().use { server ->
                server.order("fail", "config", status)
                val ended = Program("io.castalia.StartAndExit").run(*options(server))
                assertEquals(state, ended.output, "$ended")
                assertTrue("WARNING: the namespace is empty" in ended.errors, "$ended")
                assertEquals(1, emptyWarnings(ended), "$ended")
            }
        }
    }

    @Test
    fun `loads that are refused after the start are a warning`() {
        // B111
        Scripted().use { server ->
            server.publish("n" to "0")
            val program = Program("io.castalia.RunUntil").start(*options(server), arguments = listOf("Unauthorized"))
            server.order("held", "1")
            server.order("fail", "config", "401")
            server.publish("n" to "1")
            val ended = program.get()
            assertEquals(0, ended.code, "$ended")
            assertTrue("WARNING: load failed; keeping the previous values" in ended.errors, "$ended")
        }
    }

    @Test
    fun `a program that has set a sink has its log there only`() {
        // B111
        val ended = Program("io.castalia.StartWithSink").run()
        assertTrue("WARNING the namespace is empty" in ended.output, "$ended")
        assertFalse("io.castalia" in ended.errors || emptyWarnings(ended) > 0, "$ended")
    }

    @Test
    fun `a logger that waits for the application does not keep it from opening a namespace`() {
        // B111
        val ended = Program("io.castalia.StartUnderLock").run()
        assertEquals("Unavailable", ended.output, "$ended")
    }

    private val withSlf4j = Built.withTests + listOf(LoggerFactory::class, SimpleLogger::class)
        .map { Path.of(it.java.protectionDomain.codeSource.location.toURI()) }

    @Test
    fun `a logger is initialized before the first record, for which a program that ends waits briefly`(@TempDir folder: Path) {
        // B111
        val ended = Program("io.castalia.StartWithLogFile", withSlf4j).run("-D${SimpleLogger.LOG_FILE_KEY}=$folder/log")
        assertEquals("true", ended.output, "$ended")
    }

    @Test
    fun `a start with nothing is a warning in SLF4J where the program has it`() {
        val ended = Program("io.castalia.StartWithNothing", withSlf4j).run()
        assertEquals("Unavailable", ended.output, "$ended")
        assertTrue("WARN io.castalia - the namespace is empty" in ended.errors, "$ended")
    }

    @Test
    fun `a start policy refuses a start with nothing`() {
        Client(StartWithNothing.settings.startPolicy(StartPolicy.REQUIRE_ALL)).use { client ->
            val failure = assertFailsWith<java.util.concurrent.CompletionException> { client.configAsync("application").join() }
            assertTrue(failure.cause is CastaliaException.NotReady, "$failure")
        }
    }
}
