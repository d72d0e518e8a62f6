/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_names.h: what a sample's numbers stand for: the interface's name and link, and of drops reason
 * and place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/sample_record.h"

struct flowd;
struct sample_names;
struct sink_batch;

/* Of all interfaces that the maps know. Before privileges drop (places). NULL: no memory. */
struct sample_names *sample_names_open(const struct flowd *flowd);
void sample_names_free(struct sample_names *names);

/* An interface that is counted from now on; link: SAMPLE_LINK_ETHERNET or SAMPLE_LINK_IP. */
void sample_names_set_iface(struct sample_names *names, uint32_t ifnum, const char *name,
			    uint32_t link);

/* The interface's id, name and link, and the drop's reason. */
void sample_names_set(struct sample_names *names, const struct sample_head *head,
		      struct sample_record *rec);

/* The drop's place is the sample's of that number in the batch: named with the others by _learn. */
void sample_names_note_place(struct sample_names *names, uint64_t place, size_t number);
void sample_names_learn(struct sample_names *names, struct sink_batch *batch);
