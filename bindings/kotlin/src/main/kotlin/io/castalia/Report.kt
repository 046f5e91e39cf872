package io.castalia

import org.slf4j.LoggerFactory

/** Where the client reports faults without being asked: SLF4J where the program has it, else the logger of the JDK. */
internal interface Report {
    fun warn(text: String, cause: Throwable? = null)

    fun error(text: String, cause: Throwable? = null)

    companion object : Report {
        private const val NAME = "io.castalia"
        private val chosen: Report by lazy {
            try {
                Slf4j()
            } catch (_: LinkageError) {
                Jdk()
            }
        }

        override fun warn(text: String, cause: Throwable?) = chosen.warn(text, cause)

        override fun error(text: String, cause: Throwable?) = chosen.error(text, cause)
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
