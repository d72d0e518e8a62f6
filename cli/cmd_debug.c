/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_debug.c: ask flowd to try what it is not to be able to do (flowd.8: confine, debug). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/live.h"
#include "cli/say.h"
#include "cli/socket.h"
#include "cli/text_clean.h"
#include "schema/control.h"

#define DEBUG_TIMEOUT_S 5

const char cmd_debug_notes[] = CONTROL_DEBUG_WORDS
	":\nexit code 0 where flowd may, 1 where that is refused. For root, and where flowd runs with debug = yes.\n";

int cmd_debug(const struct args *args)
{
	char request[4096], *answer;
	struct live_error error;
	struct socket where;
	int code;

	if (!args->filter)
		return say_usage("debug: " CONTROL_DEBUG_WORDS);
	code = socket_find(args, &where);
	if (code)
		return code;
	if (snprintf(request, sizeof(request), "debug %s", args->filter) >= (int)sizeof(request))
		return say_usage("debug '%.64s...': too long", args->filter);
	if (live_ask(where.path, request, DEBUG_TIMEOUT_S, &answer, &error))
		return say_failed("%s", error.text);
	answer[strcspn(answer, "\n")] = 0;
	text_clean(answer, answer);
	if (!strcmp(answer, "allowed") || !strncmp(answer, "refused ", 8)) {
		code = *answer == 'a' ? EXIT_SUCCESS : EXIT_FAILURE;
		printf("%s\n", answer);
	} else {
		code = say_failed("socket '%s': %s", where.path, live_words(answer));
	}
	free(answer);
	return code;
}
