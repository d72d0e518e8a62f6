/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_sample.c: see sink_sample.h. */
#include "flowd/sink_sample.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>

#include "flowd/clock.h"
#include "schema/db_sample.h"

#define STEP 2048    /* rows dropped by a batch, beside as many as it brought */
#define UNKNOWN (-1) /* bytes: to be counted */
#define NS_PER_MS 1000000
#define DAY_NS 86400000000000

static const char *const rows_sql[SINK_SAMPLE_ENDS] = {
	[SINK_SAMPLE_OLDEST] = "SELECT id, length(frame) FROM sample ORDER BY id",
	[SINK_SAMPLE_FUTURE] = "SELECT id, length(frame) FROM sample ORDER BY id DESC",
};

static const char *const drop_sql[SINK_SAMPLE_ENDS] = {
	[SINK_SAMPLE_OLDEST] = "DELETE FROM sample WHERE id <= ?1",
	[SINK_SAMPLE_FUTURE] = "DELETE FROM sample WHERE id >= ?1",
};

static int prepare(struct sqlite3 *db, const char *sql, sqlite3_stmt **stmt)
{
	if (*stmt)
		return SQLITE_OK;
	return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
}

int sink_sample_prepare(struct sink_sample *s, struct sqlite3 *db)
{
	int rc = prepare(db, db_sample_insert, &s->insert);

	for (int end = 0; !rc && end < SINK_SAMPLE_ENDS; end++) {
		rc = prepare(db, rows_sql[end], &s->rows[end]);
		if (!rc)
			rc = prepare(db, drop_sql[end], &s->drop[end]);
	}
	if (!rc)
		rc = prepare(db, "SELECT value FROM meta WHERE key = 'sample_bytes'",
			     &s->get_bytes);
	if (!rc)
		rc = prepare(db,
			     "INSERT OR REPLACE INTO meta (key, value) VALUES ('sample_bytes', ?1)",
			     &s->set_bytes);
	return rc;
}

void sink_sample_free(struct sink_sample *s)
{
	sqlite3_finalize(s->insert);
	for (int end = 0; end < SINK_SAMPLE_ENDS; end++) {
		sqlite3_finalize(s->rows[end]);
		sqlite3_finalize(s->drop[end]);
	}
	sqlite3_finalize(s->get_bytes);
	sqlite3_finalize(s->set_bytes);
	free(s->order);
}

void sink_sample_forget(struct sink_sample *s)
{
	s->taken_from = s->free_from = 0;
}

static int run(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run_with(sqlite3_stmt *stmt, int64_t value)
{
	int rc = sqlite3_bind_int64(stmt, 1, value);

	return rc ? rc : run(stmt);
}

/* --- in ------------------------------------------------------------------------------------------- */

static int compare_time(const void *a, const void *b, void *arg)
{
	const struct sample_record *sample = arg;
	const uint32_t *x = a, *y = b;

	if (sample[*x].time_ns != sample[*y].time_ns)
		return sample[*x].time_ns < sample[*y].time_ns ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

/*
 * The order in which a table takes them best, which is by id. Without memory for it, they go in as they
 * come: it is for speed and size only.
 */
static const uint32_t *sort_samples(struct sink_sample *s, const struct sink_batch *batch)
{
	bool sorted = true;

	for (size_t i = 1; sorted && i < batch->samples; i++)
		sorted = batch->sample[i - 1].time_ns <= batch->sample[i].time_ns;
	if (sorted)
		return NULL;
	if (batch->samples > s->order_room) {
		uint32_t *order = reallocarray(s->order, batch->samples, sizeof(*order));

		if (!order)
			return NULL;
		s->order = order;
		s->order_room = batch->samples;
	}
	for (size_t i = 0; i < batch->samples; i++)
		s->order[i] = (uint32_t)i;
	qsort_r(s->order, batch->samples, sizeof(*s->order), compare_time, batch->sample);
	return s->order;
}

/* A text's place has room for its NUL, without which nobody could read it. */
static int sample_words(struct db_words *words, const struct sample_record *sample,
			struct db_sample_words *ret)
{
	int rc = db_words_id(words, sample->device, sizeof(sample->device) - 1, &ret->device);

	if (!rc)
		rc = db_words_id(words, sample->reason, sizeof(sample->reason) - 1, &ret->reason);
	if (!rc)
		rc = db_words_id(words, sample->place, sizeof(sample->place) - 1, &ret->place);
	return rc;
}

/* Under its time, or the next id that is free: a run of those that are taken is gone through once. */
static int insert_sample(struct sink_sample *s, struct db_words *words,
			 const struct sample_record *sample)
{
	bool known = sample->time_ns >= s->taken_from && sample->time_ns < s->free_from;
	int64_t id = known ? s->free_from : sample->time_ns;
	struct db_sample_words ids;
	int rc = sample_words(words, sample, &ids);

	if (rc)
		return rc;
	do
		rc = db_sample_bind(s->insert, sample, id++, &ids) ? SQLITE_NOMEM : run(s->insert);
	while (rc == SQLITE_CONSTRAINT_PRIMARYKEY && id < INT64_MAX);
	if (!known)
		s->taken_from = sample->time_ns;
	s->free_from = id;
	return rc;
}

static int insert_samples(struct sink_sample *s, struct db_words *words,
			  const struct sink_batch *batch)
{
	const uint32_t *order = sort_samples(s, batch);
	int rc = SQLITE_OK;

	for (size_t i = 0; !rc && i < batch->samples; i++)
		rc = insert_sample(s, words, &batch->sample[order ? order[i] : i]);
	return rc;
}

static int64_t bytes_of(const struct sink_batch *batch)
{
	int64_t bytes = 0;

	for (size_t i = 0; i < batch->samples; i++)
		bytes += db_sample_bytes(batch->sample[i].captured);
	return bytes;
}

/* --- out ------------------------------------------------------------------------------------------ */

/* What a batch drops. */
struct step {
	int64_t over; /* bytes that are to go for the size's sake */
	size_t rows_enough;
	int64_t bytes_enough;
	size_t rows; /* dropped so far */
	int64_t bytes;
	bool all; /* rows that there are */
};

/* Step to the next row. SQLITE_ROW, SQLITE_DONE or an error. */
static int next_row(sqlite3_stmt *rows, int64_t *ret_id, int64_t *ret_bytes)
{
	int rc = sqlite3_step(rows);

	if (rc != SQLITE_ROW)
		return rc;
	*ret_id = sqlite3_column_int64(rows, 0);
	*ret_bytes = db_sample_bytes((uint32_t)sqlite3_column_int64(rows, 1));
	return rc;
}

/* Those older than `time`, or, for the size's sake alone, later. */
static int drop_from(struct sink_sample *s, enum sink_sample_end end, int64_t time,
		     struct step *step)
{
	size_t before = step->rows;
	int64_t id, bytes, last = 0;
	int rc;

	while ((rc = next_row(s->rows[end], &id, &bytes)) == SQLITE_ROW) {
		bool over = step->bytes < step->over;

		if (end == SINK_SAMPLE_FUTURE ? !over || id <= time : !over && id >= time)
			break;
		if (step->rows >= step->rows_enough && step->bytes >= step->bytes_enough)
			break;
		step->rows++;
		step->bytes += bytes;
		last = id;
	}
	sqlite3_reset(s->rows[end]);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return rc;
	step->all = rc == SQLITE_DONE;
	return step->rows > before ? run_with(s->drop[end], last) : SQLITE_OK;
}

/*
 * Of the rows that take `held` bytes, to make room for the `added` ones of the batch. A clock that was
 * wrong for a while may have left some of a time that is far: they would be the last to go.
 */
static int drop_rows(struct sink_sample *s, const struct sink_batch *batch, int64_t added,
		     int64_t *held)
{
	struct step step = {.over = s->size_bytes ? *held + added - s->size_bytes : 0,
			    .rows_enough = STEP + batch->samples,
			    .bytes_enough = added};
	int64_t now = clock_wall().ms * NS_PER_MS;
	int rc = drop_from(s, SINK_SAMPLE_FUTURE, now + DAY_NS, &step);

	if (!rc)
		rc = drop_from(s, SINK_SAMPLE_OLDEST, s->age_ns ? now - s->age_ns : INT64_MIN,
			       &step);
	*held = step.all ? 0 : *held - step.bytes;
	return rc;
}

/* What all rows take, where meta does not say. */
static int count_bytes(struct sink_sample *s, int64_t *ret_bytes)
{
	int64_t id, bytes;
	int rc;

	*ret_bytes = 0;
	while ((rc = next_row(s->rows[SINK_SAMPLE_OLDEST], &id, &bytes)) == SQLITE_ROW)
		*ret_bytes += bytes;
	sqlite3_reset(s->rows[SINK_SAMPLE_OLDEST]);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* What meta says, or UNKNOWN. */
static int read_bytes(struct sink_sample *s, int64_t *ret_bytes)
{
	int rc = sqlite3_step(s->get_bytes);
	bool known = rc == SQLITE_ROW && sqlite3_column_type(s->get_bytes, 0) == SQLITE_INTEGER;

	*ret_bytes = known ? sqlite3_column_int64(s->get_bytes, 0) : UNKNOWN;
	if (*ret_bytes < 0)
		*ret_bytes = UNKNOWN;
	sqlite3_reset(s->get_bytes);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Old ones first, so that new ones find their pages free. */
int sink_sample_write(struct sink_sample *s, struct db_words *words, const struct sink_batch *batch)
{
	bool limited = s->age_ns || s->size_bytes;
	int64_t stored, held, added = bytes_of(batch);
	int rc;

	if (!batch->samples && !limited)
		return SQLITE_OK;
	rc = read_bytes(s, &stored);
	held = stored;
	if (!rc && stored == UNKNOWN)
		rc = count_bytes(s, &held);
	if (!rc && limited)
		rc = drop_rows(s, batch, added, &held);
	if (!rc)
		rc = insert_samples(s, words, batch);
	/* less than nothing: a hand has put rows there, or taken some; they are counted next time */
	held = held < 0 ? UNKNOWN : held + added;
	return rc || held == stored ? rc : run_with(s->set_bytes, held);
}
