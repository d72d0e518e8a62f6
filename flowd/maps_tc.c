/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* maps_tc.c: see maps_tc.h. */
#include "flowd/maps_tc.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "flow_tc.skel.h"

static struct bpf_program *tc_program(const struct flow_tc *tc, int number)
{
	struct bpf_program *const programs[MAPS_TC_PROGRAMS] = {
		tc->progs.flow_tc_egress,
		tc->progs.flow_tc_ingress,
		tc->progs.flow_tc_egress_l3,
		tc->progs.flow_tc_ingress_l3,
	};

	return programs[number];
}

void maps_tc_leave(struct flow_tc *tc)
{
	for (int i = 0; i < MAPS_TC_PROGRAMS; i++)
		bpf_program__set_autoload(tc_program(tc, i), false);
}

/* An object of its own for it, opened, on all the maps that programs of one object would share. */
static int prepare(struct maps *maps, int number)
{
	struct flow_tc *tc = flow_tc__open();
	const struct bpf_map *map;
	int err = tc ? 0 : -ENOMEM;

	for (int i = 0; !err && i < MAPS_TC_PROGRAMS; i++)
		bpf_program__set_autoload(tc_program(tc, i), i == number);
	if (!err)
		memcpy((void *)&tc->rodata->geometry, &maps->tc->rodata->geometry,
		       sizeof(tc->rodata->geometry));
	for (map = bpf_object__next_map(maps->tc->obj, NULL); !err && map;
	     map = bpf_object__next_map(maps->tc->obj, map)) {
		if (!bpf_map__is_internal(map))
			err = bpf_map__reuse_fd(
				bpf_object__find_map_by_name(tc->obj, bpf_map__name(map)),
				bpf_map__fd(map));
	}
	if (err)
		flow_tc__destroy(tc);
	else
		maps->tc_late[number] = tc;
	return err;
}

static int program_fd(const struct flow_tc *tc, int number)
{
	return tc ? bpf_program__fd(tc_program(tc, number)) : -ENOENT;
}

int maps_tc_prepare(struct maps *maps)
{
	int err = 0;

	for (int i = 0; !err && i < MAPS_TC_PROGRAMS; i++) {
		if (!maps->tc_late[i] && program_fd(maps->tc, i) < 0)
			err = prepare(maps, i);
	}
	return err;
}

int maps_tc_program(struct maps *maps, enum flow_dir dir, bool no_link_layer)
{
	int number = dir == FLOW_EGRESS ? 0 : 1, err;

	number += no_link_layer ? 2 : 0;
	if (program_fd(maps->tc, number) >= 0)
		return program_fd(maps->tc, number);
	if (program_fd(maps->tc_late[number], number) >= 0)
		return program_fd(maps->tc_late[number], number);
	err = maps->tc_late[number] ? 0 : prepare(maps, number);
	err = err ? err : bpf_object__load(maps->tc_late[number]->obj);
	if (!err)
		return program_fd(maps->tc_late[number], number);
	flow_tc__destroy(maps->tc_late[number]); /* it cannot be tried again */
	maps->tc_late[number] = NULL;
	return err;
}

void maps_tc_close(struct maps *maps)
{
	for (int i = 0; i < MAPS_TC_PROGRAMS; i++)
		flow_tc__destroy(maps->tc_late[i]);
}
