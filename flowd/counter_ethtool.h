/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * counter_ethtool.h: a driver's own counters (`ethtool -S`), as far as their names speak of trouble.
 * Drivers name them as they like; sums of bytes and of what went well are not asked for here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flowd/counter_sample.h"

/* A name that speaks of packets lost, refused or damaged, or of room that was missing. */
bool counter_ethtool_wanted(const char *name);

/* Any AF_INET socket's fd will do. 0, also where the driver has no counters, or -errno. */
int counter_ethtool_ask(int fd, struct counter_sample *sample, const struct counter_target *target);
