/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* xdp_swap.c: see xdp_swap.h. */
#include "xdp/xdp_swap.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>

#include "flowd/fault.h"
#include "flowd/hook_own.h"

static int update(const struct xdp_place *place, int ours)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = place->fd);

	if (place->link >= 0)
		return bpf_link_update(place->link, ours, NULL) ? -errno : 0;
	return bpf_xdp_attach((int)place->ifindex, ours, XDP_FLAGS_DRV_MODE, &opts);
}

/* The kernel empties the array once nobody holds it: not before a packet that is in a stand-in has left it. */
static void drop_calls(const struct xdp_place *place)
{
	char calls[HOOK_PIN_MAX];
	_fd_ there = hook_pin_open_beside(place->env, hook_calls_name(place->pin, calls));

	if (there < 0)
		return;
	hook_wait_programs();
	hook_pin_undo(place->env, calls);
}

int xdp_swap(const struct xdp_place *place, int ours)
{
	const struct hook_env *env = place->env;
	int err = hook_pin_settle(env, place->pin, place->fd);

	err = err ? err : hook_pin_beside(env, place->pin, ours);
	if (err)
		return err;
	FAULT_POINT("swap-2-beside");
	err = update(place, ours);
	FAULT_POINT("start-15-xdp");
	if (err) {
		hook_pin_undo(env, place->pin);
		return err;
	}
	err = hook_pin_over(env, place->pin);
	FAULT_POINT("swap-3-over");
	drop_calls(place);
	return err;
}
