/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reasons.h: what the kernel's reasons for drops mean. Names and numbers of a running kernel come from
 * that kernel; this says what is behind a name.
 */
#pragma once

#include <stddef.h>

struct reason {
	const char *name; /* without SKB_DROP_REASON_ and SKB_ */
	const char *what;
	const char *look; /* what to look at */
};

/* In the order of the kernel's numbers; ends with a NULL name. */
extern const struct reason reasons[];

/*
 * By its name in any case, with or without the kernel's prefix; one of a subsystem also by its number,
 * subsystem << 16 | n or subsystem:n. NULL: unknown.
 */
const struct reason *reason_find(const char *name);

/* Names that are like it, the nearest first: "IP_CSUM, UDP_CSUM". */
void reason_near(const char *name, char *buf, size_t size);
