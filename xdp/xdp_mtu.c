/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* xdp_mtu.c: see xdp_mtu.h. */
#include "xdp/xdp_mtu.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

#include "flowd/hook_own.h"
#include "schema/flow.h"

#define REST_US 2000
#define LOAD_64 BPF_DW /* with BPF_LD and BPF_IMM, which are 0 */

/*
 * A program that calls ours by a tail call, and so counts as ours does; with the flow map among its maps, by
 * which a successor knows it for ours. Its descriptor or -errno; `calls`, a program array, has ours in it for as
 * long as it is open.
 */
static int load_stand_in(const struct hook_env *env, int ours, int calls, uint32_t flags)
{
	const __u32 first = 0, value = (__u32)ours;
	int slots = bpf_object__find_map_fd_by_name(env->xdp_obj, "slots"), fd;
	const struct bpf_insn code[] = {
		{.code = LOAD_64, .dst_reg = 4, .src_reg = BPF_PSEUDO_MAP_FD, .imm = slots},
		{0},
		{.code = LOAD_64, .dst_reg = 2, .src_reg = BPF_PSEUDO_MAP_FD, .imm = calls},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP, .prog_flags = flags);

	if (calls < 0 || slots < 0 || bpf_map_update_elem(calls, &first, &value, 0))
		return -EOPNOTSUPP;
	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "flow_stand_in", "Dual BSD/GPL", code,
			   sizeof(code) / sizeof(code[0]), &opts);
	return fd < 0 ? -errno : fd;
}

int xdp_mtu_carried(const struct hook_env *env, int prog, int link, uint32_t flags)
{
	_fd_ calls = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "stand_in", 4, 4, 1, NULL);
	_fd_ stand_in = load_stand_in(env, prog, calls, flags);
	int err;

	if (stand_in < 0)
		return 0;
	err = bpf_link_update(link, stand_in, NULL) ? -errno : 0;
	if (!err)
		err = bpf_link_update(link, prog, NULL) ? -errno : 0;
	usleep(REST_US); /* a packet that is in it finds the array as it was */
	return err == -ENOLINK || err == -ENODEV || err == -ENOMEM ? 0 : err;
}

uint32_t xdp_mtu_buffer(void)
{
	return (uint32_t)sysconf(_SC_PAGESIZE) - FLOW_XDP_OVERHEAD;
}
