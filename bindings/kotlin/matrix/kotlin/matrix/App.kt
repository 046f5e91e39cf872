package matrix

import io.castalia.Client
import io.castalia.changes
import io.castalia.values
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.onStart
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

/**
 * A Kotlin program that uses each form of the interface: suspending calls, flows, types of the jar.
 */
object App {
    @JvmStatic
    fun main(arguments: Array<String>) = Client().use { client ->
        runBlocking {
            withTimeout(60_000) {
                val config = client.config("application")
                val watch = config.watch { it.getInt("n", -1) }
                config.changes().onStart { println("first ${watch.get()}") }.first { config.getInt("n", -1) == 1 }
                println("second ${watch.values.first { it == 1 }}")
            }
        }
    }
}
