/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tunnelarg.h: KIND[:ID] of the command line, and the records that it means. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_record;

enum tunnelarg_mode {
	TUNNELARG_UNASKED = 0,
	TUNNELARG_NONE, /* around whose packets nothing is */
	TUNNELARG_ANY,
	TUNNELARG_KIND,
};

struct tunnelarg {
	enum tunnelarg_mode mode;
	uint8_t kind; /* enum flow_tunnel */
	bool has_id;
	uint32_t id; /* as shown: of MPLS the label */
};

/*
 * A kind as in field `tunnel`, `any` or `none`; the id decimal or 0x and hexadecimal. -ENOENT: no
 * such kind, -EINVAL: not a number, -ERANGE: larger than an id of the kind can be, -ENOTSUP: what
 * is named has no id.
 */
int tunnelarg_parse(const char *text, struct tunnelarg *ret_tunnel);

/* The largest id that a tunnel of the kind can have; 0: it has none. */
uint32_t tunnelarg_id_max(uint8_t kind);

/* "mpls, pppoe, ..., any, none". */
void tunnelarg_known(char *buf, size_t size);

/* An id is looked for in both directions of the record. */
bool tunnelarg_match(const struct tunnelarg *tunnel, const struct flow_record *rec);
