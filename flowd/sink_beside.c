/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_beside.c: see sink_beside.h. */
#include "flowd/sink_beside.h"

#include <sqlite3.h>

#include "flowd/sink_iface.h"
#include "schema/db.h"
#include "schema/db_event.h"

#define MS_TRIES 64 /* milliseconds tried for an event where all numbers are taken */

static int prepare(struct sqlite3 *db, const char *sql, sqlite3_stmt **stmt)
{
	if (*stmt)
		return SQLITE_OK;
	return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
}

int sink_beside_prepare(struct sink_beside *b, struct sqlite3 *db)
{
	int rc = prepare(db, sink_iface_sql, &b->iface);

	if (!rc)
		rc = prepare(db, db_socket_insert, &b->socket);
	if (!rc)
		rc = prepare(db, db_event_insert, &b->event);
	if (!rc)
		rc = prepare(db, db_counter_insert, &b->counter);
	if (!rc)
		rc = sink_sample_prepare(&b->sample, db);
	return rc ? rc : db_words_prepare(&b->words, db);
}

void sink_beside_free(struct sink_beside *b)
{
	sqlite3_finalize(b->iface);
	sqlite3_finalize(b->socket);
	sqlite3_finalize(b->event);
	sqlite3_finalize(b->counter);
	sink_sample_free(&b->sample);
	db_words_free(&b->words);
}

void sink_beside_forget(struct sink_beside *b)
{
	sink_sample_forget(&b->sample);
	db_words_forget(&b->words);
}

static int run(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sink_beside_socket(struct sink_beside *b, const struct flow_record *rec, int64_t id)
{
	const struct flow_socket *socket = &rec->socket;
	int64_t process;
	int rc;

	if (!socket->has)
		return SQLITE_OK;
	rc = db_words_id(&b->words, socket->process, sizeof(socket->process), &process);
	if (rc)
		return rc;
	return db_socket_bind(b->socket, id, socket, process) ? SQLITE_NOMEM : run(b->socket);
}

static int event_words(struct sink_beside *b, const struct event_record *event,
		       struct db_event_words *words)
{
	int rc = db_words_id(&b->words, event->device, sizeof(event->device), &words->device);

	if (!rc)
		rc = db_words_id(&b->words, event->reason, sizeof(event->reason), &words->reason);
	if (!rc)
		rc = db_words_id(&b->words, event->place, sizeof(event->place), &words->place);
	return rc;
}

static int add_event(struct sink_beside *b, const struct event_record *event)
{
	struct db_event_words words;
	int rc = event_words(b, event, &words);

	if (rc)
		return rc;
	rc = SQLITE_CONSTRAINT;
	for (int ms = 0; (rc & 0xff) == SQLITE_CONSTRAINT && ms < MS_TRIES; ms++)
		rc = db_event_bind(b->event, event, &words, ms) ? SQLITE_NOMEM : run(b->event);
	return rc;
}

static int add_counter(struct sink_beside *b, const struct counter_record *counter)
{
	int64_t source, name;
	int rc = db_words_id(&b->words, counter->source, sizeof(counter->source), &source);

	if (!rc)
		rc = db_words_id(&b->words, counter->name, sizeof(counter->name), &name);
	if (rc)
		return rc;
	return db_counter_bind(b->counter, counter, source, name) ? SQLITE_NOMEM : run(b->counter);
}

int sink_beside_write(struct sink_beside *b, const struct sink_batch *batch)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; !rc && i < batch->ifaces; i++)
		rc = sink_iface_write(b->iface, &batch->iface[i]);
	for (size_t i = 0; !rc && i < batch->events; i++)
		rc = add_event(b, &batch->event[i]);
	for (size_t i = 0; !rc && i < batch->counters; i++)
		rc = add_counter(b, &batch->counter[i]);
	return rc ? rc : sink_sample_write(&b->sample, &b->words, batch);
}
