package io.castalia

import com.sun.jna.NativeLibrary
import com.sun.jna.Pointer
import java.io.File
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.attribute.PosixFilePermissions
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Loads the library, and prints its path. Arguments are properties whose values begin with what is no path. */
object LoadLibrary {
    @JvmStatic
    fun main(arguments: Array<String>) {
        // Not options, because no command line contains this character.
        for ((name, value) in arguments.map { it.split('=') }) System.setProperty(name, "\u0000$value")
        try {
            Client(mapOf("app.id" to "order")).close()
            println(Files.readAllLines(Path.of("/proc/self/maps")).first { "castalia_kotlin" in it }.substringAfter('/').trim())
        } catch (error: CastaliaException) {
            println("${error.kind}: ${error.message}")
        }
    }
}

/** Prints the app id in the settings of the environment. */
object ReadSettings {
    @JvmStatic
    fun main(arguments: Array<String>) = Client(Settings.fromEnv()).use { println(it.appId) }
}

class LibraryTest {
    @TempDir
    lateinit var folder: Path
    private val load = Program("io.castalia.LoadLibrary")

    /** Options of a program that may write nowhere. */
    private val nowhere = arrayOf("-Djava.io.tmpdir=/nowhere", "-Duser.home=/nowhere", "-XX:-UsePerfData")

    private fun unpackedTo(place: Path) = "-Dcastalia.native.tmpdir=$place"

    /** The library in the jar. */
    private fun extracted(): Path {
        val place = folder.resolve(System.mapLibraryName("castalia_kotlin"))
        val platform = "linux-" + if (System.getProperty("os.arch") == "amd64") "x86_64" else "aarch64"
        javaClass.getResourceAsStream("/native/$platform/${place.fileName}").use { Files.copy(checkNotNull(it), place) }
        return place
    }

    /** The same, with that of JNA beside it. */
    private fun extractBoth() {
        extracted()
        val jna = "/com/sun/jna/linux-${if (System.getProperty("os.arch") == "amd64") "x86-64" else "aarch64"}/libjnidispatch.so"
        javaClass.getResourceAsStream(jna).use { Files.copy(checkNotNull(it), folder.resolve("libjnidispatch.so")) }
    }

    private fun files(): List<Path> = folder.toFile().walk().filter { it.isFile }.map { it.toPath() }.toList()

    @Test
    fun `the library is unpacked once, under a name that its content has`() {
        val ended = List(2) { load.run(unpackedTo(folder)) }
        assertEquals(ended[0].output, ended[1].output)
        val unpacked = files().single { "castalia_kotlin" in "$it" }
        assertEquals("$unpacked", "/" + ended[0].output)
        assertEquals(PosixFilePermissions.fromString("rwx------"), Files.getPosixFilePermissions(unpacked.parent))
        Files.writeString(unpacked, "spoilt")
        assertEquals(ended[0].output, load.run(unpackedTo(folder)).output)
    }

    @Test
    fun `twenty programs unpack it at once`() {
        // T39
        val ended = List(20) {
            load.start(unpackedTo(folder), "-Xmx64m")
        }.map { it.get() }
        // The slower process may replace the file that the faster one already has open.
        assertEquals(1, ended.map { it.output.removeSuffix(" (deleted)") }.distinct().size, "$ended")
        assertEquals(listOf(0), ended.map { it.code }.distinct())
        assertEquals(1, files().count { "castalia_kotlin" in "$it" || "unpacking" in "$it" })
    }

    @Test
    fun `a named library or its folder is taken as it is, also from a path of the JVM`() {
        val place = extracted()
        for (option in listOf(
            "castalia.native.path=$place",
            "castalia.native.path=$folder",
            "java.library.path=/nowhere:$folder",
        )) {
            assertEquals("$place", "/" + load.run("-D$option").output, option)
        }
        Files.writeString(place, "no library")
        val spoilt = load.run("-Dcastalia.native.path=$place").output
        assertTrue(spoilt.startsWith("Io: ") && "$place" in spoilt, spoilt)
        val missing = load.run("-Dcastalia.native.path=$folder/missing.so").output
        assertTrue(missing.startsWith("Io: ") && "does not exist" in missing && "castalia.native.path" in missing, missing)
    }

    @Test
    fun `a library of another version is refused`() {
        // T53
        val place = extracted()
        val bytes = Files.readAllBytes(place)
        answersZero().copyInto(bytes, offsetOf("ffi_castalia_kotlin_uniffi_contract_version", place).toInt())
        val other = Files.write(folder.resolve("other.so"), bytes)
        val told = load.run("-Dcastalia.native.path=$other").output
        assertTrue(told.startsWith("Io: ") && "$other has another version than this jar" in told, told)
        assertEquals("$place", "/" + load.run("-Dcastalia.native.path=$place").output)
    }

    /** The offset of a function in its library. */
    private fun offsetOf(function: String, library: Path): Long = NativeLibrary.getInstance("$library").use { loaded ->
        val address = Pointer.nativeValue(loaded.getFunction(function))
        val segments = Files.readAllLines(Path.of("/proc/self/maps")).filter { it.endsWith("$library") }
        segments.firstNotNullOf { segment ->
            val (place, _, offset) = segment.split(' ')
            val (start, end) = place.split('-').map { it.toLong(radix = 16) }
            if (address in start until end) address - start + offset.toLong(radix = 16) else null
        }
    }

    /** Machine code of a function that returns 0. */
    private fun answersZero(): ByteArray {
        val x86 = intArrayOf(0x31, 0xC0, 0xC3)
        val arm = intArrayOf(0x00, 0x00, 0x80, 0x52, 0xC0, 0x03, 0x5F, 0xD6)
        return (if (System.getProperty("os.arch") == "amd64") x86 else arm).map { it.toByte() }.toByteArray()
    }

    @Test
    fun `a folder that does not execute is told, and another one helps`() {
        // T39
        val script = "mount -t tmpfs -o noexec tmpfs '$folder' && exec \"\$@\""
        val noexec = listOf("unshare", "-m", "sh", "-c", script, "sh")
        assumeTrue(ProcessBuilder(noexec + "true").start().waitFor() == 0, "mounting takes a privilege that is not there")
        val told = load.run("-Djava.io.tmpdir=$folder", before = noexec).output
        assertTrue(told.startsWith("Io: ") && "noexec" in told && "castalia.native.tmpdir" in told, told)
        val other = Files.createTempDirectory("castalia-test")
        val helped = load.run("-Djava.io.tmpdir=$folder", unpackedTo(other), before = noexec).output
        assertTrue(helped.startsWith("$other".drop(1)), helped)
        other.toFile().deleteRecursively()
    }

    @Test
    fun `an entry of the search path that is no path is skipped`() {
        // B92
        val place = extracted()
        val path = "java.library.path=${File.pathSeparator}$folder"
        assertEquals("$place", "/" + load.run(arguments = listOf(path)).output)
    }

    @Test
    fun `a named library or folder that is no path is told`() {
        for (name in listOf("castalia.native.path", "castalia.native.tmpdir")) {
            val told = load.run(arguments = listOf("$name=nowhere")).output
            assertTrue(told.startsWith("Io: ") && name in told && "nowhere" in told, told)
        }
    }

    @Test
    fun `a path that names no library is reported with its setting and what to do`() {
        // B124
        for (path in listOf("$folder", "$folder/missing.so")) {
            val told = load.run("-Dcastalia.native.path=$path").output
            assertTrue("castalia.native.path is $path, which names no library" in told && "remove it" in told, told)
        }
        // This is no path at all.
        val told = load.run(arguments = listOf("castalia.native.path=nowhere")).output
        assertTrue("castalia.native.path is \u0000nowhere, which names no library" in told && "remove it" in told, told)
        // This is a file, but no library.
        val file = Files.writeString(folder.resolve("spoilt.so"), "no library")
        val spoilt = load.run("-Dcastalia.native.path=$file").output
        assertTrue("castalia.native.path is $file, which cannot be loaded on linux-" in spoilt && "remove it" in spoilt, spoilt)
    }

    @Test
    fun `a program that may write nowhere reads its settings from a jar`() {
        // B91
        extractBoth()
        val jar = folder.resolve("app.jar")
        ZipOutputStream(Files.newOutputStream(jar)).use {
            it.putNextEntry(ZipEntry("META-INF/app.properties"))
            it.write("app.id=jar\n".toByteArray())
        }
        val program = Program("io.castalia.ReadSettings", Built.withTests.plusElement(jar))
        val ended = program.run(*nowhere, "-Dcastalia.native.path=$folder")
        assertEquals("jar", ended.output, "$ended")
    }

    @Test
    fun `a program that may write nowhere brings both libraries along`() {
        // T39
        extractBoth()
        val script = "mount --bind '$folder' '$folder' && mount -o remount,ro,bind / && exec \"\$@\""
        val readOnly = listOf("unshare", "-m", "sh", "-c", script, "sh")
        assumeTrue(ProcessBuilder(readOnly + "true").start().waitFor() == 0, "mounting takes a privilege that is not there")
        val ended = load.run(*nowhere, "-Dcastalia.native.path=$folder", before = readOnly)
        assertTrue(ended.output.startsWith("$folder".drop(1)), "$ended")
        val told = load.run(*nowhere, before = readOnly).output
        assertTrue(told.startsWith("Io: ") && "castalia.native.path" in told, told)
    }

    @Test
    fun `instead of a folder that another user may have, one of this program is used and deleted`() {
        // B114
        val shared = folder.resolve("castalia-${System.getProperty("user.name")}")
        val everybody = PosixFilePermissions.fromString("rwxrwxrwx")
        val writable = { Files.setPosixFilePermissions(Files.createDirectory(shared), everybody) }
        val link = { Files.createSymbolicLink(shared, Files.createDirectory(folder.resolve("other"))) }
        val file = { Files.writeString(shared, "") }
        for (create in listOf(writable, link, file)) {
            create()
            val place = Path.of("/" + load.run(unpackedTo(folder)).output.removeSuffix(" (deleted)"))
            assertTrue(place.startsWith(folder) && !place.startsWith(shared), "$place")
            assertTrue(files().none { "castalia_kotlin" in "$it" })
            assertFalse(Files.exists(place.parent))
            Files.delete(shared)
        }
    }
}
