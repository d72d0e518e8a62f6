/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * layout.h: what pinned maps of other layouts (schema/flow.h) look like, so that they can be read.
 *
 * A layout is where each field of each struct is, and how large: fields of the same name mean the same,
 * one that a layout does not have is 0. Sets have FLOW_WAYS slots in all of them. Who changes a struct of
 * flow.h gives it another FLOW_LAYOUT, and adds the table of the one before to layout.c: test_layout.c
 * holds the current one against the compiler, and prints it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LAYOUT_FIELDS_MAX 16

enum layout_struct {
	LAYOUT_KEY,
	LAYOUT_SLOT,
	LAYOUT_SET,
	LAYOUT_HEALTH_COUNT,
	LAYOUT_HEALTH,
	LAYOUT_HEALTH_MARK_VERSION,
	LAYOUT_HEALTH_MARK,
	LAYOUT_MARK_VERSION,
	LAYOUT_MARK,
	LAYOUT_EVICTED,
	LAYOUT_LEDGER,
	LAYOUT_IFACE,
	LAYOUT_CONTROL,
	LAYOUT_STRUCTS
};

struct layout_field {
	uint16_t offset, size; /* size 0: there is none */
};

struct layout {
	uint32_t number;
	struct {
		uint16_t size;
		struct layout_field field[LAYOUT_FIELDS_MAX]; /* in the order of layout_now's */
	} of[LAYOUT_STRUCTS];
};

/* Of this flowd's flow.h. */
extern const struct layout layout_now;

/* NULL: nobody here can read that. */
const struct layout *layout_find(uint32_t number);

/* One of these structs, from that layout to this one's; every byte of `ret` is set. */
void layout_read(const struct layout *from, enum layout_struct what, const void *old, void *ret);

/* The same of an evicted ring's record of `size` bytes, the health of which may not be there. */
struct flow_evicted;
void layout_read_evicted(const struct layout *from, const void *old, size_t size,
			 struct flow_evicted *ret);
