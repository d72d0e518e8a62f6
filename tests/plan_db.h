/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plan_db.h: a database of random records of six hours with their sums, and answers about it side by
 * side. Include after cmocka.h.
 */
#pragma once

#include <arpa/inet.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/group.h"
#include "cli/plan.h"
#include "cli/query.h"
#include "schema/db.h"
#include "tests/random_flow.h"
#include "tests/talker_make.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HOUR INT64_C(1795262400000)
#define SPAN (6 * TALKER_HOUR_MS)
#define RECORDS 4000
#define LIVE 60
#define SWEEP 7
#define WINDOWS 40

static char dir[] = "/tmp/wireledger-plan-XXXXXX";
static struct flow_record records[RECORDS], live[LIVE];

static inline void exec_sql(struct sqlite3 *db, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &message))
		fail_msg("%s: %s", sql, message);
}

static inline void random_address(struct flow_key *key, __be32 *addr)
{
	addr[0] = htonl(0x0a000000 | (uint32_t)random_below(25));
	if (key->ethertype == ETH_P_IPV6)
		addr[3] = htonl((uint32_t)random_below(3));
}

/* Of few hosts, ports and tags, so that there is something to sum; now and then without detail. */
static inline void small_key(struct flow_key *key)
{
	static const uint8_t protos[] = {6, 6, 6, 17, 17, 1, 47};
	static const uint16_t ports[] = {22, 53, 80, 443, 40000, 50000, 60000};

	if (!random_below(10)) {
		random_key(key);
		return;
	}
	*key = (struct flow_key){.ethertype = random_below(4) ? ETH_P_IP : ETH_P_IPV6,
				 .proto = protos[random_below(COUNT(protos))],
				 .dir = (uint8_t)random_below(2)};
	random_address(key, key->src);
	random_address(key, key->dst);
	key->sport = htons(ports[random_below(COUNT(ports))]);
	key->dport = htons(ports[random_below(COUNT(ports))]);
	if (!random_below(5))
		key->vlan = (uint16_t)(FLOW_VLAN_TAGGED | (1 + random_below(3)));
}

static inline void small_half(const struct flow_key *key, struct flow_half *half)
{
	half->packets = random_below(50);
	half->bytes = half->packets * (60 + random_below(1400));
	half->ip_bytes = flow_key_is_ip(key) ? half->bytes - 14 * half->packets : 0;
	if (!random_below(8))
		half->bytes += 4 * half->packets;
	half->tcp_syn = key->proto == 6 && flow_key_is_ip(key) && random_below(2);
}

static inline void small_health(struct half_health *health)
{
	if (random_below(3))
		return;
	health->count.retransmits = (uint32_t)random_below(20);
	health->drops = (uint32_t)random_below(4);
	health->count.rtt_count = (uint32_t)random_below(5);
	health->count.rtt_sum_us = health->count.rtt_count * random_below(100000);
	if (health->count.rtt_count) {
		health->rtt_min_us = 1;
		health->rtt_max_us = 100000;
	}
}

static inline void small_record(struct flow_record *rec)
{
	static const struct half_health none[2];

	memset(rec, 0, sizeof(*rec));
	small_key(&rec->key);
	small_half(&rec->key, &rec->half[0]);
	if (random_below(3))
		small_half(&rec->key, &rec->half[1]);
	small_health(&rec->health[0]);
	small_health(&rec->health[1]);
	rec->has_health = memcmp(rec->health, none, sizeof(none)) != 0;
	if (!rec->has_health && !rec->half[1].packets)
		rec->half[0].packets |= 1;
	rec->end_ms = HOUR + 1234567 + (int64_t)random_below(SPAN);
	rec->start_ms = rec->end_ms - (int64_t)random_below(70000);
	rec->iface = 1 + (uint32_t)random_below(3);
	rec->end_reason = END_IDLE;
}

static inline void insert(struct sqlite3 *db, enum db_table_number table)
{
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_prepare_v2(db, db_row_insert[table], -1, &stmt, NULL), SQLITE_OK);
	for (size_t i = 0; i < RECORDS; i++) {
		if (!db_row_wanted(&records[i], table))
			continue;
		assert_int_equal(
			db_row_bind(stmt, table, records[i].end_ms << 20 | (int64_t)i, &records[i]),
			0);
		assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
		sqlite3_reset(stmt);
	}
	sqlite3_finalize(stmt);
}

/* Drops of flows, some of which have a record. */
static inline void insert_events(struct sqlite3 *db)
{
	static const struct db_event_words none;
	struct event_record event;
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_prepare_v2(db, db_event_insert, -1, &stmt, NULL), SQLITE_OK);
	for (size_t i = 0; i < 300; i++) {
		event = (struct event_record){.key = records[random_below(RECORDS)].key,
					      .iface = 1,
					      .what = EVENT_DROP,
					      .packets = 1 + random_below(9),
					      .end_ms = HOUR + (int64_t)random_below(SPAN)};
		event.start_ms = event.end_ms - 1000;
		assert_int_equal(db_event_bind(stmt, &event, &none, 0), 0);
		assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
		sqlite3_reset(stmt);
	}
	sqlite3_finalize(stmt);
}

/* Sums end before the records do. */
static inline const char *make_db(const char *name, size_t keep)
{
	static char path[96];
	struct db_error error = {""};
	struct sqlite3 *db;
	int lock;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (db_open_writer(path, false, &db, &lock, &error))
		fail_msg("%s", error.text);
	exec_sql(db, "BEGIN");
	exec_sql(
		db,
		"INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, ingress, egress, first_ms, last_ms) "
		"VALUES (1, 'eth0', 2, 1, 1, 1, 'tcx', 'tcx', 1, 2), "
		"(2, 'eth1', 3, 1, 2, 1, 'tcx', 'tcx', 1, NULL), "
		"(3, 'eth0', 9, 1, 3, 1, 'tcx', 'tcx', 1, NULL)");
	insert(db, DB_TABLE_FLOW);
	insert(db, DB_TABLE_TCP);
	insert(db, DB_TABLE_RTT);
	insert_events(db);
	talker_make(db, records, RECORDS, TALKER_MINUTE_MS, HOUR + SPAN - 7 * TALKER_MINUTE_MS,
		    keep);
	talker_make(db, records, RECORDS, TALKER_HOUR_MS, HOUR + SPAN - TALKER_HOUR_MS, keep);
	assert_int_equal(db_meta_set_int(db, "last_sweep", SWEEP), 0);
	assert_int_equal(db_meta_set_int(db, "commit", 1), 0);
	exec_sql(db, "COMMIT");
	db_close(db, lock);
	return path;
}

static inline int plan_setup(void **state)
{
	for (size_t i = 0; i < RECORDS; i++)
		small_record(&records[i]);
	for (size_t i = 0; i < LIVE; i++)
		small_record(&live[i]);
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static inline int plan_teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static inline struct query_options options(const char *path)
{
	return (struct query_options){.db = path, .until_ms = INT64_MAX, .dir = -1, .stored = true};
}

static inline void open_query(const struct query_options *opts, struct query *query)
{
	if (query_open(opts, query))
		fail_msg("%s", query->error);
}

static inline void read_plan(struct query *query, const struct plan_ask *ask, struct plan *plan)
{
	int err = plan_read(query, ask, plan);

	if (err)
		fail_msg("%s by %s: %d: %s", ask->kind->name, ask->by->name, err, query->error);
}

static inline uint64_t of_health(const struct group_health *health, int which)
{
	static const struct group_health none;

	if (!health)
		health = &none;
	return which == 0   ? health->retransmits
	       : which == 1 ? health->rtt_count
			    : health->rtt_sum_us;
}

static inline bool equal_sums(const struct group_sums *a, const struct group_sums *b, bool times)
{
	for (int i = 0; i < 3; i++) {
		if (of_health(a->health, i) != of_health(b->health, i))
			return false;
	}
	return a->flows == b->flows && a->packets == b->packets && a->bytes == b->bytes &&
	       a->ip_bytes == b->ip_bytes &&
	       (a->drops ? a->drops->packets : 0) == (b->drops ? b->drops->packets : 0) &&
	       (!times || (a->start_ms == b->start_ms && a->end_ms == b->end_ms));
}

static inline const struct group_entry *find(const struct plan *plan, const struct flow_key *key)
{
	for (size_t i = 0; i < plan->group.used; i++) {
		if (!memcmp(&plan->group.entry[i].key, key, sizeof(*key)))
			return &plan->group.entry[i];
	}
	return NULL;
}
