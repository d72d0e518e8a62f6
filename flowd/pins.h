/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pins.h: that what outlives flowd is still where the next one looks for it.
 *
 * Pins can be removed while flowd runs, their folder with them, or a bpffs can be mounted over them or taken away.
 * flowd goes on, as it holds a descriptor of everything (pin_keep.h); but who kills it then, ends the counting and
 * takes what is not committed. So it looks from time to time, by the path that a start would take, and pins again
 * what is not there: the same maps, programs and links, which have never been gone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define PINS_NOTE_MAX 384

struct flowd;

struct pins {
	int parent_fd; /* the folder that the bpffs is mounted in; -1: nothing is looked after */
	struct timespec seen; /* when the folder of pins had changed last, at the last look */
	bool settled;	/* and that was some time ago, so that the next change has another time */
	uint64_t again; /* pins that were pinned again */
	char note
		[PINS_NOTE_MAX]; /* they are gone, why they cannot be pinned again, and what of it; or empty */
};

/* The folder of pins is open. */
void pins_open(struct flowd *flowd);

/* All is pinned and attached: hold it. */
void pins_begin(struct flowd *flowd);

/* What is missing is pinned again. What comes of it is in the log once, and in flowd->pins.note. */
void pins_look(struct flowd *flowd);

void pins_close(struct flowd *flowd);

/* A JSON object. */
void *pins_status(const struct flowd *flowd);
