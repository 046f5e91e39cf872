/* A disk that fails on command and loses what was not synced, for the SQLite files of one directory.
 * Loaded with LD_PRELOAD into the server under test.
 *
 *   FAULT_DIRECTORY  files below it whose names contain ".db" are watched; everything else is left alone
 *   FAULT_CONTROL    a file with one word: the behaviour from now on
 *   FAULT_SYNCED     a directory that receives a copy of each watched file as of its last sync
 *
 *   (empty)     everything works
 *   enospc      writes and growth fail: the disk is full
 *   eio         writes fail
 *   eio-read    reads fail
 *   eio-sync    syncs fail, writes work
 *   lying       syncs succeed and keep nothing, as with `synchronous = OFF`
 *   slow        each sync takes three seconds
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum fault { NONE, FULL, BROKEN, BROKEN_READ, BROKEN_SYNC, LYING, SLOW };

static int watched(int fd, char path[PATH_MAX]) {
    const char *directory = getenv("FAULT_DIRECTORY");
    char link[64];
    if (!directory) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return 0;
    path[length] = '\0';
    return strncmp(path, directory, strlen(directory)) == 0 && strstr(path, ".db") != NULL;
}

static enum fault fault(void) {
    const char *control = getenv("FAULT_CONTROL");
    char word[16] = "";
    int fd = control ? open(control, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return NONE;
    ssize_t length = syscall(SYS_read, fd, word, sizeof word - 1);
    close(fd);
    word[length > 0 ? length : 0] = '\0';
    if (!strcmp(word, "enospc")) return FULL;
    if (!strcmp(word, "eio")) return BROKEN;
    if (!strcmp(word, "eio-read")) return BROKEN_READ;
    if (!strcmp(word, "eio-sync")) return BROKEN_SYNC;
    if (!strcmp(word, "lying")) return LYING;
    if (!strcmp(word, "slow")) return SLOW;
    return NONE;
}

/* 0, or the error with which a write to this file fails now. */
static int write_error(int fd) {
    char path[PATH_MAX];
    if (!watched(fd, path)) return 0;
    switch (fault()) {
    case FULL: return ENOSPC;
    case BROKEN: return EIO;
    default: return 0;
    }
}

ssize_t write(int fd, const void *bytes, size_t count) {
    int error = write_error(fd);
    if (error) { errno = error; return -1; }
    return syscall(SYS_write, fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    int error = write_error(fd);
    if (error) { errno = error; return -1; }
    return syscall(SYS_pwrite64, fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return pwrite64(fd, bytes, count, offset);
}

static int is_unreadable(int fd) {
    char path[PATH_MAX];
    return watched(fd, path) && fault() == BROKEN_READ;
}

ssize_t read(int fd, void *bytes, size_t count) {
    if (is_unreadable(fd)) { errno = EIO; return -1; }
    return syscall(SYS_read, fd, bytes, count);
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t offset) {
    if (is_unreadable(fd)) { errno = EIO; return -1; }
    return syscall(SYS_pread64, fd, bytes, count, offset);
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset) {
    return pread64(fd, bytes, count, offset);
}

int ftruncate64(int fd, off64_t length) {
    int error = write_error(fd);
    if (error) { errno = error; return -1; }
    return syscall(SYS_ftruncate, fd, length);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* Copies to a temporary name and renames, so that each copy is a complete state. */
static int keep(const char *path) {
    const char *synced = getenv("FAULT_SYNCED");
    const char *name = strrchr(path, '/');
    char to[PATH_MAX], part[PATH_MAX];
    static __thread char bytes[64 * 1024];
    if (!synced || !name) return 0;
    snprintf(to, sizeof to, "%s%s", synced, name);
    snprintf(part, sizeof part, "%s%s.part%ld", synced, name, syscall(SYS_gettid));
    int in = open(path, O_RDONLY | O_CLOEXEC);
    int out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t count = -1;
    if (in >= 0 && out >= 0)
        while ((count = syscall(SYS_read, in, bytes, sizeof bytes)) > 0)
            if (syscall(SYS_write, out, bytes, count) != count) { count = -1; break; }
    if (in >= 0) close(in);
    if (out >= 0) close(out);
    return count < 0 ? -1 : rename(part, to);
}

static int sync_file(int fd, long number) {
    char path[PATH_MAX];
    if (watched(fd, path)) {
        switch (fault()) {
        case BROKEN_SYNC: errno = EIO; return -1;
        case LYING: return 0;
        case SLOW: sleep(3); break;
        default: break;
        }
        if (keep(path) != 0) abort();
    }
    return syscall(number, fd);
}

/* A journaling file system keeps the order of a removal and the next sync, so a removal is copied
 * immediately. */
int unlink(const char *path) {
    const char *directory = getenv("FAULT_DIRECTORY"), *synced = getenv("FAULT_SYNCED");
    const char *name = strrchr(path, '/');
    char copy[PATH_MAX];
    if (directory && synced && name && !strncmp(path, directory, strlen(directory))) {
        snprintf(copy, sizeof copy, "%s%s", synced, name);
        syscall(SYS_unlinkat, AT_FDCWD, copy, 0);
    }
    return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }
