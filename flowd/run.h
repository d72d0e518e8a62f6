/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* run.h: flowd between its start and its end: timers, signals, and the last sweep. */
#pragma once

#include "flowd/flowd.h"

/* Sweep until SIGTERM, SIGINT or a "detach" request. 0 or -errno. */
int run_loop(struct flowd *flowd);

/*
 * After the hooks are gone (or left to a successor): record every flow with END_FORCED and wait for
 * the sink. False: something could not be written; it is still in the maps.
 */
bool run_finish(struct flowd *flowd);
