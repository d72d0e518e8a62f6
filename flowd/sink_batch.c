/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_batch.c: see sink_batch.h. */
#include "flowd/sink_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64
#define ROWS_KEPT 16384	   /* records' and samples' memory that a reset leaves after a burst */
#define BYTES_KEPT 1048576 /* of frames */

/* Room for `needed` items in an array that is doubled. -ENOMEM leaves it as it was. */
static int grow(void **array, size_t *capacity, size_t needed, size_t size)
{
	size_t room = *capacity ? *capacity : FIRST_ROOM;
	void *larger;

	if (needed <= *capacity)
		return 0;
	while (room < needed)
		room *= 2;
	larger = reallocarray(*array, room, size);
	if (!larger)
		return -ENOMEM;
	*array = larger;
	*capacity = room;
	return 0;
}

int sink_batch_reserve(struct sink_batch *batch, size_t records, size_t books)
{
	void *record = batch->record, *book = batch->book;
	int err = grow(&record, &batch->record_capacity, records, sizeof(*batch->record));

	if (!err)
		err = grow(&book, &batch->book_capacity, books, sizeof(*batch->book));
	batch->record = record;
	batch->book = book;
	return err;
}

int sink_batch_add_record(struct sink_batch *batch, const struct flow_record *rec)
{
	int err = sink_batch_reserve(batch, batch->records + 1, 0);

	if (!err)
		batch->record[batch->records++] = *rec;
	return err;
}

int sink_batch_add_book(struct sink_batch *batch, const struct sink_books *book)
{
	int err = sink_batch_reserve(batch, 0, batch->books + 1);

	if (!err)
		batch->book[batch->books++] = *book;
	return err;
}

int sink_batch_add_iface(struct sink_batch *batch, const struct sink_iface *iface)
{
	void *array = batch->iface;
	int err = grow(&array, &batch->iface_capacity, batch->ifaces + 1, sizeof(*iface));

	batch->iface = array;
	if (!err)
		batch->iface[batch->ifaces++] = *iface;
	return err;
}

int sink_batch_add_event(struct sink_batch *batch, const struct event_record *event)
{
	void *array = batch->event;
	int err = grow(&array, &batch->event_capacity, batch->events + 1, sizeof(*event));

	batch->event = array;
	if (!err)
		batch->event[batch->events++] = *event;
	return err;
}

int sink_batch_add_counter(struct sink_batch *batch, const struct counter_record *counter)
{
	void *array = batch->counter;
	int err = grow(&array, &batch->counter_capacity, batch->counters + 1, sizeof(*counter));

	batch->counter = array;
	if (!err)
		batch->counter[batch->counters++] = *counter;
	return err;
}

/* After the frames have moved. */
static void point_to_frames(struct sink_batch *batch)
{
	const uint8_t *at = batch->frame;

	for (size_t i = 0; i < batch->samples; i++) {
		batch->sample[i].frame = at;
		at += batch->sample[i].captured;
	}
}

static int add_frame(struct sink_batch *batch, const struct sample_record *sample)
{
	size_t capacity = batch->frame_capacity;
	void *bytes = batch->frame;
	int err = grow(&bytes, &batch->frame_capacity, batch->frame_bytes + sample->captured, 1);

	batch->frame = bytes;
	if (batch->frame_capacity != capacity)
		point_to_frames(batch);
	if (!err && sample->captured)
		memcpy(batch->frame + batch->frame_bytes, sample->frame, sample->captured);
	return err;
}

int sink_batch_add_sample(struct sink_batch *batch, const struct sample_record *sample)
{
	void *array = batch->sample;
	int err = grow(&array, &batch->sample_capacity, batch->samples + 1, sizeof(*sample));

	batch->sample = array;
	if (!err)
		err = add_frame(batch, sample);
	if (err)
		return err;
	batch->sample[batch->samples] = *sample;
	batch->sample[batch->samples++].frame = batch->frame + batch->frame_bytes;
	batch->frame_bytes += sample->captured;
	return 0;
}

/* Half of the memory of an array that did not need a quarter of it goes, so that a burst does not stay. */
static void shrink(void **array, size_t *capacity, size_t count, size_t size, size_t kept)
{
	size_t room = *capacity / 2;
	void *smaller;

	if (*capacity <= kept || count >= *capacity / 4)
		return;
	smaller = reallocarray(*array, room, size);
	if (!smaller)
		return;
	*array = smaller;
	*capacity = room;
}

void sink_batch_reset(struct sink_batch *batch)
{
	void *record = batch->record, *sample = batch->sample, *frame = batch->frame;

	shrink(&record, &batch->record_capacity, batch->records, sizeof(*batch->record), ROWS_KEPT);
	shrink(&sample, &batch->sample_capacity, batch->samples, sizeof(*batch->sample), ROWS_KEPT);
	shrink(&frame, &batch->frame_capacity, batch->frame_bytes, 1, BYTES_KEPT);
	batch->record = record;
	batch->sample = sample;
	batch->frame = frame;
	batch->generation = 0;
	batch->records = 0;
	batch->books = 0;
	batch->ifaces = 0;
	batch->events = 0;
	batch->event_generation = 0;
	batch->counters = 0;
	batch->counter_values = NULL;
	batch->moved_values = NULL;
	batch->samples = 0;
	batch->frame_bytes = 0;
}

void sink_batch_free(struct sink_batch *batch)
{
	free(batch->record);
	free(batch->book);
	free(batch->iface);
	free(batch->event);
	free(batch->counter);
	free(batch->sample);
	free(batch->frame);
	memset(batch, 0, sizeof(*batch));
}
