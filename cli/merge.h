/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * merge.h: databases of several hosts into one. Each record refers to an interface, and the interface to its
 * host; ids of interfaces and words are given anew, those of rows are kept but where two are the same.
 *
 *   merge_input.c   inputs: opened, whose they are, that none is there twice; what their ids become
 *   merge_rows.c    rows, in the order of their ids from all inputs at once
 *   merge_talker.c  sums by minute and hour, those of the same key added up
 *   merge_check.c   are an input's sums those of its records, and the inputs' those of the output?
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct sqlite3;
struct sqlite3_stmt;

#define MERGE_INPUTS_MAX 256
#define MERGE_HOST_MAX 64

/* What ids of an input are in the output. */
struct merge_map {
	int64_t *from, *to; /* `from` is sorted */
	size_t count, room;
	size_t last; /* found */
};

struct merge_input {
	const char *path;
	const char *named; /* by the command line; NULL: not */
	char host[MERGE_HOST_MAX + 1];
	struct sqlite3 *db; /* in one snapshot */
	int64_t version;
	struct merge_map iface, word;
	uint64_t orphans; /* rows beside flows that are not there, left out */
	struct merge_flows {
		int64_t records, packets, bytes;
	} flows;
};

struct merge {
	struct merge_input input[MERGE_INPUTS_MAX];
	size_t inputs;
	struct sqlite3 *db;		   /* the output, in one transaction */
	const struct merge_input *sumless; /* has no sums by minute and hour, others do; or NULL */
	char error[768];
};

/* All of these: 0 or -errno with merge->error. */
int merge_open_inputs(struct merge *merge);
int merge_write_ifaces(struct merge *merge);
int merge_write_words(struct merge *merge);
int merge_write_rows(struct merge *merge);
int merge_write_talkers(struct merge *merge);
int merge_check_input(struct merge *merge, struct merge_input *input);
int merge_check(struct merge *merge);
void merge_close_inputs(struct merge *merge);

/* The text of what was wrong with a database: `name` is its file's. Returns -errno. */
int merge_fail(struct merge *merge, struct sqlite3 *db, const char *name);
int merge_fail_output(struct merge *merge);

/* A number that an input's table meta has, 0 where it has none. 0, or as merge_fail(). */
int merge_meta(struct merge *merge, const struct merge_input *input, const char *key,
	       int64_t *ret_value);

/* Does the input have what came with that version? */
bool merge_has(const struct merge_input *input, int64_t since);

/* A statement; *ret_stmt is NULL where the call fails. */
int merge_prepare(struct merge *merge, struct sqlite3 *db, const char *name, const char *sql,
		  struct sqlite3_stmt **ret_stmt);

/* Added in the order of `from`. 0 or -ENOMEM. False: there is no such id. */
int merge_map_add(struct merge_map *map, int64_t from, int64_t to);
bool merge_map_get(struct merge_map *map, int64_t from, int64_t *ret_to);

/* How far an input's sums of that level (meta key) go: to where, or INT64_MAX: over all of its records. */
int merge_talker_until(struct merge *merge, struct merge_input *input, const char *key,
		       int64_t *ret_until_ms, int64_t *ret_written_ms);
