/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan_text.c: how an answer came about, for who wants to know, and where it is not exact, for all. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/coverage.h"
#include "cli/output.h"
#include "cli/plan.h"
#include "cli/timearg.h"

int plan_from_of(const char *text, enum plan_from *ret_from)
{
	static const char *const names[] = {
		[PLAN_AUTO] = "auto", [PLAN_RECORDS] = "records", [PLAN_ROLLUPS] = "rollups"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], text))
			continue;
		*ret_from = (enum plan_from)i;
		return 0;
	}
	return -EINVAL;
}

/* "the beginning", "now", or the time. */
static void put_time(int64_t ms, FILE *file)
{
	char text[40];

	if (!ms)
		fputs("the beginning", file);
	else if (ms == INT64_MAX)
		fputs("the end", file);
	else {
		timearg_rfc3339(ms, text, sizeof(text));
		fputs(text, file);
	}
}

static void put_span(int64_t since_ms, int64_t until_ms, FILE *file)
{
	put_time(since_ms, file);
	fputs(" to ", file);
	put_time(until_ms, file);
}

static const char *name_of(int part)
{
	int64_t ms = plan_bucket_ms(part);

	return !ms ? "records" : ms == 60000 ? "minutes" : "hours";
}

void plan_explain(const struct plan *plan, FILE *file)
{
	const int64_t *at = plan->window.at;
	const char *comma = "";

	fputs("answered from: ", file);
	for (int i = 0; i < PLAN_PARTS; i++) {
		if (at[i] >= at[i + 1])
			continue;
		fprintf(file, "%s%s ", comma, name_of(i));
		put_span(at[i], at[i + 1], file);
		comma = ", ";
	}
	if (!*comma)
		fputs("nothing", file);
	if (plan->why)
		fprintf(file, "; sums of minutes and hours %s", plan->why);
	fputc('\n', file);
}

static void put_window(const struct plan *plan, FILE *file)
{
	const int64_t *at = plan->window.at;

	if (at[0] < plan->since_ms || at[PLAN_PARTS] > plan->until_ms) {
		fputs("window: ", file);
		put_span(at[0], at[PLAN_PARTS], file);
		fputs(", in whole minutes or hours, since its records are gone\n", file);
	} else if (at[0] > plan->since_ms) {
		fputs("window: from ", file);
		put_time(at[0], file);
		fprintf(file, " on, what is older is gone%s\n",
			plan->rollups || !plan->why
				? ""
				: " (sums of it may be there, but not of this)");
	}
}

/* Of a mean of round trips nobody knows what it lacks. */
static void put_lacks(const struct plan *plan, const struct group_metric *by, FILE *file)
{
	uint64_t most = 0, percent, total = group_value(&plan->group.total, by);
	char text[32];

	if (!strcmp(by->name, "rtt")) {
		fputs("; round trips of these are in no row\n", file);
		return;
	}
	for (size_t i = 0; i < plan->group.used; i++) {
		if (plan->group.entry[i].lacks > most)
			most = plan->group.entry[i].lacks;
	}
	percent = coverage_percent(most, total);
	fprintf(file, "; each row may lack up to %s %s (%" PRIu64 ".%02" PRIu64 " %%)",
		out_count(most, text), by->name, percent / 100, percent % 100);
	fprintf(file, ", a key without a row has at most %s\n", out_count(plan->lacks, text));
}

void plan_put_bounds(const struct plan *plan, const struct group_metric *by, FILE *file)
{
	char keys[32], bytes[32];

	put_window(plan, file);
	if (!plan->has_tail)
		return;
	fprintf(file, "not exact: %s bytes are of keys too light to be kept by name, %s in all",
		out_count(plan->tail.bytes, bytes), out_count(plan->tail_keys, keys));
	put_lacks(plan, by, file);
}
