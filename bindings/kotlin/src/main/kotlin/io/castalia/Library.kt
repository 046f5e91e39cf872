package io.castalia

import com.sun.jna.CallbackThreadInitializer
import com.sun.jna.Native
import io.castalia.ffi.uniffiEnsureInitialized
import io.castalia.ffi.uniffiRustFutureContinuationCallbackImpl
import java.io.IOException
import java.nio.file.AtomicMoveNotSupportedException
import java.nio.file.FileAlreadyExistsException
import java.nio.file.Files
import java.nio.file.InvalidPathException
import java.nio.file.Path
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardCopyOption.REPLACE_EXISTING
import java.nio.file.attribute.PosixFilePermissions
import java.security.AccessController
import java.security.MessageDigest
import java.security.PrivilegedAction

/**
 * Finds the native library and loads it once: from `castalia.native.path`, else from `java.library.path`,
 * else the copy in this jar, which is unpacked.
 */
internal object Library {
    private const val NAME = "castalia_kotlin"
    private const val OVERRIDE = "uniffi.component.castalia.libraryOverride"
    private const val PATH = "castalia.native.path"
    private val file: String = System.mapLibraryName(NAME)
    private var loaded = false

    @Synchronized
    fun load() {
        if (loaded) return
        val failures = ArrayList<Throwable>()
        for (candidate in candidates()) {
            try {
                val place = candidate()
                asOneself { open(place) }
                loaded = true
                return
            } catch (failure: IOException) {
                failures += failure
            } catch (failure: LinkageError) {
                failures += failure
            } catch (failure: InvalidPathException) {
                failures += failure
            }
        }
        throw unusable(failures)
    }

    /**
     * Locations, of which the first with a library is used. The jar may contain a copy for each C library.
     */
    private fun candidates(): List<() -> Path> {
        System.getProperty(PATH)?.let { return listOf { inside(Path.of(it)) } }
        val installed = System.getProperty("java.library.path").orEmpty().split(java.io.File.pathSeparator)
        val found = installed.filter(String::isNotEmpty).mapNotNull(::placeIn).firstOrNull(Files::isRegularFile)
        found?.let { return listOf { it } }
        val bundled = platforms().mapNotNull { javaClass.getResource("/native/$it/$file") }
        return bundled.map { { Unpacked.place(it.openStream().use { stream -> stream.readAllBytes() }, file) } }
    }

    /** Null for what is no path: on Windows, entries may have quotation marks or end with a blank. */
    private fun placeIn(folder: String): Path? = try {
        Path.of(folder, file)
    } catch (_: InvalidPathException) {
        null
    }

    private fun inside(given: Path): Path = if (Files.isDirectory(given)) given.resolve(file) else given

    /** Names of this platform's folders in the jar, the likelier C library first. */
    private fun platforms(): List<String> {
        val system = System.getProperty("os.name").lowercase()
        val machine =
            when (val name = System.getProperty("os.arch")) {
                "amd64" -> "x86_64"
                "arm64" -> "aarch64"
                else -> name
            }
        return when {
            system.startsWith("windows") -> listOf("windows-$machine")
            system.startsWith("mac") -> listOf("macos-$machine")
            hasMusl() -> listOf("linux-$machine-musl", "linux-$machine")
            else -> listOf("linux-$machine", "linux-$machine-musl")
        }
    }

    /**
     * Whether this process itself runs with musl: a glibc system may have musl's loader installed
     * too.
     */
    private fun hasMusl(): Boolean {
        val maps = Path.of("/proc/self/maps").toFile()
        return maps.canRead() && maps.useLines { lines -> lines.any { "/ld-musl-" in it } }
    }

    /**
     * Loads this file. Class loaders may share it: it keeps nothing of the JVM except pending
     * calls. The generated code reads the path from a system property, so only one thread of the
     * JVM may do this at a time.
     */
    private fun open(path: Path) {
        if (!Files.isRegularFile(path)) throw IOException("$path does not exist")
        useFolderForJna(path.toAbsolutePath().parent)
        synchronized("io.castalia.Library".intern()) {
            System.setProperty(OVERRIDE, path.toAbsolutePath().toString())
            try {
                // Threads of the library are attached as daemons permanently, so that no thread
                // object is created for each call.
                val attach = CallbackThreadInitializer(true, false, "castalia-worker")
                Native.setCallbackThreadInitializer(uniffiRustFutureContinuationCallbackImpl, attach)
                uniffiEnsureInitialized()
            } catch (mismatch: ExceptionInInitializerError) {
                throw IOException("$path has another version than this jar; use both from the same release", mismatch)
            } finally {
                System.clearProperty(OVERRIDE)
            }
        }
    }

    /**
     * Runs with this library's class loader as context: JNA starts a permanent thread, which must
     * not keep the first application alive.
     */
    private fun asOneself(run: () -> Unit) {
        val thread = Thread.currentThread()
        val before = thread.contextClassLoader
        thread.contextClassLoader = javaClass.classLoader
        try {
            AccessController.doPrivileged(PrivilegedAction { run() })
        } finally {
            thread.contextClassLoader = before
        }
    }

    /**
     * JNA also has a native library, which is loaded from beside this one, or unpacked to the same
     * directory.
     */
    private fun useFolderForJna(folder: Path) {
        if (Files.exists(folder.resolve(System.mapLibraryName("jnidispatch")))) {
            System.getProperty("jna.boot.library.path") ?: System.setProperty("jna.boot.library.path", "$folder")
        }
        val given = System.getProperty(Unpacked.PROPERTY) ?: return
        System.getProperty("jna.tmpdir") ?: System.setProperty("jna.tmpdir", given)
    }

    private fun unusable(failures: List<Throwable>): CastaliaException {
        val platform = platforms().first()
        val reasons = failures.joinToString("; ") { it.message ?: it.toString() }
        val named = System.getProperty(PATH)
        val text =
            when {
                failures.isEmpty() -> "this jar has no library for $platform; name one with -D$PATH=FILE"

                "another version" in reasons -> reasons

                named != null && failures.none { it is LinkageError } ->
                    "$PATH is $named, which names no library; set it to the library or its folder, or remove it to use " +
                        "the library of this jar: $reasons"

                named != null ->
                    "$PATH is $named, which cannot be loaded on $platform; set it to the library of this version for this " +
                        "platform, or remove it to use the library of this jar; if it is the library of JNA that cannot be " +
                        "loaded, name a folder for it with -D${Unpacked.PROPERTY}=FOLDER: $reasons"

                "failed to map segment" in reasons || "Operation not permitted" in reasons ->
                    "libraries cannot be executed where they were unpacked, probably because it is mounted noexec; " +
                        "name another folder with -D${Unpacked.PROPERTY}=FOLDER: $reasons"

                else ->
                    "the library cannot be loaded on $platform; name a folder that can be written to with " +
                        "-D${Unpacked.PROPERTY}=FOLDER, or a library with -D$PATH=FILE: $reasons"
            }
        return CastaliaException.of("Io", "load library", text, cause = failures.firstOrNull())
    }
}

/**
 * Libraries from the jar as files, named by a hash of their content, shared by all JVMs of a user
 * unless another user has their folder, and written atomically.
 */
internal object Unpacked {
    const val PROPERTY = "castalia.native.tmpdir"

    /** The file with this content; written if it does not exist. */
    fun place(content: ByteArray, name: String): Path {
        val root = Path.of(System.getProperty(PROPERTY) ?: System.getProperty("java.io.tmpdir"))
        return try {
            shared(root, content, name)
        } catch (unusable: IOException) {
            // Any user may create a folder of this name, and users without a name have the same one.
            ofThisJvm(root, content, name) ?: throw unusable
        }
    }

    /** A file in a new folder, which is deleted when this JVM ends; null if it cannot be written. */
    private fun ofThisJvm(root: Path, content: ByteArray, name: String): Path? = try {
        val folder = Files.createTempDirectory(root, "castalia-")
        // Deleted in the reverse order.
        val place = folder.resolve(name)
        listOf(folder, place).forEach { it.toFile().deleteOnExit() }
        Files.write(place, content)
    } catch (_: IOException) {
        null
    }

    private fun shared(root: Path, content: ByteArray, name: String): Path {
        val folder = folder(root.resolve("castalia-${System.getProperty("user.name")}"))
        val digest = MessageDigest.getInstance("SHA-256").digest(content)
        val hash = digest.take(HASH_BYTES).joinToString("") { "%02x".format(it) }
        val place = folder.resolve("$hash-$name")
        val probe = Files.createTempFile(folder, "unpacking", ".tmp")
        try {
            // Another user could replace the files of their own directory after this check.
            if (Files.getOwner(probe) != Files.getOwner(folder)) throw IOException("$folder belongs to another user")
            if (!holds(place, content)) write(probe, content, place)
        } finally {
            Files.deleteIfExists(probe)
        }
        return place
    }

    private fun folder(path: Path): Path {
        val isPosix = path.fileSystem.supportedFileAttributeViews().contains("posix")
        val private = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))
        Files.createDirectories(path.parent)
        try {
            return if (isPosix) Files.createDirectory(path, private) else Files.createDirectory(path)
        } catch (there: FileAlreadyExistsException) {
            val open = isPosix && Files.getPosixFilePermissions(path).any { "$it".endsWith("S_WRITE") && "$it" != "OWNER_WRITE" }
            if (open || Files.isSymbolicLink(path)) throw IOException("$path could be changed by other users", there)
            return path
        }
    }

    private fun holds(place: Path, content: ByteArray): Boolean =
        Files.isRegularFile(place) && content.contentEquals(Files.readAllBytes(place))

    private fun write(temporary: Path, content: ByteArray, place: Path) {
        Files.write(temporary, content)
        try {
            Files.move(temporary, place, ATOMIC_MOVE)
        } catch (_: AtomicMoveNotSupportedException) {
            Files.move(temporary, place, REPLACE_EXISTING)
        }
    }

    private const val HASH_BYTES = 8
}
