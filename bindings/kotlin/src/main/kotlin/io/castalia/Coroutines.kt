@file:JvmName("Coroutines")

package io.castalia

import java.util.concurrent.CompletableFuture
import java.util.concurrent.CompletionException
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.suspendCancellableCoroutine

/*
 * The only file that needs kotlinx.coroutines: no other class refers to its types, so that Java
 * programs run without it.
 */

/**
 * The changes from the moment of collection; see [Config.onChange]. It ends when the config or the client is
 * closed.
 */
fun Config.changes(keys: Collection<String> = emptySet(), prefixes: Collection<String> = emptySet()): Flow<ChangeEvent> =
    opened.flow(keys, prefixes)

/** The changes of the text from the moment of collection. It ends when the file or the client is closed. */
fun ConfigFile.changes(): Flow<ChangeEvent> = opened.flow(emptySet(), emptySet())

/** The current value, and each later one. */
val <T> Watch<T>.values: StateFlow<T>
    @Suppress("UNCHECKED_CAST")
    get() = attached(::stateFlow) as StateFlow<T>

private fun <T> stateFlow(value: T, observe: ((T) -> Unit) -> Unit): StateFlow<T> {
    val flow = MutableStateFlow(value)
    observe { flow.value = it }
    return flow.asStateFlow()
}

private fun Opened.flow(keys: Collection<String>, prefixes: Collection<String>): Flow<ChangeEvent> = flow {
    stream(keys, prefixes).use { changes ->
        while (true) emit(next(changes).awaiting() ?: break)
    }
}

/** Waits for the result; cancelling the coroutine cancels the call. */
internal suspend fun <T> CompletableFuture<T>.awaiting(): T = suspendCancellableCoroutine { waiting ->
    waiting.invokeOnCancellation { cancel(true) }
    whenComplete { value, failure ->
        when (failure) {
            null -> waiting.resume(value)
            is CompletionException -> waiting.resumeWithException(failure.cause ?: failure)
            else -> waiting.resumeWithException(failure)
        }
    }
}
