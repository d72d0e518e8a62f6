/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* limit.c: see limit.h. */
#include "flowd/limit.h"

#include <errno.h>
#include <string.h>

#include "flowd/expire.h"
#include "flowd/fold.h"
#include "flowd/sweep.h"

#define LATE_NS (10 * BUDGET_NS_PER_S) /* that a large record waits at most */
#define SLACK 1024		       /* records that are always worth to be gathered first */
#define FOLD_SHARE 8		       /* of the rate is for what is folded: one of so many */
#define SIZES 128		       /* ranks by packets: each of its own, then powers of two */
#define PLAIN_SIZES 64

int limit_open(struct limit *limit)
{
	*limit = (struct limit){.conf = {.records = SWEEP_BATCH_MAX}};
	limit->fold = fold_new();
	return limit->fold ? 0 : -ENOMEM;
}

/* As many keys as may go now. */
static void set_keys(struct limit *limit)
{
	fold_limit(limit->fold, budget_room(&limit->keys, FOLD_KEYS));
}

void limit_set(struct limit *limit, const struct limit_conf *conf, uint64_t now_ns)
{
	uint64_t burst = 2 * conf->sweep_ns, keys = conf->rate / FOLD_SHARE;

	if (burst < conf->burst_ns)
		burst = conf->burst_ns;
	limit->conf = *conf;
	if (!limit->conf.records)
		limit->conf.records = SWEEP_BATCH_MAX;
	budget_start(&limit->budget, conf->rate, burst, now_ns);
	budget_start(&limit->keys, conf->rate && !keys ? 1 : keys, conf->sweep_ns, now_ns);
	set_keys(limit);
}

void limit_close(struct limit *limit)
{
	fold_free(limit->fold);
	limit->fold = NULL;
}

static uint64_t packets_of(const struct flow_record *rec)
{
	return rec->half[0].packets + rec->half[1].packets;
}

static uint32_t rank_of(const struct flow_record *rec)
{
	uint64_t packets = packets_of(rec);

	if (packets < PLAIN_SIZES)
		return (uint32_t)packets;
	return PLAIN_SIZES - 6 + 63 - (uint32_t)__builtin_clzll(packets);
}

static struct sweep_books *books_of(struct sweep *sweep, const struct flow_key *key, int half)
{
	uint32_t dir = key->dir & 1;

	if (half && !(key->marks & FLOW_MARK_MIRRORED))
		dir = !dir;
	return &sweep->iface[key->ifnum % FLOW_IFACES].books[dir];
}

static void count(struct limit *limit, uint64_t packets, uint64_t bytes)
{
	limit->stats.flows++;
	limit->stats.packets += packets;
	limit->stats.bytes += bytes;
}

/* A record that is booked as recorded. */
static void fold_record(struct sweep *sweep, const struct flow_record *rec)
{
	enum flow_verdict verdict = fold_add(sweep->limit.fold, rec);

	count(&sweep->limit, packets_of(rec), rec->half[0].bytes + rec->half[1].bytes);
	if (rec->key.marks & FLOW_MARKS_NAMED)
		return;
	for (int i = 0; i < 2; i++)
		books_count(&books_of(sweep, &rec->key, i)->moved[verdict == VERDICT_CATCHALL],
			    rec->half[i].packets, rec->half[i].bytes);
	sweep->limit.changed = true;
}

/* One way's gain, which is booked now; `named` in the ledger already. */
static void fold_gain(struct sweep *sweep, const struct flow_record *rec, bool named)
{
	const struct flow_half *gain = &rec->half[0];
	struct sweep_books *books = books_of(sweep, &rec->key, 0);
	enum flow_verdict verdict = fold_add(sweep->limit.fold, rec);

	count(&sweep->limit, gain->packets, gain->bytes);
	books_count(&books->folding.recorded, gain->packets, gain->bytes);
	if (!named)
		books_count(&books->folding.moved[verdict == VERDICT_CATCHALL], gain->packets,
			    gain->bytes);
}

/* What a round trip's sum has beside its counts, as of expire_health.c. */
static void set_health(struct half_health *to, const struct flow_health *gain)
{
	to->count = gain->count;
	to->rtt_min_us = gain->rtt_min_us;
	to->rtt_max_us = gain->rtt_max_us;
}

void limit_fold(struct sweep *sweep, const struct flow_key *key, const struct expire_delta *delta)
{
	struct clock_offset offset = sweep_offset(sweep, delta->last_ns);
	struct flow_record rec = {
		.key = *key,
		.half[0] = {.packets = delta->packets,
			    .bytes = delta->bytes,
			    .ip_bytes = delta->ip_bytes,
			    .tcp_flags = delta->tcp_flags,
			    .tcp_syn = delta->tcp_syn},
		.iface = sweep->iface[key->ifnum % FLOW_IFACES].id,
		.start_ms = clock_to_wall(offset, (struct mono){delta->first_ns}).ms,
		.end_ms = clock_to_wall(offset, (struct mono){delta->last_ns}).ms,
		.has_health = delta->health != NULL,
	};

	if (delta->health)
		set_health(&rec.health[0], delta->health);
	fold_gain(sweep, &rec, key->marks & FLOW_MARKS_NAMED);
}

/* Of each of what is over, the smallest are folded; `keep` stay. */
static void keep_heaviest(struct sweep *sweep, size_t keep)
{
	struct sink_batch *batch = &sweep->batch;
	size_t of_rank[SIZES] = {0}, above = 0, kept = 0, at;
	uint32_t rank = SIZES - 1;

	if (batch->records <= keep)
		return;
	for (size_t i = 0; i < batch->records; i++)
		of_rank[rank_of(&batch->record[i])]++;
	for (; rank && above + of_rank[rank] <= keep; rank--)
		above += of_rank[rank];
	at = keep - above; /* of that rank */
	sweep->limit.large = 0;
	for (size_t i = 0; i < batch->records; i++) {
		struct flow_record *rec = &batch->record[i];
		uint32_t its = rank_of(rec);

		if (its < rank || (its == rank && !at)) {
			fold_record(sweep, rec);
			continue;
		}
		at -= its == rank;
		sweep->limit.large += packets_of(rec) > EXPIRE_SMALL;
		if (kept != i)
			batch->record[kept] = *rec;
		kept++;
	}
	batch->records = kept;
}

bool limit_begin(struct sweep *sweep, bool all, uint64_t now_ns)
{
	struct limit *limit = &sweep->limit;
	size_t most = limit->conf.records - limit->conf.records / 4;

	budget_fill(&limit->budget, now_ns);
	budget_fill(&limit->keys, now_ns);
	if (all) { /* the last ones are not to suffer from those before */
		limit->budget.left = limit->budget.most;
		limit->keys.left = limit->keys.most;
	}
	set_keys(limit);
	limit->room = budget_room(&limit->budget, most);
	limit->keep = limit->room - budget_room(&limit->keys, limit->room / FOLD_SHARE);
	limit->hold = limit->conf.records;
	if (limit->conf.rate && 2 * limit->room + SLACK < limit->hold)
		limit->hold = 2 * limit->room + SLACK;
	if (sweep->whole)
		limit->hold = limit->room = limit->keep = SIZE_MAX / 2 / sizeof(struct flow_record);
	limit->large = 0;
	limit->ending = all;
	return !sink_batch_reserve(&sweep->batch, FOLD_KEYS + FOLD_CATCHALLS, 0);
}

/* It is in slots, and can be there for some time yet. */
static bool can_wait(const struct limit *limit, const struct expire_record *rec, uint64_t now_ns)
{
	uint64_t due;

	if (limit->ending || rec->reason == END_RESOURCES)
		return false;
	due = rec->reason == END_ACTIVE ? rec->start_ns + limit->conf.active_ns
					: rec->end_ns + limit->conf.idle_ns;
	return now_ns < due + LATE_NS;
}

bool limit_may(struct sweep *sweep, const struct expire_record *rec, uint64_t now_ns)
{
	struct limit *limit = &sweep->limit;

	if (!limit->conf.rate || limit->large < limit->keep ||
	    rec->half[0].packets + rec->half[1].packets <= EXPIRE_SMALL ||
	    !can_wait(limit, rec, now_ns))
		return true;
	limit->stats.waited++;
	return false;
}

int limit_add(struct sweep *sweep, const struct flow_record *rec)
{
	struct sink_batch *batch = &sweep->batch;
	int err;

	if (batch->records >= sweep->limit.hold)
		keep_heaviest(sweep, sweep->limit.room);
	err = sink_batch_reserve(batch, batch->records + 1 + FOLD_KEYS + FOLD_CATCHALLS, 0);
	if (err)
		return err;
	batch->record[batch->records++] = *rec;
	sweep->limit.large += packets_of(rec) > EXPIRE_SMALL;
	return 0;
}

/* What was folded as it was absorbed is exported now. */
static void book_folding(struct sweep *sweep)
{
	for (uint32_t i = 0; i < FLOW_IFACES * 2; i++) {
		struct sweep_books *b = &sweep->iface[i / 2].books[i % 2];

		books_count(&b->recorded, b->folding.recorded.packets, b->folding.recorded.bytes);
		for (int v = 0; v < 2; v++) {
			books_count(&b->moved[v], b->folding.moved[v].packets,
				    b->folding.moved[v].bytes);
			sweep->limit.changed |= b->folding.moved[v].packets != 0;
		}
		memset(&b->folding, 0, sizeof(b->folding));
	}
}

void limit_end(struct sweep *sweep)
{
	struct limit *limit = &sweep->limit;
	struct sink_batch *batch = &sweep->batch;

	if (limit->conf.rate && batch->records + fold_count(limit->fold) > limit->room)
		keep_heaviest(sweep, limit->keep);
	for (size_t i = 0; i < fold_count(limit->fold); i++)
		batch->record[batch->records++] = *fold_at(limit->fold, i);
	for (size_t i = 0; i < batch->records; i++)
		batch->record[i].key.ifnum = 0; /* the database has other numbers */
	budget_take(&limit->keys, fold_count(limit->fold));
	budget_take(&limit->budget, batch->records);
	fold_clear(limit->fold);
	set_keys(limit);
	book_folding(sweep);
	limit->fresh = 0;
}

bool limit_early(struct sweep *sweep, const struct flow_key *key, const struct expire_delta *delta)
{
	struct limit *limit = &sweep->limit;
	uint64_t most;

	if (!limit->conf.rate || !delta->evicted || delta->packets > EXPIRE_SMALL || delta->health)
		return false;
	most = limit->conf.rate * (limit->conf.sweep_ns / 1000000) / 1000 + SLACK;
	if (limit->budget.left > 0)
		most += (uint64_t)limit->budget.left;
	if (limit->fresh++ < 2 * most && limit->fresh < limit->conf.records)
		return false;
	return !expire_knows(sweep->expire, key);
}

void limit_fold_sum(struct sweep *sweep, const struct flow_key *key,
		    const struct flow_early_sum *sum, bool named)
{
	int64_t now_ms = clock_to_wall(sweep->offset, clock_mono()).ms;
	struct flow_record rec = {
		.key = *key,
		.half[0] = {.packets = sum->packets,
			    .bytes = sum->bytes,
			    .ip_bytes = sum->ip_bytes},
		.iface = sweep->iface[key->ifnum % FLOW_IFACES].id,
		.start_ms = now_ms,
		.end_ms = now_ms,
	};

	rec.key.marks = FLOW_MARK_CATCHALL;
	fold_gain(sweep, &rec, named);
}
