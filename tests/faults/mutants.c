/* Preloaded. Makes ragctl break one of its promises, chosen by MUTANT, so that the tests can show that they notice; or
   disturbs the main thread's STRIKE_WRITE-th write to a file below STRIKE_STORE, which strace cannot count apart from the
   wake-ups that the main thread writes to other threads. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is(const char *mutant)
{
    const char *chosen = getenv("MUTANT");
    return chosen && !strcmp(chosen, mutant);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    static int count;
    const char *wanted = getenv("STRIKE_WRITE"), *store = getenv("STRIKE_STORE");
    char link[64], path[PATH_MAX];
    ssize_t length;
    if (!wanted || !store || syscall(SYS_gettid) != getpid())
        return NEXT(write)(fd, bytes, size);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length < 0 || strncmp(path, store, strlen(store)) || ++count != atoi(wanted))
        return NEXT(write)(fd, bytes, size);
    syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, getenv("STRIKE_HIT"), O_WRONLY | O_CREAT, 0600));
    if (!getenv("STRIKE_ERROR"))
        kill(getpid(), SIGKILL);
    errno = atoi(getenv("STRIKE_ERROR"));
    return -1;
}

/* no-file-fsync, no-parent-fsync */
static int skipped(int fd)
{
    struct stat info;
    if (fstat(fd, &info))
        return 0;
    return (is("no-file-fsync") && S_ISREG(info.st_mode)) || (is("no-parent-fsync") && S_ISDIR(info.st_mode));
}

int fsync(int fd) { return skipped(fd) ? 0 : NEXT(fsync)(fd); }
int fdatasync(int fd) { return skipped(fd) ? 0 : NEXT(fdatasync)(fd); }

/* unlink-symlink: the link goes before the new one comes. The rename itself is a system call that no library sees, so the
   old link is taken away when the new one is made under its temporary name, `.NAME.RANDOM`. */
static void gap(const char *path)
{
    char old[PATH_MAX];
    if (!is("unlink-symlink"))
        return;
    snprintf(old, sizeof old, "%s", path);
    char *name = strrchr(old, '/'), *end = strrchr(old, '.');
    if (!name || name[1] != '.' || end <= name + 1)
        return;
    *end = 0;
    memmove(name + 1, name + 2, strlen(name + 2) + 1);
    syscall(SYS_unlink, old);
    usleep(2000);
}

/* absolute-link: the channel's target begins at the root, and looks relative to whoever made it. */
static int absolute(const char *target, int dir, const char *path)
{
    char folder[PATH_MAX], whole[2 * PATH_MAX], link[64];
    const char *wanted = strstr(target, "versions/");
    ssize_t length;
    if (!is("absolute-link") || !wanted)
        return 0;
    if (dir == AT_FDCWD || path[0] == '/') {
        snprintf(folder, sizeof folder, "%s", path);
        char *slash = strrchr(folder, '/');
        if (!slash)
            return 0;
        *slash = 0;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
        if ((length = syscall(SYS_readlinkat, AT_FDCWD, link, folder, sizeof folder - 1)) < 0)
            return 0;
        folder[length] = 0;
    }
    snprintf(whole, sizeof whole, "%s/%s", folder, wanted);
    return syscall(SYS_symlinkat, whole, dir, path) == 0;
}

int symlink(const char *target, const char *path)
{
    gap(path);
    return absolute(target, AT_FDCWD, path) ? 0 : NEXT(symlink)(target, path);
}

int symlinkat(const char *target, int dir, const char *path)
{
    gap(path);
    return absolute(target, dir, path) ? 0 : NEXT(symlinkat)(target, dir, path);
}

static ssize_t relative(char *buffer, ssize_t length)
{
    char *found = is("absolute-link") && length > 0 && buffer[0] == '/' ? memmem(buffer, length, "versions/", 9) : NULL;
    if (!found)
        return length;
    length -= found - buffer;
    memmove(buffer, found, length);
    return length;
}

ssize_t readlink(const char *path, char *buffer, size_t size)
{
    return relative(buffer, NEXT(readlink)(path, buffer, size));
}

ssize_t readlinkat(int dir, const char *path, char *buffer, size_t size)
{
    return relative(buffer, NEXT(readlinkat)(dir, path, buffer, size));
}

/* no-lease: nobody's lease is in the way. */
static int unlocked(int command, void *argument)
{
    struct flock *lock = argument;
    if (!is("no-lease") || (command != F_OFD_SETLK && command != F_OFD_GETLK) || lock->l_type != F_WRLCK)
        return 0;
    if (command == F_OFD_GETLK)
        lock->l_type = F_UNLCK;
    return 1;
}

#define FCNTL(name)                                          \
    int name(int fd, int command, ...)                       \
    {                                                        \
        va_list list;                                        \
        va_start(list, command);                             \
        void *argument = va_arg(list, void *);               \
        va_end(list);                                        \
        if (unlocked(command, argument))                     \
            return 0;                                        \
        return ((int (*)(int, int, void *))dlsym(RTLD_NEXT, #name))(fd, command, argument); \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

/* verify-skipped: whoever reads DAMAGED sees PRISTINE, the same tree before it was damaged. */
static const char *pristine(int dir, const char *path, char *buffer)
{
    char whole[PATH_MAX] = "", link[64];
    const char *damaged = getenv("DAMAGED"), *instead = getenv("PRISTINE");
    if (!is("verify-skipped") || !damaged || !instead || !path)
        return NULL;
    if (path[0] != '/' && dir != AT_FDCWD) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
        ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, whole, sizeof whole - 1);
        if (length < 0)
            return NULL;
        whole[length] = '/';
        whole[length + 1] = 0;
    }
    strncat(whole, path, sizeof whole - strlen(whole) - 1);
    size_t length = strlen(damaged);
    if (strncmp(whole, damaged, length) || whole[length] != '/')
        return NULL;
    snprintf(buffer, PATH_MAX, "%s%s", instead, whole + length);
    return buffer;
}

#define OPEN(name)                                           \
    int name(const char *path, int flags, ...)               \
    {                                                        \
        char buffer[PATH_MAX];                               \
        va_list list;                                        \
        va_start(list, flags);                               \
        mode_t mode = va_arg(list, mode_t);                  \
        va_end(list);                                        \
        const char *instead = pristine(AT_FDCWD, path, buffer); \
        return ((int (*)(const char *, int, mode_t))dlsym(RTLD_NEXT, #name))(instead ? instead : path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                         \
    int name(int dir, const char *path, int flags, ...)      \
    {                                                        \
        char buffer[PATH_MAX];                               \
        va_list list;                                        \
        va_start(list, flags);                               \
        mode_t mode = va_arg(list, mode_t);                  \
        va_end(list);                                        \
        const char *instead = pristine(dir, path, buffer);   \
        return ((int (*)(int, const char *, int, mode_t))dlsym(RTLD_NEXT, #name))(dir, instead ? instead : path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

long syscall(long number, ...)
{
    static long (*next)(long, ...);
    char buffer[PATH_MAX];
    va_list list;
    long a[6];
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (!next)
        next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    if (number == SYS_openat2) {
        const char *instead = pristine(a[0], (char *)a[1], buffer);
        /* RESOLVE_BENEATH would refuse an absolute path. */
        if (instead)
            return openat(AT_FDCWD, instead, (int)*(unsigned long long *)a[2]);
    }
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
