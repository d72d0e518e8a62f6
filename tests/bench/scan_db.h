/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scan_db.h: a database of a day's biflows for scan.c, the same each time, through flowd's own sink.
 *
 * Both ends of a conversation are drawn by Zipf's law (rank r as often as 1 / r): clients from 2^16,
 * servers from 2^20. One server in five is IPv6; seven of ten conversations are TCP, one in four UDP;
 * one in three has no answer. Packets of a direction: mostly few, up to some thousands.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/sink.h"
#include "schema/db.h"

#define SCAN_DB_START_MS 1700000000000
#define SCAN_DB_DAY_MS 86400000
#define SCAN_DB_BATCH 20000U

/* SplitMix64 (Steele, Lea and Flood, 2014). */
static inline uint64_t scan_db_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15U;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
	x = (x ^ x >> 27) * 0x94d049bb133111ebU;
	return x ^ x >> 31;
}

/* From 1 to 2^bits: each power of two is as likely as the next, and so is what is between two. */
static inline uint32_t scan_db_zipf(uint64_t *state, uint32_t bits)
{
	uint64_t x = scan_db_random(state);
	uint32_t power = (uint32_t)(x % bits);

	return (1U << power) + (uint32_t)(x >> 32 & ((1U << power) - 1));
}

static inline void scan_db_half(uint64_t *state, uint8_t proto, struct flow_half *half)
{
	uint64_t x = scan_db_random(state);

	half->packets = scan_db_zipf(state, 11);
	half->ip_bytes = half->packets * (40 + x % 1460);
	half->bytes = half->ip_bytes + half->packets * 14;
	half->tcp_flags = proto == 6 ? (uint8_t)(x >> 32 & 15 ? 0x1b : 0x16) : 0;
}

static inline void scan_db_addresses(uint64_t *state, struct flow_key *key)
{
	uint32_t client = scan_db_zipf(state, 16), server = scan_db_zipf(state, 20);
	const int v6 = server % 5 == 4, at = v6 ? 3 : 0;

	key->ethertype = v6 ? 0x86dd : 0x0800;
	if (v6)
		key->src[0] = key->dst[0] = htonl(0x20010db8);
	key->src[at] = htonl(0x0a000000 | client);
	key->dst[at] = htonl(0x50000000 | server * 2654435761U >> 4);
}

static inline void scan_db_record(uint64_t number, uint64_t count, struct flow_record *rec)
{
	static const uint16_t ports[] = {443, 443, 443, 443, 80, 80, 22, 25, 993, 8443};
	uint64_t state = number * 16, x = scan_db_random(&state);
	uint32_t kind = (uint32_t)(x % 100);

	memset(rec, 0, sizeof(*rec));
	rec->end_ms = SCAN_DB_START_MS +
		      (int64_t)(number * (SCAN_DB_DAY_MS / 1000) / count * 1000 + (x >> 54));
	rec->start_ms = rec->end_ms - (int64_t)(x >> 40) % 60000;
	rec->iface = 1;
	rec->end_reason = END_IDLE;
	rec->key.proto = kind < 70 ? 6 : kind < 95 ? 17 : 1;
	scan_db_addresses(&state, &rec->key);
	if (rec->key.proto == 1) {
		rec->key.proto = rec->key.ethertype == 0x0800 ? 1 : 58;
		rec->key.sport = htons(rec->key.proto == 1 ? 8 : 128);
	} else {
		rec->key.sport = htons((uint16_t)(32768 + (x >> 20 & 0x6fff)));
		rec->key.dport = htons(kind < 70 ? ports[x >> 36 & 7] : kind < 90 ? 53 : 443);
	}
	scan_db_half(&state, rec->key.proto, &rec->half[0]);
	rec->half[0].tcp_syn = rec->key.proto == 6;
	if (x >> 8 & 3)
		scan_db_half(&state, rec->key.proto, &rec->half[1]);
}

static inline void scan_db_die(const char *what, const char *text)
{
	fprintf(stderr, "scan: %s: %s\n", what, text);
	exit(1);
}

static inline void scan_db_fill(struct sink *sink, uint64_t count)
{
	struct sink_batch batch = {0};
	char text[SINK_ERROR_MAX] = "";

	for (uint64_t n = 0; n < count;) {
		sink_batch_reset(&batch);
		batch.sweep++;
		for (uint32_t i = 0; i < SCAN_DB_BATCH && n < count; i++, n++) {
			struct flow_record rec;

			scan_db_record(n, count, &rec);
			if (sink_batch_add_record(&batch, &rec))
				scan_db_die("batch", strerror(ENOMEM));
		}
		if (sink->ops->write(sink, &batch, text, sizeof(text)))
			scan_db_die("write", text);
	}
	sink_batch_free(&batch);
}

/* `count` records into a new database. */
static inline void scan_db_make(const char *path, uint64_t count)
{
	struct db_error error;
	struct sqlite3 *db;
	struct sink *sink;
	int lock_fd;

	if (db_open_writer(path, false, &db, &lock_fd, &error))
		scan_db_die("database", error.text);
	sink = sink_sqlite_new(db, lock_fd);
	if (!sink)
		scan_db_die("sink", strerror(ENOMEM));
	scan_db_fill(sink, count);
	sink->ops->free(sink);
}
