/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_event.h: rows of tables event and counter. Texts are in table word, see db_word.h. */
#pragma once

#include <stdint.h>

#include "event_record.h"

struct sqlite3_stmt;

/* word.id of what an event names, 0: of nothing. */
struct db_event_words {
	int64_t device;
	int64_t reason;
	int64_t place;
};

/*
 * The INSERT of one event. It takes the next number that is free in the millisecond of end_ms + later_ms,
 * and fails with SQLITE_CONSTRAINT where all 2^20 are taken. 0 or -ENOMEM.
 */
extern const char db_event_insert[];
int db_event_bind(struct sqlite3_stmt *stmt, const struct event_record *event,
		  const struct db_event_words *words, int64_t later_ms);

/* What db_event_read reads. The words are w_device, w_reason and w_place, "id" is event.id. */
#define DB_EVENT_COLUMNS                                                                            \
	"event.id AS id, duration_ms, iface, dir, ethertype, vlan, cvlan, marks, proto, src, dst, " \
	"sport, dport, what, packets, bytes, skbs, folded, w_reason.text, w_place.text, "           \
	"w_device.text"
#define DB_EVENT_TABLES                                             \
	"event LEFT JOIN word AS w_reason ON w_reason.id = reason " \
	"LEFT JOIN word AS w_place ON w_place.id = place "          \
	"LEFT JOIN word AS w_device ON w_device.id = device"

/* The current row of a SELECT of these. 0, or -EPROTO where a value has the wrong type. */
int db_event_read(struct sqlite3_stmt *stmt, struct event_record *ret_event);

/* Adds to the row, where there is one; source and name are word.id. 0 or -ENOMEM. */
extern const char db_counter_insert[];
int db_counter_bind(struct sqlite3_stmt *stmt, const struct counter_record *counter, int64_t source,
		    int64_t name);

/* What db_counter_read reads; the words are w_source and w_name. */
#define DB_COUNTER_COLUMNS "minute_ms, iface, value, w_source.text, w_name.text"
#define DB_COUNTER_TABLES                                             \
	"counter LEFT JOIN word AS w_source ON w_source.id = source " \
	"LEFT JOIN word AS w_name ON w_name.id = name"

int db_counter_read(struct sqlite3_stmt *stmt, struct counter_record *ret_counter);
