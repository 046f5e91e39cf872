package io.castalia

import io.castalia.ffi.Failure
import io.castalia.ffi.InternalException
import io.castalia.ffi.caughtPanic
import java.nio.charset.CharacterCodingException
import java.util.concurrent.CancellationException

/** What an exception is created from. */
internal class Problem(val kind: String, val text: String, val operation: String, val context: Map<String, String>)

/** Base class of all errors of the client; the subclass says what the caller can do about it. */
sealed class CastaliaException private constructor(
    problem: Problem,
    /** Stable number of the kind, the same in every language. */
    val code: Int,
    cause: Throwable?,
) : RuntimeException(problem.text, cause) {
    /** The operation that failed. */
    val operation: String = problem.operation

    /** Context, such as `namespace` or `url`. */
    val context: Map<String, String> = problem.context

    /** Stable name of the kind, the same in every language. */
    val kind: String get() = javaClass.simpleName

    /** An argument or setting is invalid: fix the call or the settings. */
    class InvalidArgument internal constructor(problem: Problem, cause: Throwable?) : CastaliaException(problem, 1, cause)

    /** The start policy is not met because nothing is loaded yet: wait, or accept defaults. */
    class NotReady internal constructor(problem: Problem, cause: Throwable?) : CastaliaException(problem, 2, cause)

    /** The namespace has no release: publish it. */
    class NotFound internal constructor(problem: Problem, cause: Throwable?) : CastaliaException(problem, 3, cause)

    /** The server rejected the access key: fix the secret or the clock. */
    class Unauthorized internal constructor(problem: Problem, cause: Throwable?) : CastaliaException(problem, 4, cause)

    /** The server rejected the request as malformed: report it. */
    class BadRequest internal constructor(problem: Problem, cause: Throwable?) : CastaliaException(problem, 5, cause)

    /** The caller's timeout expired. */
    class Timeout internal constructor(problem: Problem, cause: Throwable?) : CastaliaException(problem, 6, cause)

    /** No service could be reached, or all failed. The client keeps trying. */
    class Transport internal constructor(problem: Problem, cause: Throwable?) : CastaliaException(problem, 7, cause)

    /** The response violates the protocol: check what answers at that address. */
    class Protocol internal constructor(problem: Problem, cause: Throwable?) : CastaliaException(problem, 8, cause)

    /** A value or file does not have the expected format. */
    class Parse internal constructor(problem: Problem, cause: Throwable?) : CastaliaException(problem, 9, cause)

    /** A local file cannot be read or written. */
    class Io internal constructor(problem: Problem, cause: Throwable?) : CastaliaException(problem, 10, cause)

    /** The client or the namespace is closed. */
    class Closed internal constructor(problem: Problem, cause: Throwable?) : CastaliaException(problem, 11, cause)

    /** A bug in this library. */
    class Internal internal constructor(problem: Problem, cause: Throwable?) : CastaliaException(problem, 12, cause)

    internal companion object {
        fun of(problem: Problem, cause: Throwable? = null): CastaliaException = when (problem.kind) {
            "InvalidArgument" -> InvalidArgument(problem, cause)
            "NotReady" -> NotReady(problem, cause)
            "NotFound" -> NotFound(problem, cause)
            "Unauthorized" -> Unauthorized(problem, cause)
            "BadRequest" -> BadRequest(problem, cause)
            "Timeout" -> Timeout(problem, cause)
            "Transport" -> Transport(problem, cause)
            "Protocol" -> Protocol(problem, cause)
            "Parse" -> Parse(problem, cause)
            "Io" -> Io(problem, cause)
            "Closed" -> Closed(problem, cause)
            else -> Internal(problem, cause)
        }

        /** An error that the native half describes. */
        fun of(record: Record, cause: Throwable? = null): CastaliaException {
            val context = checkNotNull(record.record("context")).texts().toSortedMap()
            return of(Problem(record.text("kind"), record.text("message"), record.text("operation"), context), cause)
        }

        /** An error of this half of the library. */
        fun of(
            kind: String,
            operation: String,
            text: String,
            context: Map<String, String> = emptyMap(),
            cause: Throwable? = null,
        ): CastaliaException = of(Problem(kind, "$kind in $operation: $text", operation, context), cause)

        fun closed() = of("Closed", "call", "the client or the namespace is closed")
    }
}

/** Calls the native half and converts its errors into exceptions of this package. */
internal inline fun <T> translated(call: () -> T): T = try {
    call()
} catch (failure: Failure.Failed) {
    throw CastaliaException.of(Record(failure.problem))
} catch (panic: InternalException) {
    throw CastaliaException.of(Record(caughtPanic()), panic)
} catch (fault: CharacterCodingException) {
    throw CastaliaException.of("InvalidArgument", "call", "a text is not Unicode", cause = fault)
} catch (cancelled: CancellationException) {
    throw cancelled
} catch (_: IllegalStateException) {
    // What was closed meanwhile.
    throw CastaliaException.closed()
}
