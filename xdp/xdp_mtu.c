/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* xdp_mtu.c: see xdp_mtu.h. */
#include "xdp/xdp_mtu.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

#include "flowd/fault.h"
#include "flowd/hook_own.h"
#include "schema/flow.h"

#define TRIES 5
#define PAUSE_US 2000
#define LOAD_64 BPF_DW /* with BPF_LD and BPF_IMM, which are 0 */

/*
 * A program that calls ours by a tail call, and so counts as ours does; with the flow map among its maps, by
 * which a successor knows it for ours. Its descriptor or -errno; `calls`, a program array, has ours in it for as
 * long as it is open or pinned.
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

/* Does the link take that other program? What is pinned is there before, for who comes after a kill. */
static int give_stand_in(const struct xdp_place *place, int calls, int stand_in)
{
	char pin[HOOK_PIN_MAX];
	int err = hook_pin_beside(place->env, hook_calls_name(place->pin, pin), calls);

	if (err)
		return -EAGAIN;
	err = hook_pin_beside(place->env, place->pin, stand_in) ? -EAGAIN : 0;
	FAULT_POINT("mtu-1-pinned");
	if (!err && bpf_link_update(place->link, stand_in, NULL))
		err = errno == ENOMEM ? -EAGAIN : -errno;
	if (err) {
		hook_pin_undo(place->env, place->pin);
		hook_pin_undo(place->env, pin);
	}
	return err;
}

/* With waits between the tries that double. */
static int put_back(const struct xdp_place *place, int stand_in, int ours)
{
	struct xdp_place now = *place;
	useconds_t pause = PAUSE_US;
	int err;

	now.fd = stand_in;
	err = xdp_swap(&now, ours);
	for (int i = 1; err && err != -ENOLINK && err != -ENODEV && i < TRIES; i++) {
		usleep(pause);
		pause *= 2;
		err = xdp_swap(&now, ours);
	}
	return err;
}

static int ask(const struct xdp_place *place, int ours, uint32_t flags)
{
	_fd_ calls = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "stand_in", 4, 4, 1, NULL);
	_fd_ stand_in = load_stand_in(place->env, ours, calls, flags);
	int err = stand_in < 0 ? -EAGAIN : give_stand_in(place, calls, stand_in);

	if (err)
		return err;
	FAULT_POINT("mtu-2-stand-in");
	return put_back(place, stand_in, ours);
}

static bool is_stand_in(const struct xdp_place *place)
{
	char pin[HOOK_PIN_MAX];
	_fd_ calls = hook_pin_open_beside(place->env, hook_calls_name(place->pin, pin));

	return calls >= 0;
}

int xdp_mtu_carried(const struct xdp_place *place, int ours, uint32_t flags)
{
	uint32_t id = hook_prog_id(place->fd);
	int err = -EAGAIN;

	if (ours == -EOPNOTSUPP && !is_stand_in(place))
		ours = place->fd; /* a predecessor's: this one's own is loaded for a dispatcher */
	if (ours < 0 || !id)
		return -EAGAIN;
	if (id != hook_prog_id(ours)) /* a stand-in, since ours was not taken again */
		err = put_back(place, place->fd, ours);
	else
		for (int i = 0; err == -EAGAIN && i < TRIES; i++)
			err = ask(place, ours, flags);
	return err == -ENOLINK || err == -ENODEV ? 0 : err;
}

uint32_t xdp_mtu_buffer(void)
{
	return (uint32_t)sysconf(_SC_PAGESIZE) - FLOW_XDP_OVERHEAD;
}
