/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * confine_calls.c: the system calls that flowd has left, in one table. Any other is refused with EPERM, and the
 * kernel logs it (audit, or dmesg: `type=1326 ... syscall=N`; ausyscall N says its name). See confine.h.
 *
 * Not in the table, among many: execve, fork, ptrace, mount, module and key calls, sockets but those below, any change
 * of user, of root or of namespace. Of some, what one argument says decides: see limits.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flowd/confine.h"

/* Names that an architecture does not have are left out. */
static const char *const calls[] = {
	/* files, within what Landlock and rights leave */
	"open",
	"openat",
	"openat2",
	"creat",
	"close",
	"close_range",
	"read",
	"readv",
	"pread64",
	"preadv",
	"preadv2",
	"write",
	"writev",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"lseek",
	"_llseek",
	"stat",
	"fstat",
	"lstat",
	"newfstatat",
	"statx",
	"stat64",
	"fstat64",
	"lstat64",
	"fstatat64",
	"statfs",
	"fstatfs",
	"statfs64",
	"fstatfs64",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents",
	"getdents64",
	"getcwd",
	"mkdir",
	"mkdirat",
	"rmdir",
	"unlink",
	"unlinkat",
	"rename",
	"renameat",
	"renameat2",
	"link",
	"linkat",
	"symlink",
	"symlinkat",
	"truncate",
	"ftruncate",
	"truncate64",
	"ftruncate64",
	"fallocate",
	"fsync",
	"fdatasync",
	"sync_file_range",
	"syncfs",
	"fadvise64",
	"readahead",
	"copy_file_range",
	"sendfile",
	"sendfile64",
	"splice",
	"tee",
	"flock",
	"dup",
	"dup2",
	"dup3",
	"pipe",
	"pipe2",
	"umask",
	"chown",
	"fchown",
	"lchown",
	"fchownat",
	"utime",
	"utimes",
	"utimensat",
	"futimesat",
	"chdir",
	"fchdir",
	"memfd_create",
	"inotify_init1",
	"inotify_add_watch",
	"inotify_rm_watch",
	"quotactl",
	"getxattr",
	"fgetxattr",
	/* memory */
	"brk",
	"mmap",
	"mmap2",
	"munmap",
	"mremap",
	"mprotect",
	"madvise",
	"msync",
	"mincore",
	"mlock",
	"mlock2",
	"munlock",
	"mlockall",
	"munlockall",
	"membarrier",
	"get_mempolicy",
	"mbind",
	/* threads, and the process itself */
	"set_tid_address",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"futex",
	"futex_waitv",
	"gettid",
	"getpid",
	"getppid",
	"getpgrp",
	"getpgid",
	"getsid",
	"exit",
	"exit_group",
	"wait4",
	"waitid",
	"waitpid",
	"prctl",
	"arch_prctl",
	"getrlimit",
	"ugetrlimit",
	"setrlimit",
	"getrusage",
	"times",
	"sched_yield",
	"sched_getaffinity",
	"sched_setaffinity",
	"sched_getparam",
	"sched_getscheduler",
	"sched_setscheduler",
	"sched_get_priority_min",
	"sched_get_priority_max",
	"getpriority",
	"setpriority",
	"ioprio_get",
	"ioprio_set",
	"getcpu",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getresuid",
	"getresgid",
	"getgroups",
	"getuid32",
	"geteuid32",
	"getgid32",
	"getegid32",
	"capget",
	"capset",
	"uname",
	"sysinfo",
	"getrandom",
	"restart_syscall",
	/* time, signals, waiting */
	"clock_gettime",
	"clock_gettime64",
	"clock_getres",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"nanosleep",
	"gettimeofday",
	"time",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
	"timer_create",
	"timer_settime",
	"timer_gettime",
	"timer_getoverrun",
	"timer_delete",
	"setitimer",
	"getitimer",
	"alarm",
	"pause",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigpending",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"sigaltstack",
	"sigreturn",
	"signalfd",
	"signalfd4",
	"eventfd",
	"eventfd2",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"_newselect",
	/* sockets, once there is one */
	"bind",
	"connect",
	"listen",
	"accept",
	"accept4",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"sendto",
	"sendmsg",
	"sendmmsg",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"shutdown",
	"send",
	"recv",
	/* maps, programs and links; what it may do with them, its capabilities say */
	"bpf",
	"perf_event_open",
	NULL,
};

static int add_calls(scmp_filter_ctx filter)
{
	int err = 0;

	for (size_t i = 0; !err && calls[i]; i++) {
		int number = seccomp_syscall_resolve_name(calls[i]);

		if (number == __NR_SCMP_ERROR)
			continue;
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
		err = err == -EEXIST ? 0 : err;
	}
	return err;
}

/*
 * Calls with one of these arguments, or two of them, are allowed. Compared is what the kernel looks at: of an int or a
 * pid_t the lower half of the register, of a mode or a type the bits named.
 */
#define BITS(at, mask, value)                                        \
	{                                                            \
		(at), SCMP_CMP_MASKED_EQ, (mask), (uint32_t)(value), \
	}
#define INT(at, value) BITS(at, 0xffffffff, value)
#define TYPE(value) BITS(1, 0xf, value) /* less SOCK_CLOEXEC, SOCK_NONBLOCK */
#define MODE_REFUSED 06007		/* set-user-ID, set-group-ID, and all that is for others */

static const struct limit {
	const char *call;
	struct scmp_arg_cmp arg[2]; /* the second may be none */
} limits[] = {
	/* Landlock does not look at modes */
	{"chmod", {BITS(1, MODE_REFUSED, 0)}},
	{"fchmod", {BITS(1, MODE_REFUSED, 0)}},
	{"fchmodat", {BITS(2, MODE_REFUSED, 0)}},
	{"fchmodat2", {BITS(2, MODE_REFUSED, 0)}},
	/* descriptors, locks, pipes and seals; no F_SETOWN, F_SETSIG, by which another process gets signals */
	{"fcntl", {BITS(1, 0xfffffff8, F_DUPFD)}}, /* up to F_SETLKW */
	{"fcntl", {BITS(1, 0xfffffffc, F_OFD_GETLK)}},
	{"fcntl", {BITS(1, 0xfffffff0, F_SETLEASE)}},
	{"fcntl64", {BITS(1, 0xfffffff8, F_DUPFD)}},
	{"fcntl64", {BITS(1, 0xfffffffc, 12)}}, /* locks of 64 bits */
	{"fcntl64", {BITS(1, 0xfffffffc, F_OFD_GETLK)}},
	{"fcntl64", {BITS(1, 0xfffffff0, F_SETLEASE)}},
	/* its own limits */
	{"prlimit64", {INT(0, 0)}},
	/* sockets that carry no packets of others, and none to be connected to somebody's service, but sd_notify(3) */
	{"socket", {INT(0, AF_UNIX), TYPE(SOCK_DGRAM)}},
	{"socket", {INT(0, AF_NETLINK)}},
	{"socket", {INT(0, AF_INET), TYPE(SOCK_DGRAM)}},
	{"socket", {INT(0, AF_INET6), TYPE(SOCK_DGRAM)}},
	/* threads, no processes */
	{"clone", {BITS(0, CLONE_THREAD, CLONE_THREAD)}},
	/* what interfaces say, perf events, and of terminals whether it is one: none that types for it */
	{"ioctl", {INT(1, SIOCETHTOOL)}},
	{"ioctl", {INT(1, SIOCGIFHWADDR)}},
	{"ioctl", {INT(1, SIOCGIFMTU)}},
	{"ioctl", {INT(1, SIOCGIFNAME)}},
	{"ioctl", {INT(1, SIOCGIFINDEX)}},
	{"ioctl", {INT(1, SIOCGIFFLAGS)}},
	{"ioctl", {INT(1, SIOCGIFADDR)}},
	{"ioctl", {INT(1, SIOCGIFCONF)}},
	{"ioctl", {BITS(1, 0xff00, '$' << 8)}},
	{"ioctl", {INT(1, TCGETS)}},
	{"ioctl", {INT(1, FIONREAD)}}, /* the resolver */
};

/* Whose first argument is the process: this one, and no other. */
static const char *const signals[] = {"tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"};

static int add_limit(scmp_filter_ctx filter, const struct limit *limit)
{
	int number = seccomp_syscall_resolve_name(limit->call), err;

	if (number == __NR_SCMP_ERROR)
		return 0;
	err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, limit->arg[1].op ? 2 : 1,
				     limit->arg);
	return err == -EEXIST ? 0 : err;
}

static int add_limits(scmp_filter_ctx filter)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(limits) / sizeof(limits[0]); i++)
		err = add_limit(filter, &limits[i]);
	for (size_t i = 0; !err && i < sizeof(signals) / sizeof(signals[0]); i++) {
		const struct limit own = {signals[i], {INT(0, getpid())}};

		err = add_limit(filter, &own);
	}
	return err;
}

/* glibc asks clone3, whose flags no filter sees, and takes clone where there is none. */
static int add_clone3(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

int confine_calls(bool logs)
{
	scmp_filter_ctx filter = seccomp_init(logs ? SCMP_ACT_LOG : SCMP_ACT_ERRNO(EPERM));
	int err;

	if (!filter)
		return -ENOMEM;
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
	err = add_calls(filter);
	err = err ? err : add_limits(filter);
	/* where nothing is to be refused, clone3 goes the way of all others */
	err = err || logs ? err : add_clone3(filter);
	err = err ? err : seccomp_load(filter);
	seccomp_release(filter);
	return err;
}
