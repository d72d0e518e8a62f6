/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fault_trap.c: system calls are caught by a seccomp filter that has the kernel send SIGSYS in their place, so
 * that those of stdio and of static code are caught too. The handler makes the call itself, from the one
 * instruction that the filter lets pass, or has it fail.
 */
#include "tests/fault_call.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

extern const char fault_raw_end[];

#if defined(__x86_64__)
__asm__(".text\n.global fault_raw\n.type fault_raw, @function\nfault_raw:\n"
	"mov %rdi, %rax\nmov %rsi, %rdi\nmov %rdx, %rsi\nmov %rcx, %rdx\nmov %r8, %r10\nmov %r9, %r8\n"
	"mov 8(%rsp), %r9\nsyscall\n.global fault_raw_end\n.hidden fault_raw_end\nfault_raw_end: ret\n");
#define ARGUMENT(context, i) ((long)(context)->uc_mcontext.gregs[argument_register[i]])
#define RESULT(context) (context)->uc_mcontext.gregs[REG_RAX]
#define ADDRESS(context) (context)->uc_mcontext.gregs[REG_RIP]
static const int argument_register[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
#elif defined(__aarch64__)
__asm__(".text\n.global fault_raw\n.type fault_raw, %function\nfault_raw:\n"
	"mov x8, x0\nmov x0, x1\nmov x1, x2\nmov x2, x3\nmov x3, x4\nmov x4, x5\nmov x5, x6\n"
	"svc #0\n.global fault_raw_end\n.hidden fault_raw_end\nfault_raw_end: ret\n");
#define ARGUMENT(context, i) ((long)(context)->uc_mcontext.regs[i])
#define RESULT(context) (context)->uc_mcontext.regs[0]
#define ADDRESS(context) (context)->uc_mcontext.pc
#else
#error "no system call of this machine"
#endif

static const struct {
	int number;
	enum fault_class class;
} caught[] = {
	{__NR_bpf, FAULT_BPF},	    {__NR_write, FAULT_WRITE}, {__NR_pwrite64, FAULT_WRITE},
	{__NR_writev, FAULT_WRITE}, {__NR_fsync, FAULT_SYNC},  {__NR_fdatasync, FAULT_SYNC},
	{__NR_sendto, FAULT_NET},   {__NR_sendmsg, FAULT_NET}, {__NR_recvfrom, FAULT_NET},
	{__NR_recvmsg, FAULT_NET},  {__NR_openat, FAULT_OPEN},
#ifdef __NR_open
	{__NR_open, FAULT_OPEN},
#endif
	{__NR_mmap, FAULT_MMAP},
};

#define CAUGHT (sizeof(caught) / sizeof(caught[0]))

static enum fault_class class_of(int number)
{
	for (size_t i = 0; i < CAUGHT; i++) {
		if (caught[i].number == number)
			return caught[i].class;
	}
	return FAULT_NONE;
}

/* Calls of the same number that are something else: to other kinds of descriptors. */
static bool is_meant(enum fault_class class, long fd)
{
	socklen_t size = sizeof(int);
	struct stat st;
	int domain;

	if (class == FAULT_NET)
		return !getsockopt((int)fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) &&
		       domain == AF_NETLINK;
	if (class != FAULT_WRITE)
		return true;
	return fd != STDERR_FILENO && !fstat((int)fd, &st) &&
	       (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode));
}

static void on_call(int signal, siginfo_t *info, void *arg)
{
	ucontext_t *context = arg;
	enum fault_class class = class_of(info->si_syscall);
	int saved = errno, error;

	(void)signal;
	if (is_meant(class, ARGUMENT(context, 0)) &&
	    fault_due(class, (void *)ADDRESS(context), &error))
		RESULT(context) = -error;
	else
		RESULT(context) =
			fault_raw(info->si_syscall, ARGUMENT(context, 0), ARGUMENT(context, 1),
				  ARGUMENT(context, 2), ARGUMENT(context, 3), ARGUMENT(context, 4),
				  ARGUMENT(context, 5));
	errno = saved;
}

/* The call comes from fault_raw, or is none of the class: allow; else SIGSYS. */
int fault_trap(enum fault_class class)
{
	struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER};
	uint64_t own = (uint64_t)(uintptr_t)fault_raw_end;
	struct sock_filter code[8 + CAUGHT] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, instruction_pointer)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)own, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, instruction_pointer) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(own >> 32), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = {.filter = code};
	unsigned short length = 6, wanted = 0;

	for (size_t i = 0; i < CAUGHT; i++)
		wanted += !class || caught[i].class == class;
	for (size_t i = 0; i < CAUGHT; i++) {
		if (!class || caught[i].class == class)
			code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
								      (uint32_t)caught[i].number,
								      (uint8_t)wanted--, 0);
	}
	code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	program.len = length;
	if (sigaction(SIGSYS, &action, NULL))
		return -errno;
	if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return -errno;
	return 0;
}
