/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* group_row.c: see group_row.h. */
#include "cli/group_row.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "cli/query.h"
#include "cli/say.h"

#define KNOWN_SIZE 256

void group_row_group(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, ((const struct group_row *)row)->kind->name);
}

void group_row_key(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_row *r = row;
	const struct flow_key *key = &r->entry->key;
	const struct query_iface *iface = key->outer ? query_iface(r->query, key->outer) : NULL;
	char text[OUT_TEXT_SIZE];

	(void)c;
	r->kind->text(key, text, sizeof(text));
	if (iface && group_is_exporter(r->kind))
		out_set_text(value, *iface->host ? iface->host : "(unknown)");
	else
		out_set_text(value, iface ? iface->name : text);
}

void group_row_iface(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_row *r = row;

	if (r->entry->key.outer && !group_is_exporter(r->kind))
		group_row_key(c, row, value);
}

bool group_has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (; *words; words += strspn(words, ", ")) {
		size_t here = strcspn(words, ", ");

		if (here == len && !memcmp(words, word, len))
			return true;
		words += here;
	}
	return false;
}

void group_row_field(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_row *r = row;
	struct flow_record rec = {.key = r->entry->key, .outer_ethertype = r->entry->key.ethertype};
	const struct field *field = field_find(c->name);
	char text[OUT_TEXT_SIZE];

	if (!field || !group_has_word(r->kind->fields, c->name))
		return;
	memcpy(rec.outer_src, rec.key.src, sizeof(rec.outer_src)); /* group tunnel has them there */
	memcpy(rec.outer_dst, rec.key.dst, sizeof(rec.outer_dst));
	if ((rec.key.marks & FLOW_MARK_SHORT) && !rec.key.proto) /* a stand-in */
		return;
	if (field->text && field->text(&rec, text, sizeof(text)))
		out_set_text(value, text);
	else if (field->number && field->number(&rec, &value->number))
		value->kind = OUT_PLAIN;
}

void group_row_port(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_row *r = row;
	const char *kind = r->kind->name;

	(void)c;
	if (!r->entry->key.vlan || (strcmp(kind, "port") != 0 && strcmp(kind, "service") != 0))
		return;
	value->kind = OUT_PLAIN;
	value->number = ntohs(r->entry->key.sport);
}

void group_row_start(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	value->kind = OUT_TIME;
	value->number = (uint64_t)((const struct group_row *)row)->entry->sums.start_ms;
}

void group_row_end(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	value->kind = OUT_TIME;
	value->number = (uint64_t)((const struct group_row *)row)->entry->sums.end_ms;
}

void group_row_rtt(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_health *health = ((const struct group_row *)row)->entry->sums.health;

	(void)c;
	if (!health || !health->rtt_count)
		return;
	value->kind = OUT_MICROSECONDS;
	value->number = health->rtt_sum_us / health->rtt_count;
}

int group_pick_metric(const struct group_metric *metrics, const char *value,
		      const struct group_metric **ret_metric)
{
	char known[KNOWN_SIZE] = "";
	size_t len = 0;

	for (const struct group_metric *m = metrics; m->name; m++) {
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", len ? ", " : "",
					m->name);
		if (!strcmp(m->name, value)) {
			*ret_metric = m;
			return 0;
		}
	}
	return say_usage("--by '%s': unknown; known: %s", value, known);
}

int group_pick_kind(const char *known, const char *value, const struct group_kind **ret_kind)
{
	const struct group_kind *kind =
		group_has_word(known, value) ? group_kind_find(value) : NULL;

	if (!kind)
		return say_usage("--group '%s': unknown; known: %s", value, known);
	*ret_kind = kind;
	return 0;
}

size_t group_limit(const struct args *args, size_t count, uint64_t otherwise)
{
	uint64_t limit = args->limited ? args->limit : otherwise;

	return limit && limit < count ? (size_t)limit : count;
}
