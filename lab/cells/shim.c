/*
 * Preloaded into everything on a compute with simulated NUMA cells.
 *
 * libvirt is shown cells and CPUs that do not exist (sysfs.py), and QEMU then asks
 * the real kernel for them. What the kernel refuses for that reason alone (EINVAL)
 * is mapped here: memory policy on a missing cell succeeds without effect, and
 * affinity to a missing CPU lands on that CPU modulo the real number of CPUs.
 * Everything the kernel accepts passes unchanged.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the kernel itself says: glibc's sysconf would read the made sysfs. */
static unsigned real_cpus(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (syscall(SYS_sched_getaffinity, 1, sizeof set, &set) <= 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}

/* The same set, every CPU modulo the real number. */
static cpu_set_t mapped(size_t size, const cpu_set_t *asked)
{
    cpu_set_t set;
    unsigned real = real_cpus();
    CPU_ZERO(&set);
    for (unsigned cpu = 0; cpu < size * 8 && cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET_S(cpu, size, asked))
            CPU_SET(cpu % real, &set);
    return set;
}

static long unless_missing(long result)
{
    return result < 0 && errno == EINVAL ? 0 : result;
}

long mbind(void *start, unsigned long length, int mode, const unsigned long *nodes, unsigned long maximum,
           unsigned flags)
{
    return unless_missing(syscall(SYS_mbind, start, length, mode, nodes, maximum, flags));
}

long set_mempolicy(int mode, const unsigned long *nodes, unsigned long maximum)
{
    return unless_missing(syscall(SYS_set_mempolicy, mode, nodes, maximum));
}

int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *asked)
{
    if (syscall(SYS_sched_setaffinity, pid, size, asked) >= 0)
        return 0;
    if (errno != EINVAL)
        return -1;
    cpu_set_t set = mapped(size, asked);
    return syscall(SYS_sched_setaffinity, pid, sizeof set, &set) < 0 ? -1 : 0;
}

/* QEMU's threads that fill huge pages. */
int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *asked)
{
    int (*real)(pthread_t, size_t, const cpu_set_t *) =
        (int (*)(pthread_t, size_t, const cpu_set_t *))dlsym(RTLD_NEXT, "pthread_setaffinity_np");
    if (!real)
        return 0;
    int result = real(thread, size, asked);
    if (result != EINVAL)
        return result;
    cpu_set_t set = mapped(size, asked);
    return real(thread, sizeof set, &set);
}
