/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * timearg.h: the times that --since and --until take, to UTC milliseconds.
 *
 *   now                          this moment
 *   90s 10m 2h 1d 1w 1h30m       that long ago
 *   2026-11-21T10:00:00.5Z       RFC 3339; the zone may be +01:00 or -0500, and T a space
 *   2026-11-21 10:00[:00]        local time; so is the date alone, its midnight
 *   10:00[:00]                   today, local time
 *   @1795255200[.5]              seconds since 1970
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* 0, -EINVAL: not such a time, or -ERANGE: it exists, but not between 1970 and 2200. */
int timearg_parse(const char *text, int64_t now_ms, int64_t *ret_ms);

/* A duration as in the second line above; at most 230 years. 0 or -EINVAL. */
int timearg_duration(const char *text, int64_t *ret_ms);

#define TIMEARG_HELP "now, 90s, 10m, 2h, 1d, 10:00, '2026-11-21 10:00', RFC 3339, @SECONDS"

/* RFC 3339 in UTC with milliseconds, as in 2026-11-21T10:00:00.500Z; 25 bytes with the end. */
void timearg_rfc3339(int64_t ms, char *buf, size_t size);

/* Local time, as in 2026-11-21 11:00:00.500; with_ms false: without the last part. */
void timearg_local(int64_t ms, int with_ms, char *buf, size_t size);
