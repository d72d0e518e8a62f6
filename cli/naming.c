/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* naming.c: see naming.h. */
#include "cli/naming.h"

#include <stdio.h>
#include <string.h>

#include "cli/hostnames.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/services.h"

#define NAME_HEAD 16 /* bytes of a name in a column: its domain says more than its host */
#define NAME_TAIL 22
#define AS_HEAD 24
#define AS_TAIL 0

void naming_close(struct naming *naming)
{
	hostnames_free(naming->hosts);
	services_free(naming->services);
	geo_cache_free(naming->cache);
	geo_free(naming->geo);
	memset(naming, 0, sizeof(*naming));
}

bool naming_is_off(const struct naming *naming)
{
	return !naming->names && !naming->wants[GEO_COUNTRY] && !naming->wants[GEO_AS];
}

bool naming_is_none(const __be32 addr[4])
{
	return !(addr[0] | addr[1] | addr[2] | addr[3]);
}

int naming_want(struct naming *naming, bool ipv6, const __be32 addr[4])
{
	uint32_t value;
	int err = 0;

	if (naming_is_none(addr))
		return 0;
	if (naming->hosts)
		err = hostnames_want(naming->hosts, ipv6, addr);
	for (int what = 0; what < GEO_KINDS && !err; what++)
		err = geo_find(naming->geo, (enum geo_what)what, ipv6, addr, &naming->cache,
			       &value);
	return err;
}

int naming_ask(struct naming *naming)
{
	return naming->hosts ? hostnames_wait(naming->hosts) : 0;
}

const char *naming_host(const struct naming *naming, bool ipv6, const __be32 addr[4])
{
	if (!naming->hosts || naming_is_none(addr))
		return NULL;
	return hostnames_find(naming->hosts, ipv6, addr);
}

static const char *without_end(const char *field)
{
	return !strncmp(field, "src_", 4) || !strncmp(field, "dst_", 4) ? field + 4 : field;
}

bool naming_has_field(const struct naming *naming, const char *field)
{
	field = without_end(field);
	if (!strcmp(field, "country"))
		return naming->wants[GEO_COUNTRY];
	if (!strcmp(field, "as") || !strcmp(field, "as_name"))
		return naming->wants[GEO_AS];
	return naming->names;
}

static uint32_t geo_value(const struct naming *naming, const char *field, bool ipv6,
			  const __be32 addr[4])
{
	struct geo_cache *cache = naming->cache;
	uint32_t value = 0;

	/* What naming_want() did not fail at does not fail here. */
	if (!naming_is_none(addr))
		geo_find(naming->geo, strcmp(field, "country") ? GEO_AS : GEO_COUNTRY, ipv6, addr,
			 cache ? &cache : NULL, &value);
	return value;
}

void naming_geo_field(const struct naming *naming, const char *field, uint32_t found,
		      struct out_value *value)
{
	char text[GEO_NAME_SIZE];

	if (!found)
		return;
	if (!strcmp(field, "as")) {
		value->kind = OUT_PLAIN;
		value->number = found;
	} else if (!strcmp(field, "country")) {
		geo_text(GEO_COUNTRY, found, text);
		out_set_text(value, text);
	} else if (geo_as_name(naming->geo, found, text)) {
		out_set_text(value, text);
	}
}

void naming_field(const struct naming *naming, const char *field, bool ipv6, const __be32 addr[4],
		  struct out_value *value)
{
	const char *host;

	field = without_end(field);
	if (strcmp(field, "name")) {
		naming_geo_field(naming, field, geo_value(naming, field, ipv6, addr), value);
		return;
	}
	host = naming_host(naming, ipv6, addr);
	if (host)
		out_set_text(value, host);
}

/* "AS3320 Deutsche Telekom AG" */
static void as_text(const struct naming *naming, uint32_t as, char *buf, size_t size)
{
	char number[GEO_TEXT_SIZE], name[GEO_NAME_SIZE], shorter[NAMES_SIZE];

	geo_text(GEO_AS, as, number);
	if (geo_as_name(naming->geo, as, name)) {
		names_shorten(name, AS_HEAD, AS_TAIL, shorter, sizeof(shorter));
		snprintf(buf, size, "%s %s", number, shorter);
	} else {
		snprintf(buf, size, "%s", number);
	}
}

bool naming_text(const struct naming *naming, const char *field, bool ipv6, const __be32 addr[4],
		 char *buf, size_t size)
{
	const char *host;
	uint32_t value;

	field = without_end(field);
	if (!strcmp(field, "name")) {
		host = naming_host(naming, ipv6, addr);
		if (host)
			names_shorten(host, NAME_HEAD, NAME_TAIL, buf, size);
		return host;
	}
	value = geo_value(naming, field, ipv6, addr);
	if (value && !strcmp(field, "country"))
		geo_text(GEO_COUNTRY, value, buf);
	else if (value)
		as_text(naming, value, buf, size);
	return value;
}
