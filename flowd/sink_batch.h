/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_batch.h: what a sink is handed at once, and its memory, which grows and is used again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/fields.h"
#include "schema/flow.h"
#include "schema/sample_record.h"

/* What happened on one interface and direction since the last batch, and how it stands now. */
struct sink_books {
	uint32_t iface; /* interface.id */
	uint32_t dir;
	int64_t minute_ms;			/* of the ledger row that the increments go to */
	struct flow_count seen;			/* increments */
	struct flow_count recorded;		/* increments: of this batch's records */
	struct flow_count verdict[VERDICT_MAX]; /* increments */
	struct flow_count held;			/* as of now */
	int64_t unaccounted_packets;		/* as of now */
	int64_t unaccounted_bytes;
	bool has_nic;	       /* the NIC's own counters are known, and the next three set */
	struct flow_count nic; /* increments while `seen` was; may be negative, see nic.h */
	struct flow_count nic_now, nic_seen; /* NIC's and hook's counter, as of one moment */
};

/* A row of table interface, new or changed: an incarnation of an interface. */
struct sink_iface {
	uint32_t id; /* interface.id */
	uint32_t ifindex;
	uint64_t netns;
	uint64_t generation; /* of the maps */
	int32_t ifnum;	     /* negative: it was that number, which another may have by now */
	char name[16];
	char mode[2][32]; /* ingress, egress; empty: it is not counted */
	int64_t first_ms;
	int64_t last_ms; /* 0: it is counted now */
};

/* One sweep's harvest; written in one transaction with its number. */
struct sink_batch {
	uint64_t sweep;	     /* meta.last_sweep */
	uint64_t ring_pos;   /* meta.ring_pos */
	uint64_t generation; /* meta.generation: other maps' from now on; 0: as it is */
	struct flow_record *record;
	size_t records;
	size_t record_capacity;
	struct sink_books *book;
	size_t books;
	size_t book_capacity;
	struct sink_iface *iface;
	size_t ifaces;
	size_t iface_capacity;
	struct event_record *event; /* rows for table event */
	size_t events;
	size_t event_capacity;
	uint64_t event_generation; /* meta.event_generation: drained with this batch; 0: none was */
	struct counter_record *counter; /* gains, to be added to rows of table counter */
	size_t counters;
	size_t counter_capacity;
	const char *counter_values;   /* meta.counters, NULL: as it is; the giver's memory */
	const char *moved_values;     /* meta.moved, the same way */
	struct sample_record *sample; /* rows for table sample */
	size_t samples;
	size_t sample_capacity;
	uint8_t *frame; /* all bytes of the samples' frames, in the order of these */
	size_t frame_bytes;
	size_t frame_capacity;
	uint64_t sample_pos; /* meta.sample_pos, always written */
};

/* Batch memory. -ENOMEM leaves it as it was. Reserve: so many in all can be added without more of it. */
int sink_batch_reserve(struct sink_batch *batch, size_t records, size_t books);
int sink_batch_add_record(struct sink_batch *batch, const struct flow_record *rec);
int sink_batch_add_book(struct sink_batch *batch, const struct sink_books *book);
int sink_batch_add_iface(struct sink_batch *batch, const struct sink_iface *iface);
int sink_batch_add_event(struct sink_batch *batch, const struct event_record *event);
int sink_batch_add_counter(struct sink_batch *batch, const struct counter_record *counter);

/* The frame is copied; where earlier ones are changes with it, so that nobody keeps their addresses. */
int sink_batch_add_sample(struct sink_batch *batch, const struct sample_record *sample);

/* Empty, but for the numbers (sweep, ring_pos, sample_pos). */
void sink_batch_reset(struct sink_batch *batch);
void sink_batch_free(struct sink_batch *batch);
