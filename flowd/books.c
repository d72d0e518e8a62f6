/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* books.c: the ledger of a sweep. See books.h. */
#include "flowd/books.h"

#include <string.h>

#include "flowd/sweep.h"

#define LOOK_EVERY 8 /* passes, while something is missing */

bool books_same(struct flow_count a, struct flow_count b)
{
	return a.packets == b.packets && a.bytes == b.bytes;
}

void books_ids(const struct sweep *sweep, uint32_t ret_ids[FLOW_IFACES])
{
	for (uint32_t i = 0; i < FLOW_IFACES; i++)
		ret_ids[i] = sweep->iface[i].id;
}

/* 0 where what was found lies between the hooks' counts before and after. */
static int64_t difference(uint64_t obs, uint64_t low, uint64_t high)
{
	if (obs < low)
		return (int64_t)(low - obs);
	return obs > high ? -(int64_t)(obs - high) : 0;
}

static void balance(struct sweep *sweep)
{
	for (uint32_t ifnum = 0; ifnum < FLOW_IFACES; ifnum++) {
		for (uint32_t dir = 0; dir < 2; dir++) {
			struct sweep_books *b = &sweep->iface[ifnum].books[dir];

			b->unaccounted_packets =
				difference(b->obs.packets, b->low.packets, b->high.packets);
			b->unaccounted_bytes =
				difference(b->obs.bytes, b->low.bytes, b->high.bytes);
		}
	}
}

void books_read(struct sweep *sweep, bool after)
{
	for (uint32_t ifnum = 0; ifnum < FLOW_IFACES; ifnum++) {
		for (uint32_t dir = 0; dir < 2; dir++) {
			struct sweep_books *books = &sweep->iface[ifnum].books[dir];
			struct flow_ledger sum;

			if (!sweep->iface[ifnum].id)
				continue;
			maps_ledger(sweep->maps, ifnum, dir, &sum);
			*(after ? &books->high : &books->low) = sum.seen;
		}
	}
	if (after)
		balance(sweep);
}

void books_weigh(struct sweep *sweep, bool all)
{
	uint64_t missing = 0;

	for (uint32_t i = 0; i < FLOW_IFACES * 2; i++) {
		int64_t packets = sweep->iface[i / 2].books[i % 2].unaccounted_packets;

		missing += packets > 0 ? (uint64_t)packets : 0;
	}
	if (all)
		sweep->missing = missing;
	sweep->look_all =
		missing && (missing != sweep->missing || !(sweep->stats.sweeps % LOOK_EVERY));
}

/* The hooks' own count at the moment that what was found is of. */
static struct flow_count books_seen(const struct sweep_books *b)
{
	return (struct flow_count){
		b->obs.packets + (uint64_t)b->unaccounted_packets,
		b->obs.bytes + (uint64_t)b->unaccounted_bytes,
	};
}

bool books_moving(const struct sweep *sweep)
{
	for (uint32_t i = 0; i < FLOW_IFACES * 2; i++) {
		const struct sweep_books *b = &sweep->iface[i / 2].books[i % 2];

		if (sweep->iface[i / 2].opening && b->low.packets != b->high.packets)
			return true;
	}
	return false;
}

bool books_open(struct sweep *sweep)
{
	bool any = false;

	for (uint32_t i = 0; i < FLOW_IFACES * 2; i++) {
		struct sweep_iface *iface = &sweep->iface[i / 2];
		struct sweep_books *b = &iface->books[i % 2];
		struct flow_ledger sum;

		if (!iface->opening)
			continue;
		any = true;
		b->recorded.packets = b->high.packets - b->obs.packets;
		b->recorded.bytes = b->high.bytes - b->obs.bytes;
		b->booked = b->recorded;
		b->obs = b->high;
		b->unaccounted_packets = b->unaccounted_bytes = 0;
		maps_ledger(sweep->maps, i / 2, i % 2, &sum);
		memcpy(b->verdict, sum.verdict, sizeof(b->verdict));
	}
	books_settle(sweep);
	return any;
}

void books_settle(struct sweep *sweep)
{
	for (uint32_t i = 0; i < FLOW_IFACES * 2; i++) {
		struct sweep_books *b = &sweep->iface[i / 2].books[i % 2];

		b->settled.recorded = b->recorded;
		b->settled.booked = b->booked;
		memcpy(b->settled.verdict, b->verdict, sizeof(b->verdict));
	}
}

void books_record(struct sweep *sweep, const struct expire_record *rec)
{
	struct sweep_iface *iface = &sweep->iface[rec->key.ifnum % FLOW_IFACES];
	uint32_t dir = rec->key.dir & 1;
	uint32_t reverse = rec->key.marks & FLOW_MARK_MIRRORED ? dir : !dir;

	books_count(&iface->books[dir].recorded, rec->half[0].packets, rec->half[0].bytes);
	books_count(&iface->books[reverse].recorded, rec->half[1].packets, rec->half[1].bytes);
}

static struct flow_count minus(struct flow_count a, struct flow_count b)
{
	return (struct flow_count){a.packets - b.packets, a.bytes - b.bytes};
}

static struct flow_count since(struct flow_count now, struct flow_count *before)
{
	struct flow_count gain = minus(now, *before);

	*before = now;
	return gain;
}

/* What the ledger is to say of a verdict: of the hooks' own, and of what flowd folded and exported. */
static struct flow_count verdict_of(const struct sweep_books *b, const struct flow_ledger *sum,
				    int v)
{
	struct flow_count all = sum->verdict[v];

	if (v >= VERDICT_FOLDED)
		books_count(&all, b->moved[v - VERDICT_FOLDED].packets,
			    b->moved[v - VERDICT_FOLDED].bytes);
	return all;
}

struct flow_count books_verdict(const struct sweep_books *b, const struct flow_ledger *sum, int v)
{
	struct flow_count all = verdict_of(b, sum, v);

	if (v >= VERDICT_FOLDED)
		books_count(&all, b->folding.moved[v - VERDICT_FOLDED].packets,
			    b->folding.moved[v - VERDICT_FOLDED].bytes);
	return all;
}

/* What the NIC counted while the hooks saw row.seen: differences are exact, moments are not. */
static void add_nic(struct sink_books *row, struct sweep_books *b)
{
	const struct nic_book *nic = &b->nic;

	row->has_nic = nic->known;
	if (!nic->known)
		return;
	row->nic.packets = row->seen.packets + (uint64_t)(nic->packets - nic->booked_packets);
	row->nic.bytes = row->seen.bytes + (uint64_t)(nic->bytes - nic->booked_bytes);
	row->nic_now = nic->nic;
	row->nic_seen = nic->seen;
	nic_booked(&b->nic);
}

int books_export(struct sweep *sweep, uint32_t ifnum, uint32_t dir,
		 struct flow_count recorded_before)
{
	struct sweep_books *b = &sweep->iface[ifnum].books[dir];
	struct sink_books row = {.iface = sweep->iface[ifnum].id, .dir = dir};
	struct flow_count seen = books_seen(b);
	struct flow_ledger sum;

	if (books_same(seen, b->booked) && books_same(b->recorded, recorded_before) &&
	    !nic_unbooked(&b->nic))
		return 0;
	maps_ledger(sweep->maps, ifnum, dir, &sum);
	row.minute_ms = clock_to_wall(sweep->offset, clock_mono()).ms / 60000 * 60000;
	row.seen = since(seen, &b->booked);
	row.recorded = since(b->recorded, &recorded_before);
	add_nic(&row, b);
	for (int v = 0; v < VERDICT_MAX; v++)
		row.verdict[v] = since(verdict_of(b, &sum, v), &b->verdict[v]);
	row.held = minus(b->obs, b->recorded);
	row.unaccounted_packets = b->unaccounted_packets;
	row.unaccounted_bytes = b->unaccounted_bytes;
	return sink_batch_add_book(&sweep->batch, &row);
}

void books_live(const struct sweep *sweep, uint32_t ifnum, uint32_t dir,
		struct control_books *ret_books)
{
	const struct sweep_books *b = &sweep->iface[ifnum].books[dir];
	struct flow_ledger sum;

	maps_ledger(sweep->maps, ifnum, dir, &sum);
	*ret_books = (struct control_books){
		.iface = sweep->iface[ifnum].id,
		.dir = dir,
		.seen = minus(books_seen(b), b->settled.booked),
		.held = minus(b->obs, b->settled.recorded),
		.unaccounted_packets = b->unaccounted_packets,
		.unaccounted_bytes = b->unaccounted_bytes,
	};
	for (int v = 0; v < VERDICT_MAX; v++)
		ret_books->verdict[v] = minus(books_verdict(b, &sum, v), b->settled.verdict[v]);
}
