/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* filter_util.h: from a vector to a record, and what a filter says of it. For tests with cmocka. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/filter.h"
#include "schema/tunnel.h"
#include "vectors.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline void record_of(const uint8_t *frame, uint32_t len, struct flow_record *ret_rec)
{
	struct pkt_meta meta = {.len = len, .reach = len};
	struct flow_facts facts;
	struct flow_wrap wrap;

	parse_packet(frame, &meta, &facts, &wrap);
	memset(ret_rec, 0, sizeof(*ret_rec));
	ret_rec->key = facts.key;
	ret_rec->half[0].packets = 1;
	ret_rec->half[0].tcp_flags = facts.tcp_flags;
}

static inline const struct vector *vector_of(const char *name)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		if (!strcmp(vectors[i].name, name))
			return &vectors[i];
	}
	fail_msg("no vector '%s'", name);
	return NULL;
}

static inline void record_of_vector(const char *name, struct flow_record *ret_rec)
{
	const struct vector *v = vector_of(name);
	uint32_t len = v->len ? v->len : v->size;
	uint8_t *frame = calloc(1, len);

	assert_non_null(frame);
	memcpy(frame, v->frame, v->size);
	record_of(frame, len, ret_rec);
	free(frame);
}

static inline int match(const char *expression, const struct flow_record *rec, int which,
			char *text)
{
	struct filter_error error = {""};
	struct filter *filter;
	int got;

	if (filter_compile(expression, &filter, &error))
		fail_msg("%s", error.text);
	got = filter_match(filter, rec, which);
	if (got < 0)
		filter_explain(filter, &error);
	snprintf(text, sizeof(error.text), "%s", error.text);
	filter_free(filter);
	return got;
}

/* Packets left out for lost detail; none may match. */
static inline uint64_t undecided(const char *expression, const struct flow_record *rec)
{
	struct filter_error error = {""};
	struct filter *filter;
	uint64_t packets;

	if (filter_compile(expression, &filter, &error))
		fail_msg("%s", error.text);
	assert_int_equal(filter_match(filter, rec, 0), 0);
	packets = filter_undecided(filter);
	filter_free(filter);
	return packets;
}
