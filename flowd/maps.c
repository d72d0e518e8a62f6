/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* maps.c: make, pin, take over and mmap the instance's maps. */
#include "flowd/maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "flow_tc.skel.h"
#include "flow_xdp.skel.h"
#include "flowd/early.h"
#include "flowd/fault.h"
#include "flowd/maps_tc.h"
#include "flowd/seed.h"

/*
 * Every shared map by its name in account.bpf.h, which is also its pin's name. Maps are there when the pin of
 * control is: it is pinned last and goes first.
 */
static const char *const map_names[] = {
	"slots",   "marks",	    "health", "health_marks", "waits",	     "evicted",
	"ledger",  "cpus",	    "ifaces", "outers",	      "sample_conf", "sample_filters",
	"samples", "sample_counts", "early",  "control",
};
#define MAP_COUNT (sizeof(map_names) / sizeof(map_names[0]))

static void pin_path(const char *dir, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", dir, name);
}

static int map_info(int fd, struct bpf_map_info *info)
{
	__u32 len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(fd, info, &len) ? -errno : 0;
}

static struct bpf_map *object_map(struct bpf_object *obj, const char *name)
{
	return bpf_object__find_map_by_name(obj, name);
}

/* Let every map of `obj` be the one pinned in `dir`. -ENOENT: they are not (all) there. */
static int reuse_pinned(struct bpf_object *obj, const char *dir)
{
	char path[512];

	for (size_t i = 0; i < MAP_COUNT; i++) {
		int fd, err;

		pin_path(dir, map_names[i], path, sizeof(path));
		fd = bpf_obj_get(path);
		if (fd < 0)
			return -errno;
		err = bpf_map__reuse_fd(object_map(obj, map_names[i]), fd);
		close(fd);
		if (err)
			return err;
	}
	return 0;
}

static int share_maps(struct bpf_object *from, struct bpf_object *to)
{
	for (size_t i = 0; i < MAP_COUNT; i++) {
		int fd = bpf_map__fd(object_map(from, map_names[i]));
		int err = bpf_map__reuse_fd(object_map(to, map_names[i]), fd);

		if (err)
			return err;
	}
	return 0;
}

static int pin_maps(struct bpf_object *obj, const char *dir)
{
	char path[512];

	for (size_t i = 0; i < MAP_COUNT; i++) {
		pin_path(dir, map_names[i], path, sizeof(path));
		unlink(path); /* of one that was killed between two of these */
		if (bpf_obj_pin(bpf_map__fd(object_map(obj, map_names[i])), path))
			return -errno;
		FAULT_POINT("new-2-pin");
	}
	return 0;
}

void maps_unpin(const char *pin_dir)
{
	char path[512];

	for (size_t i = MAP_COUNT; i-- > 0;) {
		pin_path(pin_dir, map_names[i], path, sizeof(path));
		unlink(path);
		FAULT_POINT("stop-11-pin");
	}
}

int maps_pinned_control(const char *pin_dir, struct flow_control *ret_control)
{
	char path[512], cell[4096] = "";
	struct bpf_map_info info;
	__u32 zero = 0;
	int fd, err;

	pin_path(pin_dir, "control", path, sizeof(path));
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	/* of another layout it has another size; what says so is in all of them */
	err = map_info(fd, &info);
	if (!err && info.value_size > sizeof(cell))
		err = -ESTALE;
	if (!err && bpf_map_lookup_elem(fd, &zero, cell))
		err = -errno;
	close(fd);
	if (!err)
		memcpy(ret_control, cell, sizeof(*ret_control));
	return err;
}

int maps_move(const char *from, const char *to)
{
	char old[512], path[512];

	pin_path(to, map_names[MAP_COUNT - 1], path, sizeof(path));
	unlink(path);
	for (size_t i = 0; i < MAP_COUNT; i++) {
		FAULT_POINT("upgrade-7-move");
		pin_path(from, map_names[i], old, sizeof(old));
		pin_path(to, map_names[i], path, sizeof(path));
		if (rename(old, path) && errno != ENOENT)
			return -errno;
	}
	return rmdir(from) ? -errno : 0;
}

/* A random number that fits SQLite's INTEGER; 0 where there is none to be had. */
static uint64_t new_generation(void)
{
	uint64_t generation = 0;

	if (getrandom(&generation, sizeof(generation), 0) != sizeof(generation))
		return 0;
	return generation & INT64_MAX;
}

static int new_control(const struct maps_wish *wish, struct flow_control *control)
{
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 0)
		return cpus;
	memset(control, 0, sizeof(*control));
	control->epoch = 1;
	control->layout = FLOW_LAYOUT;
	control->netns_cookie = wish->netns_cookie;
	control->sets = wish->slots / FLOW_WAYS;
	control->cpus = (__u32)cpus;
	control->generation = new_generation();
	return control->generation ? seed_fill(control->seed) : -EIO;
}

static int check_pinned(const struct maps_wish *wish, const struct flow_control *control,
			char *error)
{
	if (wish->netns_cookie && control->netns_cookie != wish->netns_cookie) {
		snprintf(
			error, MAPS_ERROR_MAX,
			"instance '%s': its maps belong to another network namespace: choose another "
			"--instance, or run flowd --detach in that namespace first",
			wish->instance);
		return -ESTALE;
	}
	if (control->layout != FLOW_LAYOUT) {
		snprintf(
			error, MAPS_ERROR_MAX,
			"instance '%s': its maps have layout %u, which this flowd (%u) cannot read: run "
			"the flowd that made them with --detach first",
			wish->instance, control->layout, FLOW_LAYOUT);
		return -ESTALE;
	}
	return 0;
}

static bool has_helper(enum bpf_prog_type type, enum bpf_func_id helper)
{
	return libbpf_probe_bpf_helper(type, helper, NULL) == 1;
}

static void fill_geometry(const struct maps_wish *wish, const struct flow_control *control,
			  struct flow_geometry *geometry)
{
	memcpy(geometry->seed, control->seed, sizeof(geometry->seed));
	geometry->set_mask = control->sets - 1;
	geometry->cpu_sets = control->sets + FLOW_RESERVED_SETS;
	geometry->xdp_buff_len = has_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_get_buff_len);
	geometry->xdp_load_bytes = has_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes);
	geometry->loop = has_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_loop);
	geometry->inner = wish->inner;
	geometry->track = wish->track;
	geometry->cpus = control->cpus;
}

static int size_maps(struct bpf_object *obj, const struct flow_control *control,
		     const struct maps_wish *wish)
{
	__u32 sets = control->cpus * (control->sets + FLOW_RESERVED_SETS);
	uint64_t samples = wish->sample_bytes ? wish->sample_bytes : MAPS_SAMPLE_BYTES;
	const struct {
		const char *name;
		__u32 entries;
	} sizes[] = {
		{"slots", sets},
		{"marks", sets},
		{"health", sets},
		{"health_marks", sets},
		{"evicted", (__u32)wish->ring_bytes},
		{"ledger", control->cpus * FLOW_IFACES * 2},
		{"cpus", control->cpus},
		{"samples", (__u32)samples},
		{"sample_counts", control->cpus},
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		err = bpf_map__set_max_entries(object_map(obj, sizes[i].name), sizes[i].entries);
	return err;
}

/* New maps; but those of samples may go on. Programs that keep dropped packets have them, too. */
static int make_maps(struct bpf_object *obj, const struct flow_control *control,
		     const struct maps_wish *wish)
{
	static const char *const names[] = {"sample_conf", "sample_filters", "samples",
					    "sample_counts"};
	char path[512];
	int err = size_maps(obj, control, wish);

	for (size_t i = 0; !err && wish->shared && i < sizeof(names) / sizeof(names[0]); i++) {
		struct bpf_map *map = object_map(obj, names[i]);
		struct bpf_map_info info;
		int fd;

		pin_path(wish->shared, names[i], path, sizeof(path));
		fd = bpf_obj_get(path);
		if (fd >= 0 && !map_info(fd, &info) && info.value_size == bpf_map__value_size(map))
			err = bpf_map__reuse_fd(map, fd);
		if (fd >= 0)
			close(fd);
	}
	return err;
}

/* Load the TC object on new or pinned maps; open the XDP object on the same. */
static int load_objects(const struct maps_wish *wish, const struct flow_control *control,
			struct maps *maps)
{
	struct flow_geometry geometry = {0};
	int err;

	maps->tc = flow_tc__open();
	maps->xdp = flow_xdp__open();
	if (!maps->tc || !maps->xdp)
		return -ENOMEM;
	fill_geometry(wish, control, &geometry);
	memcpy((void *)&maps->tc->rodata->geometry, &geometry, sizeof(geometry));
	memcpy((void *)&maps->xdp->rodata->geometry, &geometry, sizeof(geometry));
	maps->filters_in_kernel = geometry.loop;
	err = maps->taken_over ? reuse_pinned(maps->tc->obj, wish->pin_dir)
			       : make_maps(maps->tc->obj, control, wish);
	if (err)
		return err;
	if (wish->late)
		maps_tc_leave(maps->tc);
	err = bpf_object__load(maps->tc->obj);
	return err ? err : share_maps(maps->tc->obj, maps->xdp->obj);
}

static int map_one(struct maps *maps, const char *name, int number, int prot, void **ret_memory)
{
	int fd = bpf_map__fd(object_map(maps->tc->obj, name));
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes;
	struct bpf_map_info info;
	void *memory;
	int err = map_info(fd, &info);

	if (err)
		return err;
	bytes = (size_t)((info.value_size + 7) & ~7U) * info.max_entries;
	bytes = (bytes + page - 1) & ~(page - 1);
	memory = mmap(NULL, bytes, prot, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	maps->mapped[number] = bytes;
	maps->bytes += bytes;
	*ret_memory = memory;
	return 0;
}

static int map_all(struct maps *maps)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct bpf_map_info info;
	int err = map_one(maps, "slots", 0, PROT_READ, (void **)&maps->slots);

	err = err ? err : map_one(maps, "marks", 1, rw, (void **)&maps->marks);
	err = err ? err : map_one(maps, "ledger", 2, rw, (void **)&maps->ledger);
	err = err ? err : map_one(maps, "cpus", 3, PROT_READ, (void **)&maps->cpu);
	err = err ? err : map_one(maps, "ifaces", 4, rw, (void **)&maps->ifaces);
	err = err ? err : map_one(maps, "control", 5, rw, (void **)&maps->control);
	err = err ? err : map_one(maps, "health", 6, PROT_READ, (void **)&maps->health);
	err = err ? err : map_one(maps, "health_marks", 7, rw, (void **)&maps->health_marks);
	err = err ? err : map_one(maps, "sample_conf", 8, rw, (void **)&maps->sample_conf);
	err = err ? err : map_one(maps, "sample_filters", 9, rw, (void **)&maps->sample_filters);
	err = err ? err
		  : map_one(maps, "sample_counts", 10, PROT_READ, (void **)&maps->sample_counts);
	err = err ? err : map_one(maps, "early", 11, rw, (void **)&maps->early);
	err = err ? err : map_info(bpf_map__fd(maps->tc->maps.slots), &info);
	if (err)
		return err;
	maps->slots_id = info.id;
	maps->ring_fd = bpf_map__fd(maps->tc->maps.evicted);
	maps->outers_fd = bpf_map__fd(maps->tc->maps.outers);
	err = map_info(maps->ring_fd, &info);
	maps->ring_bytes = info.max_entries;
	maps->sample_fd = bpf_map__fd(maps->tc->maps.samples);
	err = err ? err : map_info(maps->sample_fd, &info);
	maps->sample_bytes = info.max_entries;
	return err;
}

int maps_open(const struct maps_wish *wish, struct maps *ret_maps, char ret_error[MAPS_ERROR_MAX])
{
	struct maps maps = {0};
	struct flow_control control;
	int err = maps_pinned_control(wish->pin_dir, &control);

	ret_error[0] = '\0';
	maps.taken_over = err == 0;
	if (!err)
		err = check_pinned(wish, &control, ret_error);
	else if (err == -ENOENT)
		err = new_control(wish, &control);
	if (err)
		goto fail;
	maps.cpus = control.cpus;
	maps.cpu_sets = control.sets + FLOW_RESERVED_SETS;
	maps.sets = maps.cpus * maps.cpu_sets;
	err = load_objects(wish, &control, &maps);
	err = err ? err : map_all(&maps);
	if (err)
		goto fail;
	if (!maps.taken_over) {
		*maps.control = control;
		FAULT_POINT("new-1-maps");
		err = pin_maps(maps.tc->obj, wish->pin_dir);
		if (err) {
			maps_unpin(wish->pin_dir);
			goto fail;
		}
	}
	maps.generation = control.generation;
	*ret_maps = maps;
	return 0;
fail:
	if (!ret_error[0] && (err == -EPERM || err == -EACCES))
		snprintf(
			ret_error, MAPS_ERROR_MAX,
			"BPF maps and programs: %s: flowd needs root or CAP_BPF, CAP_NET_ADMIN and "
			"CAP_PERFMON (see: flowctl doctor)",
			strerror(-err));
	else if (!ret_error[0])
		snprintf(ret_error, MAPS_ERROR_MAX,
			 "instance '%s': BPF maps and programs: %s (see: flowctl doctor)",
			 wish->instance, strerror(-err));
	maps_close(&maps);
	return err;
}

void maps_close(struct maps *maps)
{
	void *memory[MAPS_MAPPED] = {
		(void *)maps->slots,
		maps->marks,
		maps->ledger,
		(void *)maps->cpu,
		maps->ifaces,
		maps->control,
		(void *)maps->health,
		maps->health_marks,
		maps->sample_conf,
		maps->sample_filters,
		(void *)maps->sample_counts,
		maps->early,
	};

	for (size_t i = 0; i < MAPS_MAPPED; i++) {
		if (memory[i])
			munmap(memory[i], maps->mapped[i]);
	}
	maps_tc_close(maps);
	flow_xdp__destroy(maps->xdp);
	flow_tc__destroy(maps->tc);
	memset(maps, 0, sizeof(*maps));
}

void maps_new_generation(struct maps *maps)
{
	maps->generation = new_generation();
	maps->unclaimed = true;
}

void maps_claim(struct maps *maps)
{
	early_forget(maps->early);
	__atomic_store_n(&maps->control->generation, maps->generation, __ATOMIC_RELEASE);
	maps->unclaimed = false;
}

uint64_t maps_slots_used(const struct maps *maps)
{
	uint64_t used = 0;

	for (uint32_t set = 0; set < maps->sets; set++) {
		for (uint32_t way = 0; way < FLOW_WAYS; way++)
			used += maps->slots[set].tag[way] != 0;
	}
	return used;
}

struct flow_iface *maps_iface(struct maps *maps, uint32_t ifindex)
{
	struct flow_iface *room = NULL;

	for (uint32_t i = 0; i < FLOW_IFACE_PROBES; i++) {
		struct flow_iface *cell = &maps->ifaces[(ifindex + i) & (FLOW_IFACE_CELLS - 1)];

		if (cell->ifindex == ifindex)
			return cell;
		if (!cell->ifindex && !room)
			room = cell;
	}
	return room;
}

void maps_iface_set(struct flow_iface *cell, uint32_t ifindex, uint32_t ifnum, uint32_t marks)
{
	/* the rest before the index, by which programs find it; another's cell was found before, too */
	__atomic_store_n(&cell->marks, (uint16_t)marks, __ATOMIC_RELAXED);
	__atomic_store_n(&cell->ifnum, (uint16_t)ifnum, __ATOMIC_RELAXED);
	__atomic_store_n(&cell->ifindex, ifindex, __ATOMIC_RELEASE);
}

void maps_iface_clear(struct maps *maps, uint32_t ifnum)
{
	for (uint32_t i = 0; i < FLOW_IFACE_CELLS; i++) {
		if (maps->ifaces[i].ifindex && maps->ifaces[i].ifnum == ifnum)
			__atomic_store_n(&maps->ifaces[i].ifindex, 0, __ATOMIC_RELEASE);
	}
}

void maps_ledger_clear(struct maps *maps, uint32_t ifnum)
{
	for (uint32_t cpu = 0; cpu < maps->cpus; cpu++)
		memset(&maps->ledger[(cpu * FLOW_IFACES + ifnum) * 2], 0,
		       2 * sizeof(struct flow_ledger));
}

void maps_ledger(const struct maps *maps, uint32_t ifnum, uint32_t dir, struct flow_ledger *ret_sum)
{
	memset(ret_sum, 0, sizeof(*ret_sum));
	for (uint32_t cpu = 0; cpu < maps->cpus; cpu++) {
		const struct flow_ledger *books =
			&maps->ledger[(cpu * FLOW_IFACES + ifnum) * 2 + dir];

		ret_sum->seen.packets += __atomic_load_n(&books->seen.packets, __ATOMIC_RELAXED);
		ret_sum->seen.bytes += __atomic_load_n(&books->seen.bytes, __ATOMIC_RELAXED);
		for (int v = 0; v < VERDICT_MAX; v++) {
			ret_sum->verdict[v].packets +=
				__atomic_load_n(&books->verdict[v].packets, __ATOMIC_RELAXED);
			ret_sum->verdict[v].bytes +=
				__atomic_load_n(&books->verdict[v].bytes, __ATOMIC_RELAXED);
		}
	}
}
