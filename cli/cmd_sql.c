/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_sql.c: statements on the database, which is opened to be read and no more: of the command line, or
 * one after another from standard input.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/anonarg.h"
#include "cli/anonymize.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/text_clean.h"
#include "schema/db.h"

#define COLUMNS_MAX 128
#define TITLE_SIZE 64
#define PROMPT "flowctl> "
#define PROMPT_MORE "    ...> "

const char cmd_sql_notes[] =
	"STATEMENT is SQL, as of SQLite; several are separated by ';'. Without one they are read from standard\n"
	"input. Nothing can be written. Tables and views: flow(5).\n";

/* Of the statement at hand. */
struct result {
	struct sqlite3_stmt *stmt;
	struct out_column columns[2 * COLUMNS_MAX + 1];
	char titles[COLUMNS_MAX][TITLE_SIZE];
	char *blob; /* the last cell that was one, as text; to be freed */
};

static void set_blob(struct result *result, int i, struct out_value *value)
{
	const uint8_t *bytes = sqlite3_column_blob(result->stmt, i);
	int size = sqlite3_column_bytes(result->stmt, i);
	char *text = malloc((size_t)size * 2 + 1);

	free(result->blob);
	result->blob = text;
	for (int b = 0; text && b < size; b++)
		sprintf(text + 2 * b, "%02x", bytes[b]);
	if (text)
		text[2 * size] = 0;
	out_set_text(value, text ? text : "?");
	value->whole = text;
}

static void get_cell(const struct out_column *c, const void *row, struct out_value *value)
{
	struct result *result = *(struct result *const *)row;
	int i = (int)(c - result->columns) / 2;
	const char *text;

	switch (sqlite3_column_type(result->stmt, i)) {
	case SQLITE_NULL:
		break;
	case SQLITE_INTEGER:
		value->kind = OUT_SIGNED;
		value->number = (uint64_t)sqlite3_column_int64(result->stmt, i);
		break;
	case SQLITE_BLOB:
		set_blob(result, i, value);
		break;
	default:
		text = (const char *)sqlite3_column_text(result->stmt, i);
		out_set_text(value, text ? text : "?");
		value->whole = text;
		if (sqlite3_column_type(result->stmt, i) == SQLITE_FLOAT)
			value->kind = OUT_REAL;
	}
}

/* JSON and CSV take the first column of two, text the second. */
static int set_columns(struct result *result)
{
	int count = sqlite3_column_count(result->stmt);

	if (count > COLUMNS_MAX)
		return say_failed("sql: %d columns: more than %d", count, COLUMNS_MAX);
	memset(result->columns, 0, sizeof(result->columns));
	for (int i = 0; i < count; i++) {
		const char *name = sqlite3_column_name(result->stmt, i);
		char *title = result->titles[i];

		snprintf(title, TITLE_SIZE, "%s", name ? name : "?");
		text_clean(title, title);
		result->columns[2 * i] =
			(struct out_column){.name = name ? name : "?", .get = get_cell};
		result->columns[2 * i + 1] =
			(struct out_column){.title = title, .left = true, .get = get_cell};
	}
	return 0;
}

static int fail_statement(struct sqlite3 *db, const struct args *args)
{
	return say_failed("%s: sql: %s", args->db, sqlite3_errmsg(db));
}

/* All rows. 0 or the exit code. */
static int put_rows(struct sqlite3 *db, const struct args *args, struct result *result)
{
	struct out out = {.columns = result->columns, .file = stdout};
	int code = set_columns(result), rc = SQLITE_ROW, err, end_err;

	if (code)
		return code;
	err = args->format->begin(&out);
	while (!err && (rc = sqlite3_step(result->stmt)) == SQLITE_ROW)
		err = args->format->row(&out, &result);
	end_err = args->format->end(&out);
	err = err ? err : end_err;
	if (!err && rc != SQLITE_DONE)
		return fail_statement(db, args);
	if (err && err != -EPIPE)
		return say_failed("standard output: %s", strerror(-err));
	return 0;
}

/* Each statement of the text. 0 or the exit code, after which none is run. */
static int run_text(struct sqlite3 *db, const struct args *args, const char *text)
{
	struct result *result = calloc(1, sizeof(*result));
	int code = 0;

	if (!result)
		return say_failed("%s: sql: %s", args->db, strerror(ENOMEM));
	while (!code && *text && !out_broken_pipe()) {
		if (sqlite3_prepare_v2(db, text, -1, &result->stmt, &text)) {
			code = fail_statement(db, args);
			break;
		}
		if (result->stmt && sqlite3_column_count(result->stmt))
			code = put_rows(db, args, result);
		else if (result->stmt && sqlite3_step(result->stmt) != SQLITE_DONE)
			code = fail_statement(db, args);
		sqlite3_finalize(result->stmt);
		result->stmt = NULL;
	}
	free(result->blob);
	free(result);
	return code;
}

/* Another file is another's: it could be made, and written to. */
static int authorize(void *user, int action, const char *a, const char *b, const char *c,
		     const char *d)
{
	(void)user;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return action == SQLITE_ATTACH || action == SQLITE_DETACH ? SQLITE_DENY : SQLITE_OK;
}

/* Add a line. NULL: no memory; the text is freed then. */
static char *append(char *text, const char *line)
{
	size_t used = text ? strlen(text) : 0;
	char *grown = realloc(text, used + strlen(line) + 1);

	if (!grown)
		free(text);
	else
		strcpy(grown + used, line);
	return grown;
}

/* Statements as they are complete. On a terminal, a wrong one is not the last. */
static int run_input(struct sqlite3 *db, const struct args *args)
{
	bool terminal = isatty(STDIN_FILENO);
	char *line = NULL, *text = NULL;
	size_t room = 0;
	int code = 0;

	for (;;) {
		if (terminal)
			fputs(text ? PROMPT_MORE : PROMPT, stderr);
		if ((code && !terminal) || getline(&line, &room, stdin) < 0)
			break;
		text = append(text, line);
		if (!text) {
			code = say_failed("%s: sql: %s", args->db, strerror(ENOMEM));
			break;
		}
		if (!sqlite3_complete(text) && text[strspn(text, " \t\r\n")])
			continue;
		code = run_text(db, args, text);
		free(text);
		text = NULL;
	}
	if (text && !code)
		code = run_text(db, args, text); /* without its ';' */
	free(text);
	free(line);
	return terminal ? 0 : code;
}

/* Where addresses are to be anonymized, what SQL makes of them cannot be. */
static int check_anonymize(const struct args *args)
{
	struct anonymize *anon;
	int code = anonarg_open(args, &anon);

	if (code || !anon)
		return code;
	anonymize_free(anon);
	return say_failed("sql: addresses are to be anonymized, which they are not in SQL: "
			  "--anonymize none, where that is allowed");
}

int cmd_sql(const struct args *args)
{
	struct db_error error = {""};
	struct sqlite3 *db;
	int code = check_anonymize(args);

	if (code)
		return code;
	if (db_open_reader(args->db, &db, &error))
		return say_failed("%s", error.text);
	if (*error.text)
		say_notice("%s", error.text);
	sqlite3_set_authorizer(db, authorize, NULL);
	code = args->filter ? run_text(db, args, args->filter) : run_input(db, args);
	db_close(db, -1);
	return code;
}
