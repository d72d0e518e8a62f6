/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* doctor_bpf.c: checks of what the kernel takes of BPF, each by trying. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <glob.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "trace/trace_probe.h"

/* Without them nothing can be tried. */
static bool not_privileged(const struct doctor *doctor, struct doctor_finding *finding)
{
	if (doctor->privileged)
		return false;
	doctor_found(finding, DOCTOR_UNKNOWN, "not tried: see 'capabilities'");
	return true;
}

static void load_failed(struct doctor_finding *finding, const char *what, int err)
{
	doctor_found(finding, DOCTOR_MISSING, "bpf(2) refuses %s: %s%s", what, strerror(-err),
		     err == -EPERM    ? " (by a container's seccomp filter, or kernel lockdown)"
		     : err == -ENOSYS ? " (a kernel without CONFIG_BPF_SYSCALL)"
				      : "");
	if (err == -EPERM)
		doctor_mend(finding,
			    "cat /sys/kernel/security/lockdown; grep Seccomp /proc/self/status");
	else
		doctor_mend(finding, "apt-get install linux-image-amd64 && reboot");
}

static void look_bpf(const struct doctor *doctor, struct doctor_finding *finding)
{
	char level[16] = "?";
	int tc, xdp;

	doctor_line("/proc/sys/kernel/unprivileged_bpf_disabled", level, sizeof(level));
	if (!doctor->privileged) {
		doctor_found(
			finding, DOCTOR_UNKNOWN,
			"not tried: see 'capabilities' (kernel.unprivileged_bpf_disabled is %s, "
			"which makes no difference: flowd's programs need privileges anyhow)",
			level);
		return;
	}
	tc = doctor_load(BPF_PROG_TYPE_SCHED_CLS, 0);
	xdp = doctor_load(BPF_PROG_TYPE_XDP, 0);
	if (tc < 0)
		load_failed(finding, "a TC program", tc);
	else if (xdp < 0)
		load_failed(finding, "an XDP program", xdp);
	else
		doctor_found(finding, DOCTOR_OK, "TC and XDP programs load");
	if (tc >= 0)
		close(tc);
	if (xdp >= 0)
		close(xdp);
}

static int try_mmapable(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "doctor", 4, (uint32_t)page, 1, &opts), err = 0;
	void *memory;

	if (fd < 0)
		return -errno;
	memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		err = -errno;
	else
		munmap(memory, page);
	close(fd);
	return err;
}

static int try_ring(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "doctor", 0, 0,
				(uint32_t)sysconf(_SC_PAGESIZE), NULL);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void look_maps(const struct doctor *doctor, struct doctor_finding *finding)
{
	int array = -EPERM, ring = -EPERM;

	if (not_privileged(doctor, finding))
		return;
	array = try_mmapable();
	ring = try_ring();
	if (!array && !ring) {
		doctor_found(finding, DOCTOR_OK,
			     "flow maps can be read in place, and ring buffers can be made");
		return;
	}
	doctor_found(finding, DOCTOR_MISSING, "maps: %s: %s",
		     array ? "an array in flowd's memory (Linux 5.5)" : "a ring buffer (Linux 5.8)",
		     strerror(array ? -array : -ring));
	doctor_mend(finding, "apt-get install linux-image-amd64 && reboot");
}

static void look_helpers(const struct doctor *doctor, struct doctor_finding *finding)
{
	bool loop;

	if (not_privileged(doctor, finding))
		return;
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_ktime_get_coarse_ns, NULL) != 1) {
		doctor_found(finding, DOCTOR_MISSING,
			     "no bpf_ktime_get_coarse_ns (Linux 5.11): the programs do not load");
		doctor_mend(finding, "apt-get install linux-image-amd64 && reboot");
		return;
	}
	loop = libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_loop, NULL) == 1;
	doctor_found(finding, DOCTOR_OK, "bpf_ktime_get_coarse_ns and%s bpf_loop",
		     loop ? "" : " no");
}

static void look_tcx(const struct doctor *doctor, struct doctor_finding *finding)
{
	if (not_privileged(doctor, finding))
		return;
	if (doctor->lab.ran)
		doctor_found(finding, DOCTOR_UNKNOWN,
			     "not tried, for want of a network namespace "
			     "to try in: flowd takes it where it works");
	else if (doctor->lab.tcx)
		doctor_found(
			finding, DOCTOR_DEGRADED,
			"no tcx links (Linux 6.6): flowd attaches by filters on clsact, as well; "
			"a filter of others at the same place is in its way");
	else
		doctor_found(finding, DOCTOR_OK, "TC hooks are links, first in line");
}

static void look_clsact(const struct doctor *doctor, struct doctor_finding *finding)
{
	if (not_privileged(doctor, finding))
		return;
	if (doctor->lab.ran) {
		doctor_found(finding, DOCTOR_UNKNOWN,
			     "not tried, for want of a network namespace to try in");
	} else if (!doctor->lab.clsact) {
		doctor_found(finding, DOCTOR_OK, "filters on the clsact qdisc%s",
			     doctor_has_module("sch_ingress") ? " (modules sch_ingress, cls_bpf)"
							      : "");
	} else {
		doctor_found(finding, doctor->lab.tcx ? DOCTOR_MISSING : DOCTOR_DEGRADED,
			     "no filters on the clsact qdisc: %s%s", strerror(-doctor->lab.clsact),
			     doctor->lab.tcx ? ", and no tcx: packets that leave cannot be counted"
					     : "; tcx does without");
		doctor_mend(finding, "modprobe -a sch_ingress cls_bpf");
	}
}

static void look_xdp(const struct doctor *doctor, struct doctor_finding *finding)
{
	const char *generic = doctor->lab.ran		? "not tried"
			      : doctor->lab.xdp_generic ? "refused"
							: "there";
	int frags;

	if (not_privileged(doctor, finding))
		return;
	frags = doctor_load(BPF_PROG_TYPE_XDP, BPF_F_XDP_HAS_FRAGS);
	if (frags >= 0) {
		close(frags);
		doctor_found(
			finding, DOCTOR_OK,
			"frames of several buffers (jumbo) too; native mode is the interface's "
			"matter; generic mode is %s, and not used: TC costs less",
			generic);
		return;
	}
	doctor_found(finding, DOCTOR_DEGRADED,
		     "no frames of several buffers (Linux 5.18): with an MTU over about %ld flowd "
		     "counts ingress by TC; generic mode is %s, and not used",
		     sysconf(_SC_PAGESIZE) - 598, generic);
}

/* A replacement that names no function to replace is refused for that alone, where any is taken. */
static bool takes_freplace(void)
{
	return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_EXT, NULL) == 1;
}

static bool has_dispatcher_file(void)
{
	glob_t found = {0};
	bool any = !glob("/usr/lib/*/bpf/xdp-dispatcher*.o", 0, NULL, &found) ||
		   !glob("/usr/lib*/bpf/xdp-dispatcher*.o", 0, NULL, &found);

	globfree(&found);
	return any;
}

static void look_dispatcher(const struct doctor *doctor, struct doctor_finding *finding)
{
	bool freplace;

	if (not_privileged(doctor, finding))
		return;
	freplace = takes_freplace();
	if (freplace && has_dispatcher_file()) {
		doctor_found(finding, DOCTOR_OK,
			     "libxdp's dispatcher: flowd's XDP program runs beside others'");
		return;
	}
	doctor_found(finding, DOCTOR_DEGRADED,
		     "no libxdp dispatcher (%s): one XDP program an interface, and where that is "
		     "another's flowd needs '--ingress tc'",
		     freplace ? "its BPF object is not installed"
			      : "the kernel replaces no functions of programs");
	if (freplace)
		doctor_mend(finding, "apt-get install libxdp1");
	else
		doctor_mend(finding, "flowd%s --ingress tc", doctor->options);
}

/* One that does nothing, on a tracepoint with its types. */
static int try_tracing(const struct btf *btf)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	int fd = btf__find_by_name_kind(btf, "btf_trace_kfree_skb", BTF_KIND_TYPEDEF);

	if (fd < 0)
		return fd;
	opts.attach_btf_id = (uint32_t)fd;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "doctor", "GPL", insns, 2, &opts);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void look_events(const struct doctor *doctor, struct doctor_finding *finding)
{
	struct trace_kernel kernel;
	int err;

	if (!doctor->btf) {
		doctor_found(finding, DOCTOR_DEGRADED,
			     "no drops and retransmits by the kernel's word: see 'btf'");
		return;
	}
	if (not_privileged(doctor, finding))
		return;
	kernel = trace_probe(doctor->btf);
	err = try_tracing(doctor->btf);
	if (err)
		doctor_found(finding, DOCTOR_DEGRADED,
			     "no programs on tracepoints (%s): no drops and retransmits by the "
			     "kernel's word",
			     strerror(-err));
	else if (!kernel.has_reason || trace_arguments(doctor->btf, "tcp_retransmit_skb") < 0)
		doctor_found(finding, DOCTOR_DEGRADED, "tracepoints are there, %s",
			     kernel.has_reason ? "but for retransmits"
					       : "and give no reason of drops (Linux 5.17)");
	else
		doctor_found(finding, DOCTOR_OK,
			     "drops with their reason, retransmits, resets, by tracepoints");
	if (err)
		doctor_mend(finding, "flowd%s --trace no", doctor->options);
}

const struct doctor_check doctor_bpf_checks[] = {
	{"bpf", look_bpf},
	{"maps", look_maps},
	{"helpers", look_helpers},
	{"tcx", look_tcx},
	{"clsact", look_clsact},
	{"xdp", look_xdp},
	{"dispatcher", look_dispatcher},
	{"events", look_events},
	{NULL, NULL},
};
