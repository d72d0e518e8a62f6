/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_detach.c: have what is attached removed: by the flowd that runs, and where none does, by one
 * that is started for it.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/live.h"
#include "cli/say.h"
#include "cli/socket.h"

#define DETACH_TIMEOUT_S 120 /* it writes every flow first */

/* Beside this program, by its path and without a shell. Returns only where it cannot be started. */
static int exec_flowd(const char *instance, const char *db)
{
	char self[PATH_MAX], path[PATH_MAX + 8] = "flowd";
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
	return say_failed("flowd '%s': does not run, and %s cannot be started: %s", instance, path,
			  strerror(errno));
}

/* As flowd takes it (flowd/config_key.c): another one is nobody's, and a database may say anything. */
static bool is_instance(const char *name)
{
	return *name && *name != '.' &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")];
}

int cmd_detach(const struct args *args)
{
	struct live_error error;
	struct socket where;
	int err = socket_find(args, &where);
	char *answer;

	if (err)
		return err;
	err = live_ask(where.path, "detach", DETACH_TIMEOUT_S, &answer, &error);
	if ((err == -ENOENT || err == -ECONNREFUSED) && !is_instance(where.instance))
		return say_failed("instance '%s': not the name of one", where.instance);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return exec_flowd(where.instance, access(args->db, F_OK) ? NULL : args->db);
	if (err)
		return say_failed("%s", error.text);
	if (!strcmp(answer, "ok\n")) {
		printf("flowd '%s': detached\n", where.instance);
	} else {
		answer[strcspn(answer, "\n")] = 0;
		err = say_failed("flowd '%s': %s", where.instance,
				 !strncmp(answer, "error ", 6) ? answer + 6
							       : "ended without an answer");
	}
	free(answer);
	return err;
}
