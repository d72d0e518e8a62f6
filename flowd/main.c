/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * main.c: flowd's beginning and end. Everything that can be refused is refused before anything is
 * attached: configuration, interfaces, the instance's lock, the database, the maps. The replay of a
 * capture is a run of its own, without privileges, lock or socket.
 */
#include "flowd/start.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "flowd/fault.h"
#include "flowd/clock.h"
#include "flowd/log.h"
#include "flowd/memory.h"
#include "flowd/replay.h"
#include "flowd/run.h"

#define EXIT_DETACH 3 /* not all of a detach that was asked for; flowd.service leaves it at that */

static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* writing fails instead, and is told */
}

int main(int argc, char **argv)
{
	static struct config config;
	static struct flowd flowd;
	struct replay_stats stats;
	int err;

	fault_begin();
	clock_begin();
	err = config_load(argc, argv, &config);
	if (err)
		return err > 0 ? EXIT_SUCCESS : err == -EINVAL ? 2 : EXIT_FAILURE;
	log_open((enum log_level)config.log_level);
	if (config.check_only) {
		config_print(&config, stdout);
		return EXIT_SUCCESS;
	}
	if (config.read[0])
		return replay(&config, &stats) ? EXIT_FAILURE : EXIT_SUCCESS;
	memory_give_back();
	block_signals();
	flowd.config = &config;
	if (config.detach_only)
		return start_detach_only(&flowd) ? EXIT_FAILURE : EXIT_SUCCESS;
	if (start(&flowd))
		return EXIT_FAILURE;
	err = run_loop(&flowd);
	if (stop(&flowd) && !err)
		return EXIT_SUCCESS;
	return flowd.detach ? EXIT_DETACH : EXIT_FAILURE;
}
