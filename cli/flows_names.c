/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* flows_names.c: see flows_names.h. */
#include "cli/flows_names.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>

#include "cli/services.h"

#define HELD 256

struct flows_held {
	struct flow_record rec;
	int64_t id;
};

static int want(struct naming *naming, const struct flow_key *key)
{
	bool ipv6 = key->ethertype == ETH_P_IPV6;
	int err;

	if (!flow_key_is_ip(key))
		return 0;
	err = naming_want(naming, ipv6, key->src);
	return err ? err : naming_want(naming, ipv6, key->dst);
}

int flows_names_flush(struct flows_names *names)
{
	int err = 0;

	for (size_t i = 0; i < names->count && !err; i++)
		err = want(names->naming, &names->held[i].rec.key);
	if (!err && names->count)
		err = naming_ask(names->naming);
	for (size_t i = 0; i < names->count && !err; i++)
		err = names->put(names->user, &names->held[i].rec, names->held[i].id);
	names->count = 0;
	return err;
}

int flows_names_row(struct flows_names *names, const struct flow_record *rec, int64_t id)
{
	if (naming_is_off(names->naming))
		return names->put(names->user, rec, id);
	if (!names->held)
		names->held = calloc(HELD, sizeof(*names->held));
	if (!names->held)
		return -ENOMEM;
	names->held[names->count].rec = *rec;
	names->held[names->count++].id = id;
	return names->count == HELD ? flows_names_flush(names) : 0;
}

void flows_names_free(struct flows_names *names)
{
	free(names->held);
	memset(names, 0, sizeof(*names));
}

static const struct {
	const char *field, *title; /* NULL: in no column of its own */
	int spare;
} told[] = {
	{"src_name", "SRC NAME", 0},	   {"dst_name", "DST NAME", 0},
	{"service", "SERVICE", 1},	   {"src_country", "SRC COUNTRY", 9},
	{"dst_country", "DST COUNTRY", 9}, {"src_as", "SRC AS", 10},
	{"src_as_name", NULL, 0},	   {"dst_as", "DST AS", 10},
	{"dst_as_name", NULL, 0},
};

#define TOLD (sizeof(told) / sizeof(told[0]))

size_t flows_names_titles(const struct naming *naming,
			  void (*get)(const struct out_column *, const void *, struct out_value *),
			  struct out_column *columns, size_t n)
{
	for (size_t i = 0; i < TOLD; i++) {
		if (told[i].title && naming_has_field(naming, told[i].field))
			columns[n++] = (struct out_column){.title = told[i].title,
							   .left = true,
							   .spare = OUT_IF_ANY + told[i].spare,
							   .get = get};
	}
	return n;
}

size_t flows_names_fields(const struct naming *naming,
			  void (*get)(const struct out_column *, const void *, struct out_value *),
			  struct out_column *columns, size_t n)
{
	for (size_t i = 0; i < TOLD; i++) {
		if (naming_has_field(naming, told[i].field))
			columns[n++] = (struct out_column){.name = told[i].field, .get = get};
	}
	return n;
}

static const char *field_of_title(const char *title)
{
	for (size_t i = 0; i < TOLD; i++) {
		if (told[i].title && !strcmp(told[i].title, title))
			return told[i].field;
	}
	return "";
}

static void get_service(const struct naming *naming, const struct flow_record *rec,
			struct out_value *value)
{
	const char *service = naming->services ? services_of(naming->services, rec) : NULL;

	if (service)
		out_set_text(value, service);
}

void flows_names_get(const struct naming *naming, const struct flow_record *rec,
		     const struct out_column *column, struct out_value *value)
{
	const char *field = column->name ? column->name : field_of_title(column->title);
	const __be32 *addr = *field == 'd' ? rec->key.dst : rec->key.src;
	bool ipv6 = rec->key.ethertype == ETH_P_IPV6;
	char text[OUT_TEXT_SIZE];

	if (!strcmp(field, "service"))
		return get_service(naming, rec, value);
	if (!flow_key_is_ip(&rec->key) || naming_is_none(addr))
		return;
	if (column->name)
		naming_field(naming, field, ipv6, addr, value);
	else if (naming_text(naming, field, ipv6, addr, text, sizeof(text)))
		out_set_text(value, text);
}
