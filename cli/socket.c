/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* socket.c: see socket.h. */
#include "cli/socket.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/live.h"
#include "cli/query.h"
#include "cli/say.h"
#include "schema/db.h"

#define STATUS_TIMEOUT_S 10

/* What the database says of itself: its instance, and its socket. */
static int ask_db(struct sqlite3 *db, struct socket *where, char own[PATH_MAX])
{
	int err = db_meta_find_text(db, "instance", where->of_db, sizeof(where->of_db));

	return err ? err : db_meta_find_text(db, "socket", own, PATH_MAX);
}

/* A copy of a database, or somebody else's, may name the socket of a flowd that is not its own. */
static int check_db(const struct args *args, const char *path)
{
	struct live_error error;
	json_t *status;
	char *text;
	int err = live_ask(path, "status", STATUS_TIMEOUT_S, &text, &error);

	if (err == -ENOENT || err == -ECONNREFUSED)
		return 0; /* nobody's; the request will say so */
	if (err)
		return say_failed("%s", error.text);
	status = json_loads(text, 0, NULL);
	if (!json_is_string(json_object_get(status, "version")))
		err = say_failed("socket '%s': %s", path, live_words(text));
	else if (!query_is_same_db(text, args->db))
		err = say_failed(
			"%s: the flowd at socket '%s', which it names, writes to another "
			"database: --instance NAME or --socket PATH says which one is meant",
			args->db, path);
	json_decref(status);
	free(text);
	return err;
}

int socket_find(const struct args *args, struct socket *ret_socket)
{
	struct socket *where = ret_socket;
	char own[PATH_MAX] = "";
	struct sqlite3 *db = NULL;
	struct db_error error;
	int err;

	where->of_db[0] = where->instance[0] = '\0';
	if (db_open_reader(args->db, &db, &error)) {
		if (args->db_given && !args->instance && !args->socket)
			return say_failed("%s", error.text);
		db = NULL;
	}
	err = query_socket(db, args->socket, args->instance, where->path, sizeof(where->path));
	if (!err && db)
		err = ask_db(db, where, own);
	if (err)
		err = say_failed("%s: meta: %s", args->db, strerror(-err));
	else if (args->instance)
		snprintf(where->instance, sizeof(where->instance), "%s", args->instance);
	else if (!args->socket || !strcmp(args->socket, own))
		snprintf(where->instance, sizeof(where->instance), "%s",
			 where->of_db[0] ? where->of_db : "default");
	if (db)
		db_close(db, -1);
	return err || !db || args->socket || args->instance ? err : check_db(args, where->path);
}
