/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * group_spill.c: see group_spill.h. A piece is a row of cells, each followed by what it has apart:
 *
 *   | cell : 64 | place : 64 | health | drops |
 *
 * where cell.more says which of the last two there are. Packed keys have no place.
 */
#include "cli/group_spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/group_table.h"

#define PART_SHIFT (64 - GROUP_SPILL_BITS)
#define PIECE_MAX (256U * 1024)
#define ITEM_MAX                                                                                \
	(sizeof(struct group_cell) + sizeof(struct group_place) + sizeof(struct group_health) + \
	 sizeof(struct group_drops))
#define HAS_HEALTH 1
#define HAS_DROPS 2

/* What is not written yet, all of one part. */
struct piece {
	uint8_t *bytes;
	size_t size;
	uint32_t cells;
	uint32_t part;
};

static int open_file(void)
{
	const char *const dirs[] = {getenv("TMPDIR"), "/var/tmp", "/tmp"};
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (dirs[i])
			fd = open(dirs[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	}
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const uint8_t *bytes, size_t size, int64_t at)
{
	while (size) {
		ssize_t done = pwrite(fd, bytes, size, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? -errno : -EIO;
		bytes += done;
		size -= (size_t)done;
		at += done;
	}
	return 0;
}

static int note_piece(struct group_spill *spill, const struct piece *piece)
{
	size_t room = spill->room ? spill->room * 2 : 256;
	struct group_spill_piece *grown;

	if (spill->pieces == spill->room) {
		grown = reallocarray(spill->piece, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		spill->piece = grown;
		spill->room = room;
	}
	spill->piece[spill->pieces++] = (struct group_spill_piece){
		.at = spill->end,
		.size = (uint32_t)piece->size,
		.cells = piece->cells,
		.part = piece->part,
	};
	return 0;
}

static int flush(struct group_spill *spill, struct piece *piece)
{
	int err;

	if (!piece->size)
		return 0;
	err = write_all(spill->fd, piece->bytes, piece->size, spill->end);
	err = err ? err : note_piece(spill, piece);
	spill->end += (int64_t)piece->size;
	piece->size = piece->cells = 0;
	return err;
}

static void put(struct piece *piece, const void *bytes, size_t size)
{
	memcpy(piece->bytes + piece->size, bytes, size);
	piece->size += size;
}

static void put_cell(const struct group_table *table, const struct group_cell *cell,
		     struct piece *piece)
{
	struct group_cell head = *cell;
	struct group_place place;
	struct group_sums sums;

	group_table_sums(table, cell, &sums);
	head.more = (sums.health ? HAS_HEALTH : 0) | (sums.drops ? HAS_DROPS : 0);
	put(piece, &head, sizeof(head));
	if (cell->key.word[1] & GROUP_PACKED_APART) {
		group_table_place(table, cell, &place);
		put(piece, &place, sizeof(place));
	}
	if (sums.health)
		put(piece, sums.health, sizeof(*sums.health));
	if (sums.drops)
		put(piece, sums.drops, sizeof(*sums.drops));
}

static int write_cells(struct group_spill *spill, const struct group_table *table,
		       struct piece *piece)
{
	int err = 0;

	for (size_t i = 0; !err && i < table->size; i++) {
		const struct group_cell *cell = &table->cell[i];
		uint32_t part;

		if (!group_cell_used(cell))
			continue;
		part = (uint32_t)(group_table_hash(cell) >> PART_SHIFT);
		if (part != piece->part || piece->size + ITEM_MAX > PIECE_MAX)
			err = flush(spill, piece);
		piece->part = part;
		put_cell(table, cell, piece);
		piece->cells++;
	}
	return err ? err : flush(spill, piece);
}

int group_spill_write(struct group_spill *spill, const struct group_table *table)
{
	struct piece piece = {0};
	int err;

	if (!spill->fd) {
		err = open_file();
		if (err < 0)
			return err;
		spill->fd = err;
	}
	piece.bytes = malloc(PIECE_MAX);
	if (!piece.bytes)
		return -ENOMEM;
	err = write_cells(spill, table, &piece);
	free(piece.bytes);
	return err;
}

static int read_piece(const struct group_spill *spill, const struct group_spill_piece *piece,
		      uint8_t *bytes)
{
	uint32_t have = 0;

	while (have < piece->size) {
		ssize_t got = pread(spill->fd, bytes + have, piece->size - have, piece->at + have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		have += (uint32_t)got;
	}
	return 0;
}

/* The cell at `bytes` into the table. Returns its size, or -ENOMEM. */
static int add_item(const uint8_t *bytes, struct group_table *table)
{
	const uint8_t *at = bytes;
	struct group_health health;
	struct group_place place;
	struct group_drops drops;
	struct group_cell cell;
	struct group_sums sums;
	uint32_t more;
	int err;

	memcpy(&cell, at, sizeof(cell));
	at += sizeof(cell);
	more = cell.more;
	cell.more = 0;
	if (cell.key.word[1] & GROUP_PACKED_APART) {
		memcpy(&place, at, sizeof(place));
		at += sizeof(place);
	} else {
		group_table_place(table, &cell, &place);
	}
	group_table_sums(table, &cell, &sums);
	if (more & HAS_HEALTH) {
		memcpy(&health, at, sizeof(health));
		at += sizeof(health);
		sums.health = &health;
	}
	if (more & HAS_DROPS) {
		memcpy(&drops, at, sizeof(drops));
		at += sizeof(drops);
		sums.drops = &drops;
	}
	err = group_table_add(table, &place, &sums);
	return err ? err : (int)(at - bytes);
}

static int read_part(const struct group_spill *spill, uint32_t part, uint8_t *bytes,
		     struct group_table *table)
{
	int err = 0;

	for (size_t i = 0; !err && i < spill->pieces; i++) {
		const struct group_spill_piece *piece = &spill->piece[i];

		if (piece->part != part)
			continue;
		err = read_piece(spill, piece, bytes);
		for (uint32_t at = 0; !err && at < piece->size;) {
			int size = add_item(bytes + at, table);

			if (size < 0)
				err = size;
			else
				at += (uint32_t)size;
		}
	}
	return err;
}

size_t group_spill_count(const struct group_spill *spill, uint32_t part)
{
	size_t count = 0;

	for (; spill; spill = spill->next) {
		for (size_t i = 0; i < spill->pieces; i++)
			count += spill->piece[i].part == part ? spill->piece[i].cells : 0;
	}
	return count;
}

int group_spill_read(const struct group_spill *spill, uint32_t part, struct group_table *table)
{
	uint8_t *bytes = malloc(PIECE_MAX);
	int err = bytes ? 0 : -ENOMEM;

	for (; !err && spill; spill = spill->next)
		err = read_part(spill, part, bytes, table);
	free(bytes);
	return err;
}

void group_spill_free(struct group_spill *spill)
{
	if (spill->next) {
		group_spill_free(spill->next);
		free(spill->next);
	}
	if (spill->fd > 0)
		close(spill->fd);
	free(spill->piece);
	memset(spill, 0, sizeof(*spill));
}
