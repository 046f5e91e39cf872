import io.castalia.Client
import io.castalia.Settings
import java.util.concurrent.SynchronousQueue
import kotlinx.coroutines.runBlocking

private const val ROUNDS = 300

/** Not timed: the JVM compiles code that runs often. */
private const val WARM_UP = 1000

/**
 * From a publish to the listener in Kotlin: the median of many rounds, each with a parked poll,
 * after warm-up rounds. Prints nanoseconds.
 */
fun main() {
    order("publish application n 0")
    val settings = Settings.fromEnv().set("apollo.loadConfigQPS", "100000").set("apollo.longPollQPS", "100000")
    Client(settings).use { client ->
        val config = runBlocking { client.config("application") }
        val told = SynchronousQueue<Long>()
        config.onChange { told.put(System.nanoTime()) }
        val times = List(WARM_UP + ROUNDS) { round ->
            order("held 1")
            val begun = System.nanoTime()
            order("publish application n ${round + 1}")
            told.take() - begun
        }
        System.err.println("kotlin-notify ${times.drop(WARM_UP).sorted()[ROUNDS / 2]}")
    }
}

/** Sends a command to the scripted server. */
private fun order(words: String) {
    println(words)
    check(readln().startsWith("ok"))
}
