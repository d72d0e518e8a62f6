/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rollup_traffic.h: records for a sink that keeps sums, by a clock that is the test's. Include after cmocka.h. */
#pragma once

#include "schema/talker.h"
#include "tests/random_flow.h"
#include "tests/sink_util.h"

#define START_MS (1700000000000 / TALKER_HOUR_MS * TALKER_HOUR_MS)
#define LATE_MS 20000

static int64_t clock_ms;
static int64_t read_records; /* of table flow in a transaction; 0: the usual */

static inline int64_t test_now_ms(void)
{
	return clock_ms;
}

static inline struct sink *open_summing(struct sqlite3 **ret_db, uint32_t keys, bool replayed)
{
	struct sink *sink = open_sink(ret_db);

	sink_sqlite_rollup(sink,
			   &(struct sink_rollup_config){.keys = keys,
							.late_ms = LATE_MS,
							.read = read_records,
							.now_ms = replayed ? NULL : test_now_ms});
	return sink;
}

static inline int64_t frontier(struct sqlite3 *db, const char *level)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT value FROM meta WHERE key = 'rollup_%s_ms'", level);
	return query_int(db, sql);
}

/* --- batches -------------------------------------------------------------------------------------- */

/* Some keys often, many now and then; sums that stay within 64 bits. */
static inline void make_record(int64_t end_ms, uint64_t hosts, struct flow_record *rec)
{
	random_record(rec);
	random_health(rec);
	for (int i = 0; i < 4; i++) {
		rec->key.src[i] = rec->key.src[i] ? htonl((uint32_t)random_below(hosts)) : 0;
		rec->key.dst[i] = rec->key.dst[i] ? htonl((uint32_t)random_below(hosts)) : 0;
	}
	rec->key.sport = htons((uint16_t)random_below(hosts));
	rec->key.vlan &= 0x100f;
	rec->iface = (uint32_t)random_below(5);
	for (int i = 0; i < 2; i++) {
		struct flow_half *half = &rec->half[i];
		struct half_health *health = &rec->health[i];

		half->packets = i && !half->packets ? 0 : random_below(20) >> random_below(5);
		half->ip_bytes = half->packets * (20 + random_below(1400));
		half->bytes = half->ip_bytes + half->packets * (14 + 4 * random_below(2));
		health->count.rtt_sum_us &= 0xffffff;
		health->count.retransmits &= 0xfff;
		health->count.rtt_count &= 0xfff;
		health->drops &= 0xfff;
	}
	rec->end_ms = end_ms;
	rec->start_ms = end_ms - (int64_t)random_below(100000);
}

struct traffic {
	uint64_t hosts;	    /* addresses */
	size_t records;	    /* a batch, at most */
	uint64_t jitter_ms; /* that ends are before the clock */
	unsigned far;	    /* one in that many is of any time; 0: none */
};

static inline void fill(struct sink_batch *batch, const struct traffic *t)
{
	size_t count = random_below(t->records + 1);

	sink_batch_reset(batch);
	batch->sweep++;
	for (size_t i = 0; i < count; i++) {
		int64_t end_ms = clock_ms - (int64_t)random_below(t->jitter_ms + 1);
		struct flow_record rec;

		if (t->far && !random_below(t->far))
			end_ms = START_MS + (int64_t)random_below(20 * TALKER_HOUR_MS) -
				 10 * TALKER_HOUR_MS;
		make_record(end_ms, t->hosts, &rec);
		assert_int_equal(sink_batch_add_record(batch, &rec), 0);
	}
}
