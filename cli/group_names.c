/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* group_names.c: see group_names.h. */
#include "cli/group_names.h"

#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>

#include "cli/group_row.h"
#include "cli/names.h"
#include "cli/services.h"

#define PART_SIZE 96

/* The address that a field is of: src_ and dst_ where the key has such fields, else that of group host. NULL: none. */
static const __be32 *address_of(const struct group_kind *kind, const struct flow_key *key,
				const char *field)
{
	const __be32 *addr = key->src;

	if (!flow_key_is_ip(key))
		return NULL;
	if (!strncmp(field, "src_", 4)) {
		if (!group_has_word(kind->fields, "src"))
			return NULL;
	} else if (!strncmp(field, "dst_", 4)) {
		addr = key->dst;
		if (!group_has_word(kind->fields, "dst"))
			return NULL;
	} else if (strcmp(kind->name, "host")) {
		return NULL;
	}
	return naming_is_none(addr) ? NULL : addr;
}

static bool is_ipv6(const struct flow_key *key)
{
	return key->ethertype == ETH_P_IPV6;
}

static void get_field(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_row *r = row;
	const struct flow_key *key = &r->entry->key;
	const __be32 *addr = address_of(r->kind, key, c->name);
	int what;

	if (addr)
		naming_field(r->naming, c->name, is_ipv6(key), addr, value);
	else if (group_needs_geo(r->kind, &what) && flow_key_is_ip(key) && !key->marks &&
		 (what == GEO_AS ? !strncmp(c->name, "as", 2) : !strcmp(c->name, "country")))
		naming_geo_field(r->naming, c->name, key->src[0], value);
}

static const char *service_of(const struct group_row *r)
{
	struct flow_record rec = {.key = r->entry->key};

	if (!r->naming->services || !flow_key_is_ip(&rec.key))
		return NULL;
	if (!strcmp(r->kind->name, "flow"))
		return services_of(r->naming->services, &rec);
	/* Of one port, which is told by that mark: see group_kinds.c. */
	if (!strcmp(r->kind->name, "port") || !strcmp(r->kind->name, "service"))
		return rec.key.vlan
			       ? services_name(r->naming->services, rec.key.proto, rec.key.sport)
			       : NULL;
	return NULL;
}

static void get_service(const struct out_column *c, const void *row, struct out_value *value)
{
	const char *service = service_of(row);

	(void)c;
	if (service)
		out_set_text(value, service);
}

/* Of the column's field, an end's text, or its address where there is none. False: the latter. */
static bool part_text(const struct group_row *r, const char *field, const char *otherwise,
		      char buf[PART_SIZE])
{
	const struct flow_key *key = &r->entry->key;
	const __be32 *addr = address_of(r->kind, key, field);

	if (addr && naming_text(r->naming, field, is_ipv6(key), addr, buf, PART_SIZE))
		return true;
	if (addr && !otherwise)
		names_address(key, addr, buf, PART_SIZE);
	else
		snprintf(buf, PART_SIZE, "%s", addr ? otherwise : "?");
	return false;
}

/* "A - B", or "A > B" of a flow, where one of them is known. */
static bool both_text(const struct group_row *r, const char *field, const char *otherwise,
		      char *buf, size_t size)
{
	char names[2][GEO_TEXT_SIZE], part[2][PART_SIZE];
	bool known;

	snprintf(names[0], sizeof(names[0]), "src_%s", field);
	snprintf(names[1], sizeof(names[1]), "dst_%s", field);
	known = part_text(r, names[0], otherwise, part[0]);
	known |= part_text(r, names[1], otherwise, part[1]);
	snprintf(buf, size, "%s %s %s", part[0], strcmp(r->kind->name, "flow") ? "-" : ">",
		 part[1]);
	return known;
}

/* What text has of a field, of one address or of both. */
static bool key_text(const struct group_row *r, const char *field, const char *otherwise, char *buf,
		     size_t size)
{
	bool src = group_has_word(r->kind->fields, "src");
	bool dst = group_has_word(r->kind->fields, "dst");
	char name[GEO_TEXT_SIZE], part[PART_SIZE];

	if (src && dst)
		return both_text(r, field, otherwise, buf, size);
	snprintf(name, sizeof(name), "%s%s", src ? "src_" : dst ? "dst_" : "", field);
	if (!part_text(r, name, otherwise, part))
		return false;
	snprintf(buf, size, "%s", part);
	return true;
}

/* The hosts, and the service behind them; or what of this is known; or who runs the AS. */
static void get_name(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_row *r = row;
	const char *service = service_of(r);
	char text[2 * PART_SIZE + 8], all[sizeof(text) + SERVICES_NAME_SIZE + 1];
	bool known = key_text(r, "name", NULL, text, sizeof(text));

	(void)c;
	if (known && service) {
		snprintf(all, sizeof(all), "%s %s", text, service);
		out_set_text(value, all);
	} else if (known) {
		out_set_text(value, text);
	} else if (service) {
		out_set_text(value, service);
	} else if (!strcmp(r->kind->name, "as")) {
		get_field(&(struct out_column){.name = "as_name"}, row, value);
	}
}

static void get_country(const struct out_column *c, const void *row, struct out_value *value)
{
	char text[OUT_TEXT_SIZE];

	(void)c;
	if (key_text(row, "country", "?", text, sizeof(text)))
		out_set_text(value, text);
}

static void get_as(const struct out_column *c, const void *row, struct out_value *value)
{
	char text[OUT_TEXT_SIZE];

	(void)c;
	if (key_text(row, "as", "?", text, sizeof(text)))
		out_set_text(value, text);
}

static const struct out_column fields_of_names[] = {
	{"name", NULL, true, 0, get_field, NULL},
	{"country", NULL, true, 0, get_field, NULL},
	{"as", NULL, false, 0, get_field, NULL},
	{"as_name", NULL, true, 0, get_field, NULL},
	{"src_name", NULL, true, 0, get_field, NULL},
	{"src_country", NULL, true, 0, get_field, NULL},
	{"src_as", NULL, false, 0, get_field, NULL},
	{"src_as_name", NULL, true, 0, get_field, NULL},
	{"dst_name", NULL, true, 0, get_field, NULL},
	{"dst_country", NULL, true, 0, get_field, NULL},
	{"dst_as", NULL, false, 0, get_field, NULL},
	{"dst_as_name", NULL, true, 0, get_field, NULL},
	{"service", NULL, true, 0, get_service, NULL},
};

/* There where the rows have them; the first goes last in a narrow terminal. */
static const struct out_column text_of_names[] = {
	{NULL, "NAME", true, OUT_IF_ANY, get_name, NULL},
	{NULL, "COUNTRY", true, OUT_IF_ANY + 9, get_country, NULL},
	{NULL, "AS", true, OUT_IF_ANY + 10, get_as, NULL},
};

#define TEXTS (sizeof(text_of_names) / sizeof(text_of_names[0]))
#define FIELDS (sizeof(fields_of_names) / sizeof(fields_of_names[0]))

_Static_assert(TEXTS + FIELDS == GROUP_NAMES_COLUMNS, "callers have room for these");

void group_names_insert(struct out_column *columns, const struct naming *naming)
{
	struct out_column *end = columns, *at;

	if (naming_is_off(naming))
		return;
	for (; end->get; end++)
		;
	for (at = columns; at < end && !(at->name && !strcmp(at->name, "key")); at++)
		;
	if (at < end) {
		at++;
		memmove(at + TEXTS, at, (size_t)(end + 1 - at) * sizeof(*at));
		memcpy(at, text_of_names, sizeof(text_of_names));
		end += TEXTS;
	}
	for (size_t i = 0; i < FIELDS; i++) {
		if (naming_has_field(naming, fields_of_names[i].name))
			*end++ = fields_of_names[i];
	}
	*end = (struct out_column){.get = NULL};
}

void group_names_text(const struct group_row *row, char *buf, size_t size)
{
	struct out_value value = {.kind = OUT_NONE};

	if (!naming_is_off(row->naming))
		get_name(NULL, row, &value);
	snprintf(buf, size, "%s", value.kind == OUT_NONE ? "" : value.text);
}

int group_names_want(struct naming *naming, const struct group_kind *kind,
		     const struct flow_key *key)
{
	static const char *const ends[] = {"", "src_", "dst_"};
	int err = 0;

	for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]) && !err; e++) {
		const __be32 *addr = address_of(kind, key, ends[e]);

		if (addr)
			err = naming_want(naming, is_ipv6(key), addr);
	}
	return err;
}

int group_names_ask(struct naming *naming, const struct group_kind *kind,
		    const struct group_entry *entries, size_t count)
{
	int err = 0;

	if (naming_is_off(naming))
		return 0;
	for (size_t i = 0; i < count && !err; i++)
		err = group_names_want(naming, kind, &entries[i].key);
	return err ? err : naming_ask(naming);
}
