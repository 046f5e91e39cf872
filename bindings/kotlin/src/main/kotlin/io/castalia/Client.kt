package io.castalia

import io.castalia.ffi.Client as NativeClient
import io.castalia.ffi.Content
import io.castalia.ffi.Given
import io.castalia.ffi.Namespace
import io.castalia.ffi.Question
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.ExecutionException
import java.util.concurrent.Future
import java.util.concurrent.FutureTask

/** Says why a release must not be applied; null applies it. An exception refuses it too. */
fun interface Validator {
    fun check(snapshot: Snapshot): String?
}

/**
 * The way to the configuration of an app. Nothing is global: a program may have several. It opens no socket before a namespace is
 * opened, and stops when it is closed, or when nobody holds it or a [Config] of it any more.
 */
class Client internal constructor(settings: Settings, private val native: NativeClient) : AutoCloseable {
    private val tasks = Tasks()
    private val rules = rules(settings)
    private val configs = ConcurrentHashMap<Pair<String, String>, Config>()
    private val files = ConcurrentHashMap<String, ConfigFile>()
    private val validating = CopyOnWriteArrayList<Future<*>>()

    /** A client with these settings: those of the surroundings unless others are given. */
    @JvmOverloads
    constructor(settings: Settings = Settings.fromEnv()) : this(settings, made(settings) { NativeClient(it) })

    /** A client with these settings alone. */
    constructor(values: Map<String, String>) : this(Settings(values))

    /** App id of the client. */
    val appId: String = native.appId()

    /** Environment in capitals, such as `DEV`; `UNKNOWN` where none is set. */
    val env: String = native.env()

    /**
     * Opens a namespace of the app itself and waits for its first load: at most the start timeout, after which the cache file or
     * nothing is served while loading goes on. Cancelling ends the wait.
     */
    @JvmSynthetic
    suspend fun config(namespace: String): Config = configAsync(namespace).awaiting()

    /** Opens a namespace of another app id; as [config]. */
    @JvmSynthetic
    suspend fun configOf(appId: String, namespace: String): Config = configOfAsync(appId, namespace).awaiting()

    /** Opens a namespace as a whole file; as [config]. */
    @JvmSynthetic
    suspend fun configFile(namespace: String): ConfigFile = configFileAsync(namespace).awaiting()

    /**
     * Opens a namespace of the app itself, for Java: `configAsync("application").join()` waits for it. What is chained to the future
     * runs on one of the eight call threads that all clients share, and must not block; `thenApplyAsync` takes another executor.
     */
    fun configAsync(namespace: String): CompletableFuture<Config> = configOfAsync(appId, namespace)

    /** Opens a namespace of another app id, for Java; as [configAsync]. */
    fun configOfAsync(appId: String, namespace: String): CompletableFuture<Config> = tasks.call {
        val opened = native.config(appId, namespace)
        warnUnlessLoaded(opened, namespace)
        val key = appId to namespace
        kept(configs, key, opened) { Config(Opened(opened, tasks, ::snapshotOf) { configs.remove(key) }) }
    }

    /** Opens a namespace as a whole file, for Java; as [configAsync]. */
    fun configFileAsync(namespace: String): CompletableFuture<ConfigFile> = tasks.call {
        val opened = native.configFile(namespace)
        warnUnlessLoaded(opened, namespace)
        kept(files, namespace, opened) {
            ConfigFile(Opened(opened, tasks, { content, _ -> ConfigFile.Text(content) }) { files.remove(namespace) })
        }
    }

    /** Signs the requests of an app id with another secret from now on; a blank one stops signing. */
    fun setAccessKey(appId: String, secret: String): Unit = ask { setAccessKey(appId, secret) }

    /** Asks before a release of a namespace of the app itself is applied; one that is refused leaves the content as it is. */
    fun validate(namespace: String, validator: Validator) {
        val questions = ask { validate(namespace) }
        validating += tasks.launch { questions.use { while (true) answer(it.next() ?: break, validator) } }
    }

    /** Every effective setting and where it came from; secrets are masked. */
    fun settings(): List<Setting> = ask { settings() }.map { Setting(it.name, it.value, it.origin, it.foundAs, it.meaning) }

    /** State of every namespace, counters and latest errors. */
    fun metrics(): Metrics = Metrics(ask { metrics() })

    /** [metrics] as OpenMetrics text, with the meter names of the official Java client. */
    fun metricsText(): String = ask { metricsText() }

    /**
     * Stops everything: cancels requests, lets listeners finish what is queued for at most two seconds, finishes cache files.
     * Reads go on answering; all else throws [CastaliaException.Closed]. In a listener it only gives the sign and returns.
     */
    override fun close() {
        if (!tasks.end()) return
        native.stop()
        val end = FutureTask({ finish() }, Unit)
        Thread(null, end, "castalia-close").apply { isDaemon = true }.start()
        if (tasks.isHere) return
        try {
            end.get()
        } catch (_: InterruptedException) {
            Thread.currentThread().interrupt()
        } catch (failure: ExecutionException) {
            throw failure.cause ?: failure
        }
    }

    override fun toString(): String = "Client(appId=$appId)"

    private fun finish() {
        val began = System.nanoTime()
        validating.forEach { it.cancel(true) }
        tasks.future { native.end() }.get()
        tasks.drain(DRAIN_NANOS - (System.nanoTime() - began))
        configs.values.forEach { it.opened.release() }
        files.values.forEach { it.opened.release() }
        native.close()
    }

    /** One object for each namespace until that is closed, so that its content is held once. */
    private fun <K : Any, V : Any> kept(known: ConcurrentHashMap<K, V>, key: K, native: Namespace, make: () -> V): V {
        var isNew = false
        val kept = known.computeIfAbsent(key) { translated(make).also { isNew = true } }
        if (!isNew) native.close()
        return kept
    }

    /** A program that starts without its values must not have to ask for the state to learn of it. */
    private fun warnUnlessLoaded(opened: Namespace, namespace: String) {
        if (opened.state() != "Unavailable") return
        val text = "namespace $namespace of app $appId is empty: no server answered and there is no cache file, so reads " +
            "return their defaults until a server answers; Settings.startPolicy refuses such a start"
        Report.warn(text, opened.lastError()?.let { CastaliaException.of(it) })
    }

    /** Changes the content of a client without servers, and waits until reads return it. */
    internal fun change(apply: suspend () -> Unit) {
        try {
            tasks.call(apply).get()
        } catch (failure: ExecutionException) {
            throw failure.cause ?: failure
        }
        configs.values.forEach { it.opened.renew() }
        files.values.forEach { it.opened.renew() }
    }

    private fun <T> ask(question: NativeClient.() -> T): T {
        tasks.check()
        return translated { native.question() }
    }

    private fun answer(question: Question, validator: Validator) {
        val reason =
            try {
                validator.check(snapshotOf(question.content) {})
            } catch (failure: Throwable) {
                "the validator failed: $failure"
            }
        question.verdict.answer(reason)
        question.destroy()
    }

    private fun snapshotOf(content: Content, tell: (key: String) -> Unit) = Snapshot(content, rules, tell)

    /** For keys that no release has there are system properties, and where it is asked for the environment. */
    private fun rules(settings: Settings): Rules {
        val effective = native.settings().associateBy { it.name }
        val compat = effective["castalia.java-compat"]?.value.toBoolean()
        val fallback = effective["castalia.env-fallback"]
        val withEnvironment = fallback?.value.toBoolean() || (compat && fallback?.origin == "default")
        val environment = if (settings.isWithEnv() && withEnvironment) System.getenv() else emptyMap()
        val typedCache = effective["apollo.configCacheSize"]?.value?.toIntOrNull() ?: 0
        return Rules(environment + settings.overlay(), typedCache, native.readRules())
    }

    companion object {
        private const val DRAIN_NANOS = 2_000_000_000L

        /**
         * Sends the log records of all clients from this level on to a sink, in order; null sends them nowhere. A sink keeps a thread
         * and its class loader.
         */
        @JvmStatic
        @JvmOverloads
        fun setLog(sink: LogSink?, level: System.Logger.Level = System.Logger.Level.INFO) = Log.set(sink, level)

        /** Makes an object of the native half from settings and what is on the class path. */
        internal fun <T> made(settings: Settings, make: (Given) -> T): T {
            Library.load()
            if (!settings.isWithEnv() || settings.namesAppProperties()) return translated { make(settings.given(null)) }
            return ClassPath.withAppProperties { translated { make(settings.given(it)) } }
        }
    }
}
