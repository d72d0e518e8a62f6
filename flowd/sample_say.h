/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_say.h: settings and counts of samples as JSON. */
#pragma once

#include <jansson.h>

#include "flowd/samples.h"

/*
 * The answer to request `sample`: a line for each interface, and one for all that has no member `iface`.
 * To be freed; NULL: no memory.
 */
char *sample_say(const struct samples *samples);

/* Object "samples" of `status`. NULL is fine. */
json_t *sample_status(const struct samples *samples);
