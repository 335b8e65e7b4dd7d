/* Faults at system calls: preloaded into a process by tests/fault_process.py, it counts the calls that touch files below
 * a directory, and at the n-th one kills the process, fails, or lets the power fail.
 *
 * It sees what the process calls in the C library, from Python, SQLite and Rust alike. A power failure loses a choice
 * of what was not synced: written bytes return to what they were, and renames and removals are undone.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum action { COUNT, KILL, TEAR, FAIL, FAIL_ON, POWER };
enum kind { READS, CHANGES, GROWS, WRITES }; /* from GROWS on, a call needs space on the disk */
enum verdict { GO, FAILS, HALVED };

static struct { long seen; char last[32]; } *shared; /* with the parent, which outlives a kill */
static char root[PATH_MAX];
static long nth;
static int action, error_number, reads;
static unsigned seed;

__attribute__((constructor)) static void share(void) {
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

void fault_arm(const char *below, int what, long at, int number, int at_reads, unsigned choice) {
    shared->seen = 0;
    shared->last[0] = 0;
    action = what, nth = at, error_number = number, reads = at_reads, seed = choice;
    snprintf(root, sizeof root, "%s", below);
}
void fault_disarm(void) { root[0] = 0; }
long fault_seen(void) { return shared->seen; }
const char *fault_last(void) { return shared->last; }

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* --- which file ------------------------------------------------------------------------------------------------- */

static int fd_path(int fd, char *path) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
    return length > 0;
}
static int full_path(int dir, const char *name, char *path) {
    char start[PATH_MAX] = "";
    if (name[0] != '/' && (dir == AT_FDCWD ? !getcwd(start, sizeof start) : !fd_path(dir, start))) return 0;
    return snprintf(path, PATH_MAX, "%s%s%s", start, name[0] == '/' ? "" : "/", name) < PATH_MAX;
}
static int below(const char *path) { return root[0] && !strncmp(path, root, strlen(root)); }
static int is_at(int dir, const char *name, char *path) { return root[0] && full_path(dir, name, path) && below(path); }
static int is_fd(int fd, char *path) { return root[0] && fd_path(fd, path) && below(path); }

/* --- what a power failure may lose ------------------------------------------------------------------------------- */

enum change { WRITTEN, RENAMED, REMOVED };
static struct undo {
    enum change change;
    char from[PATH_MAX], to[PATH_MAX];
    int fd, old;         /* the written file; the file that was removed or renamed over */
    off_t at, size, was; /* of written bytes: where, how many, and the size of the file before */
    char *bytes;         /* what was there before */
} *undos[4096];
static int undo_count;

static struct undo *remember(enum change change) {
    if (action != POWER || reads || undo_count == 4096) return NULL;
    struct undo *it = calloc(1, sizeof *it);
    it->change = change, it->fd = it->old = -1;
    return undos[undo_count++] = it;
}
static void remember_write(int fd, off_t at, size_t size) {
    struct stat now;
    struct undo *it = remember(WRITTEN);
    if (!it || fstat(fd, &now)) return;
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    it->fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
    it->at = at < 0 ? ((fcntl(fd, F_GETFL) & O_APPEND) ? now.st_size : lseek(fd, 0, SEEK_CUR)) : at;
    it->size = size, it->was = now.st_size, it->bytes = calloc(1, size ? size : 1);
    if (REAL(pread)(it->fd, it->bytes, size, it->at) < 0) it->bytes[0] = 0;
}
static void remember_entry(enum change change, const char *from, const char *to) {
    struct undo *it = remember(change);
    if (!it) return;
    snprintf(it->from, PATH_MAX, "%s", from);
    snprintf(it->to, PATH_MAX, "%s", to);
    it->old = REAL(open)(to, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}
static int same_file(int a, int b) {
    struct stat x, y;
    return !fstat(a, &x) && !fstat(b, &y) && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}
static void forget_synced(int fd, const char *path) {
    int kept = 0;
    for (int i = 0; i < undo_count; i++) {
        struct undo *it = undos[i];
        const char *slash = strrchr(it->to, '/');
        int synced = it->change == WRITTEN ? same_file(it->fd, fd)
                                           : slash && !strncmp(it->to, path, slash - it->to) && !path[slash - it->to];
        if (!synced) undos[kept++] = it;
    }
    undo_count = kept;
}
static void restore(const char *path, int old) {
    char buffer[65536];
    ssize_t size;
    if (old < 0 || !access(path, F_OK)) return;
    int fd = REAL(open)(path, O_WRONLY | O_CREAT, 0600);
    lseek(old, 0, SEEK_SET);
    while (fd >= 0 && (size = REAL(read)(old, buffer, sizeof buffer)) > 0)
        if (REAL(write)(fd, buffer, size) != size) abort();
    close(fd);
}
/* Seed 0 loses everything, 1 only bytes, 2 only names but the newest, others a random choice. */
static int is_lost(const struct undo *it, int is_newest) {
    if (seed == 0) return 1;
    if (seed == 1) return it->change == WRITTEN;
    if (seed == 2) return it->change != WRITTEN && !is_newest;
    return rand_r(&seed) % 2;
}
static void lose_power(void) {
    int newest = undo_count - 1;
    while (newest >= 0 && undos[newest]->change == WRITTEN) newest--;
    for (int i = undo_count - 1; i >= 0; i--) {
        struct undo *it = undos[i];
        struct stat now;
        if (!is_lost(it, i == newest)) continue;
        if (it->change == WRITTEN && !fstat(it->fd, &now)) {
            if (REAL(pwrite)(it->fd, it->bytes, it->size, it->at) < 0) abort();
            if (now.st_size <= it->at + it->size && ftruncate(it->fd, it->was)) abort();
        } else if (it->change == RENAMED) {
            if (!REAL(rename)(it->to, it->from)) restore(it->to, it->old);
        } else {
            restore(it->to, it->old);
        }
    }
}

/* --- the n-th call ----------------------------------------------------------------------------------------------- */

static enum verdict step(const char *name, enum kind kind) {
    int fails = action == FAIL || action == FAIL_ON;
    if ((kind == READS) != reads) return GO;
    if (fails && error_number == EMFILE && strncmp(name, "open", 4)) return GO;
    if ((fails && error_number == ENOSPC && kind < GROWS) || (action == TEAR && kind != WRITES)) return GO;
    long seen = __atomic_add_fetch(&shared->seen, 1, __ATOMIC_SEQ_CST);
    if (seen < nth || action == COUNT) return GO;
    if (seen == nth) snprintf(shared->last, sizeof shared->last, "%s", name);
    if (action == TEAR) return HALVED;
    if (!fails) {
        if (action == POWER) root[0] = 0, lose_power();
        kill(getpid(), SIGKILL);
    }
    if (seen > nth && action == FAIL) return GO;
    if (seen == nth && error_number == ENOSPC && action == FAIL_ON && kind == WRITES) return HALVED;
    errno = error_number;
    return FAILS;
}

#define AT(dir, name, kind, call) \
    char path[PATH_MAX]; \
    if (is_at(dir, name, path) && step(#call, kind) == FAILS) return -1;
#define FD(fd, kind, call) \
    char path[PATH_MAX]; \
    int mine = is_fd(fd, path); \
    if (mine && step(#call, kind) == FAILS) return -1;

static int opening(int dir, const char *name, int flags, const char *call) {
    char path[PATH_MAX];
    if (!is_at(dir, name, path)) return 0;
    int changes = (flags & (O_CREAT | O_TRUNC)) || (flags & O_ACCMODE) != O_RDONLY;
    enum kind kind = !changes ? READS : (flags & O_CREAT) && access(path, F_OK) ? GROWS : CHANGES;
    return step(call, kind) == FAILS;
}
#define MODE \
    mode_t mode = 0; \
    if (flags & (O_CREAT | __O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }
int open(const char *name, int flags, ...) {
    MODE return opening(AT_FDCWD, name, flags, "open") ? -1 : REAL(open)(name, flags, mode);
}
int open64(const char *name, int flags, ...) {
    MODE return opening(AT_FDCWD, name, flags, "open") ? -1 : REAL(open64)(name, flags, mode);
}
int openat(int dir, const char *name, int flags, ...) {
    MODE return opening(dir, name, flags, "openat") ? -1 : REAL(openat)(dir, name, flags, mode);
}
int openat64(int dir, const char *name, int flags, ...) {
    MODE return opening(dir, name, flags, "openat") ? -1 : REAL(openat64)(dir, name, flags, mode);
}

static ssize_t writing(int fd, const void *data, size_t size, off_t at, const char *call) {
    char path[PATH_MAX];
    if (is_fd(fd, path)) {
        enum verdict verdict = step(call, WRITES);
        if (verdict == FAILS) return -1;
        remember_write(fd, at, size);
        if (verdict == HALVED) {
            ssize_t half = at < 0 ? REAL(write)(fd, data, size / 2) : REAL(pwrite)(fd, data, size / 2, at);
            if (action == TEAR) kill(getpid(), SIGKILL);
            if (half > 0) return half;
            errno = error_number;
            return -1;
        }
    }
    return at < 0 ? REAL(write)(fd, data, size) : REAL(pwrite)(fd, data, size, at);
}
ssize_t write(int fd, const void *data, size_t size) { return writing(fd, data, size, -1, "write"); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return writing(fd, data, size, at, "pwrite"); }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) { return writing(fd, data, size, at, "pwrite"); }
ssize_t writev(int fd, const struct iovec *parts, int count) { /* one part at a time: a short write is allowed */
    char path[PATH_MAX];
    if (!is_fd(fd, path)) return REAL(writev)(fd, parts, count);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len) return writing(fd, parts[i].iov_base, parts[i].iov_len, -1, "writev");
    return 0;
}
int ftruncate(int fd, off_t size) { FD(fd, CHANGES, ftruncate) return REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off_t size) { FD(fd, CHANGES, ftruncate) return REAL(ftruncate)(fd, size); }
int truncate(const char *name, off_t size) { AT(AT_FDCWD, name, CHANGES, truncate) return REAL(truncate)(name, size); }
int truncate64(const char *name, off_t size) { AT(AT_FDCWD, name, CHANGES, truncate) return REAL(truncate)(name, size); }
int fallocate(int fd, int how, off_t at, off_t size) { FD(fd, GROWS, fallocate) return REAL(fallocate)(fd, how, at, size); }
int fallocate64(int fd, int how, off_t at, off_t size) { FD(fd, GROWS, fallocate) return REAL(fallocate)(fd, how, at, size); }
int fsync(int fd) {
    FD(fd, GROWS, fsync)
    if (mine) forget_synced(fd, path);
    return mine ? 0 : REAL(fsync)(fd); /* a real one would only take time */
}
int fdatasync(int fd) {
    FD(fd, GROWS, fdatasync)
    if (mine) forget_synced(fd, path);
    return mine ? 0 : REAL(fdatasync)(fd);
}
int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    char old[PATH_MAX], new[PATH_MAX];
    if (is_at(from_dir, from, old) | is_at(to_dir, to, new)) {
        if (step("rename", CHANGES) == FAILS) return -1;
        remember_entry(RENAMED, old, new);
    }
    return REAL(renameat)(from_dir, from, to_dir, to);
}
int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }
int unlinkat(int dir, const char *name, int flags) {
    AT(dir, name, CHANGES, unlink)
    if (below(path)) remember_entry(REMOVED, path, path);
    return REAL(unlinkat)(dir, name, flags);
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { AT(AT_FDCWD, name, CHANGES, rmdir) return REAL(rmdir)(name); }
int mkdir(const char *name, mode_t mode) { AT(AT_FDCWD, name, GROWS, mkdir) return REAL(mkdir)(name, mode); }
int mkdirat(int dir, const char *name, mode_t mode) { AT(dir, name, GROWS, mkdir) return REAL(mkdirat)(dir, name, mode); }
int link(const char *old, const char *name) { AT(AT_FDCWD, name, GROWS, link) return REAL(link)(old, name); }
int symlink(const char *old, const char *name) { AT(AT_FDCWD, name, GROWS, symlink) return REAL(symlink)(old, name); }
int chmod(const char *name, mode_t mode) { AT(AT_FDCWD, name, CHANGES, chmod) return REAL(chmod)(name, mode); }
int fchmod(int fd, mode_t mode) { FD(fd, CHANGES, fchmod) return REAL(fchmod)(fd, mode); }
int fchmodat(int dir, const char *name, mode_t mode, int flags) {
    AT(dir, name, CHANGES, chmod) return REAL(fchmodat)(dir, name, mode, flags);
}
int utimensat(int dir, const char *name, const struct timespec times[2], int flags) {
    AT(dir, name, CHANGES, utimensat) return REAL(utimensat)(dir, name, times, flags);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

ssize_t read(int fd, void *data, size_t size) { FD(fd, READS, read) return REAL(read)(fd, data, size); }
ssize_t pread(int fd, void *data, size_t size, off_t at) { FD(fd, READS, pread) return REAL(pread)(fd, data, size, at); }
ssize_t pread64(int fd, void *data, size_t size, off_t at) { FD(fd, READS, pread) return REAL(pread)(fd, data, size, at); }
DIR *opendir(const char *name) {
    char path[PATH_MAX];
    if (is_at(AT_FDCWD, name, path) && step("opendir", READS) == FAILS) return NULL;
    return REAL(opendir)(name);
}
int stat(const char *name, struct stat *it) { AT(AT_FDCWD, name, READS, stat) return REAL(stat)(name, it); }
int stat64(const char *name, struct stat64 *it) { AT(AT_FDCWD, name, READS, stat) return REAL(stat64)(name, it); }
