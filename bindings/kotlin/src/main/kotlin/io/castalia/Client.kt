package io.castalia

import io.castalia.ffi.Client as NativeClient
import io.castalia.ffi.ClientOptions
import io.castalia.ffi.Content
import io.castalia.ffi.Json
import io.castalia.ffi.Namespace
import io.castalia.ffi.PendingReleases
import java.nio.ByteBuffer
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.ExecutionException
import java.util.concurrent.Future
import java.util.concurrent.FutureTask
import java.util.concurrent.TimeUnit.MILLISECONDS

/** Returns why a release must not be applied; null accepts it. An exception rejects it too. */
fun interface Validator {
    fun check(snapshot: Snapshot): String?
}

/**
 * A client. There is no global state: a program may have several. It opens no socket before a namespace is
 * opened, and stops when it is closed, or when neither it nor a [Config] of it is referenced.
 */
class Client internal constructor(settings: Settings, private val native: NativeClient) : AutoCloseable {
    private val about = Record(native.report("about"))
    private val tasks = Tasks()
    private val usesClassPath = settings.isWithEnv()
    private val rules = Rules(about, usesSystemProperties = settings.isWithEnv())
    private val configs = ConcurrentHashMap<Any, Config>()
    private val files = ConcurrentHashMap<String, ConfigFile>()
    private val validating = CopyOnWriteArrayList<Future<*>>()

    /** A client with these settings; by default those of the environment. */
    @JvmOverloads
    constructor(settings: Settings = Settings.fromEnv()) : this(settings, made(settings) { NativeClient(it, false) })

    /** A client with only these settings. */
    constructor(values: Map<String, String>) : this(Settings(values))

    /** The client's app id. */
    val appId: String = about.text("app_id")

    /** Environment in upper case, such as `DEV`; `UNKNOWN` if it is unset. */
    val env: String = about.text("env")

    init {
        // The native half opens these with the first namespace.
        about.words("namespaces").forEach { addDefaults(appId, it) }
    }

    /**
     * Opens a namespace of the client's app and waits for its first load, at most the start timeout. After
     * that the cache file, or nothing, is served while loading continues. Cancelling ends the wait.
     */
    @JvmSynthetic
    suspend fun config(namespace: String): Config = configAsync(namespace).awaiting()

    /** Opens a namespace of another app; see [config]. */
    @JvmSynthetic
    suspend fun configOf(appId: String, namespace: String): Config = configOfAsync(appId, namespace).awaiting()

    /** Opens a namespace as one text; see [config]. */
    @JvmSynthetic
    suspend fun configFile(namespace: String): ConfigFile = configFileAsync(namespace).awaiting()

    /**
     * Opens a namespace of the client's app, for Java: `configAsync("application").join()` waits for it.
     * Functions that are chained to the future run on one of the eight call threads that all clients share,
     * and must not block; `thenApplyAsync` takes another executor.
     */
    fun configAsync(namespace: String): CompletableFuture<Config> = configOfAsync(appId, namespace)

    /** Opens a namespace of another app, for Java; see [configAsync]. */
    fun configOfAsync(appId: String, namespace: String): CompletableFuture<Config> = openAs(appId to namespace, appId, namespace)

    /**
     * Opens namespaces of the client's app as one source of properties, for frameworks; see [configAsync]. Its
     * configs are its own: it goes on when those of [configAsync] are closed, and their values are stored
     * apart from these.
     */
    fun sourceAsync(name: String, namespaces: List<String>): CompletableFuture<ConfigSource> {
        val opening = namespaces.map { openAs(Any(), appId, it) }
        val all = CompletableFuture.allOf(*opening.toTypedArray()).whenComplete { _, failure ->
            // Nobody else can close those that were opened.
            if (failure != null) opening.filterNot { it.isCompletedExceptionally }.forEach { it.join().close() }
        }
        return all.thenApply { ConfigSource(name, opening.map { it.join() }) }
    }

    /** Opens a namespace as one text, for Java; see [configAsync]. */
    fun configFileAsync(namespace: String): CompletableFuture<ConfigFile> = tasks.call {
        if (!files.containsKey(namespace)) addDefaults(appId, namespace)
        val opened = native.open(appId, namespace, true)
        Log.report()
        kept(files, namespace, opened) {
            // Nothing overrides a text.
            ConfigFile(Opened(opened, tasks, ::snapshotOf, { false }, Opened::renew) { files.remove(namespace) })
        }
    }

    /** Signs requests for an app id with another secret from now on. A blank secret ends signing. */
    fun setAccessKey(appId: String, secret: String): Unit = ask { setAccessKey(appId, secret) }

    /**
     * Calls a function before a release of a namespace of the client's app is applied. A rejected release
     * leaves the values unchanged.
     */
    fun validate(namespace: String, validator: Validator) {
        val releases = ask { validate(namespace) }
        validating += tasks.launchHook {
            releases.use { while (untilItSucceeds { it.next() }) answer(it, validator) }
        }
    }

    /** Every effective setting and its origin. Secrets are masked. */
    fun settings(): List<Setting> = Record.listOf(ask { report("settings") }).map(::settingOf)

    /** State of every open namespace, counters and recent errors. */
    fun metrics(): Metrics = Metrics(Record(ask { report("metrics") }))

    /** [metrics] as OpenMetrics text, with the metric names of the official Java client. */
    fun metricsText(): String = (ask { report("metrics_text") } as Json.Text).value

    /**
     * Cancels requests, waits at most two seconds for listeners to finish their queued events, and finishes
     * the cache files. Reads still return the last values; other calls throw [CastaliaException.Closed]. In a
     * listener this does not wait.
     */
    override fun close() {
        if (!tasks.end()) return
        native.stop()
        val end = FutureTask({ finish() }, Unit)
        try {
            Thread(null, end, "castalia-close").apply { isDaemon = true }.start()
        } catch (_: Throwable) {
            // The system refuses a thread, so this one waits, unless the end needs it.
            if (tasks.isHere) return finishLater()
            end.run()
        }
        if (tasks.isHere) return
        try {
            end.result()
        } catch (_: InterruptedException) {
            Thread.currentThread().interrupt()
        }
    }

    override fun toString(): String = "Client(appId=$appId)"

    private fun finish() {
        val drained = System.nanoTime() + MILLISECONDS.toNanos(about.long("drain_ms"))
        validating.forEach { it.cancel(true) }
        try {
            tasks.future { native.end() }.result()
        } finally {
            // Also if the system refuses a thread for that: nobody closes the client again.
            release(drained - System.nanoTime())
        }
    }

    /** Like [finish], for a thread that must not wait. */
    private fun finishLater() {
        validating.forEach { it.cancel(true) }
        try {
            tasks.future { native.end() }.whenComplete { _, _ -> release(0) }
        } catch (_: Throwable) {
            release(0)
        }
    }

    /** Releases the native half after launched work, for which this waits for at most so many nanoseconds. */
    private fun release(patience: Long) = try {
        tasks.drain(patience)
    } finally {
        configs.values.forEach { it.opened.release() }
        files.values.forEach { it.opened.release() }
        native.close()
        Log.report()
    }

    /** Opens a namespace as the object of this key. */
    private fun openAs(key: Any, appId: String, namespace: String): CompletableFuture<Config> = tasks.call {
        if (!configs.containsKey(key)) addDefaults(appId, namespace)
        val opened = native.open(appId, namespace, false)
        Log.report()
        kept(configs, key, opened) {
            Config(Opened(opened, tasks, ::snapshotOf, rules::isOverridden, ::renewAll) { configs.remove(key) })
        }
    }

    /** Applies the newest values of a namespace to each object of it. */
    private fun renewAll(opened: Opened) {
        val newest = opened.newest()
        configs.values.filter { it.namespace == newest.namespace && it.appId == newest.appId }.forEach { it.opened.renew() }
    }

    /** Passes the defaults on the class path to the native half, before it opens their namespace. */
    private fun addDefaults(appId: String, namespace: String) {
        if (!usesClassPath) return
        ClassPath.defaults(appId, namespace, isOwn = appId == this.appId) { name, content ->
            // The native half reads the memory of a direct buffer.
            val file = ByteBuffer.allocateDirect(content.size).also { it.duplicate().put(content) }
            translated { native.addDefaults(name, file) }
        }
    }

    /** One object for each key until it is closed, so that the values of a namespace are stored once. */
    private fun <K : Any, V : Any> kept(known: ConcurrentHashMap<K, V>, key: K, native: Namespace, make: () -> V): V {
        var isNew = false
        val kept = known.computeIfAbsent(key) { translated(make).also { isNew = true } }
        if (!isNew) native.close()
        return kept
    }

    /** Changes the values of a client without servers, and waits until reads return them. */
    internal fun change(apply: suspend () -> Unit) {
        tasks.call(apply).result()
        configs.values.forEach { it.opened.renew() }
        files.values.forEach { it.opened.renew() }
    }

    private fun <T> ask(question: NativeClient.() -> T): T {
        tasks.check()
        return translated { native.question() }
    }

    /** A release without an answer is rejected when the next one is taken. */
    private fun answer(releases: PendingReleases, validator: Validator) = try {
        releases.answer(verdict(releases, validator))
    } catch (failure: Throwable) {
        Report.error("a validator failed; its release is rejected", failure)
    }

    private fun verdict(releases: PendingReleases, validator: Validator): String? = try {
        validator.check(snapshotOf(checkNotNull(releases.content()) { "a release has a content" }) {})
    } catch (failure: Throwable) {
        "the validator failed: $failure"
    }

    private fun snapshotOf(content: Content, tell: (key: String) -> Unit) = Snapshot(content, rules, tell)

    companion object {

        /**
         * Passes the log records of all clients of this level and above to a sink, in order; null drops them.
         * A sink keeps two threads and its class loader. Without this call, warnings and errors go to SLF4J if
         * the program has it, else to the logger of the JDK, under the name `io.castalia`.
         */
        @JvmStatic
        @JvmOverloads
        fun setLog(sink: LogSink?, level: System.Logger.Level = System.Logger.Level.INFO) = Log.set(sink, level)

        /** Creates an object of the native half from settings and resources of the class path. */
        internal fun <T> made(settings: Settings, make: (ClientOptions) -> T): T {
            Library.load()
            val log = Log.user()
            try {
                return translated { make(settings.clientOptions(log)) }
            } finally {
                // The object holds it.
                log?.close()
            }
        }
    }
}

/** Waits for the result; a failure is thrown as it happened. */
private fun <T> Future<T>.result(): T = try {
    get()
} catch (failure: ExecutionException) {
    throw failure.cause ?: failure
}
