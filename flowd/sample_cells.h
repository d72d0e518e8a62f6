/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_cells.h: settings on their way into the programs' maps: compiled filters into free cells, then
 * what each interface is sampled by, then the generation, by which programs see that it has changed. All
 * of a change or nothing. Pure: the maps are memory.
 *
 * A program that was running when a cell went out of use may still be running that filter, so the cell
 * is written again only when SAMPLE_CELL_REST_NS have passed. Equal filters share a cell.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/sample.h"

#define SAMPLE_CELLS_MAX (2 * SAMPLE_FILTERS)
#define SAMPLE_CELL_REST_NS 1000000000ULL

struct sample_cells {
	struct sample_conf *conf;      /* [FLOW_IFACES], by number of the interface */
	struct sample_filter *filters; /* [count] */
	uint32_t count;	      /* more than SAMPLE_FILTERS, so that a full house can change */
	uint32_t *generation; /* of the settings; grows with each change */
	bool written[SAMPLE_CELLS_MAX];	     /* the others are free for anything */
	uint64_t freed_ns[SAMPLE_CELLS_MAX]; /* of those that were: when they went out of use */
};

/* What an interface is to be sampled by. */
struct sample_wish {
	uint32_t ifnum;
	struct sample_conf conf;	    /* but for its filter */
	const struct sample_filter *filter; /* NULL: none */
	bool keep_filter;		    /* that which it has */
};

/* Over maps that a predecessor may have used: what is in use now stays so until it is changed. */
void sample_cells_open(struct sample_cells *cells, uint64_t now_ns);

/* Cells in use. */
uint32_t sample_cells_used(const struct sample_cells *cells);

/*
 * 0, or nothing was changed: -ENOSPC more than SAMPLE_FILTERS different filters would be in use,
 * -EBUSY these and those that are in use up to now have not room beside each other, -EAGAIN there is a
 * cell, but it rests.
 */
int sample_cells_apply(struct sample_cells *cells, const struct sample_wish *wish, size_t wishes,
		       uint64_t now_ns);
