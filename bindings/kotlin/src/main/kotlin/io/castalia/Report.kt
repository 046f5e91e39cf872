package io.castalia

import org.slf4j.LoggerFactory
import org.slf4j.helpers.NOPLoggerFactory

/**
 * Reports problems without being asked: to SLF4J if the program has it with a provider, else to the JDK's
 * logger.
 */
internal interface Report {
    fun warn(text: String, cause: Throwable? = null)

    fun error(text: String, cause: Throwable? = null)

    companion object : Report {
        private const val NAME = "io.castalia"

        /** Without a lock: the initialization of a logger may create a client, which waits for this. */
        private val chosen: Report by lazy(LazyThreadSafetyMode.PUBLICATION) {
            try {
                // Without a provider SLF4J drops everything, and the warning would be lost.
                if (LoggerFactory.getILoggerFactory() is NOPLoggerFactory) Jdk() else Slf4j()
            } catch (_: LinkageError) {
                Jdk()
            }
        }

        /** Initializes the logger, which may take longer than a program that ends at once waits for a record. */
        fun choose() = quietly { chosen }

        override fun warn(text: String, cause: Throwable?) = quietly { chosen.warn(text, cause) }

        override fun error(text: String, cause: Throwable?) = quietly { chosen.error(text, cause) }

        /** A logger that fails must not end what it is told of. */
        private inline fun quietly(report: () -> Unit) = try {
            report()
        } catch (_: Throwable) {
            // There is no other place for it.
        }
    }

    private class Slf4j : Report {
        private val logger = LoggerFactory.getLogger(NAME)

        override fun warn(text: String, cause: Throwable?) = logger.warn(text, cause)

        override fun error(text: String, cause: Throwable?) = logger.error(text, cause)
    }

    private class Jdk : Report {
        private val logger = System.getLogger(NAME)

        override fun warn(text: String, cause: Throwable?) = logger.log(System.Logger.Level.WARNING, text, cause)

        override fun error(text: String, cause: Throwable?) = logger.log(System.Logger.Level.ERROR, text, cause)
    }
}
