/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* socket.c: see socket.h. */
#include "cli/socket.h"

#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/query.h"
#include "cli/say.h"
#include "schema/db.h"

int socket_find(const struct args *args, struct socket *ret_socket)
{
	struct sqlite3 *db = NULL;
	struct db_error error;
	int err;

	if (db_open_reader(args->db, &db, &error)) {
		if (args->db_given && !args->instance && !args->socket)
			return say_failed("%s", error.text);
		db = NULL;
	}
	err = query_socket(db, args->socket, args->instance, ret_socket->path,
			   sizeof(ret_socket->path));
	snprintf(ret_socket->instance, sizeof(ret_socket->instance), "%s",
		 args->instance ? args->instance : "default");
	if (!err && db && !args->instance)
		err = db_meta_find_text(db, "instance", ret_socket->instance,
					sizeof(ret_socket->instance));
	if (err)
		err = say_failed("%s: meta: %s", args->db, strerror(-err));
	if (db)
		db_close(db, -1);
	return err;
}
