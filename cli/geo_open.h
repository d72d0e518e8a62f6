/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* geo_open.h: what geo.c and geo_open.c share: the files, and what is inside. */
#pragma once

#include <pthread.h>

#include <maxminddb.h>

#include "cli/geo.h"

#define GEO_PATH_MAX 4 /* keys from the outermost map to a value, and NULL */

struct geo_db {
	MMDB_s mmdb;
	char *path; /* NULL: not there */
};

/* An AS and its name in the file's map, which is no string: length. */
struct geo_as {
	uint32_t as; /* 0: free */
	uint32_t length;
	const char *name; /* NULL: not known */
};

struct geo {
	struct geo_db db[GEO_KINDS];
	pthread_mutex_t lock; /* of what is below */
	struct geo_as *as;    /* a power of two */
	size_t as_size, as_used;
	struct geo_error problem;
};

/* "country database", for errors. */
const char *geo_title(enum geo_what what);

/* 1 with *ret_value, 0: this entry has none, or less: an error of libmaxminddb, negated. */
int geo_value(MMDB_entry_s *entry, enum geo_what what, uint32_t *ret_value);
