/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * confine_calls.c: the system calls that flowd has left, in one table. Any other is refused with EPERM, and the
 * kernel logs it (audit, or dmesg: `type=1326 ... syscall=N`; ausyscall N says its name). See confine.h.
 *
 * Not in the table, among many: execve, fork, ptrace, mount, module and key calls, sockets but those below, any change
 * of user, of root or of namespace.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

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
	"fcntl",
	"fcntl64",
	"dup",
	"dup2",
	"dup3",
	"pipe",
	"pipe2",
	"umask",
	"chmod",
	"fchmod",
	"fchmodat",
	"fchmodat2",
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
	"tgkill",
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
	"prlimit64",
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
	"rt_sigqueueinfo",
	"rt_tgsigqueueinfo",
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
	"socketpair",
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

/* Sockets that carry no packets of others: netlink, Unix, and such as interfaces are asked by. */
static int add_sockets(scmp_filter_ctx filter)
{
	const uint64_t type = 0xf; /* less SOCK_CLOEXEC, SOCK_NONBLOCK */
	int err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				   SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));

	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0));
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
				       SCMP_A0(SCMP_CMP_EQ, AF_INET, 0),
				       SCMP_A1(SCMP_CMP_MASKED_EQ, type, SOCK_DGRAM));
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
				       SCMP_A0(SCMP_CMP_EQ, AF_INET6, 0),
				       SCMP_A1(SCMP_CMP_MASKED_EQ, type, SOCK_DGRAM));
	return err;
}

/*
 * Threads, no processes: glibc asks clone3, whose flags no filter sees, and takes clone where there is none. Of
 * ioctls all but the one that types for a terminal; of signals those to itself.
 */
static int add_limited(scmp_filter_ctx filter)
{
	int err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_NE, TIOCSTI, 0));
	return err;
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
	err = err ? err : add_sockets(filter);
	/* where nothing is to be refused, clone3 goes the way of all others */
	err = err || logs ? err : add_limited(filter);
	err = err ? err : seccomp_load(filter);
	seccomp_release(filter);
	return err;
}
