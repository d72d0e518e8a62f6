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
#include "cli/text_clean.h"
#include "schema/conf.h"

#define DETACH_TIMEOUT_S 120 /* it writes every flow first */

/* Beside this program, by its path and without a shell. Returns only where it cannot be started. */
static int exec_flowd(const char *instance, const char *option, const char *value)
{
	char self[PATH_MAX], path[PATH_MAX + 8] = "flowd";
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *const args[] = {"flowd", "--detach", "--instance", instance,
				    option,  value,	 NULL};
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

/* By a flowd that is started for it, which writes what was left where that instance writes. */
static int detach_dead(const struct args *args, const struct socket *where, const char *why)
{
	char conf[PATH_MAX];

	if (!*where->instance)
		return say_failed("%s; --instance NAME says whose hooks and maps are to go", why);
	if (!is_instance(where->instance))
		return say_failed("instance '%s': not the name of one", where->instance);
	snprintf(conf, sizeof(conf), CONF_DIR "/%s.conf", where->instance);
	if (args->instance && !args->db_given && !access(conf, F_OK))
		return exec_flowd(where->instance, "--config", conf);
	if (*where->of_db && strcmp(where->of_db, where->instance) != 0)
		return say_failed("%s: of instance '%s', not '%s': --db FILE says where what it "
				  "left is to go",
				  args->db, where->of_db, where->instance);
	return exec_flowd(where->instance,
			  args->db_given || !access(args->db, F_OK) ? "--db" : NULL, args->db);
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
	if (err == -ENOENT || err == -ECONNREFUSED)
		return detach_dead(args, &where, error.text);
	if (err)
		return say_failed("%s", error.text);
	if (!strcmp(answer, "ok\n")) {
		fputs("flowd '", stdout);
		text_put(*where.instance ? where.instance : where.path, stdout);
		puts("': detached");
	} else {
		err = say_failed("socket '%s': %s", where.path,
				 *answer ? live_words(answer) : "ended without an answer");
	}
	free(answer);
	return err;
}
