/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * group_spill.h: tables that grew too large, in a file without a name: TMPDIR, /var/tmp or /tmp. What has
 * the same key has the same hash, and so is in the same part of each table: the parts are read back and
 * put together one by one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct group_table;

#define GROUP_SPILL_BITS 6 /* of a hash, the upper ones: a part */
#define GROUP_SPILL_PARTS (1 << GROUP_SPILL_BITS)

struct group_spill_piece {
	int64_t at;
	uint32_t size;
	uint32_t cells;
	uint32_t part;
};

struct group_spill {
	int fd; /* 0: none yet */
	int64_t end;
	struct group_spill_piece *piece;
	size_t pieces, room;
	struct group_spill *next; /* another one, of which it is the owner */
};

/* Write out all of the table, which stays as it is. 0, -ENOMEM or -errno of the file. */
int group_spill_write(struct group_spill *spill, const struct group_table *table);

/* The cells of a part, of this and those behind it. */
size_t group_spill_count(const struct group_spill *spill, uint32_t part);

/* Add a part, of this and those behind it, to a table for parts (skip) that has room for them. 0 or -errno. */
int group_spill_read(const struct group_spill *spill, uint32_t part, struct group_table *table);

void group_spill_free(struct group_spill *spill);
