// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_confine.c: what the filter of system calls leaves, each tried by a child that has it in force: by its arguments
 * too, of which the kernel looks at some bits alone. A call that gets past the filter may still fail, but not with EPERM.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "flowd/confine.h"

#define HIGH (1ULL << 32) /* of no meaning to the kernel where it takes an int */
#define SELF 0x7fffffffUL /* in a row of calls: the child's own number */

/* How a child ends: 0, or the step that went wrong. */
static int in_child(int (*work)(const void *arg), const void *arg)
{
	int status;
	pid_t child = fork();

	if (!child) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || confine_calls(false))
			_exit(100);
		_exit(work(arg));
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

struct call {
	const char *name;
	long number;
	uint64_t arg[4];
	bool refused;
};

static uint64_t own(uint64_t arg)
{
	return (arg & 0xffffffff) == SELF ? (arg & ~0xffffffffULL) | (uint64_t)getpid() : arg;
}

/* 0: got past; 1: was refused. */
static int do_call(const void *arg)
{
	const struct call *call = arg;
	long result;

	errno = 0;
	result = syscall(call->number, own(call->arg[0]), own(call->arg[1]), call->arg[2],
			 call->arg[3], 0, 0);
	return result < 0 && errno == EPERM;
}

static const char nowhere[] = "/nonexistent/file";
#define NOWHERE ((uint64_t)(uintptr_t)nowhere)
#define CWD ((uint64_t)(int64_t)AT_FDCWD)
#define FORGED 0 /* information of a signal: where there is none, EFAULT */

static const struct call calls[] = {
#ifdef SYS_chmod /* not of every architecture */
	{"chmod 0640", SYS_chmod, {NOWHERE, 0640}, false},
	{"chmod 01770", SYS_chmod, {NOWHERE, 01770}, false},
	{"chmod 04755", SYS_chmod, {NOWHERE, 04755}, true},
	{"chmod 04700", SYS_chmod, {NOWHERE, 04700}, true},
	{"chmod 02700", SYS_chmod, {NOWHERE, 02700}, true},
	{"chmod 0644", SYS_chmod, {NOWHERE, 0644}, true},
	{"chmod, high", SYS_chmod, {NOWHERE, HIGH | 04700}, true},
#endif
	{"fchmod 0600", SYS_fchmod, {999, 0600}, false},
	{"fchmod 06755", SYS_fchmod, {999, 06755}, true},
	{"fchmodat 0700", SYS_fchmodat, {CWD, NOWHERE, 0700}, false},
	{"fchmodat 02770", SYS_fchmodat, {CWD, NOWHERE, 02770}, true},
	{"tgkill itself", SYS_tgkill, {SELF, SELF, 0}, false},
	{"tgkill itself, high", SYS_tgkill, {HIGH | SELF, SELF, 0}, false},
	{"tgkill 1", SYS_tgkill, {1, 1, 0}, true},
	{"tgkill 1, high", SYS_tgkill, {HIGH | 1, 1, 0}, true},
	{"kill", SYS_kill, {SELF, 0}, true},
	{"tkill", SYS_tkill, {SELF, 0}, true},
	{"sigqueue itself", SYS_rt_sigqueueinfo, {SELF, 0, FORGED}, false},
	{"sigqueue 1", SYS_rt_sigqueueinfo, {1, 0, FORGED}, true},
	{"tgsigqueue itself", SYS_rt_tgsigqueueinfo, {SELF, SELF, 0, FORGED}, false},
	{"tgsigqueue 1", SYS_rt_tgsigqueueinfo, {1, 1, 0, FORGED}, true},
	{"prlimit", SYS_prlimit64, {0, RLIMIT_NOFILE, 0, 0}, false},
	{"prlimit, high", SYS_prlimit64, {HIGH, RLIMIT_NOFILE, 0, 0}, false},
	{"prlimit 1", SYS_prlimit64, {1, RLIMIT_NOFILE, 0, 0}, true},
	{"unix datagrams", SYS_socket, {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0}, false},
	{"unix stream", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, true},
	{"unix stream, flags", SYS_socket, {AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0}, true},
	{"unix stream, high", SYS_socket, {AF_UNIX, HIGH | SOCK_STREAM, 0}, true},
	{"unix packets", SYS_socket, {AF_UNIX, SOCK_SEQPACKET, 0}, true},
	{"unix, high", SYS_socket, {HIGH | AF_UNIX, SOCK_STREAM, 0}, true},
	{"netlink", SYS_socket, {AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0}, false},
	{"inet datagrams", SYS_socket, {AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0}, false},
	{"inet6 datagrams", SYS_socket, {AF_INET6, SOCK_DGRAM, 0}, false},
	{"inet stream", SYS_socket, {AF_INET, SOCK_STREAM, 0}, true},
	{"inet raw", SYS_socket, {AF_INET, SOCK_RAW, 1}, true},
	{"packets", SYS_socket, {AF_PACKET, SOCK_DGRAM, 0}, true},
	{"packets, high", SYS_socket, {HIGH | AF_PACKET, SOCK_DGRAM, 0}, true},
	{"pair", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, 0}, true},
	{"ioctl TCGETS", SYS_ioctl, {999, TCGETS}, false},
	{"ioctl TIOCSTI", SYS_ioctl, {999, TIOCSTI}, true},
	{"ioctl TIOCSTI, high", SYS_ioctl, {999, HIGH | TIOCSTI}, true},
	{"ioctl TIOCLINUX", SYS_ioctl, {999, TIOCLINUX}, true},
	{"ioctl SIOCETHTOOL", SYS_ioctl, {999, SIOCETHTOOL}, false},
	{"ioctl SIOCGIFMTU", SYS_ioctl, {999, SIOCGIFMTU}, false},
	{"ioctl SIOCSIFMTU", SYS_ioctl, {999, SIOCSIFMTU}, true},
	{"ioctl SIOCSPGRP", SYS_ioctl, {999, SIOCSPGRP}, true},
	{"ioctl of perf", SYS_ioctl, {999, 0x40042408}, false}, /* PERF_EVENT_IOC_SET_BPF */
	{"fcntl F_SETLKW", SYS_fcntl, {999, F_SETLKW}, false},
	{"fcntl F_OFD_SETLK", SYS_fcntl, {999, F_OFD_SETLK}, false},
	{"fcntl F_DUPFD_CLOEXEC", SYS_fcntl, {999, F_DUPFD_CLOEXEC}, false},
	{"fcntl F_ADD_SEALS", SYS_fcntl, {999, F_ADD_SEALS}, false},
	{"fcntl F_SETOWN", SYS_fcntl, {999, F_SETOWN}, true},
	{"fcntl F_SETOWN, high", SYS_fcntl, {999, HIGH | F_SETOWN}, true},
	{"fcntl F_SETOWN_EX", SYS_fcntl, {999, F_SETOWN_EX}, true},
	{"fcntl F_SETSIG", SYS_fcntl, {999, F_SETSIG}, true},
	{"execve", SYS_execve, {NOWHERE, 0, 0}, true},
	{"clone", SYS_clone, {SIGCHLD, 0, 0, 0}, true},
	{"setpriority", SYS_setpriority, {PRIO_PROCESS, 0, 19}, false},
};

static void test_calls(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int code = in_child(do_call, &calls[i]);

		if (code == (calls[i].refused ? 1 : 0))
			continue;
		print_error("%s: %d\n", calls[i].name, code);
		failed++;
	}
	assert_int_equal(failed, 0);
}

static volatile sig_atomic_t heard;

static void hear(int number)
{
	heard += number == SIGUSR1;
}

static void *wait_here(void *arg)
{
	(void)arg;
	pause();
	return NULL;
}

static void tick(union sigval value)
{
	(void)value;
	heard++;
}

/* What the C library does by these calls: threads, their signals and cancellation, timers, limits. */
static int use_libc(const void *arg)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = tick};
	struct itimerspec soon = {.it_value = {.tv_nsec = 1000000}};
	union sigval value = {.sival_int = 1};
	struct rlimit limit;
	pthread_t thread;
	timer_t timer;

	(void)arg;
	signal(SIGUSR1, hear);
	if (raise(SIGUSR1) || heard != 1)
		return 1;
	if (sigqueue(getpid(), SIGUSR1, value) || heard != 2)
		return 2;
	if (pthread_create(&thread, NULL, wait_here, NULL) || pthread_kill(thread, SIGUSR1))
		return 3;
	if (pthread_cancel(thread) || pthread_join(thread, NULL))
		return 4;
	heard = 0;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &soon, NULL))
		return 5;
	while (!heard)
		sched_yield();
	if (getrlimit(RLIMIT_NOFILE, &limit) || setrlimit(RLIMIT_NOFILE, &limit))
		return 6;
	return 0;
}

static void test_libc(void **state)
{
	(void)state;
	assert_int_equal(in_child(use_libc, NULL), 0);
}

static int end_badly(const void *arg)
{
	(void)arg;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	signal(SIGABRT, SIG_DFL); /* not the sanitizer's */
	abort();
}

static void test_abort(void **state)
{
	(void)state;
	assert_int_equal(in_child(end_badly, NULL), 256 + SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_libc),
		cmocka_unit_test(test_abort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
