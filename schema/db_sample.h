/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_sample.h: rows of table sample, sampled packets. Texts are in table word, see db_word.h. */
#pragma once

#include <stdint.h>

#include "sample_record.h"

#define DB_SAMPLE_VERSION 4 /* older databases have no such table */

struct sqlite3;
struct sqlite3_stmt;

/* word.id of what a sample names, 0: of nothing. */
struct db_sample_words {
	int64_t device;
	int64_t reason;
	int64_t place;
};

/*
 * The INSERT of one sample under the id given, its time in ns or the next that is free; it fails with
 * SQLITE_CONSTRAINT_PRIMARYKEY where that is taken. Key and frame must stay until the statement is
 * reset. 0 or -ENOMEM.
 */
extern const char db_sample_insert[];
int db_sample_bind(struct sqlite3_stmt *stmt, const struct sample_record *sample, int64_t id,
		   const struct db_sample_words *words);

/* What a sample with so many bytes of a frame takes in the file: by how many such rows its pages hold. */
int64_t db_sample_bytes(uint32_t captured);

/* What db_sample_read reads. The words are w_device, w_reason and w_place, "id" is sample.id. */
#define DB_SAMPLE_COLUMNS                                                                            \
	"sample.id AS id, iface, dir, ethertype, vlan, cvlan, marks, proto, src, dst, sport, "       \
	"dport, tunnel_kind, tunnel_id, link, length, packets, gso_size, rate, why, w_reason.text, " \
	"w_place.text, w_device.text, frame"
#define DB_SAMPLE_TABLES                                             \
	"sample LEFT JOIN word AS w_reason ON w_reason.id = reason " \
	"LEFT JOIN word AS w_place ON w_place.id = place "           \
	"LEFT JOIN word AS w_device ON w_device.id = device"

/*
 * The current row of a SELECT of these; its frame stays until the statement is stepped or reset.
 * 0, or -EPROTO where a value has the wrong type, or the frame is longer than it can be.
 */
int db_sample_read(struct sqlite3_stmt *stmt, struct sample_record *ret_sample);

/* Samples in the order of time, as they are read: nothing is kept but the current one. */
struct db_samples {
	struct sqlite3_stmt *stmt;
	int64_t id; /* of the one read last; to go on later, since_ns is one more */
};

/*
 * Those taken at since_ns or later and before until_ns (INT64_MAX: no end); of one interface by its
 * interface.id, or of all: 0. -ENODATA: the database is older than samples, flowd has to update it;
 * else 0 or -errno, for which sqlite3_errmsg() has the text. Close also after a failure.
 */
int db_samples_open(struct sqlite3 *db, int64_t since_ns, int64_t until_ns, uint32_t iface,
		    struct db_samples *ret_samples);
void db_samples_close(struct db_samples *samples);

/* 1: *ret_sample is the next; 0: the end; -EPROTO: a value of sample `id` is wrong; -errno. */
int db_samples_next(struct db_samples *samples, struct sample_record *ret_sample);
