/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rollup_list.c: see rollup_list.h. There are few, and what is asked for is mostly the last. */
#include "flowd/rollup_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 4

/* How many of the list's are before that minute. */
static size_t before(const struct rollup_list *list, int64_t minute)
{
	size_t n = list->count;

	while (n && list->at[n - 1]->minute >= minute)
		n--;
	return n;
}

struct rollup *rollup_list_find(const struct rollup_list *list, int64_t minute)
{
	size_t n = before(list, minute);

	return n < list->count && list->at[n]->minute == minute ? list->at[n] : NULL;
}

int rollup_list_put(struct rollup_list *list, struct rollup *rollup)
{
	size_t n = before(list, rollup->minute);

	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : ROOM_FIRST;
		struct rollup **at = reallocarray(list->at, room, sizeof(struct rollup *));

		if (!at)
			return -ENOMEM;
		list->at = at;
		list->room = room;
	}
	memmove(&list->at[n + 1], &list->at[n], (list->count - n) * sizeof(struct rollup *));
	list->at[n] = rollup;
	list->count++;
	return 0;
}

struct rollup *rollup_list_get(struct rollup_list *list, int64_t minute)
{
	struct rollup *rollup = rollup_list_find(list, minute);

	if (rollup)
		return rollup;
	rollup = rollup_new(minute, list->limit, list->seed);
	if (rollup && rollup_list_put(list, rollup)) {
		rollup_free(rollup);
		return NULL;
	}
	return rollup;
}

void rollup_list_drop(struct rollup_list *list, int64_t minute)
{
	size_t n = before(list, minute);

	for (size_t i = 0; i < n; i++)
		rollup_free(list->at[i]);
	list->count -= n;
	if (n)
		memmove(list->at, &list->at[n], list->count * sizeof(struct rollup *));
}

void rollup_list_cut(struct rollup_list *list, int64_t minute)
{
	while (list->count && list->at[list->count - 1]->minute >= minute)
		rollup_free(list->at[--list->count]);
}

void rollup_list_free(struct rollup_list *list)
{
	rollup_list_drop(list, INT64_MAX);
	free(list->at);
	list->at = NULL;
	list->room = 0;
}
