/* Faults below SQLite, loaded with LD_PRELOAD. What happens is told by a shared file of which VEDETTE_FAULTS is
 * the path, so that it can be changed while the process runs, and is the same for all that share it:
 *   armed      0: only count; else which call fails (counted down by every matching call to 0)
 *   calls      which calls match: 1 writes, 2 syncs, 3 both
 *   kind       1 EIO, 2 ENOSPC, 3 write half and die, 4 die before the call, 5 EIO from now on, 6 ENOSPC from now on
 *   seen       matching calls so far
 *   fired      faults so far
 *   clock      seconds added to the time of day
 *   path       matches files whose path ends so
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct faults {
    int64_t armed, calls, kind, seen, fired, clock;
    char path[256];
};

enum { WRITES = 1, SYNCS = 2 };
enum { FAIL_EIO = 1, FAIL_ENOSPC, TORN, DIE, STAY_EIO, STAY_ENOSPC };

static struct faults *faults;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off64_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_clock_gettime)(clockid_t, struct timespec *);

static void find_real(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    real_pwrite64 = dlsym(RTLD_NEXT, "pwrite64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
}

__attribute__((constructor)) static void start(void) {
    find_real();
    const char *path = getenv("VEDETTE_FAULTS");
    int descriptor = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (descriptor < 0) return;
    void *shared = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (shared != MAP_FAILED) faults = shared;
    close(descriptor);
}

static int matches(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof path - 1);
    size_t wanted = strlen(faults->path);
    return size > 0 && wanted > 0 && (size_t)size >= wanted && !memcmp(path + size - wanted, faults->path, wanted);
}

/* Return the kind of fault of this call, 0 for none. */
static int fault(int descriptor, int call) {
    if (!faults || !(faults->calls & call)) return 0;
    int saved = errno;
    int mine = matches(descriptor);
    errno = saved;
    if (!mine) return 0;
    __sync_fetch_and_add(&faults->seen, 1);
    int64_t kind = faults->kind, armed = faults->armed;
    if (armed == 0) return 0;
    if (armed > 1) { /* the calls before it pass */
        __sync_fetch_and_sub(&faults->armed, 1);
        return 0;
    }
    if (kind != STAY_EIO && kind != STAY_ENOSPC && !__sync_bool_compare_and_swap(&faults->armed, 1, 0)) return 0;
    __sync_fetch_and_add(&faults->fired, 1);
    return (int)kind;
}

static int failed(int kind) {
    if (kind == DIE || kind == TORN) kill(getpid(), SIGKILL);
    errno = kind == FAIL_ENOSPC || kind == STAY_ENOSPC ? ENOSPC : EIO;
    return -1;
}

ssize_t write(int descriptor, const void *data, size_t size) {
    if (!real_write) find_real();
    int kind = fault(descriptor, WRITES);
    if (kind == TORN) real_write(descriptor, data, size / 2);
    return kind ? failed(kind) : real_write(descriptor, data, size);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t place) {
    int kind = fault(descriptor, WRITES);
    if (kind == TORN) real_pwrite(descriptor, data, size / 2, place);
    return kind ? failed(kind) : real_pwrite(descriptor, data, size, place);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t place) {
    int kind = fault(descriptor, WRITES);
    if (kind == TORN) real_pwrite64(descriptor, data, size / 2, place);
    return kind ? failed(kind) : real_pwrite64(descriptor, data, size, place);
}

int fsync(int descriptor) {
    int kind = fault(descriptor, SYNCS);
    return kind ? failed(kind) : real_fsync(descriptor);
}

int fdatasync(int descriptor) {
    int kind = fault(descriptor, SYNCS);
    return kind ? failed(kind) : real_fdatasync(descriptor);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!real_clock_gettime) find_real();
    int result = real_clock_gettime(clock, now);
    if (result == 0 && faults && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += faults->clock;
    return result;
}

time_t time(time_t *place) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (place) *place = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
