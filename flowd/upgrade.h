/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * upgrade.h: maps of another layout (flowd/layout.h) that an earlier flowd left pinned, and maybe hooks that
 * count into them: from them to maps of this flowd's own, without a packet lost or counted twice.
 *
 *   look     what is pinned; new maps are to be made, or are, in the folder `next` beside the old ones
 *   begin    interfaces keep their numbers; samples their maps, where they are alike
 *   (hooks   new programs on the new maps take the old ones' places, link by link)
 *   drain    no old program runs any more: what the old maps hold goes into the database, in one transaction
 *            that also makes the new maps the database's; then the new pins take the old ones' places
 *
 * So after a kill the database says which of both is to be done: while it has the old maps' generation they are
 * to be drained, and the new ones, which nobody has taken anything from, go on; then only pins are left to be
 * moved, and the control cell's, which says that maps are there at all, goes first and comes last (maps_move).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct flowd;
struct upgrade;

/*
 * flowd->map_dir and, where there is something to drain, flowd->upgrade. netns_cookie: 0 for whatever
 * namespace's maps; others' are left alone. 0 or -errno, said in the log.
 */
int upgrade_look(struct flowd *flowd, uint64_t netns_cookie);

/* flowd->maps are open. 0 or -errno. */
int upgrade_begin(struct flowd *flowd);

/* Of the old maps. */
uint64_t upgrade_generation(const struct upgrade *upgrade);

/* What the database has of the old maps; nothing where it had not their books. */
void upgrade_from(struct upgrade *upgrade, bool ours, uint64_t last_sweep, uint64_t ring_pos,
		  uint64_t sample_pos);

/* Do the old and the new maps have the ring of samples in common? */
bool upgrade_shares_samples(const struct upgrade *upgrade);

/*
 * After the hooks are attached. It writes by a writer of its own: flowd->db is another connection then. 0 or
 * -errno, said in the log: the next flowd tries again. Nothing to do: 0.
 */
int upgrade_drain(struct flowd *flowd);

/* The database has the old maps' books already: the pins are moved. 0 or -errno. */
int upgrade_finish(struct flowd *flowd);

/* Forget it, unfinished. */
void upgrade_free(struct flowd *flowd);
