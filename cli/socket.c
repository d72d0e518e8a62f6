/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* socket.c: see socket.h. */
#include "cli/socket.h"

#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/query.h"
#include "cli/say.h"
#include "schema/db.h"

/* What the database says of itself: its instance, and its socket. */
static int ask_db(struct sqlite3 *db, struct socket *where, char own[PATH_MAX])
{
	int err = db_meta_find_text(db, "instance", where->of_db, sizeof(where->of_db));

	return err ? err : db_meta_find_text(db, "socket", own, PATH_MAX);
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
	return err;
}
