/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_back.c: see db_back.h. */
#include "schema/db_back.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/db.h"

#define KEY "clock_back"
#define TEXT_MAX (DB_BACK_SPANS * 2 * 21 + 1)

int db_back_read(struct sqlite3 *db, struct db_back *ret_back)
{
	char text[TEXT_MAX] = "", *at = text, *end;
	int err = db_meta_find_text(db, KEY, text, sizeof(text));

	memset(ret_back, 0, sizeof(*ret_back));
	while (!err && ret_back->spans < DB_BACK_SPANS) {
		int64_t from_ms = strtoll(at, &end, 10), to_ms = strtoll(end, &at, 10);

		if (at == end || from_ms > to_ms)
			break;
		ret_back->span[ret_back->spans].from_ms = from_ms;
		ret_back->span[ret_back->spans++].to_ms = to_ms;
	}
	return err;
}

int db_back_write(struct sqlite3 *db, const struct db_back *back)
{
	char text[TEXT_MAX] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < back->spans; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%" PRId64 " %" PRId64,
					 i ? " " : "", back->span[i].from_ms, back->span[i].to_ms);
	return db_meta_set_text(db, KEY, text);
}

/* The span and the one after it become one. */
static void join(struct db_back *back, uint32_t i)
{
	if (back->span[i + 1].to_ms > back->span[i].to_ms)
		back->span[i].to_ms = back->span[i + 1].to_ms;
	back->spans--;
	memmove(&back->span[i + 1], &back->span[i + 2],
		(back->spans - i - 1) * sizeof(back->span[0]));
}

bool db_back_add(struct db_back *back, int64_t from_ms, int64_t to_ms)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < back->spans; i++) {
		if (from_ms >= back->span[i].from_ms && to_ms <= back->span[i].to_ms)
			return false;
	}
	while (at < back->spans && back->span[at].from_ms < from_ms)
		at++;
	memmove(&back->span[at + 1], &back->span[at], (back->spans - at) * sizeof(back->span[0]));
	back->span[at].from_ms = from_ms;
	back->span[at].to_ms = to_ms;
	back->spans++;
	for (uint32_t i = 0; i + 1 < back->spans;) {
		if (back->span[i + 1].from_ms <= back->span[i].to_ms)
			join(back, i);
		else
			i++;
	}
	if (back->spans > DB_BACK_SPANS)
		join(back, 0);
	return true;
}

bool db_back_has(const struct db_back *back, int64_t minute_ms)
{
	for (uint32_t i = 0; i < back->spans; i++) {
		if (minute_ms >= back->span[i].from_ms && minute_ms <= back->span[i].to_ms)
			return true;
	}
	return false;
}
