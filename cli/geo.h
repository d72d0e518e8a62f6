/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * geo.h: countries and autonomous systems of addresses, by database files in MaxMind's format (MMDB), of
 * either layout that is common: MaxMind's own, which DB-IP's files have too, and the flat one of IPinfo.
 *
 * One struct geo may be asked by several threads, each with a cache of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

enum geo_what {
	GEO_COUNTRY,
	GEO_AS,
	GEO_KINDS,
};

#define GEO_TEXT_SIZE 16  /* of geo_text */
#define GEO_NAME_SIZE 256 /* of geo_as_name */

struct geo;
struct geo_cache; /* of addresses that were asked for, direct-mapped; of one thread */

struct geo_error {
	char text[512]; /* names the file */
};

/* The files, either of them NULL: not there. 0, or -errno with the error: missing, corrupt, of another kind. */
int geo_open(const char *const path[GEO_KINDS], struct geo **ret_geo, struct geo_error *error);
void geo_free(struct geo *geo);

bool geo_has(const struct geo *geo, enum geo_what what);

/*
 * The country as a number that geo_text() knows, or the AS number, of an address; 0: unknown, as private
 * ones are. *cache is made with the first call, and may be NULL for a call without one.
 * 0, -ENOMEM, or -EBADMSG: the file is corrupt there, see geo_problem.
 */
int geo_find(struct geo *geo, enum geo_what what, bool ipv6, const __be32 addr[4],
	     struct geo_cache **cache, uint32_t *ret_value);
void geo_cache_free(struct geo_cache *cache);

/* "DE", "AS3320"; of 0 "(unknown)". */
void geo_text(enum geo_what what, uint32_t value, char buf[GEO_TEXT_SIZE]);

/* Who runs an AS that geo_find() gave. False: the file does not say. */
bool geo_as_name(struct geo *geo, uint32_t as, char buf[GEO_NAME_SIZE]);

/* What was wrong when geo_find() failed; NULL: nothing was. */
const char *geo_problem(const struct geo *geo);
