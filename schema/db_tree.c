/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_tree.c: see db_tree.h. Every offset is checked against its page: a page may hold anything.
 *
 *   interior page   | 5 | ... | cells : 2 | ... | right-most page : 4 | where each cell is : 2 ... | cells
 *   a cell          | page : 4 | greatest id in it : varint |
 *   leaf            | 13 | ... | cells : 2 | ... | where each cell is : 2 ... | cells
 *   a cell          | size of the record : varint | id : varint | record |
 */
#include "schema/db_tree.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "schema/db_varint.h"

#define INTERIOR 5
#define INTERIOR_HEAD 12
#define LEAF 13
#define LEAF_HEAD 8
#define CELL_MIN 4
#define LOCAL_LESS 35  /* of a page, for the largest record that is all in it */
#define SPLIT_FIRST 48 /* a level of the tree with as many pages is fine enough */
#define SPLIT_MAX 4096

static uint32_t be16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t be32(const uint8_t *at)
{
	return be16(at) << 16 | be16(at + 2);
}

int db_tree_root(struct sqlite3 *db, const char *table, uint32_t *ret_root)
{
	static const char sql[] =
		"SELECT rootpage FROM main.sqlite_schema WHERE type = 'table' AND name = ?1";
	struct sqlite3_stmt *stmt;
	int64_t root = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL))
		return -ENOTSUP;
	sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		root = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	*ret_root = (uint32_t)root;
	return root > 0 && root <= UINT32_MAX ? 0 : -ENOTSUP;
}

void db_tree_open(const struct db_pages *pages, uint32_t root, struct db_tree *ret_tree)
{
	memset(ret_tree, 0, sizeof(*ret_tree));
	ret_tree->pages = pages;
	ret_tree->root = root;
}

void db_tree_close(struct db_tree *tree)
{
	for (int i = 0; i < DB_TREE_DEPTH; i++)
		free(tree->level[i].page);
	free(tree->ahead.byte);
	free(tree->layouts);
	memset(tree, 0, sizeof(*tree));
}

static bool is_leaf(const struct db_tree_level *level)
{
	return level->page[0] == LEAF;
}

/* The page of a level. 0, -ENOTSUP or -ENOMEM. */
static int load(struct db_tree *tree, uint32_t number, struct db_tree_level *level)
{
	int err;

	if (level->number == number && number)
		return 0;
	if (!level->page)
		level->page = calloc(1, tree->pages->size + DB_PAGE_ROOM);
	if (!level->page)
		return -ENOMEM;
	err = db_pages_read_on(tree->pages, &tree->ahead, number, level->page);
	level->number = err ? 0 : number;
	return err;
}

/* A page as the next level. Below the root none is without cells: SQLite makes no such page. */
static int enter(struct db_tree *tree, uint32_t number)
{
	struct db_tree_level *level = &tree->level[tree->depth];
	uint32_t head;
	int err;

	if (tree->depth == DB_TREE_DEPTH)
		return -ENOTSUP;
	err = load(tree, number, level);
	if (err)
		return err;
	if (level->page[0] != LEAF && level->page[0] != INTERIOR)
		return -ENOTSUP;
	head = is_leaf(level) ? LEAF_HEAD : INTERIOR_HEAD;
	level->cells = be16(level->page + 3);
	level->at = 0;
	if (head + level->cells * 2 > tree->pages->used || (!level->cells && tree->depth))
		return -ENOTSUP;
	tree->depth++;
	return 0;
}

/* NULL: it is not where a cell may be. */
static const uint8_t *cell(const struct db_tree *tree, const struct db_tree_level *level,
			   uint32_t at)
{
	uint32_t head = is_leaf(level) ? LEAF_HEAD : INTERIOR_HEAD;
	uint32_t offset = be16(level->page + head + at * 2);

	return offset < head || offset + CELL_MIN > tree->pages->used ? NULL : level->page + offset;
}

/* Of an interior page, a child, and the greatest id in it: the last child's may be any. */
static int child(const struct db_tree *tree, const struct db_tree_level *level, uint32_t at,
		 uint32_t *ret_number, int64_t *ret_last)
{
	const uint8_t *here;
	uint64_t last;

	if (at == level->cells) {
		*ret_number = be32(level->page + 8);
		*ret_last = INT64_MAX;
		return 0;
	}
	here = cell(tree, level, at);
	if (!here)
		return -ENOTSUP;
	db_varint(here + 4, &last); /* within the page, or the room behind it */
	*ret_number = be32(here);
	*ret_last = (int64_t)last;
	return 0;
}

/* The size of a leaf's cell's record, its id, and where it is. */
static int leaf_cell(const struct db_tree *tree, const struct db_tree_level *level, uint32_t at,
		     struct db_tree_row *ret_row)
{
	const uint8_t *here = cell(tree, level, at), *end = level->page + tree->pages->used;
	uint64_t size, id;

	if (!here)
		return -ENOTSUP;
	here += db_varint(here, &size);
	if (here >= end)
		return -ENOTSUP;
	here += db_varint(here, &id);
	if (here > end || size > (uint64_t)(end - here) || size > tree->pages->used - LOCAL_LESS)
		return -ENOTSUP; /* or it goes on in another page */
	*ret_row = (struct db_tree_row){.id = (int64_t)id, .record = here, .size = (uint32_t)size};
	return 0;
}

/* The first cell of the level that has ids from `id` on; level->cells: none. */
static int find(const struct db_tree *tree, struct db_tree_level *level, int64_t id)
{
	uint32_t low = 0, high = level->cells;

	while (low < high) {
		uint32_t middle = (low + high) / 2, number;
		struct db_tree_row row;
		int64_t last;
		int err;

		if (is_leaf(level)) {
			err = leaf_cell(tree, level, middle, &row);
			last = row.id;
		} else {
			err = child(tree, level, middle, &number, &last);
		}
		if (err)
			return err;
		if (last < id)
			low = middle + 1;
		else
			high = middle;
	}
	level->at = low;
	return 0;
}

int db_tree_seek(struct db_tree *tree, int64_t id)
{
	uint32_t number = tree->root;
	int64_t last;
	int err;

	tree->depth = 0;
	tree->before = id > INT64_MIN ? id - 1 : id;
	for (;;) {
		struct db_tree_level *level = &tree->level[tree->depth];

		err = enter(tree, number);
		err = err ? err : find(tree, level, id);
		if (err || is_leaf(level))
			return err;
		err = child(tree, level, level->at, &number, &last);
		if (err)
			return err;
	}
}

/* From a leaf's end to the next leaf; false in *ret_there: there is none. */
static int next_leaf(struct db_tree *tree, bool *ret_there)
{
	uint32_t number;
	int64_t last;
	int err = 0;

	do {
		tree->depth--;
	} while (tree->depth &&
		 tree->level[tree->depth - 1].at >= tree->level[tree->depth - 1].cells);
	*ret_there = tree->depth != 0;
	if (tree->depth)
		tree->level[tree->depth - 1].at++;
	while (!err && tree->depth && !is_leaf(&tree->level[tree->depth - 1])) {
		struct db_tree_level *level = &tree->level[tree->depth - 1];

		err = child(tree, level, level->at, &number, &last);
		err = err ? err : enter(tree, number);
	}
	return err;
}

/* In order, or pages that lead to each other would be read for ever. */
static int take(struct db_tree *tree, struct db_tree_level *leaf, struct db_tree_row *ret_row)
{
	int err = leaf_cell(tree, leaf, leaf->at++, ret_row);

	if (err || ret_row->id <= tree->before)
		return -ENOTSUP;
	tree->before = ret_row->id;
	return 1;
}

int db_tree_next(struct db_tree *tree, struct db_tree_row *ret_row)
{
	struct db_tree_level *leaf;
	bool there = tree->depth != 0;
	int err = 0;

	while (there) {
		leaf = &tree->level[tree->depth - 1];
		if (leaf->at < leaf->cells)
			return take(tree, leaf, ret_row);
		err = next_leaf(tree, &there);
		if (err)
			return err;
	}
	return 0;
}

/* --- split ---------------------------------------------------------------------------------------- */

/* Pages of one level, side by side, and the greatest id of each. */
struct row_of_pages {
	uint32_t number[SPLIT_MAX];
	int64_t last[SPLIT_MAX];
	int count;
};

/* The children of a page that may have ids of the range. */
static int add_children(struct db_tree *tree, uint32_t number, int64_t page_last,
			const struct db_tree_range *all, struct row_of_pages *to)
{
	struct db_tree_level *level = &tree->level[0];
	int64_t last, before = INT64_MIN;
	uint32_t page;
	int err;

	tree->depth = 0;
	err = enter(tree, number);
	for (uint32_t i = 0; !err && i <= level->cells && before < all->last; i++) {
		err = is_leaf(level) ? -ENOTSUP : child(tree, level, i, &page, &last);
		if (err || to->count == SPLIT_MAX)
			return -ENOTSUP;
		last = last < page_last ? last : page_last;
		if (last >= all->first) {
			to->number[to->count] = page;
			to->last[to->count++] = last;
		}
		before = last;
	}
	return err;
}

/* One level down, where there is one and it has room. */
static bool descend(struct db_tree *tree, const struct db_tree_range *all,
		    const struct row_of_pages *from, struct row_of_pages *to)
{
	to->count = 0;
	for (int i = 0; i < from->count; i++) {
		if (add_children(tree, from->number[i], from->last[i], all, to))
			return false;
	}
	return to->count > 0;
}

/* Neighbours put together, so that there are at most `room`. */
static int make_ranges(const struct row_of_pages *pages, const struct db_tree_range *all,
		       struct db_tree_range *range, int room)
{
	int together = (pages->count + room - 1) / room, count = 0;
	int64_t first = all->first;

	for (int i = 0; i < pages->count; i += together) {
		int end = i + together < pages->count ? i + together : pages->count;
		int64_t last = end == pages->count ? all->last : pages->last[end - 1];

		last = last < all->last ? last : all->last;
		if (last < first)
			continue;
		range[count++] = (struct db_tree_range){first, last};
		if (last == all->last)
			break;
		first = last + 1;
	}
	return count;
}

int db_tree_split(struct db_tree *tree, const struct db_tree_range *all,
		  struct db_tree_range *ret_range, int room)
{
	struct row_of_pages *pages = calloc(2, sizeof(*pages));
	int which = 0, count;

	if (!pages)
		return -ENOMEM;
	pages[0].number[0] = tree->root;
	pages[0].last[0] = INT64_MAX;
	pages[0].count = 1;
	while (pages[which].count < SPLIT_FIRST &&
	       descend(tree, all, &pages[which], &pages[!which]))
		which = !which;
	count = make_ranges(&pages[which], all, ret_range, room);
	free(pages);
	tree->depth = 0;
	return count;
}
