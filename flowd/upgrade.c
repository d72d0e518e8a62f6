/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* upgrade.c: from maps of another layout to this one's. See upgrade.h. */
#include "flowd/upgrade.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "flowd/books.h"
#include "flowd/fault.h"
#include "flowd/flowd.h"
#include "flowd/hook_own.h"
#include "flowd/iface_rows.h"
#include "flowd/log.h"
#include "flowd/start_sink.h"
#include "flowd/start_sweep.h"
#include "flowd/upgrade_maps.h"

#define QUIET_TRIES 100	  /* until the old maps' books balance */
#define WRITE_TRIES 30000 /* of a millisecond, for the database */
#define MS_NS 1000000

struct upgrade {
	struct upgrade_maps maps;
	struct flowd old; /* on copies of the old maps: its sweep reads them */
	bool ours;
	bool shares_samples;
	uint64_t last_sweep, ring_pos, sample_pos;
};

static void next_dir(const struct flowd *flowd, char *path, size_t size)
{
	snprintf(path, size, "%s/next", flowd->pin_dir);
}

static int refuse(const struct flowd *flowd, const char *what, int err)
{
	log_err("instance '%s': %s: %s", flowd->config->instance, what, strerror(-err));
	return err;
}

/* No maps are there: those that were being moved there, or nothing but what a kill left half made. */
static int look_beside(struct flowd *flowd, const char *next)
{
	struct flow_control control;
	int err;

	if (!maps_pinned_control(next, &control)) {
		err = maps_move(next, flowd->pin_dir);
		return err ? refuse(flowd, "pins of new maps", err) : 0;
	}
	maps_unpin(next);
	rmdir(next);
	return 0;
}

int upgrade_look(struct flowd *flowd, uint64_t netns_cookie)
{
	struct flow_control control;
	const struct layout *layout;
	char next[sizeof(flowd->map_dir)];
	int err = maps_pinned_control(flowd->pin_dir, &control);

	next_dir(flowd, next, sizeof(next));
	snprintf(flowd->map_dir, sizeof(flowd->map_dir), "%s", flowd->pin_dir);
	if (err == -ENOENT)
		return look_beside(flowd, next);
	if (!err && control.layout == FLOW_LAYOUT)
		rmdir(next); /* of a move that a kill ended */
	if (err || control.layout == FLOW_LAYOUT)
		return 0;
	layout = layout_find(control.layout);
	if (!layout || (netns_cookie && control.netns_cookie != netns_cookie))
		return 0; /* maps_open says so */
	flowd->upgrade = calloc(1, sizeof(*flowd->upgrade));
	if (!flowd->upgrade)
		return -ENOMEM;
	err = upgrade_maps_open(flowd->pin_dir, layout, &flowd->upgrade->maps);
	if (err)
		return refuse(flowd, "maps of another layout", err);
	if (mkdir(next, 0700) && errno != EEXIST)
		return refuse(flowd, "folder of pins 'next'", -errno);
	memcpy(flowd->map_dir, next, sizeof(next));
	return 0;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

int upgrade_begin(struct flowd *flowd)
{
	struct upgrade *u = flowd->upgrade;
	char path[512];
	int fd;

	if (!u)
		return 0;
	for (uint32_t i = 0; i < FLOW_IFACE_CELLS; i++) {
		struct flow_iface cell = upgrade_maps_iface(&u->maps, i);

		if (cell.ifindex && !flowd->maps.ifaces[i].ifindex)
			flowd->maps.ifaces[i] = cell;
	}
	snprintf(path, sizeof(path), "%s/samples", flowd->pin_dir);
	fd = bpf_obj_get(path);
	u->shares_samples = map_id(fd) && map_id(fd) == map_id(flowd->maps.sample_fd);
	if (fd >= 0)
		close(fd);
	/* hooks, events and interfaces are a predecessor's */
	flowd->maps.taken_over = true;
	log_info(
		"instance '%s': its maps have layout %u: new ones of layout %u, and what the old ones hold "
		"into the database",
		flowd->config->instance, u->maps.layout->number, FLOW_LAYOUT);
	FAULT_POINT("upgrade-1-made");
	return 0;
}

uint64_t upgrade_generation(const struct upgrade *upgrade)
{
	return upgrade->maps.control.generation;
}

bool upgrade_shares_samples(const struct upgrade *upgrade)
{
	return upgrade->shares_samples;
}

void upgrade_from(struct upgrade *upgrade, bool ours, uint64_t last_sweep, uint64_t ring_pos,
		  uint64_t sample_pos)
{
	upgrade->ours = ours;
	upgrade->last_sweep = last_sweep;
	upgrade->ring_pos = ring_pos;
	upgrade->sample_pos = sample_pos;
}

static void translate(void *arg, const void *record, size_t size, struct flow_evicted *ret)
{
	const struct upgrade_maps *maps = arg;

	layout_read_evicted(maps->layout, record, size, ret);
}

/* A first flowd on a copy of the old maps. */
static int open_old(struct flowd *flowd, struct upgrade *u)
{
	struct expire_conf conf = start_expire(flowd->config);
	int err = upgrade_maps_copy(&u->maps, &u->old.maps);

	if (err)
		return err;
	if (!u->ours)
		u->old.maps.early = NULL;
	u->old.config = flowd->config;
	u->old.db = flowd->db;
	u->old.netns_cookie = flowd->netns_cookie;
	err = sweep_open(&u->old.maps, &conf, u->ours ? u->last_sweep : 0,
			 u->ours ? u->ring_pos : 0, &u->old.sweep);
	if (err)
		return err;
	u->old.sweep.number = u->last_sweep + 1;
	u->old.sweep.translate = translate;
	u->old.sweep.translate_arg = &u->maps;
	u->old.sweep.whole = true;
	err = iface_rows_load(&u->old);
	err = err ? err : iface_rows_moved(&u->old);
	return err ? err : iface_rows_adopt(&u->old, !u->ours);
}

static bool balanced(const struct sweep *sweep)
{
	for (uint32_t i = 0; i < FLOW_IFACES * 2; i++) {
		const struct sweep_iface *iface = &sweep->iface[i / 2];

		if (!iface->opening && iface->books[i % 2].unaccounted_packets)
			return false;
	}
	return true;
}

static bool all_recorded(const struct sweep *sweep)
{
	for (uint32_t i = 0; i < FLOW_IFACES * 2; i++) {
		const struct sweep_books *b = &sweep->iface[i / 2].books[i % 2];

		if (b->obs.packets != b->recorded.packets)
			return false;
	}
	return true;
}

/* What is found must be what the hooks counted; a program that was late makes it differ for a moment. */
static int read_old(struct flowd *flowd, struct upgrade *u)
{
	bool opening[FLOW_IFACES] = {false};
	int err = 0;

	for (int i = 0; i < QUIET_TRIES; i++) {
		for (uint32_t n = 0; i && n < FLOW_IFACES; n++)
			opening[n] = u->old.sweep.iface[n].opening;
		if (i)
			sweep_close(&u->old.sweep);
		hook_wait_programs();
		err = open_old(flowd, u);
		if (err)
			return err;
		/* rows are there since the first try, their books are not */
		for (uint32_t n = 0; n < FLOW_IFACES; n++)
			u->old.sweep.iface[n].opening |= opening[n];
		sweep_visit(&u->old.sweep, true);
		if (balanced(&u->old.sweep))
			break;
	}
	if (books_open(&u->old.sweep))
		err = iface_rows_open(&u->old);
	(void)sweep_export(&u->old.sweep, true);
	/* what found no memory would go with the old maps */
	return !err && !all_recorded(&u->old.sweep) ? -ENOMEM : err;
}

/* The transaction: what the old maps had, and whose books the database has from now on. */
static int write_old(struct flowd *flowd, struct upgrade *u)
{
	struct sink_batch *batch = &u->old.sweep.batch;
	const struct timespec pause = {.tv_nsec = MS_NS};
	struct sink_stats stats;
	int err = start_sink(flowd);

	if (err)
		return err;
	batch->sweep = u->last_sweep + 1;
	batch->ring_pos = 0;
	batch->sample_pos = u->shares_samples ? u->sample_pos : 0;
	batch->generation = flowd->maps.generation;
	err = sink_writer_submit(flowd->writer, batch);
	for (int i = 0; !err && i < WRITE_TRIES; i++) {
		if (sink_writer_collect(flowd->writer))
			break;
		nanosleep(&pause, NULL);
	}
	sink_writer_stats(flowd->writer, &stats);
	if (!err && !stats.commits)
		err = -EIO;
	if (err)
		log_err("instance '%s': what its old maps hold could not be written%s%s",
			flowd->config->instance, stats.error[0] ? ": " : "", stats.error);
	FAULT_POINT("upgrade-5-written");
	sink_writer_free(flowd->writer);
	flowd->writer = NULL;
	flowd->db = NULL;
	return err;
}

int upgrade_finish(struct flowd *flowd)
{
	int err = maps_move(flowd->map_dir, flowd->pin_dir);

	if (err)
		return refuse(flowd, "pins of new maps", err);
	snprintf(flowd->map_dir, sizeof(flowd->map_dir), "%s", flowd->pin_dir);
	upgrade_free(flowd);
	return 0;
}

int upgrade_drain(struct flowd *flowd)
{
	struct upgrade *u = flowd->upgrade;
	int err;

	if (!u)
		return 0;
	FAULT_POINT("upgrade-2-attached");
	err = read_old(flowd, u);
	if (err)
		return refuse(flowd, "its old maps", err);
	FAULT_POINT("upgrade-3-read");
	err = write_old(flowd, u);
	err = err ? err : start_database(flowd);
	if (err)
		return err;
	flowd->sweep.number = u->last_sweep + 2;
	u->old.db = flowd->db;
	if (flowd->numbers.next_id < u->old.numbers.next_id) /* rows that it made */
		flowd->numbers.next_id = u->old.numbers.next_id;
	iface_rows_closed(&u->old);
	FAULT_POINT("upgrade-6-closed");
	return upgrade_finish(flowd);
}

void upgrade_free(struct flowd *flowd)
{
	struct upgrade *u = flowd->upgrade;

	if (!u)
		return;
	sweep_close(&u->old.sweep);
	upgrade_maps_close(&u->maps);
	free(u);
	flowd->upgrade = NULL;
}
