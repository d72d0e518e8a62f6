/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* upgrade_maps.c: maps of another layout. See upgrade_maps.h. */
#include "flowd/upgrade_maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What an entry of a map is in this layout: `each` structs, of which `what` says how they are read. */
static const struct {
	const char *name;
	enum layout_struct what;
	uint32_t each;
} kinds[UPGRADE_MAPS] = {
	[UPGRADE_SLOTS] = {"slots", LAYOUT_SET, 1},
	[UPGRADE_MARKS] = {"marks", LAYOUT_MARK, FLOW_WAYS},
	[UPGRADE_HEALTH] = {"health", LAYOUT_HEALTH, FLOW_WAYS},
	[UPGRADE_HEALTH_MARKS] = {"health_marks", LAYOUT_HEALTH_MARK, FLOW_WAYS},
	[UPGRADE_LEDGER] = {"ledger", LAYOUT_LEDGER, 1},
	[UPGRADE_IFACES] = {"ifaces", LAYOUT_IFACE, 1},
	[UPGRADE_CONTROL] = {"control", LAYOUT_CONTROL, 1},
};

static int open_pinned(const char *pin_dir, const char *name, struct bpf_map_info *ret_info)
{
	__u32 len = sizeof(*ret_info);
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	memset(ret_info, 0, sizeof(*ret_info));
	if (bpf_obj_get_info_by_fd(fd, ret_info, &len)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int map_one(struct upgrade_maps *maps, const char *pin_dir, int number)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), stride, bytes;
	struct bpf_map_info info;
	int fd = open_pinned(pin_dir, kinds[number].name, &info);
	void *memory;

	if (fd < 0)
		return fd;
	stride = (info.value_size + 7) & ~7U;
	bytes = (stride * info.max_entries + page - 1) & ~(page - 1);
	memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (memory == MAP_FAILED)
		return -errno;
	maps->map[number].memory = memory;
	maps->map[number].bytes = bytes;
	maps->map[number].stride = stride;
	maps->map[number].entries = info.max_entries;
	/* not what the table says: then nothing is known of it */
	return info.value_size < maps->layout->of[kinds[number].what].size * kinds[number].each
		       ? -EINVAL
		       : 0;
}

/* The pairs of endpoints, in a map of this layout's keys where theirs are others. */
static int open_outers(struct upgrade_maps *maps, const char *pin_dir)
{
	const struct layout *from = maps->layout;
	struct bpf_map_info info;
	uint32_t number, *last = NULL;
	char old[1024];
	struct flow_key key;
	int fd = open_pinned(pin_dir, "outers", &info), copy;

	if (fd < 0 || !memcmp(&from->of[LAYOUT_KEY], &layout_now.of[LAYOUT_KEY],
			      sizeof(from->of[LAYOUT_KEY])))
		return fd;
	copy = info.value_size > sizeof(old)
		       ? -EINVAL
		       : bpf_map_create(BPF_MAP_TYPE_HASH, "outers_read", sizeof(number),
					sizeof(key), info.max_entries, NULL);
	for (uint32_t i = 0; copy >= 0 && i < info.max_entries; i++) {
		if (bpf_map_get_next_key(fd, last, &number))
			break;
		last = &number;
		if (bpf_map_lookup_elem(fd, &number, old))
			continue;
		layout_read(from, LAYOUT_KEY, old, &key);
		(void)bpf_map_update_elem(copy, &number, &key, BPF_ANY);
	}
	close(fd);
	return copy;
}

/* What was given back early is as it is in all layouts that have it. */
static int copy_early(struct upgrade_maps *maps, const char *pin_dir)
{
	struct bpf_map_info info;
	__u32 zero = 0;
	int fd = open_pinned(pin_dir, "early", &info), err = 0;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (info.value_size != sizeof(*maps->early))
		err = -ESTALE;
	if (!err)
		maps->early = calloc(1, sizeof(*maps->early));
	if (!err && !maps->early)
		err = -ENOMEM;
	if (!err && bpf_map_lookup_elem(fd, &zero, maps->early))
		err = -errno;
	close(fd);
	return err;
}

int upgrade_maps_open(const char *pin_dir, const struct layout *layout,
		      struct upgrade_maps *ret_maps)
{
	struct bpf_map_info info;
	int err = 0;

	memset(ret_maps, 0, sizeof(*ret_maps));
	ret_maps->layout = layout;
	ret_maps->ring_fd = ret_maps->outers_fd = -1;
	for (int i = 0; !err && i < UPGRADE_MAPS; i++)
		err = map_one(ret_maps, pin_dir, i);
	if (!err) {
		layout_read(layout, LAYOUT_CONTROL, ret_maps->map[UPGRADE_CONTROL].memory,
			    &ret_maps->control);
		ret_maps->ring_fd = open_pinned(pin_dir, "evicted", &info);
		ret_maps->ring_bytes = info.max_entries;
		err = ret_maps->ring_fd < 0 ? ret_maps->ring_fd : 0;
	}
	if (!err)
		err = copy_early(ret_maps, pin_dir);
	if (!err)
		ret_maps->outers_fd = open_outers(ret_maps, pin_dir);
	if (err)
		upgrade_maps_close(ret_maps);
	return err;
}

struct flow_iface upgrade_maps_iface(const struct upgrade_maps *maps, uint32_t cell)
{
	struct flow_iface iface = {0};

	if (cell < maps->map[UPGRADE_IFACES].entries)
		layout_read(maps->layout, LAYOUT_IFACE,
			    maps->map[UPGRADE_IFACES].memory +
				    cell * maps->map[UPGRADE_IFACES].stride,
			    &iface);
	return iface;
}

static int copy_one(struct upgrade_maps *maps, int number)
{
	enum layout_struct what = kinds[number].what;
	size_t size = layout_now.of[what].size, old_size = maps->layout->of[what].size;
	size_t each = kinds[number].each, entries = maps->map[number].entries;
	char *copy = maps->map[number].copy;

	if (!copy)
		copy = maps->map[number].copy = calloc(entries * each, size);
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < entries * each; i++)
		layout_read(maps->layout, what,
			    maps->map[number].memory + i / each * maps->map[number].stride +
				    i % each * old_size,
			    copy + i * size);
	return 0;
}

int upgrade_maps_copy(struct upgrade_maps *maps, struct maps *ret_copy)
{
	size_t sets = maps->map[UPGRADE_SLOTS].entries;
	int err = 0;

	for (int i = 0; !err && i < UPGRADE_MAPS; i++)
		err = copy_one(maps, i);
	if (err)
		return err;
	*ret_copy = (struct maps){
		.taken_over = true,
		.generation = maps->control.generation,
		.cpus = maps->control.cpus,
		.cpu_sets = (uint32_t)sets / maps->control.cpus,
		.sets = (uint32_t)sets,
		.slots = maps->map[UPGRADE_SLOTS].copy,
		.marks = maps->map[UPGRADE_MARKS].copy,
		.health = maps->map[UPGRADE_HEALTH].copy,
		.health_marks = maps->map[UPGRADE_HEALTH_MARKS].copy,
		.ledger = maps->map[UPGRADE_LEDGER].copy,
		.ifaces = maps->map[UPGRADE_IFACES].copy,
		.control = maps->map[UPGRADE_CONTROL].copy,
		.early = maps->early,
		.ring_fd = maps->ring_fd,
		.ring_bytes = maps->ring_bytes,
		.outers_fd = maps->outers_fd,
	};
	return 0;
}

void upgrade_maps_close(struct upgrade_maps *maps)
{
	for (int i = 0; i < UPGRADE_MAPS; i++) {
		if (maps->map[i].memory)
			munmap((void *)maps->map[i].memory, maps->map[i].bytes);
		free(maps->map[i].copy);
	}
	free(maps->early);
	if (maps->ring_fd >= 0)
		close(maps->ring_fd);
	if (maps->outers_fd >= 0)
		close(maps->outers_fd);
	memset(maps, 0, sizeof(*maps));
	maps->ring_fd = maps->outers_fd = -1;
}
