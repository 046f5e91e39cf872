package io.castalia

import java.time.Duration
import java.time.Instant
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit.SECONDS
import kotlinx.coroutines.runBlocking

/** Executes the calls of the contract cases in Kotlin, controlled by lines of words. */
fun main() {
    val host = Host()
    for (line in generateSequence(::readlnOrNull)) {
        val words =
            try {
                listOf("ok") + runBlocking { host.answer(Words.split(line)) }
            } catch (error: CastaliaException) {
                listOf("error", error.kind, error.message.orEmpty())
            }
        println(Words.join(words))
    }
}

/** One client, its namespaces and its listeners. */
private class Host {
    private lateinit var client: Client
    private val configs = HashMap<String, Config>()
    private val listeners = HashMap<String, Listener>()

    suspend fun answer(call: List<String>): List<String> {
        val (first, second) = call.drop(1) + listOf("", "")
        return when (val action = call.first()) {
            "client" -> nothing { client = Client(call.drop(1).chunked(2).associate { it[0] to it[1] }) }
            "open" -> nothing { configs[second] = client.configOf(first, second) }
            "listen" -> nothing { listen(call) }
            "event" -> listeners.getValue(first).next()
            "interest" -> listeners.getValue(first).interest
            "content" -> listOfNotNull(client.configFile(first).content)
            "metric" -> metric(first, second)
            "setting" -> client.settings().filter { it.name == first }.map { it.value }
            "close" -> nothing { client.close() }
            "close_namespace" -> nothing { configs.getValue(first).close() }
            "last_error" -> listOfNotNull(configs.getValue(first).lastError?.kind)
            "refresh" -> nothing { configs.getValue(first).refresh() }
            else -> read(configs.getValue(first), action, second, call.getOrElse(3) { "" })
        }
    }

    private inline fun nothing(call: () -> Unit): List<String> {
        call()
        return emptyList()
    }

    private fun listen(call: List<String>) {
        val interest = call.drop(4).groupBy({ it.first() }, { it.drop(1) })
        val listener = Listener(throws = call[3] == "throws")
        configs.getValue(call[2]).onChange(interest['k'].orEmpty(), interest['p'].orEmpty(), listener)
        listeners[call[1]] = listener
    }

    private fun metric(namespace: String, name: String): List<String> {
        check(name == "listener_failures") { name }
        return client.metrics().namespaces.filter { it.namespace == namespace }.map { "${it.listenerFailures}" }
    }

    private fun read(config: Config, action: String, key: String, default: String): List<String> {
        val value: Any? =
            when (action) {
                "state" -> return listOf(config.source.name.lowercase(), config.state)
                "keys" -> return config.snapshot().values.keys.toList()
                "get" -> config[key]
                "get_int" -> config.getInt(key, default.toInt())
                "get_long" -> config.getLong(key, default.toLong())
                "get_double" -> config.getDouble(key, default.toDouble())
                "get_bool" -> config.getBoolean(key, default.toBoolean())
                "get_duration" -> config.getDuration(key, Duration.ofMillis(default.toLong())).toMillis()
                "get_date" -> config.getDate(key, Instant.ofEpochMilli(default.toLong())).toEpochMilli()
                "try_get_int" -> config.tryGetInt(key)
                "try_get_long" -> config.tryGetLong(key)
                "try_get_double" -> config.tryGetDouble(key)
                "try_get_bool" -> config.tryGetBoolean(key)
                "try_get_duration" -> config.tryGetDuration(key)?.toMillis()
                "try_get_date" -> config.tryGetDate(key)?.toEpochMilli()
                else -> error("no such call: $action")
            }
        return listOfNotNull(value?.toString())
    }
}

/** Events of one listener, in the order of arrival. */
private class Listener(private val throws: Boolean) : ChangeListener {
    private val events = LinkedBlockingQueue<ChangeEvent>()
    var interest = emptyList<String>()

    override fun onChange(event: ChangeEvent) {
        check(!throws) { "as told" }
        events.add(event)
    }

    /** The changed keys of the next event and the kind of each change, sorted. */
    fun next(): List<String> {
        val event = checkNotNull(events.poll(70, SECONDS)) { "no event came" }
        interest = event.interestedKeys
        return event.changes.toSortedMap().flatMap { (key, change) -> listOf(key, change.changeType.name.lowercase()) }
    }
}
