/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * model_flowd.c: flowd's main loop by chance, and what the product's modules call: ring.h, maps.h
 * and clock.h on the model's world. See model_flowd.h.
 */
#include "tests/model_flowd.h"

#include <assert.h>
#include <string.h>

#include "tests/model_hooks.h"
#undef memcpy
#undef __atomic_load_n
#undef __atomic_store_n
#include "flowd/books_moved.h"
#include "schema/fields.h"

struct model_flowd flowd;
static struct maps maps;
static bool stored; /* the batch in flight is in the database */

/* ---- hooks ---- */

static void maybe_kill(uint32_t n)
{
	if (world.mortal && one_in(n))
		longjmp(flowd.grave, 1);
}

void model_load(void)
{
	if (one_in(world.load))
		traffic(true);
	maybe_kill(3000);
}

void model_store(void)
{
	maybe_kill(400);
	if (one_in(world.load))
		traffic(true);
}

void *model_copy(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i += 8) {
		memcpy((char *)to + i, (const char *)from + i, 8);
		if (world.mode.tear && one_in(16))
			traffic(true);
	}
	return to;
}

/* ---- ring.h, maps.h, clock.h ---- */

int ring_open(int fd, size_t bytes, struct ring *ret_ring)
{
	*ret_ring = (struct ring){.fd = fd,
				  .bytes = bytes,
				  .consumer = &world.ring_consumer,
				  .producer = &world.ring_producer,
				  .read_pos = world.ring_consumer};
	return 0;
}

void ring_close(struct ring *ring)
{
	memset(ring, 0, sizeof(*ring));
}

const void *ring_read(struct ring *ring, size_t *ret_size)
{
	uint64_t at = ring->read_pos / MODEL_RECORD % world.mode.ring_records;

	if (ring->read_pos >= world.ring_producer || world.ring[at].busy)
		return NULL;
	ring->read_pos += MODEL_RECORD;
	*ret_size = sizeof(struct flow_evicted);
	return &world.ring[at].record;
}

void ring_release(struct ring *ring, uint64_t pos)
{
	maybe_kill(100);
	if (pos > *ring->consumer)
		*ring->consumer = pos;
}

void ring_skip(struct ring *ring, uint64_t pos)
{
	if (pos <= ring->read_pos || pos > world.ring_producer)
		return;
	ring->read_pos = pos;
	ring_release(ring, pos);
}

size_t ring_used(const struct ring *ring)
{
	return world.ring_producer - *ring->consumer;
}

void maps_ledger(const struct maps *of, uint32_t ifnum, uint32_t dir, struct flow_ledger *ret_sum)
{
	memset(ret_sum, 0, sizeof(*ret_sum));
	for (uint32_t i = 0; i < of->cpus; i++) {
		const struct flow_ledger *one = &of->ledger[(i * FLOW_IFACES + ifnum) * 2 + dir];

		books_count(&ret_sum->seen, one->seen.packets, one->seen.bytes);
		for (int v = 0; v < VERDICT_MAX; v++)
			books_count(&ret_sum->verdict[v], one->verdict[v].packets,
				    one->verdict[v].bytes);
	}
}

struct mono clock_mono(void)
{
	return (struct mono){world.now_ns};
}

struct wall clock_wall(void)
{
	return (struct wall){(int64_t)(world.now_ns / 1000000)};
}

struct clock_offset clock_measure(void)
{
	return (struct clock_offset){0};
}

struct clock_offset clock_then(const struct clock_steps *steps, struct clock_offset now,
			       struct mono then)
{
	(void)steps;
	(void)then;
	return now; /* the model's clock is never set */
}

struct wall clock_to_wall(struct clock_offset offset, struct mono mono)
{
	return (struct wall){((int64_t)mono.ns + offset.ns) / 1000000};
}

/* ---- flowd ---- */

static void open_maps(void)
{
	maps = (struct maps){
		.taken_over = world.control.epoch > 0,
		.cpus = MODEL_CPUS,
		.cpu_sets = MODEL_CPU_SETS,
		.sets = MODEL_CPUS * MODEL_CPU_SETS,
		.slots = world.slots,
		.marks = world.marks,
		.health = world.health,
		.health_marks = world.health_marks,
		.ledger = world.ledger,
		.control = &world.control,
		.early = &world.early,
		.ring_fd = -1,
		.ring_bytes = world.mode.ring_records * (size_t)MODEL_RECORD,
	};
	world.control.epoch += !world.control.epoch;
}

/* iface_rows_load and iface_rows_adopt */
static void load_books(bool ours)
{
	for (uint32_t i = 1; i < MODEL_IFACES; i++) {
		struct sweep_iface *iface = &flowd.sweep.iface[i];

		iface->id = i;
		iface->opening = maps.taken_over && !ours;
		for (uint32_t d = 0; d < 2 && ours; d++) {
			iface->books[d].booked = world.db->seen[i][d];
			iface->books[d].recorded = world.db->recorded[i][d];
			iface->books[d].obs = world.db->recorded[i][d];
			memcpy(iface->books[d].verdict, world.db->verdict[i][d],
			       sizeof(iface->books[d].verdict));
		}
	}
}

/* Records that are marked as folded are what the ledger says of it. */
static void add_lost(struct model_db *to, const struct flow_record *rec)
{
	uint8_t marks = rec->key.marks, dir = rec->key.dir;

	if (!(marks & (FLOW_MARK_FOLDED | FLOW_MARK_CATCHALL)))
		return;
	to->lost[rec->iface][dir] += rec->half[0].packets;
	to->lost[rec->iface][marks & FLOW_MARK_MIRRORED ? dir : !dir] += rec->half[1].packets;
}

/* iface_rows_open */
static void store_opening(void)
{
	for (uint32_t i = 1; i < MODEL_IFACES; i++) {
		struct sweep_iface *iface = &flowd.sweep.iface[i];

		for (uint32_t d = 0; d < 2 && iface->opening; d++)
			world.db->seen[i][d] = world.db->recorded[i][d] = iface->books[d].recorded;
		iface->opening = false;
	}
}

/* A pass without traffic is what books_moving waits for where the books are to be opened. */
static void first_sweep(bool opening)
{
	bool quiet = world.quiet;

	if (opening) {
		world.quiet = true;
		traffic_rest();
	}
	sweep_visit(&flowd.sweep, true);
	books_open(&flowd.sweep);
	store_opening();
	world.quiet = quiet;
}

void flowd_start(void)
{
	static const struct expire_conf conf = {
		.idle_ns = 15 * S, .active_ns = 60 * S, .linger_ns = 2 * S, .sweep_ns = S};
	const struct limit_conf limit = {.rate = world.mode.rate,
					 .sweep_ns = conf.sweep_ns,
					 .idle_ns = conf.idle_ns,
					 .active_ns = conf.active_ns};
	bool ours = world.db->generation == world.control.generation;
	int err;

	open_maps();
	err = sweep_open(&maps, &conf, ours ? world.db->last_sweep : 0,
			 ours ? world.db->ring_pos : 0, &flowd.sweep);
	assert(!err);
	(void)err;
	flowd.sweep.number = world.db->last_sweep + 1;
	limit_set(&flowd.sweep.limit, &limit, world.now_ns);
	load_books(ours);
	if (ours)
		books_moved_load(&flowd.sweep, world.db->moved);
	world.db->generation = world.control.generation;
	stored = false;
	first_sweep(maps.taken_over && !ours);
}

void flowd_die(void)
{
	flowd.lossy |= flowd.sweep.early.given[0] || flowd.sweep.early.given[1];
	sweep_close(&flowd.sweep);
}

static void store_record(struct table *to, const struct flow_record *rec)
{
	struct flow_key key = rec->key, reverse;

	key.ifnum = (__u16)rec->iface;
	key.marks &= (__u8)~FLOW_MARK_MIRRORED;
	flow_key_reverse(&key, &reverse);
	if (rec->key.marks & FLOW_MARK_MIRRORED)
		reverse.dir = key.dir;
	sum_add(to, &key, rec->half[0].packets, rec->half[0].bytes);
	sum_add(to, &reverse, rec->half[1].packets, rec->half[1].bytes);
	if (rec->has_health && rec->health[0].count.retransmits)
		sum_of(to, &key)->again += rec->health[0].count.retransmits;
	if (rec->has_health && rec->health[1].count.retransmits)
		sum_of(to, &reverse)->again += rec->health[1].count.retransmits;
}

/* The transaction. */
static void store(struct model_db *to)
{
	const struct sink_batch *batch = &flowd.sweep.batch;

	for (size_t i = 0; i < batch->records; i++) {
		store_record(&to->flows, &batch->record[i]);
		add_lost(to, &batch->record[i]);
	}
	if (batch->moved_values)
		strcpy(to->moved, batch->moved_values);
	for (size_t i = 0; i < batch->books; i++) {
		const struct sink_books *b = &batch->book[i];

		books_count(&to->seen[b->iface][b->dir], b->seen.packets, b->seen.bytes);
		books_count(&to->recorded[b->iface][b->dir], b->recorded.packets,
			    b->recorded.bytes);
		for (int v = 0; v < VERDICT_MAX; v++)
			books_count(&to->verdict[b->iface][b->dir][v], b->verdict[v].packets,
				    b->verdict[v].bytes);
	}
	to->last_sweep = batch->sweep;
	to->ring_pos = batch->ring_pos;
	stored = true;
}

static void begin(bool all)
{
	stored = false;
	(void)sweep_export(&flowd.sweep, all);
}

/* The transaction and what follows it are two steps, so that a kill may come between them. */
static void writer(void)
{
	if (!flowd.sweep.in_flight)
		return;
	if (!stored) {
		store(world.db);
		return;
	}
	sweep_settle(&flowd.sweep);
}

static void turn(void)
{
	world.now_ns += S / 4 + rnd() % (one_in(20) ? 20 * S : S);
	sweep_visit(&flowd.sweep, one_in(20));
	if (!flowd.sweep.in_flight)
		begin(false);
	sweep_turn(&flowd.sweep);
}

void flowd_do(bool stalled)
{
	switch (rnd() % 8) {
	case 0:
		turn();
		return;
	case 1:
		sweep_visit(&flowd.sweep, false); /* flowctl asks */
		return;
	case 2:
	case 3:
		sweep_absorb(&flowd.sweep);
		if (!flowd.sweep.in_flight && (sweep_pressed(&flowd.sweep) || one_in(8)))
			begin(false);
		return;
	default:
		if (!stalled)
			writer();
	}
}

void flowd_finish(void)
{
	while (flowd.sweep.in_flight)
		writer();
	sweep_visit(&flowd.sweep, true);
	for (begin(true); flowd.sweep.in_flight; begin(true)) {
		while (flowd.sweep.in_flight)
			writer();
	}
}
