import io.castalia.Client
import io.castalia.changes
import kotlinx.coroutines.CoroutineStart.UNDISPATCHED
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking

/** Reads a value, waits for one change, prints both. Settings come from the environment: `APP_ID`, `APOLLO_META`, ... */
fun main() = Client().use { client ->
    runBlocking {
        val config = client.config("application")
        val event = async(start = UNDISPATCHED) { config.changes().first() }

        println("greeting = ${config.get("greeting", "not set")} (from ${config.source})")

        for ((key, change) in event.await().changes) {
            println("${change.changeType} $key: ${change.oldValue} -> ${change.newValue}")
        }
    }
}
