/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * geo.c: libmaxminddb's lookups, which any number of threads may do at once, and two tables: addresses
 * to what was found (of each thread), AS numbers to where the file has their name (of all, locked, and
 * only written where the first table had nothing). Opening is in geo_open.c.
 */
#include "cli/geo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/geo_open.h"

#define CELLS 262144U /* of a cache: 6 MB, of which an answer touches what it asks for */
#define NAMES_FIRST 1024

struct cell {
	__be32 addr[4];
	uint32_t value;
	uint8_t family; /* 4, 6; 0: free */
	uint8_t what;
	uint8_t pad[2];
};

struct geo_cache {
	struct cell cell[CELLS];
};

static const char *const country_paths[][GEO_PATH_MAX] = {
	{"country", "iso_code", NULL},
	{"registered_country", "iso_code", NULL},
	{"country_code", NULL},
	{"country", NULL},
	{NULL},
};

static const char *const as_paths[][GEO_PATH_MAX] = {
	{"autonomous_system_number", NULL},
	{"traits", "autonomous_system_number", NULL},
	{"asn", NULL},
	{NULL},
};

static const char *const name_paths[][GEO_PATH_MAX] = {
	{"autonomous_system_organization", NULL},
	{"traits", "autonomous_system_organization", NULL},
	{"as_name", NULL},
	{NULL},
};

/* Two capital letters (ISO 3166-1), of which ZZ is nobody's. */
static bool country_of(const MMDB_entry_data_s *data, uint32_t *ret_value)
{
	const char *code = data->utf8_string;

	if (data->type != MMDB_DATA_TYPE_UTF8_STRING || data->data_size != 2)
		return false;
	if (code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z')
		return false;
	*ret_value = memcmp(code, "ZZ", 2) ? (uint32_t)code[0] << 8 | (uint32_t)code[1] : 0;
	return true;
}

/* A number, or "AS3320". */
static bool as_of(const MMDB_entry_data_s *data, uint32_t *ret_value)
{
	uint64_t value = 0;

	switch (data->type) {
	case MMDB_DATA_TYPE_UINT16:
		*ret_value = data->uint16;
		return true;
	case MMDB_DATA_TYPE_UINT32:
		*ret_value = data->uint32;
		return true;
	case MMDB_DATA_TYPE_UTF8_STRING:
		break;
	default:
		return false;
	}
	if (data->data_size < 3 || data->data_size > 12 || memcmp(data->utf8_string, "AS", 2))
		return false;
	for (uint32_t i = 2; i < data->data_size; i++) {
		if (data->utf8_string[i] < '0' || data->utf8_string[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(data->utf8_string[i] - '0');
	}
	*ret_value = (uint32_t)value;
	return value <= UINT32_MAX;
}

/* The name at the first of its paths that there is: an error of libmaxminddb where that is none. */
static int get_name(MMDB_entry_s *entry, struct geo_as *ret_as)
{
	int status = MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR;
	MMDB_entry_data_s data;

	for (size_t i = 0; name_paths[i][0]; i++) {
		status = MMDB_aget_value(entry, &data, name_paths[i]);
		if (status == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR)
			continue;
		if (status == MMDB_SUCCESS && data.has_data &&
		    data.type == MMDB_DATA_TYPE_UTF8_STRING) {
			ret_as->name = data.utf8_string;
			ret_as->length = data.data_size;
		}
		return status;
	}
	return status;
}

int geo_value(MMDB_entry_s *entry, enum geo_what what, uint32_t *ret_value)
{
	const char *const(*paths)[GEO_PATH_MAX] = what == GEO_AS ? as_paths : country_paths;
	MMDB_entry_data_s data;
	int status;

	for (; (*paths)[0]; paths++) {
		status = MMDB_aget_value(entry, &data, *paths);
		if (status == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR)
			continue;
		if (status != MMDB_SUCCESS)
			return -status;
		if (data.has_data &&
		    (what == GEO_AS ? as_of(&data, ret_value) : country_of(&data, ret_value)))
			return 1;
	}
	return 0;
}

static int fail(struct geo *geo, enum geo_what what, int status)
{
	pthread_mutex_lock(&geo->lock);
	if (!geo->problem.text[0])
		snprintf(geo->problem.text, sizeof(geo->problem.text), "%s '%s': corrupt: %s",
			 geo_title(what), geo->db[what].path, MMDB_strerror(status));
	pthread_mutex_unlock(&geo->lock);
	return -EBADMSG;
}

const char *geo_problem(const struct geo *geo)
{
	return geo && geo->problem.text[0] ? geo->problem.text : NULL;
}

/* The cell of an AS in a table that has a free one. */
static struct geo_as *as_cell(struct geo_as *table, size_t size, uint32_t as)
{
	size_t i = (as * 0x9e3779b1U) & (size - 1);

	while (table[i].as && table[i].as != as)
		i = (i + 1) & (size - 1);
	return &table[i];
}

/* At most half full. */
static int grow(struct geo *geo)
{
	size_t size = geo->as_size ? 2 * geo->as_size : NAMES_FIRST;
	struct geo_as *table;

	if (geo->as_used < geo->as_size / 2)
		return 0;
	table = calloc(size, sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < geo->as_size; i++) {
		if (geo->as[i].as)
			*as_cell(table, size, geo->as[i].as) = geo->as[i];
	}
	free(geo->as);
	geo->as = table;
	geo->as_size = size;
	return 0;
}

/* Where the file has the name of an AS: the text is the map's own. */
static int keep_name(struct geo *geo, uint32_t as, MMDB_entry_s *entry)
{
	struct geo_as *cell;
	int err, status = MMDB_SUCCESS;

	pthread_mutex_lock(&geo->lock);
	err = grow(geo);
	cell = err ? NULL : as_cell(geo->as, geo->as_size, as);
	if (cell && !cell->as) {
		cell->as = as;
		geo->as_used++;
		status = get_name(entry, cell);
	}
	pthread_mutex_unlock(&geo->lock);
	if (status != MMDB_SUCCESS && status != MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR)
		return fail(geo, GEO_AS, status);
	return err;
}

bool geo_as_name(struct geo *geo, uint32_t as, char buf[GEO_NAME_SIZE])
{
	struct geo_as cell = {.as = 0};
	uint32_t length;

	pthread_mutex_lock(&geo->lock);
	if (geo->as_size)
		cell = *as_cell(geo->as, geo->as_size, as);
	pthread_mutex_unlock(&geo->lock);
	if (!cell.name || !cell.length || memchr(cell.name, 0, cell.length))
		return false;
	length = cell.length < GEO_NAME_SIZE ? cell.length : GEO_NAME_SIZE - 1;
	while (length < cell.length && length && (cell.name[length] & 0xc0) == 0x80)
		length--; /* no character of UTF-8 is cut in two */
	memcpy(buf, cell.name, length);
	buf[length] = 0;
	return length > 0;
}

static int find(struct geo *geo, enum geo_what what, bool ipv6, const __be32 addr[4],
		uint32_t *ret_value)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} sa = {.any.sa_family = ipv6 ? AF_INET6 : AF_INET};
	MMDB_lookup_result_s found;
	int status, have;

	memcpy(ipv6 ? (void *)&sa.v6.sin6_addr : (void *)&sa.v4.sin_addr, addr, ipv6 ? 16 : 4);
	*ret_value = 0;
	found = MMDB_lookup_sockaddr(&geo->db[what].mmdb, &sa.any, &status);
	if (status == MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR)
		return 0;
	if (status != MMDB_SUCCESS)
		return fail(geo, what, status);
	have = found.found_entry ? geo_value(&found.entry, what, ret_value) : 0;
	if (have < 0)
		return fail(geo, what, -have);
	return have && what == GEO_AS && *ret_value ? keep_name(geo, *ret_value, &found.entry) : 0;
}

static struct cell *cache_cell(struct geo_cache *cache, enum geo_what what, const __be32 addr[4])
{
	uint64_t hash = (uint64_t)addr[0] << 32 | addr[1];

	hash = (hash ^ ((uint64_t)addr[2] << 32 | addr[3]) * 0xff51afd7ed558ccdU ^ what) *
	       0x9e3779b97f4a7c15U;
	return &cache->cell[hash >> 46];
}

_Static_assert(CELLS == 1U << 18, "is what hash >> 46 can be");

int geo_find(struct geo *geo, enum geo_what what, bool ipv6, const __be32 addr[4],
	     struct geo_cache **cache, uint32_t *ret_value)
{
	uint8_t family = ipv6 ? 6 : 4;
	struct cell *cell;
	int err;

	if (!geo_has(geo, what)) {
		*ret_value = 0;
		return 0;
	}
	if (!cache)
		return find(geo, what, ipv6, addr, ret_value);
	if (!*cache)
		*cache = calloc(1, sizeof(**cache));
	if (!*cache)
		return -ENOMEM;
	cell = cache_cell(*cache, what, addr);
	if (cell->family != family || cell->what != what ||
	    memcmp(cell->addr, addr, sizeof(cell->addr)) != 0) {
		err = find(geo, what, ipv6, addr, &cell->value);
		if (err) {
			cell->family = 0;
			return err;
		}
		memcpy(cell->addr, addr, sizeof(cell->addr));
		cell->family = family;
		cell->what = (uint8_t)what;
	}
	*ret_value = cell->value;
	return 0;
}

void geo_cache_free(struct geo_cache *cache)
{
	free(cache);
}

void geo_text(enum geo_what what, uint32_t value, char buf[GEO_TEXT_SIZE])
{
	if (!value)
		snprintf(buf, GEO_TEXT_SIZE, "(unknown)");
	else if (what == GEO_AS)
		snprintf(buf, GEO_TEXT_SIZE, "AS%u", value);
	else
		snprintf(buf, GEO_TEXT_SIZE, "%c%c", (int)(value >> 8 & 0x7f), (int)(value & 0x7f));
}
