import io.castalia.Client
import io.castalia.Settings
import kotlinx.coroutines.runBlocking

/**
 * The one-time cost of castalia in a program: loading the library, and a client with its first
 * namespace. Prints nanoseconds.
 */
fun main() {
    println("publish application n 0")
    readln()
    val begun = System.nanoTime()
    val settings = Settings.fromEnv()
    val loaded = System.nanoTime()
    Client(settings).use { client ->
        runBlocking { client.config("application") }
        val opened = System.nanoTime()
        System.err.println("kotlin-import ${loaded - begun}\nkotlin-start ${opened - loaded}")
    }
}
