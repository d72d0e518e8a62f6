/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expire_due.c: the table of conversations: what comes out. See expire_table.h. */
#include "flowd/expire_table.h"

/* After its record: forget what was exported, and the conversation where it has ended. */
static void conv_exported(struct expire *x, uint32_t number, const struct expire_record *rec,
			  uint64_t now_ns)
{
	struct conv *conv = &x->conv[number];

	if (rec->gone) {
		expire_drop(x, number);
		return;
	}
	if (rec->end_ns)
		conv->initiator = (int8_t)(rec->ref[0] & 1);
	conv->exported_ns = now_ns;
	x->evicted -= conv->evicted;
	conv->evicted = false;
	for (int side = 0; side < 2; side++) {
		conv_half_reset(&conv->half[side]);
		expire_drop_health(x, &conv->half[side]);
	}
	/* it may be closed, or idle by now: one record a time */
	if (conv_reason(conv, &x->conf, now_ns, &x->due[number]) != END_ACTIVE_NOW)
		x->due[number] = now_ns;
	if (x->due[number] < x->soon[number / DUE_BLOCK])
		x->soon[number / DUE_BLOCK] = x->due[number];
}

static bool conv_export(struct expire *x, uint32_t number, enum end_reason reason, uint64_t now_ns,
			expire_emit *emit, void *arg)
{
	struct expire_record rec;
	bool worth = conv_record(&x->conv[number], number, &rec);

	if (!worth) {
		rec = (struct expire_record){
			.ref = {number * 2,
				x->conv[number].half[SIDE_B].known ? number * 2 + 1 : EXPIRE_NONE},
		};
	}
	if (worth)
		expire_give_health(x, &x->conv[number], &rec);
	rec.reason = reason;
	rec.gone = conv_goes(&x->conv[number], reason);
	if ((worth || rec.gone) && !emit(arg, &rec))
		return false;
	conv_exported(x, number, &rec, now_ns);
	return true;
}

/* Add what is not added yet, see expire_pull. */
static void conv_pull(const struct expire *x, uint32_t number, bool soon)
{
	const struct conv *conv = &x->conv[number];

	if (!x->conf.pull)
		return;
	if (soon)
		index_fetch(&x->index, conv->half[SIDE_A].hash);
	for (int side = 0; side < 2; side++) {
		if (soon && conv->half[side].health)
			expire_fetch_lines(&x->health[conv->half[side].health],
					   sizeof(struct half_health));
		if (conv->half[side].known && conv->half[side].slots != EXPIRE_NONE)
			x->conf.pull(x->conf.pull_arg, conv->half[side].slots, soon);
	}
}

static uint32_t block_end(const struct expire *x, uint32_t block)
{
	return (block + 1) * DUE_BLOCK < x->top ? (block + 1) * DUE_BLOCK : x->top;
}

/* expire_pair() has not asked yet whether it is the other half of another. */
static bool is_unpaired(const struct expire *x, const struct conv *conv)
{
	return !conv->half[SIDE_B].known && x->pairings - conv->born < 2;
}

/* It may be due, and may go: what makes room does at once. */
static bool is_near(const struct expire *x, uint32_t number, uint64_t now_ns)
{
	const struct conv *conv = &x->conv[number];

	return x->due[number] <= now_ns + x->conf.sweep_ns / 2 && conv->in_use &&
	       (conv->evicted || !is_unpaired(x, conv));
}

/* One block. Its earliest time is found anew: an export may set any of its due[]. */
static bool block_due(struct expire *x, uint32_t block, uint64_t now_ns, expire_emit *emit,
		      void *arg)
{
	uint32_t end = block_end(x, block);
	uint64_t soon = CONV_NEVER;
	bool all = true;

	for (uint32_t number = block * DUE_BLOCK; number < end; number++) {
		if (is_near(x, number, now_ns))
			conv_pull(x, number, true);
	}
	for (uint32_t number = block * DUE_BLOCK; number < end; number++) {
		if (is_near(x, number, now_ns)) {
			enum end_reason reason;

			conv_pull(x, number, false);
			reason = conv_reason(&x->conv[number], &x->conf, now_ns, &x->due[number]);
			if (reason != END_ACTIVE_NOW &&
			    !conv_export(x, number, reason, now_ns, emit, arg))
				all = false;
		}
		if (x->due[number] < soon)
			soon = x->due[number];
	}
	x->soon[block] = soon;
	return all;
}

bool expire_due(struct expire *x, uint64_t now_ns, expire_emit *emit, void *arg)
{
	bool all = true;

	for (uint32_t block = 0; block * DUE_BLOCK < x->top; block++) {
		if (x->soon[block] <= now_ns + x->conf.sweep_ns / 2 &&
		    !block_due(x, block, now_ns, emit, arg))
			all = false;
	}
	return all;
}

/* Why the last record of a conversation is cut when all is. */
static enum end_reason last_reason(const struct conv *conv)
{
	if (conv->evicted)
		return END_RESOURCES;
	return conv->closed_ns ? END_FLOW : END_FORCED;
}

static bool block_all(struct expire *x, uint32_t block, expire_emit *emit, void *arg)
{
	bool all = true;

	for (uint32_t number = block * DUE_BLOCK; number < block_end(x, block); number++) {
		if (x->conv[number].in_use)
			conv_pull(x, number, true);
	}
	for (uint32_t number = block * DUE_BLOCK; number < block_end(x, block); number++) {
		const struct conv *conv = &x->conv[number];

		if (!conv->in_use)
			continue;
		conv_pull(x, number, false);
		if (!conv_export(x, number, last_reason(conv), conv->last_ns, emit, arg))
			all = false;
	}
	return all;
}

bool expire_all(struct expire *x, expire_emit *emit, void *arg)
{
	bool all = true;

	for (uint32_t block = 0; block * DUE_BLOCK < x->top; block++) {
		if (!block_all(x, block, emit, arg))
			all = false;
	}
	return all;
}

bool expire_leave(struct expire *x, const bool *left, expire_emit *emit, void *arg)
{
	bool all = true;

	for (uint32_t number = 0; number < x->top; number++) {
		const struct conv *conv = &x->conv[number];

		if (!conv->in_use || !left[conv->half[SIDE_A].key.ifnum % FLOW_IFACES])
			continue;
		conv_pull(x, number, false);
		if (!conv_export(x, number, last_reason(conv), conv->last_ns, emit, arg))
			all = false;
	}
	return all;
}

void expire_each(struct expire *x, expire_emit *emit, void *arg)
{
	struct expire_record rec;

	for (uint32_t number = 0; number < x->top; number++) {
		if (!x->conv[number].in_use || !conv_record(&x->conv[number], number, &rec))
			continue;
		expire_give_health(x, &x->conv[number], &rec);
		if (!emit(arg, &rec))
			return;
	}
}
