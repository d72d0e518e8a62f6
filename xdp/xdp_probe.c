/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* xdp_probe.c: see xdp_probe.h. */
#include "xdp/xdp_probe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>

#include "flowd/hook_own.h"

int xdp_probe_load(__u32 flags)
{
	static const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = flags);
	_fd_ fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "probe", "GPL", pass, 2, &opts);

	return fd < 0 ? -errno : 0;
}

/* A replacement that does not say of what is no valid one, where any is taken. */
bool xdp_probe_replace(void)
{
	static const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	_fd_ fd = bpf_prog_load(BPF_PROG_TYPE_EXT, NULL, "GPL", nothing, 2, NULL);

	return fd != -EPERM;
}
