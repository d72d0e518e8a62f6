/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_detach.c: have what is attached removed: by the flowd that runs, and where none does, by one
 * that is started for it.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/live.h"
#include "cli/query.h"
#include "cli/say.h"
#include "schema/db.h"

#define DETACH_TIMEOUT_S 120 /* it writes every flow first */

/*
 * Socket and instance, from the arguments or the database; that need not be there where it was not
 * asked for. 0, or the exit code after the error was said.
 */
static int find_flowd(const struct args *args, char *socket, size_t size, char *instance,
		      size_t instance_size)
{
	struct sqlite3 *db = NULL;
	struct db_error error;

	if (db_open_reader(args->db, &db, &error)) {
		if (args->db_given && !args->instance && !args->socket)
			return say_failed("%s", error.text);
		db = NULL;
	}
	query_socket(db, args->socket, args->instance, socket, size);
	if (args->instance)
		snprintf(instance, instance_size, "%s", args->instance);
	else if (!db || db_meta_get_text(db, "instance", instance, instance_size))
		snprintf(instance, instance_size, "default");
	if (db)
		db_close(db, -1);
	return 0;
}

/* Beside this program, else in PATH. Returns only where neither is there. */
static int exec_flowd(const char *instance, const char *db)
{
	char self[PATH_MAX], path[PATH_MAX + 8];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *const args[] = {"flowd", "--detach", "--instance", instance, db ? "--db" : NULL,
				    db,	     NULL};
	char *const *argv = (char *const *)args; /* exec leaves them as they are */

	signal(SIGPIPE, SIG_DFL);
	if (len > 0) {
		self[len] = 0;
		snprintf(path, sizeof(path), "%s/flowd", dirname(self));
		execv(path, argv);
	}
	execvp("flowd", argv);
	return say_failed("flowd '%s': does not run, and cannot be started: %s", instance,
			  strerror(errno));
}

int cmd_detach(const struct args *args)
{
	char socket[PATH_MAX], instance[128], *answer;
	struct live_error error;
	int err = find_flowd(args, socket, sizeof(socket), instance, sizeof(instance));

	if (err)
		return err;
	err = live_ask(socket, "detach", DETACH_TIMEOUT_S, &answer, &error);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return exec_flowd(instance, access(args->db, F_OK) ? NULL : args->db);
	if (err)
		return say_failed("%s", error.text);
	if (!strcmp(answer, "ok\n")) {
		printf("flowd '%s': detached\n", instance);
	} else {
		answer[strcspn(answer, "\n")] = 0;
		err = say_failed("flowd '%s': %s", instance,
				 !strncmp(answer, "error ", 6) ? answer + 6
							       : "ended without an answer");
	}
	free(answer);
	return err;
}
