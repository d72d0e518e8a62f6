/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * iface_want.h: which interfaces the configuration asks for. Pure.
 *
 *   eth0     that one, which has to be there when flowd starts
 *   veth*    a pattern of fnmatch(3), with * ? [: whatever has such a name, now or later
 *   !veth9*  a name or a pattern that is left out of what patterns ask for
 */
#pragma once

#include <stdbool.h>

struct config;

enum iface_wish { IFACE_UNWANTED = 0, IFACE_BY_PATTERN, IFACE_BY_NAME };

/* Is it a pattern, not a name? */
bool iface_is_pattern(const char *word);

/* A name that is given as it is, not as a pattern or left out. */
bool iface_is_name(const char *word);

/* By what word an interface of that name is asked for. */
enum iface_wish iface_wanted(const struct config *config, const char *name);

/* Could any interface be? */
bool iface_any_wanted(const struct config *config);

/* Could one that is not there yet, by a pattern? */
bool iface_any_pattern(const struct config *config);
