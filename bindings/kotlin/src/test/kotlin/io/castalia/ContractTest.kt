package io.castalia

import kotlin.test.assertEquals
import org.junit.jupiter.api.Test

/** The cases that hold in every language. */
class ContractTest {
    @Test
    fun `every case of the contract holds`() {
        val driver = Program("io.castalia.ContractDriverKt").command()
        val runner = ProcessBuilder(listOf("${Built.program("castalia-contract")}") + driver).redirectErrorStream(true).start()
        val output = runner.inputStream.bufferedReader().readText()
        assertEquals(0, runner.waitFor(), output)
    }
}
