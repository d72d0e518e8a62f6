/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_retention.c: what is kept for how long, and what goes next. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "cli/retention.h"
#include "cli/say.h"
#include "cli/timearg.h"
#include "schema/db.h"

#define MB 1e6
#define HOUR_MS 3600000.0

static const char *const level_names[DB_RETAIN_LEVELS] = {"records", "minutes", "hours and books"};

static int set_dry_run(struct args *args, const char *value)
{
	(void)value;
	args->dry_run = true;
	return 0;
}

const struct args_option cmd_retention_options[] = {
	{"dry-run", 0, NULL, "and what would go now", set_dry_run},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_retention_notes[] =
	"Of each table: the limit that it goes by (flowd.conf), its rows and size, its oldest row; with\n"
	"--dry-run what is over the limits, by age, or by size where file and log are too large or the disk\n"
	"is nearly full; flowd drops it, oldest first, while it runs. Nothing is changed by this.\n";

struct row {
	const struct retention *retention;
	const struct retention_row *row;
	bool dry_run;
};

static const struct row *row_of(const void *row)
{
	return row;
}

static void get_table(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, row_of(row)->row->table);
}

static void get_limit(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct db_retain_table *kept = row_of(row)->row->kept;

	(void)c;
	out_set_text(value, kept ? db_retain_names[kept->level] : "sample.age, sample.size");
}

/* The largest unit that it is a whole number of. */
static void put_age(int64_t ms, char *buf, size_t size)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	size_t i = 0;

	while (ms % units[i].ms)
		i++;
	snprintf(buf, size, "%" PRId64 "%s", ms / units[i].ms, units[i].unit);
}

static void get_kept(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct retention *r = row_of(row)->retention;
	const struct db_retain_table *kept = row_of(row)->row->kept;
	char text[40] = "for ever";
	int64_t age;

	if (!kept || !r->limits_known)
		return;
	age = r->limits.age_ms[kept->level];
	if (c->name && age) {
		value->kind = OUT_NUMBER;
		value->number = (uint64_t)age;
	} else if (!c->name) {
		if (age)
			put_age(age, text, sizeof(text));
		out_set_text(value, text);
	}
}

static void set_size(const struct out_column *c, uint64_t bytes, struct out_value *value)
{
	char text[40];

	value->kind = OUT_NUMBER;
	value->number = bytes;
	if (c->name)
		return;
	snprintf(text, sizeof(text), "%.1f MB", (double)bytes / MB);
	out_set_text(value, text);
}

static void get_count(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct retention_row *r = row_of(row)->row;
	bool goes = strstr(c->name ? c->name : c->title, c->name ? "goes" : "GO");

	if (goes && !row_of(row)->dry_run)
		return;
	value->kind = OUT_NUMBER;
	value->number = goes ? r->goes_rows : r->rows;
}

static void get_size(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct retention_row *r = row_of(row)->row;
	bool goes = c->name ? !strncmp(c->name, "goes", 4) : !strncmp(c->title, "OF ", 3);

	if (!r->has_bytes || (goes && !row_of(row)->dry_run))
		return;
	set_size(c, goes ? r->goes_bytes : r->bytes, value);
}

static void get_oldest(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	if (!row_of(row)->row->rows)
		return;
	value->kind = OUT_TIME;
	value->number = (uint64_t)row_of(row)->row->oldest_ms;
}

/* From when on all of it is there. */
static void get_since(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct db_retain_table *kept = row_of(row)->row->kept;
	int64_t ms = kept ? row_of(row)->retention->since_ms[kept->level] : 0;

	(void)c;
	if (!ms)
		return;
	value->kind = OUT_TIME;
	value->number = (uint64_t)ms;
}

static void get_before(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	if (!row_of(row)->row->goes_rows)
		return;
	value->kind = OUT_TIME;
	value->number = (uint64_t)row_of(row)->row->goes_before_ms;
}

static void get_why(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	if (row_of(row)->row->why)
		out_set_text(value, row_of(row)->row->why);
}

static const struct out_column columns[] = {
	{"table", "TABLE", true, 0, get_table, NULL},
	{"limit", "LIMIT", true, 4, get_limit, NULL},
	{"kept_ms", NULL, false, 0, get_kept, NULL},
	{NULL, "KEPT", false, 0, get_kept, NULL},
	{"rows", "ROWS", false, 0, get_count, NULL},
	{"bytes", NULL, false, 0, get_size, NULL},
	{NULL, "SIZE", false, 0, get_size, NULL},
	{"oldest", "OLDEST", true, 2, get_oldest, NULL},
	{"complete_since", NULL, true, 0, get_since, NULL},
	{"goes_rows", "ROWS THAT GO", false, OUT_IF_ANY, get_count, NULL},
	{"goes_bytes", NULL, false, 0, get_size, NULL},
	{NULL, "OF SIZE", false, OUT_IF_ANY, get_size, NULL},
	{"goes_before", "OLDER THAN", true, OUT_IF_ANY, get_before, NULL},
	{"why", "BY", true, OUT_IF_ANY, get_why, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

static int put_rows(const struct args *args, const struct retention *retention)
{
	struct out out = {.columns = columns, .file = stdout};
	int err = args->format->begin(&out), end_err;

	for (size_t i = 0; !err && i < retention->rows; i++) {
		struct row row = {retention, &retention->row[i], args->dry_run};

		err = args->format->row(&out, &row);
	}
	end_err = args->format->end(&out);
	return err ? err : end_err;
}

static void put_room(const struct retention *r, FILE *file)
{
	double free_bytes = (double)(r->room.pages_free * r->room.page_bytes);

	fprintf(file, "file: %.1f MB, %.1f MB of it free, and %.1f MB of log",
		(double)(r->room.pages * r->room.page_bytes) / MB, free_bytes / MB,
		(double)r->room.wal_bytes / MB);
	if (r->limits.size_bytes)
		fprintf(file, "; retain.size is %.1f MB", (double)r->limits.size_bytes / MB);
	fputs(r->room.shrinks ? "; free pages go back to the disk\n"
			      : "; free pages are used again: an older file, which cannot shrink\n",
	      file);
	if (r->disk_low)
		fprintf(file, "disk: %.1f MB left%s, %.1f MB are to be\n",
			(double)r->disk_free / MB,
			r->disk_free < r->disk_low ? ", which is too little" : "",
			(double)r->disk_low / MB);
}

/* Where the limits cannot all be kept: what gives way; of a dry run, how much is left of what. */
static void put_size(const struct retention *r, FILE *file)
{
	if (r->limits.size_bytes && r->wanted_bytes > r->limits.size_bytes)
		fprintf(file,
			"size: at the rate of what is there the limits would take %.1f MB, retain.size is %.1f MB: "
			"minutes go first, down to a day's, then hours and books, down to 30 days', "
			"then all by their share\n",
			(double)r->wanted_bytes / MB, (double)r->limits.size_bytes / MB);
	for (int level = 0; level < DB_RETAIN_LEVELS; level++) {
		int64_t age_ms = r->limits.age_ms[level];

		age_ms = age_ms ? age_ms : DB_RETAIN_EVER_MS;
		if (r->share[level] < DB_RETAIN_WHOLE)
			fprintf(file, "size: leaves %.1f hours of %s\n",
				(double)age_ms / DB_RETAIN_WHOLE * (double)r->share[level] /
					HOUR_MS,
				level_names[level]);
	}
}

static void put_notes(const struct args *args, const struct retention *r)
{
	FILE *file = args->format == &out_text ? stdout : stderr;
	char time[40];

	put_room(r, file);
	if (!r->limits_known)
		fputs("limits: no flowd has noted any in this database: nothing goes\n", file);
	for (int level = 0; level < DB_RETAIN_LEVELS; level++) {
		if (!r->since_ms[level])
			continue;
		timearg_local(r->since_ms[level], 0, time, sizeof(time));
		fprintf(file, "%s: complete from %s on\n", level_names[level], time);
	}
	put_size(r, file);
}

int cmd_retention(const struct args *args)
{
	struct db_error error = {""};
	struct retention retention;
	struct sqlite3 *db;
	int err;

	if (args->filter)
		return say_usage("retention '%s': takes no filter", args->filter);
	if (db_open_reader(args->db, &db, &error))
		return say_failed("%s", error.text);
	err = retention_read(db, args->db, args->dry_run, args->now_ms, &retention, error.text,
			     sizeof(error.text));
	db_close(db, -1);
	if (err)
		return say_failed("%s", error.text);
	err = put_rows(args, &retention);
	if (err)
		return err == -EPIPE ? EXIT_SUCCESS
				     : say_failed("standard output: %s", strerror(-err));
	put_notes(args, &retention);
	return EXIT_SUCCESS;
}
