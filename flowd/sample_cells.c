/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_cells.c: plan which cell each filter goes to, then write. See sample_cells.h. */
#include "flowd/sample_cells.h"

#include <errno.h>
#include <string.h>

#define NO_CELL UINT32_MAX

/* A change in the making. */
struct plan {
	bool wished[FLOW_IFACES];
	bool before[SAMPLE_CELLS_MAX]; /* in use up to now: programs are running them */
	bool used[SAMPLE_CELLS_MAX];   /* once it is done */
	const struct sample_filter *write[SAMPLE_CELLS_MAX]; /* what goes into it, NULL: as it is */
	uint32_t filters;				     /* cells used */
};

/* The cell of the interface's filter, or NO_CELL. */
static uint32_t cell_of(const struct sample_cells *cells, uint32_t ifnum)
{
	uint32_t filter = cells->conf[ifnum].filter;

	return filter && filter <= cells->count ? filter - 1 : NO_CELL;
}

static void find_used(const struct sample_cells *cells, bool used[SAMPLE_CELLS_MAX])
{
	memset(used, 0, SAMPLE_CELLS_MAX * sizeof(*used));
	for (uint32_t i = 0; i < FLOW_IFACES; i++) {
		uint32_t cell = cell_of(cells, i);

		if (cell != NO_CELL)
			used[cell] = true;
	}
}

uint32_t sample_cells_used(const struct sample_cells *cells)
{
	bool used[SAMPLE_CELLS_MAX];
	uint32_t count = 0;

	find_used(cells, used);
	for (uint32_t i = 0; i < SAMPLE_CELLS_MAX; i++)
		count += used[i];
	return count;
}

void sample_cells_open(struct sample_cells *cells, uint64_t now_ns)
{
	if (cells->count > SAMPLE_CELLS_MAX)
		cells->count = SAMPLE_CELLS_MAX;
	for (uint32_t i = 0; i < cells->count; i++) {
		cells->written[i] = cells->filters[i].count != 0;
		cells->freed_ns[i] = now_ns;
	}
}

static bool equal(const struct sample_filter *a, const struct sample_filter *b)
{
	return a->count == b->count && !memcmp(a->insn, b->insn, a->count * sizeof(a->insn[0]));
}

/* Where the filter is already, or will be by this plan. */
static uint32_t find_equal(const struct sample_cells *cells, const struct plan *plan,
			   const struct sample_filter *filter)
{
	for (uint32_t i = 0; i < cells->count; i++) {
		const struct sample_filter *there =
			plan->write[i] ? plan->write[i] : &cells->filters[i];

		if (equal(there, filter))
			return i;
	}
	return NO_CELL;
}

/* Of those that are free the one that has been so for the longest. */
static int find_free(const struct sample_cells *cells, const struct plan *plan, uint64_t now_ns,
		     uint32_t *ret_cell)
{
	uint32_t best = NO_CELL;

	for (uint32_t i = 0; i < cells->count; i++) {
		if (plan->used[i] || plan->before[i])
			continue;
		if (!cells->written[i]) {
			*ret_cell = i;
			return 0;
		}
		if (best == NO_CELL || cells->freed_ns[i] < cells->freed_ns[best])
			best = i;
	}
	if (best == NO_CELL)
		return -EBUSY;
	if (now_ns - cells->freed_ns[best] < SAMPLE_CELL_REST_NS)
		return -EAGAIN;
	*ret_cell = best;
	return 0;
}

static void plan_use(struct plan *plan, uint32_t cell)
{
	plan->filters += !plan->used[cell];
	plan->used[cell] = true;
}

static int plan_filter(const struct sample_cells *cells, struct plan *plan,
		       const struct sample_filter *filter, uint64_t now_ns)
{
	uint32_t cell = find_equal(cells, plan, filter);
	int err = 0;

	if (cell == NO_CELL) {
		if (plan->filters >= SAMPLE_FILTERS)
			return -ENOSPC;
		err = find_free(cells, plan, now_ns, &cell);
		if (!err)
			plan->write[cell] = filter;
	}
	if (!err)
		plan_use(plan, cell);
	return err;
}

/* What stays, then what comes. */
static int make_plan(const struct sample_cells *cells, const struct sample_wish *wish,
		     size_t wishes, uint64_t now_ns, struct plan *plan)
{
	int err = 0;

	find_used(cells, plan->before);
	for (size_t i = 0; i < wishes; i++)
		plan->wished[wish[i].ifnum] = !wish[i].keep_filter;
	for (uint32_t i = 0; i < FLOW_IFACES; i++) {
		uint32_t cell = plan->wished[i] ? NO_CELL : cell_of(cells, i);

		if (cell != NO_CELL)
			plan_use(plan, cell);
	}
	for (size_t i = 0; !err && i < wishes; i++) {
		if (wish[i].filter && !wish[i].keep_filter)
			err = plan_filter(cells, plan, wish[i].filter, now_ns);
	}
	return !err && plan->filters > SAMPLE_FILTERS ? -ENOSPC : err;
}

static void write_cell(struct sample_filter *cell, const struct sample_filter *filter)
{
	memcpy(cell->insn, filter->insn, filter->count * sizeof(cell->insn[0]));
	cell->reach = filter->reach;
	__atomic_store_n(&cell->count, filter->count, __ATOMIC_RELEASE);
}

/* The filter is in its cell before anybody is told of it. */
static void write_conf(struct sample_cells *cells, const struct plan *plan,
		       const struct sample_wish *wish)
{
	struct sample_conf *conf = &cells->conf[wish->ifnum], next = wish->conf;

	next.filter = 0;
	if (wish->keep_filter)
		next.filter = conf->filter;
	else if (wish->filter)
		next.filter = find_equal(cells, plan, wish->filter) + 1;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*conf = next;
}

int sample_cells_apply(struct sample_cells *cells, const struct sample_wish *wish, size_t wishes,
		       uint64_t now_ns)
{
	struct plan plan = {.filters = 0};
	int err = make_plan(cells, wish, wishes, now_ns, &plan);

	if (err)
		return err;
	for (uint32_t i = 0; i < cells->count; i++) {
		if (plan.write[i])
			write_cell(&cells->filters[i], plan.write[i]);
	}
	for (size_t i = 0; i < wishes; i++)
		write_conf(cells, &plan, &wish[i]);
	__atomic_fetch_add(cells->generation, 1, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < cells->count; i++) {
		if (plan.before[i] && !plan.used[i])
			cells->freed_ns[i] = now_ns;
		cells->written[i] |= plan.used[i];
	}
	return 0;
}
