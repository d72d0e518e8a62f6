/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* diff.c: see diff.h. Pure. Entries of both sides are put into the order of keys and joined. */
#include "cli/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef __int128 wide; /* of a count and milliseconds */

static int compare_places(const struct group_entry *a, const struct group_entry *b)
{
	int order = memcmp(&a->key, &b->key, sizeof(a->key));

	return order ? order : (a->name > b->name) - (a->name < b->name);
}

static int compare_entries(const void *a, const void *b)
{
	return compare_places(a, b);
}

int64_t diff_ms(const struct diff_side *side)
{
	return side->covered_ms ? side->covered_ms : side->until_ms - side->since_ms;
}

uint64_t diff_value(const struct diff *diff, const struct group_entry *entry)
{
	return entry ? group_value(&entry->sums, diff->by) : 0;
}

/* A mean needs no rate. */
static bool is_mean(const struct group_metric *by)
{
	return !strcmp(by->name, "rtt");
}

/* After less before; where they are rates, times both windows' lengths. */
static wide change(const struct diff *diff, uint64_t before, uint64_t after)
{
	if (!diff->uneven)
		return (wide)after - (wide)before;
	return (wide)after * diff_ms(&diff->before) - (wide)before * diff_ms(&diff->after);
}

static wide row_change(const struct diff *diff, const struct diff_row *row)
{
	wide value = change(diff, diff_value(diff, row->before), diff_value(diff, row->after));

	return value < 0 ? -value : value;
}

static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct diff_row *x = a, *y = b;
	wide left = row_change(arg, x), right = row_change(arg, y);

	if (left != right)
		return left < right ? 1 : -1;
	return compare_places(x->after ? x->after : x->before, y->after ? y->after : y->before);
}

bool diff_percent(const struct diff *diff, uint64_t before, uint64_t after, int64_t *ret_percent)
{
	wide whole = diff->uneven ? (wide)before * diff_ms(&diff->after) : (wide)before, percent;

	if (!before)
		return false;
	percent = change(diff, before, after);
	if (percent > (((wide)1 << 126) / 10000) || -percent > (((wide)1 << 126) / 10000)) {
		percent /= 10000; /* far more digits than are shown are left */
		whole /= 10000;
	}
	percent = percent * 10000 / whole;
	*ret_percent = percent > INT64_MAX ? INT64_MAX : (int64_t)percent;
	return true;
}

static void sort(struct diff_side *side)
{
	if (side->entries)
		qsort(side->group.entry, side->entries, sizeof(*side->group.entry),
		      compare_entries);
}

/* The next row, of the lower key. */
static struct diff_row next_row(struct diff *diff, size_t *before, size_t *after)
{
	const struct group_entry *b = &diff->before.group.entry[*before];
	const struct group_entry *a = &diff->after.group.entry[*after];
	bool has_b = *before < diff->before.entries, has_a = *after < diff->after.entries;
	int order = has_a && has_b ? compare_places(b, a) : has_b ? -1 : 1;

	*before += order <= 0;
	*after += order >= 0;
	return (struct diff_row){order <= 0 ? b : NULL, order >= 0 ? a : NULL};
}

int diff_join(struct diff *diff)
{
	size_t before = 0, after = 0, most = diff->before.entries + diff->after.entries;

	diff->uneven = !is_mean(diff->by) && diff->before.covered_ms && diff->after.covered_ms &&
		       diff->before.covered_ms != diff->after.covered_ms;
	diff->row = calloc(most ? most : 1, sizeof(*diff->row));
	if (!diff->row)
		return -ENOMEM;
	sort(&diff->before);
	sort(&diff->after);
	while (before < diff->before.entries || after < diff->after.entries) {
		struct diff_row row = next_row(diff, &before, &after);

		if (diff_value(diff, row.before) || diff_value(diff, row.after))
			diff->row[diff->rows++] = row;
	}
	if (diff->rows)
		qsort_r(diff->row, diff->rows, sizeof(*diff->row), compare_rows, diff);
	return 0;
}

void diff_free(struct diff *diff)
{
	free(diff->row);
	group_free(&diff->before.group);
	group_free(&diff->after.group);
	memset(diff, 0, sizeof(*diff));
}
