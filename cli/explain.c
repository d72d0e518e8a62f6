/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* explain.c: see explain.h. */
#include "cli/explain.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "cli/args.h"
#include "cli/fold.h"
#include "cli/output.h"
#include "cli/reasons.h"
#include "cli/say.h"

#define INDENT 6

static void get_name(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, ((const struct reason *)row)->name);
}

static void get_what(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, ((const struct reason *)row)->what);
}

static void get_look(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, ((const struct reason *)row)->look);
}

static const struct out_column columns[] = {
	{"reason", NULL, true, 0, get_name, NULL},
	{"meaning", NULL, true, 0, get_what, NULL},
	{"look_at", NULL, true, 0, get_look, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

static void put_folded(const char *label, const char *text)
{
	printf("%*s%s", INDENT, "", label);
	fold_put(text, INDENT, INDENT + strlen(label), stdout);
}

static int text_row(struct out *out, const struct reason *reason)
{
	printf("%s\n", reason->name);
	put_folded("", reason->what);
	put_folded("Look at:", reason->look);
	return out_check(out->file);
}

static int put(const struct args *args, const struct reason *first, bool all)
{
	struct out out = {.columns = columns, .file = stdout};
	bool is_text = args->format == &out_text;
	int err = is_text ? 0 : args->format->begin(&out), end_err = 0;

	for (const struct reason *reason = first; !err && reason->name; reason++) {
		err = is_text ? text_row(&out, reason) : args->format->row(&out, reason);
		if (!all)
			break;
	}
	if (!is_text)
		end_err = args->format->end(&out);
	return err ? err : end_err;
}

int explain_reason(const struct args *args)
{
	bool all = !strcasecmp(args->explain, "all");
	const struct reason *reason = all ? reasons : reason_find(args->explain);
	char near[256];
	int err;

	if (!reason) {
		reason_near(args->explain, near, sizeof(near));
		return say_usage("--explain '%s': no such reason; near: %s; all lists them",
				 args->explain, near);
	}
	err = put(args, reason, all);
	if (err && err != -EPIPE)
		return say_failed("standard output: %s", strerror(-err));
	return 0;
}
