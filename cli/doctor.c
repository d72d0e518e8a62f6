/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* doctor.c: what checks share, and what is tried before them. See doctor.h. */
#include "cli/doctor.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/bpffs.h"

#define LOOPBACK 1 /* the first device of a network namespace */
#define NEEDED (1ULL << CAP_BPF | 1ULL << CAP_NET_ADMIN | 1ULL << CAP_PERFMON)

#ifndef BPF_F_BEFORE /* as in the kernel's uapi/linux/bpf.h, since 6.6 */
#define BPF_TCX_EGRESS 47
#endif

void doctor_found(struct doctor_finding *finding, enum doctor_state state, const char *format, ...)
{
	va_list args;

	finding->state = state;
	va_start(args, format);
	vsnprintf(finding->detail, sizeof(finding->detail), format, args);
	va_end(args);
}

void doctor_mend(struct doctor_finding *finding, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(finding->mend, sizeof(finding->mend), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(finding->mend))
		finding->mend[0] = '\0'; /* a part of a command is another one */
}

const char *doctor_word(const char *text, char *buf, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-+=:,./@%";
	bool quotes = !*text || text[strspn(text, plain)];
	size_t used = 0;

	if (quotes)
		buf[used++] = '\'';
	for (; *text && used + 6 <= size; text++) {
		if (*text == '\'')
			used = (size_t)(stpcpy(buf + used, "'\\''") - buf);
		else
			buf[used++] = *text;
	}
	if (quotes)
		buf[used++] = '\'';
	buf[*text ? 0 : used] = '\0';
	return buf;
}

bool doctor_line(const char *path, char *buf, int size)
{
	FILE *file = fopen(path, "re");
	bool read = file && fgets(buf, size, file);

	if (file)
		fclose(file);
	if (read)
		buf[strcspn(buf, "\n")] = 0;
	return read && *buf;
}

int doctor_load(int type, uint32_t flags)
{
	static const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K,
		 .dst_reg = BPF_REG_0,
		 .imm = 2 /* XDP_PASS */},
		{.code = BPF_JMP | BPF_EXIT},
	};
	static const struct bpf_insn next[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = flags);
	int fd = bpf_prog_load((enum bpf_prog_type)type, "doctor", "GPL",
			       type == BPF_PROG_TYPE_XDP ? pass : next, 2, &opts);

	return fd < 0 ? -errno : fd;
}

static uint64_t read_caps(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	uint64_t caps = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "CapEff: %" SCNx64, &caps) == 1)
			break;
	}
	if (file)
		fclose(file);
	return caps;
}

/* As flowd looks for it: here, else where the outermost process that may be looked into has it. */
static void find_bpffs(struct doctor *doctor)
{
	snprintf(doctor->bpffs, sizeof(doctor->bpffs), BPFFS_PATH);
	if (bpffs_is(doctor->bpffs))
		return;
	snprintf(doctor->bpffs, sizeof(doctor->bpffs), "/proc/%d/root" BPFFS_PATH, bpffs_host());
	if (!bpffs_is(doctor->bpffs))
		doctor->bpffs[0] = 0;
}

bool doctor_has_module(const char *module)
{
	char path[160], line[512], name[64];
	struct utsname names;
	bool found = false;
	FILE *file;

	if (uname(&names))
		return false;
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", names.release);
	snprintf(name, sizeof(name), "/%s.ko", module);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, ":")] = 0;
		found = strstr(line, name);
	}
	if (file)
		fclose(file);
	return found;
}

/* The link ends with its descriptor. */
static int try_tcx(int prog)
{
	union bpf_attr attr = {.link_create = {.prog_fd = (uint32_t)prog,
					       .target_ifindex = LOOPBACK,
					       .attach_type = BPF_TCX_EGRESS}};
	int link = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	if (link < 0)
		return -errno;
	close(link);
	return 0;
}

static int try_clsact(int prog)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LOOPBACK, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1, .prog_fd = prog);
	int err = bpf_tc_hook_create(&hook);

	return err ? err : bpf_tc_attach(&hook, &opts);
}

/* Is the module on the disk and not loaded? To try it would load it, for good. */
static bool would_load(const char *module)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	return access(path, F_OK) && doctor_has_module(module);
}

static void experiment(struct doctor_lab *lab)
{
	int tc = doctor_load(BPF_PROG_TYPE_SCHED_CLS, 0), xdp = doctor_load(BPF_PROG_TYPE_XDP, 0);

	if (unshare(CLONE_NEWNET)) {
		lab->ran = -errno;
		return;
	}
	lab->ran = 0;
	lab->tcx = tc < 0 ? tc : try_tcx(tc);
	if (would_load("sch_ingress") || would_load("cls_bpf"))
		lab->clsact = 0;
	else
		lab->clsact = tc < 0 ? tc : try_clsact(tc);
	lab->xdp_generic = xdp < 0 ? xdp : bpf_xdp_attach(LOOPBACK, xdp, XDP_FLAGS_SKB_MODE, NULL);
}

/* By a child, with which its network namespace ends. */
static struct doctor_lab run_lab(void)
{
	struct doctor_lab lab = {.ran = -EPERM};
	int ends[2];
	pid_t child;

	if (pipe(ends))
		return lab;
	child = fork();
	if (child == 0) {
		experiment(&lab);
		_exit(write(ends[1], &lab, sizeof(lab)) != sizeof(lab));
	}
	close(ends[1]);
	if (child > 0) {
		if (read(ends[0], &lab, sizeof(lab)) != sizeof(lab))
			lab.ran = -EIO;
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
	return lab;
}

void doctor_open(struct doctor *doctor, const struct args *args)
{
	libbpf_set_print(NULL);
	*doctor = (struct doctor){.args = args, .caps = read_caps(), .lab = {.ran = -EPERM}};
	find_bpffs(doctor);
	doctor->privileged = (doctor->caps & NEEDED) == NEEDED;
	doctor->btf = btf__load_vmlinux_btf();
	if (doctor->privileged)
		doctor->lab = run_lab();
}

void doctor_close(struct doctor *doctor)
{
	btf__free(doctor->btf);
	doctor->btf = NULL;
}
