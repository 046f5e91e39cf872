package io.castalia.openfeature

import dev.openfeature.sdk.EvaluationContext as Context
import dev.openfeature.sdk.EventProvider
import dev.openfeature.sdk.ImmutableMetadata
import dev.openfeature.sdk.Metadata
import dev.openfeature.sdk.ProviderEvaluation
import dev.openfeature.sdk.ProviderEventDetails
import dev.openfeature.sdk.Reason
import dev.openfeature.sdk.Value
import dev.openfeature.sdk.exceptions.FlagNotFoundError
import dev.openfeature.sdk.exceptions.ParseError
import dev.openfeature.sdk.exceptions.TypeMismatchError
import io.castalia.CastaliaException
import io.castalia.ChangeListener
import io.castalia.Config
import io.castalia.Snapshot
import io.castalia.Subscription
import io.castalia.ffi.Json
import io.castalia.ffi.parseJson

/**
 * An OpenFeature provider for a namespace, for programs that have `dev.openfeature:sdk` 1.16 or
 * later. The key of a flag is the key of a value. The server decides by gray release rules which
 * value a program reads, so the evaluation context has no effect.
 */
class CastaliaProvider(private val config: Config) : EventProvider() {
    private val announce = ChangeListener { event ->
        val changed = ProviderEventDetails.builder().flagsChanged(event.changes.keys.toList()).build()
        emitProviderConfigurationChanged(changed)
    }

    @Volatile
    private var subscription: Subscription? = null

    override fun getMetadata(): Metadata = Metadata { "castalia" }

    override fun initialize(context: Context?) {
        subscription = config.onChange(listener = announce)
    }

    /** Ends the events; the client remains open. */
    override fun shutdown() {
        subscription?.cancel()
        super.shutdown()
    }

    /**
     * `true` or `false` in any case. Stricter than [Config.getBoolean], because a typing error must
     * not turn a flag off.
     */
    override fun getBooleanEvaluation(key: String, default: Boolean?, context: Context?) = resolved(key) { snapshot ->
        snapshot[key]?.lowercase()?.toBooleanStrictOrNull() ?: throw TypeMismatchError("the value is neither true nor false")
    }

    override fun getStringEvaluation(key: String, default: String?, context: Context?) = resolved(key) { it[key] }

    override fun getIntegerEvaluation(key: String, default: Int?, context: Context?) = resolved(key) { it.tryGetInt(key) }

    override fun getDoubleEvaluation(key: String, default: Double?, context: Context?) = resolved(key) { it.tryGetDouble(key) }

    /** A JSON object or list. */
    override fun getObjectEvaluation(key: String, default: Value?, context: Context?) = resolved(key) {
        structure(parseJson(it[key].orEmpty()))
    }

    private fun <T> resolved(key: String, read: (Snapshot) -> T): ProviderEvaluation<T> {
        val snapshot = config.snapshot()
        if (snapshot[key] == null) throw FlagNotFoundError("the namespace ${snapshot.namespace} has no key $key")
        val metadata = ImmutableMetadata.builder()
            .addString("namespace", snapshot.namespace)
            .addString("releaseKey", snapshot.releaseKey)
        val value =
            try {
                read(snapshot)
            } catch (malformed: CastaliaException.Parse) {
                throw ParseError(malformed.message)
            }
        return ProviderEvaluation.builder<T>()
            .value(value)
            .reason(Reason.STATIC.toString())
            .flagMetadata(metadata.build())
            .build()
    }
}

private fun structure(json: Json?): Value = when (json) {
    null -> throw ParseError("the value is not JSON")
    is Json.Items, is Json.Members -> Value.objectToValue(plain(json))
    else -> throw TypeMismatchError("the value is neither a JSON object nor a list")
}

private fun plain(json: Json): Any? = when (json) {
    is Json.Null -> null
    is Json.Boolean -> json.value
    is Json.Whole -> if (json.value in Int.MIN_VALUE..Int.MAX_VALUE) json.value.toInt() else json.value.toDouble()
    is Json.Number -> json.value
    is Json.Text -> json.value
    is Json.Items -> json.items.map(::plain)
    is Json.Members -> json.items.mapValues { plain(it.value) }
}
