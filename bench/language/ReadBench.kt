import io.castalia.Client
import io.castalia.Config
import java.util.Locale
import java.util.concurrent.ConcurrentHashMap
import kotlinx.coroutines.runBlocking

private const val KEYS = 1000
private const val READS = 2_000_000
private const val ROUNDS = 9

/** One read in Kotlin: of a plain concurrent map, and of a config. Prints nanoseconds. */
fun main() {
    val names = List(KEYS) { "some.longer.key.$it" }
    order("publish application " + names.joinToString(" ") { "$it $it" })
    val keys = Array(KEYS) { names[it * 617 % KEYS] }
    Client().use { client ->
        val config = runBlocking { client.config("application") }
        val map = ConcurrentHashMap(config.snapshot().values)
        val times = List(ROUNDS + 2) { Pair(ofMap(map, keys), ofConfig(config, keys)) }.drop(2)
        report("kotlin-map-get", times.map { it.first })
        report("kotlin-get", times.map { it.second })
    }
}

/** Sends a command to the scripted server. */
private fun order(words: String) {
    println(words)
    check(readln().startsWith("ok"))
}

private fun report(name: String, times: List<Double>) {
    System.err.println("%s %.1f".format(Locale.ROOT, name, times.sorted()[ROUNDS / 2]))
}

// Each has its own loop, so that the JIT compiler specializes it for one receiver.
private fun ofMap(map: Map<String, String>, keys: Array<String>) = time(keys) { map[it] }

private fun ofConfig(config: Config, keys: Array<String>) = time(keys) { config[it] }

private inline fun time(keys: Array<String>, read: (String) -> String?): Double {
    var missing = 0
    var index = 0
    val start = System.nanoTime()
    repeat(READS) {
        if (read(keys[index]) == null) missing++
        if (++index == KEYS) index = 0
    }
    val time = System.nanoTime() - start
    check(missing == 0)
    return time.toDouble() / READS
}
