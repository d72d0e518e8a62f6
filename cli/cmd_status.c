/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_status.c: what flowd says of itself, and what its database says, as one object. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/live.h"
#include "cli/output.h"
#include "cli/query.h"
#include "cli/say.h"
#include "cli/status_db.h"
#include "cli/status_text.h"
#include "cli/text_clean.h"
#include "schema/db.h"

#define STATUS_TIMEOUT_S 3

static int set_json(struct args *args, const char *value)
{
	(void)value;
	args->format = &out_json;
	return 0;
}

const struct args_option cmd_status_options[] = {
	{"json", 0, NULL, "one JSON object", set_json},
	{NULL, 0, NULL, NULL, NULL},
};

/* An object without what there was no memory for is another answer. */
static bool no_memory;

static void *take_memory(size_t size)
{
	void *memory = malloc(size);

	no_memory |= !memory;
	return memory;
}

/* flowd's object, or NULL with the reason. */
static json_t *ask(const char *socket, const char *path, struct live_error *error)
{
	json_error_t bad;
	json_t *flowd;
	char *text;

	if (live_ask(socket, "status", STATUS_TIMEOUT_S, &text, error))
		return NULL;
	flowd = json_loads(text, 0, &bad);
	if (!json_is_string(json_object_get(flowd, "version"))) {
		snprintf(error->text, sizeof(error->text), "socket '%.100s': %.120s", socket,
			 live_words(text));
		json_decref(flowd);
		flowd = NULL;
	} else if (!query_is_same_db(text, path)) {
		snprintf(error->text, sizeof(error->text),
			 "socket '%.100s': the flowd there writes to another database", socket);
		json_decref(flowd);
		flowd = NULL;
	}
	free(text);
	return flowd;
}

static json_t *make_root(const struct args *args, struct sqlite3 *db, char *text, size_t size)
{
	struct live_error error = {"no flowd has counted into this database"};
	int has_flowd = query_has_flowd(db, args->socket, args->instance);
	char socket[PATH_MAX];
	json_t *root, *flowd = NULL, *database;

	if (has_flowd < 0 ||
	    query_socket(db, args->socket, args->instance, socket, sizeof(socket))) {
		snprintf(text, size, "%s: meta: %s", args->db, sqlite3_errmsg(db));
		return NULL;
	}
	database = status_db(db, args->db, text, size);
	if (!database)
		return NULL;
	if (has_flowd)
		flowd = ask(socket, args->db, &error);
	/* what a database names is not UTF-8 in any case, as jansson would have it */
	text_clean(socket, socket);
	text_clean(error.text, error.text);
	root = json_pack("{s:i, s:b, s:s?, s:s*}", "v", OUT_VERSION, "running", flowd != NULL,
			 "socket", has_flowd ? socket : NULL, "why", flowd ? NULL : error.text);
	json_object_set_new(root, "flowd", flowd ? flowd : json_null());
	json_object_set_new(root, "database", database);
	return root;
}

static int print_json(const json_t *root)
{
	char *text = json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER);

	if (!text)
		return -ENOMEM;
	out_json_text(text, stdout);
	fputc('\n', stdout);
	free(text);
	return out_check(stdout);
}

static int print(const struct args *args, const json_t *root)
{
	int err;

	if (args->format == &out_json) {
		err = print_json(root);
	} else {
		err = status_text(root, stdout);
	}
	if (!err || err == -EPIPE)
		return EXIT_SUCCESS;
	return say_failed("standard output: %s", strerror(-err));
}

int cmd_status(const struct args *args)
{
	struct db_error error = {""};
	struct sqlite3 *db;
	json_t *root;
	int code;

	json_set_alloc_funcs(take_memory, free);
	if (db_open_reader(args->db, &db, &error))
		return say_failed("%s", error.text);
	if (*error.text)
		say_notice("%s", error.text);
	error.text[0] = '\0';
	root = make_root(args, db, error.text, sizeof(error.text));
	db_close(db, -1);
	if (!root && error.text[0])
		return say_failed("%s", error.text);
	code = no_memory ? EXIT_SUCCESS : print(args, root);
	json_decref(root);
	return no_memory ? say_failed("%s: %s", args->db, strerror(ENOMEM)) : code;
}
