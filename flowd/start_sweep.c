/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* start_sweep.c: see start_sweep.h. */
#include "flowd/start_sweep.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/utsname.h>

#include "flowd/fault.h"
#include "flowd/flowd.h"
#include "flowd/log.h"
#include "flowd/upgrade.h"
#include "schema/db.h"

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

int start_sweep(struct flowd *flowd)
{
	const struct config *config = flowd->config;
	struct expire_conf conf = start_expire(config);
	int64_t last_sweep = 0, ring_pos = 0, generation = 0, events = 0, sample_pos = 0;
	bool ours;
	int err = 0;

	FAULT_POINT("start-04-maps");
	db_meta_get_int(flowd->db, "last_sweep", &last_sweep);
	db_meta_get_int(flowd->db, "ring_pos", &ring_pos);
	db_meta_get_int(flowd->db, "generation", &generation);
	db_meta_get_int(flowd->db, "event_generation", &events);
	db_meta_get_int(flowd->db, "sample_pos", &sample_pos);
	ours = generation == (int64_t)flowd->maps.control->generation;
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
	err = sweep_open(&flowd->maps, &conf, ours ? (uint64_t)last_sweep : 0,
			 ours ? (uint64_t)ring_pos : 0, &flowd->sweep);
	if (err)
		return err;
	if (flowd->sweep.lost)
		log_err("database '%s': more was committed after what it has: its log was lost or cut, and "
			"the packets of that are unaccounted",
			config->db);
	flowd->sweep.number = (uint64_t)last_sweep + 1;
	FAULT_POINT("start-08-marks");
	/* positions of other rings would be taken for these maps' by whoever comes before the first commit */
	if (!ours && !flowd->upgrade)
		err = db_meta_set_int(flowd->db, "ring_pos", 0);
	if (!ours && !flowd->upgrade)
		err = err ? err : db_meta_set_int(flowd->db, "sample_pos", 0);
	FAULT_POINT("start-09-positions");
	if (!flowd->upgrade) /* else with what the old maps hold */
		err = err ? err
			  : db_meta_set_int(flowd->db, "generation",
					    (int64_t)flowd->maps.control->generation);
	FAULT_POINT("start-10-generation");
	err = err ? err : db_meta_set_text(flowd->db, "instance", config->instance);
	err = err ? err : db_meta_set_text(flowd->db, "socket", config->socket);
	err = err ? err : set_host(flowd->db);
	FAULT_POINT("start-11-host");
	if (err)
		log_err("%s: %s", config->db,
			sqlite3_errcode(flowd->db) == SQLITE_BUSY ? "locked by another process"
								  : sqlite3_errmsg(flowd->db));
	return err;
}
