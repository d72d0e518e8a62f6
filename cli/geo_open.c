/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * geo_open.c: opens the files, and looks into them: a file that is a database, but not of this kind,
 * would otherwise answer "unknown" to everything.
 */
#include "cli/geo_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NODES_MAX 4096 /* that are looked at, from the first on */

const char *geo_title(enum geo_what what)
{
	return what == GEO_AS ? "AS database" : "country database";
}

static int fail(const struct geo_db *db, enum geo_what what, const char *problem,
		struct geo_error *error)
{
	snprintf(error->text, sizeof(error->text), "%s '%s': %s", geo_title(what), db->path,
		 problem);
	return -EINVAL;
}

/* As fail(): with what is in it in place of what was wanted. */
static int fail_kind(const struct geo_db *db, enum geo_what what, struct geo_error *error)
{
	char problem[256];

	snprintf(problem, sizeof(problem), "is of type '%.100s', and has no %s",
		 db->mmdb.metadata.database_type ? db->mmdb.metadata.database_type : "",
		 what == GEO_AS ? "AS numbers" : "countries");
	return fail(db, what, problem, error);
}

/* A walk over the tree's first nodes; no deeper than there are nodes, whatever a corrupt one says. */
struct walk {
	uint32_t node[NODES_MAX + 2]; /* still to be looked at */
	uint32_t count;
	bool found;
};

/* One side of a node. An error of libmaxminddb. */
static int see_record(struct walk *walk, enum geo_what what, uint8_t type, uint64_t record,
		      MMDB_entry_s *entry)
{
	uint32_t value;
	int have;

	switch (type) {
	case MMDB_RECORD_TYPE_SEARCH_NODE:
		walk->node[walk->count++] = (uint32_t)record;
		return MMDB_SUCCESS;
	case MMDB_RECORD_TYPE_EMPTY:
		return MMDB_SUCCESS;
	case MMDB_RECORD_TYPE_DATA:
		have = geo_value(entry, what, &value);
		walk->found |= have > 0;
		return have < 0 ? -have : MMDB_SUCCESS;
	}
	return MMDB_CORRUPT_SEARCH_TREE_ERROR;
}

/* MMDB_SUCCESS with *ret_found: the first networks have such a value; or an error. */
static int look(struct geo_db *db, enum geo_what what, bool *ret_found)
{
	struct walk walk = {.count = 1};
	int status = MMDB_SUCCESS;

	if (!db->mmdb.metadata.node_count) {
		*ret_found = false;
		return status;
	}
	for (int seen = 0; seen < NODES_MAX && walk.count && !walk.found; seen++) {
		MMDB_search_node_s node;

		status = MMDB_read_node(&db->mmdb, walk.node[--walk.count], &node);
		if (!status)
			status = see_record(&walk, what, node.right_record_type, node.right_record,
					    &node.right_record_entry);
		if (!status)
			status = see_record(&walk, what, node.left_record_type, node.left_record,
					    &node.left_record_entry);
		if (status)
			return status;
	}
	*ret_found = walk.found;
	return MMDB_SUCCESS;
}

/* A device or a pipe would be waited for. */
static int check_file(const struct geo_db *db, enum geo_what what, struct geo_error *error)
{
	struct stat st;

	if (stat(db->path, &st))
		return fail(db, what, strerror(errno), error);
	return S_ISREG(st.st_mode) ? 0 : fail(db, what, "not a file", error);
}

static int open_one(struct geo_db *db, enum geo_what what, const char *path,
		    struct geo_error *error)
{
	char *copy = strdup(path);
	bool found;
	int status, err;

	if (!copy) {
		snprintf(error->text, sizeof(error->text), "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	db->path = copy;
	err = check_file(db, what, error);
	if (err)
		return err;
	errno = 0;
	status = MMDB_open(path, MMDB_MODE_MMAP, &db->mmdb);
	if (status != MMDB_SUCCESS) {
		memset(&db->mmdb, 0, sizeof(db->mmdb));
		return fail(db, what,
			    status == MMDB_FILE_OPEN_ERROR && errno ? strerror(errno)
								    : MMDB_strerror(status),
			    error);
	}
	status = look(db, what, &found);
	if (status != MMDB_SUCCESS)
		return fail(db, what, MMDB_strerror(status), error);
	return found ? 0 : fail_kind(db, what, error);
}

int geo_open(const char *const path[GEO_KINDS], struct geo **ret_geo, struct geo_error *error)
{
	struct geo *geo = calloc(1, sizeof(*geo));
	int err = 0;

	if (!geo) {
		snprintf(error->text, sizeof(error->text), "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	pthread_mutex_init(&geo->lock, NULL);
	for (int what = 0; what < GEO_KINDS && !err; what++) {
		if (path[what])
			err = open_one(&geo->db[what], (enum geo_what)what, path[what], error);
	}
	if (err)
		geo_free(geo);
	else
		*ret_geo = geo;
	return err;
}

void geo_free(struct geo *geo)
{
	if (!geo)
		return;
	for (int what = 0; what < GEO_KINDS; what++) {
		if (geo->db[what].mmdb.file_content)
			MMDB_close(&geo->db[what].mmdb);
		free(geo->db[what].path);
	}
	pthread_mutex_destroy(&geo->lock);
	free(geo->as);
	free(geo);
}

bool geo_has(const struct geo *geo, enum geo_what what)
{
	return geo && geo->db[what].path;
}
