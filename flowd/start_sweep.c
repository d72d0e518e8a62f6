/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* start_sweep.c: see start_sweep.h. */
#include "flowd/start_sweep.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/utsname.h>

#include "flowd/fault.h"
#include "flowd/flowd.h"
#include "flowd/log.h"
#include "flowd/sink_heir.h"
#include "flowd/upgrade.h"
#include "schema/db.h"
#include "schema/db_sqlite.h"

#define BURST_S 2	 /* of record.rate that a quiet time saves up */
#define BURST_AUTO_S 300 /* where nobody said which */

/* Whose database it is, for who merges those of several hosts. */
static int set_host(struct sqlite3 *db)
{
	struct utsname names;

	return uname(&names) ? -errno : db_meta_set_text(db, "host", names.nodename);
}

struct expire_conf start_expire(const struct config *config)
{
	return (struct expire_conf){
		.idle_ns = config->idle_ns,
		.active_ns = config->active_ns,
		.linger_ns = config->linger_ns,
		.sweep_ns = config->sweep_ns,
	};
}

/* The maps that the database is about, of `generation`, are not these, nor will they be again. */
static int lose_maps(struct flowd *flowd, int64_t generation)
{
	struct flow_count lost;
	int rc;

	if (!generation)
		return 0;
	rc = sink_heir_none(flowd->db, &lost);
	if (rc)
		return db_errno(flowd->db, rc);
	if (lost.packets)
		log_warning(
			"database '%s': the maps that it is about are gone, as after a power cut, "
			"and with them %llu packets that were not recorded (unaccounted) and what "
			"came after its last commit",
			flowd->config->db, (unsigned long long)lost.packets);
	return 0;
}

/* How many records may go, and how many conversations and records there may be at once. */
static void set_limit(struct flowd *flowd)
{
	const struct config *config = flowd->config;
	const struct limit_conf limit = {
		.rate = config->record_rate == CONFIG_RATE_NONE
				? 0
				: (config->record_rate ? config->record_rate : CONFIG_RATE_AUTO),
		.burst_ns = (config->record_rate ? BURST_S : BURST_AUTO_S) * 1000000000ULL,
		.sweep_ns = config->sweep_ns,
		.idle_ns = config->idle_ns,
		.active_ns = config->active_ns,
		.records = flowd->room.records,
	};

	limit_set(&flowd->sweep.limit, &limit, clock_mono().ns);
}

/* Positions of other rings would be taken for these maps' by whoever comes before the first commit. */
static int set_positions(struct flowd *flowd)
{
	int err = db_meta_set_int(flowd->db, "ring_pos", 0);

	return err ? err : db_meta_set_int(flowd->db, "sample_pos", 0);
}

static int set_generation(struct flowd *flowd)
{
	int err = db_meta_set_int(flowd->db, "generation", (int64_t)flowd->maps.generation);

	FAULT_POINT("start-10-generation");
	return err;
}

static int say_meta(const struct flowd *flowd, int err)
{
	if (err)
		log_err("%s: %s", flowd->config->db,
			sqlite3_errcode(flowd->db) == SQLITE_BUSY ? "locked by another process"
								  : sqlite3_errmsg(flowd->db));
	return err;
}

/*
 * Whose the database is, in one transaction, which ends with the database where it fails. Of maps that are still another's, or
 * are drained first, not the generation.
 */
static int set_meta(struct flowd *flowd, bool ours)
{
	bool now = !flowd->upgrade && !flowd->maps.unclaimed;
	int err = sqlite3_exec(flowd->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) ? -EIO : 0;

	if (!ours && now)
		err = err ? err : set_positions(flowd);
	FAULT_POINT("start-09-positions");
	if (now)
		err = err ? err : set_generation(flowd);
	err = err ? err : db_meta_set_text(flowd->db, "instance", flowd->config->instance);
	err = err ? err : db_meta_set_text(flowd->db, "socket", flowd->config->socket);
	err = err ? err : set_host(flowd->db);
	FAULT_POINT("start-11-host");
	if (!err && sqlite3_exec(flowd->db, "COMMIT", NULL, NULL, NULL))
		err = -EIO;
	return say_meta(flowd, err);
}

int start_sweep(struct flowd *flowd)
{
	const struct config *config = flowd->config;
	struct expire_conf conf = start_expire(config);
	int64_t last_sweep = 0, ring_pos = 0, generation = 0, events = 0, sample_pos = 0;
	bool ours;
	int err = db_meta_find_int(flowd->db, "last_sweep", &last_sweep);

	FAULT_POINT("start-04-maps");
	err = err ? err : db_meta_find_int(flowd->db, "ring_pos", &ring_pos);
	err = err ? err : db_meta_find_int(flowd->db, "generation", &generation);
	err = err ? err : db_meta_find_int(flowd->db, "event_generation", &events);
	err = err ? err : db_meta_find_int(flowd->db, "sample_pos", &sample_pos);
	if (err) {
		log_err("%s: meta: %s", config->db, sqlite3_errmsg(flowd->db));
		return err;
	}
	ours = generation == (int64_t)flowd->maps.generation;
	if (flowd->upgrade && ours) /* killed after the old maps were drained */
		err = upgrade_finish(flowd);
	if (err)
		return err;
	if (flowd->upgrade) {
		ours = generation == (int64_t)upgrade_generation(flowd->upgrade);
		upgrade_from(flowd->upgrade, ours, (uint64_t)last_sweep, (uint64_t)ring_pos,
			     (uint64_t)sample_pos);
		last_sweep = ring_pos = 0; /* nothing of the new ones is in the database */
	}
	flowd->event_last = (uint32_t)events;
	flowd->event_committed = ours ? (uint32_t)events : 0;
	flowd->sample_committed =
		ours && (!flowd->upgrade || upgrade_shares_samples(flowd->upgrade))
			? (uint64_t)sample_pos
			: 0;
	if (flowd->maps.taken_over && !ours && !flowd->upgrade) {
		log_warning("database '%s' did not have the books of the maps taken over",
			    config->db);
		maps_new_generation(&flowd->maps);
	}
	flowd->room = room_of(config->memory_bytes, (uint64_t)flowd->maps.sets * FLOW_WAYS);
	conf.most = flowd->room.conversations < EXPIRE_MAX ? (uint32_t)flowd->room.conversations
							   : EXPIRE_MAX;
	err = sweep_open(&flowd->maps, &conf, ours ? (uint64_t)last_sweep : 0,
			 ours ? (uint64_t)ring_pos : 0, &flowd->sweep);
	if (err) {
		log_err("tables of the sweep: %s", strerror(-err));
		return err;
	}
	set_limit(flowd);
	if (!ours && !flowd->maps.unclaimed)
		err = lose_maps(flowd, generation);
	if (flowd->sweep.lost)
		log_err("database '%s': more was committed after what it has: its log was lost or cut, and "
			"the packets of that are unaccounted",
			config->db);
	flowd->sweep.number = (uint64_t)last_sweep + 1;
	FAULT_POINT("start-08-marks");
	return err ? say_meta(flowd, err) : set_meta(flowd, ours);
}

int start_claim(struct flowd *flowd)
{
	int64_t generation = 0;
	int err;

	if (!flowd->maps.unclaimed)
		return 0;
	err = db_meta_find_int(flowd->db, "generation", &generation);
	err = err ? err : lose_maps(flowd, generation);
	err = err ? err : set_positions(flowd); /* it can be written to */
	if (err)
		return say_meta(flowd, err);
	maps_claim(&flowd->maps);
	err = sweep_take(&flowd->sweep, 0, 0);
	if (err) {
		log_err("tables of the sweep: %s", strerror(-err));
		return err;
	}
	return say_meta(flowd, set_generation(flowd));
}
