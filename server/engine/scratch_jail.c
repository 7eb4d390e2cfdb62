#include "server/engine/scratch_jail.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { IS_OPEN = 1 };
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { IS_OPEN = 1 };
#else
enum { IS_OPEN = 0 };
#endif
#else
enum { IS_OPEN = 0 };
#endif

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#endif

int scratch_jail_is_open(void)
{
    return IS_OPEN;
}

#ifdef ARCH
#define ALLOW(call)                                                            \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1),                     \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define FIELD(name)                                                            \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))

/* Everything else fails with EPERM: DuckDB asks for what it can do without. */
static struct sock_filter filter[] = {
    FIELD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    FIELD(nr),
    /* the socket */
    ALLOW(read),
    ALLOW(write),
    /* memory */
    ALLOW(mmap),
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(mprotect),
    ALLOW(madvise),
    ALLOW(brk),
    /* time, and the alarm */
    ALLOW(clock_gettime),
    ALLOW(clock_nanosleep),
    ALLOW(nanosleep),
    ALLOW(gettimeofday),
    ALLOW(setitimer),
    ALLOW(rt_sigaction),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigreturn),
    ALLOW(restart_syscall),
    /* itself */
    ALLOW(futex),
    ALLOW(sched_yield),
    ALLOW(sched_getaffinity),
    ALLOW(getrandom),
    ALLOW(getpid),
    ALLOW(gettid),
    ALLOW(exit),
    ALLOW(exit_group),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
};

static void filter_calls(void)
{
    const struct sock_fprog program = { .len = sizeof filter / sizeof filter[0],
                                        .filter = filter };
    (void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
#else
static void filter_calls(void)
{
}
#endif

static int limit(int what, rlim_t most)
{
    const struct rlimit r = { most, most };
    return setrlimit((__rlimit_resource_t)what, &r);
}

/* No more than there was: it can only be lowered. */
static int limit_stack(size_t most)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_STACK, &r))
        return -1;
    r.rlim_cur = r.rlim_max < most ? r.rlim_max : most;
    return setrlimit(RLIMIT_STACK, &r);
}

/* The server is told to end by the same signals, and ends this by itself: a
 * terminal or a service manager sends them to all. */
static void pass_over_signals(void)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        (void)signal(signals[i], SIG_IGN);
}

int scratch_jail_enter(int fd, size_t memory_max, size_t stack_max)
{
    pass_over_signals();
    if (limit_stack(stack_max) || limit(RLIMIT_CORE, 0) ||
        limit(RLIMIT_FSIZE, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return -1;
    if (IS_OPEN)
        return 0;
    if (fd > 0)
        (void)close_range(0, (unsigned)fd - 1, 0);
    (void)close_range((unsigned)fd + 1, ~0U, 0);
    if (limit(RLIMIT_AS, memory_max) || limit(RLIMIT_NOFILE, 0))
        return -1;
    filter_calls();
    return 0;
}
