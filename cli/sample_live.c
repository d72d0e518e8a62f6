/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_live.c: see sample_live.h. */
#include "cli/sample_live.h"

#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query.h"
#include "schema/sample_record.h"
#include "schema/utf8.h"

#define TIMEOUT_S 2

static bool is_ours(const struct query *query, const char *socket)
{
	struct live_error error;
	char *status;
	bool same;

	if (live_ask(socket, "status", TIMEOUT_S, &status, &error))
		return false;
	same = query_is_same_db(status, query->options.db);
	free(status);
	return same;
}

static uint64_t number_of(const json_t *object, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(object, name));

	return value > 0 ? (uint64_t)value : 0;
}

/* As `flowctl sample` has the words. */
static char *describe(const json_t *object)
{
	const char *triggers = json_string_value(json_object_get(object, "triggers"));
	uint64_t rate = number_of(object, "rate");
	char *text, rate_text[32] = "off";

	if (rate)
		snprintf(rate_text, sizeof(rate_text), "1/%" PRIu64, rate);
	if (asprintf(&text, "rate %s, first %" PRIu64 ", triggers %s, snaplen %" PRIu64, rate_text,
		     number_of(object, "first"), triggers ? triggers : "none",
		     number_of(object, "snaplen")) < 0)
		return NULL;
	return text;
}

static void add_iface(struct sample_live *live, const char *name, const json_t *object)
{
	const char *filter = json_string_value(json_object_get(object, "filter"));
	const char *link = json_string_value(json_object_get(object, "link"));
	struct sample_live_iface *grown =
		reallocarray(live->iface, live->ifaces + 1, sizeof(*grown));

	if (!grown)
		return;
	live->iface = grown;
	grown += live->ifaces++;
	memset(grown, 0, sizeof(*grown));
	snprintf(grown->name, sizeof(grown->name), "%s", name);
	grown->filter = filter ? strdup(filter) : NULL;
	grown->description = describe(object);
	grown->link = link && !strcmp(link, "ip") ? SAMPLE_LINK_IP : SAMPLE_LINK_ETHERNET;
	grown->snaplen = (uint32_t)number_of(object, "snaplen");
}

/* A line for each interface, and one without a name for all of them. */
static void take_line(struct sample_live *live, const char *line, size_t len)
{
	json_t *object = json_loadb(line, len, 0, NULL);
	const char *name = json_string_value(json_object_get(object, "iface"));

	if (name) {
		add_iface(live, name, object);
	} else if (json_is_integer(json_object_get(object, "lost"))) {
		live->known = true;
		live->lost = number_of(object, "lost");
	}
	json_decref(object);
}

/* They have addresses as they are. */
static void forget_filters(struct sample_live *live)
{
	for (uint32_t i = 0; i < live->ifaces; i++) {
		free(live->iface[i].filter);
		live->iface[i].filter = NULL;
	}
}

void sample_live_ask(const struct query *query, struct sample_live *ret_live)
{
	const struct query_options *options = &query->options;
	struct live_error error;
	char socket[PATH_MAX], *text;

	memset(ret_live, 0, sizeof(*ret_live));
	if (query_has_flowd(query->db, options->socket, options->instance) <= 0)
		return;
	if (query_socket(query->db, options->socket, options->instance, socket, sizeof(socket)))
		return;
	if (!is_ours(query, socket) || live_ask(socket, "sample", TIMEOUT_S, &text, &error))
		return;
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		take_line(ret_live, line, len);
		line += len + (line[len] == '\n');
	}
	free(text);
	if (options->anonymize)
		forget_filters(ret_live);
}

void sample_live_free(struct sample_live *live)
{
	for (uint32_t i = 0; i < live->ifaces; i++) {
		free(live->iface[i].filter);
		free(live->iface[i].description);
	}
	free(live->iface);
	memset(live, 0, sizeof(*live));
}

const struct sample_live_iface *sample_live_find(const struct sample_live *live, const char *name)
{
	char answered[sizeof(live->iface->name)];

	utf8_mend(name, answered, sizeof(answered));
	for (uint32_t i = 0; i < live->ifaces; i++) {
		if (!strcmp(live->iface[i].name, answered))
			return &live->iface[i];
	}
	return NULL;
}

uint32_t sample_live_snaplen(const struct sample_live *live)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < live->ifaces; i++) {
		if (live->iface[i].snaplen > most)
			most = live->iface[i].snaplen;
	}
	return most;
}
