/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * counter_sample.h: counters of the kernel beside the packets' path, as they stand at a moment.
 *
 *   link     rtnl stats64: errors and drops, each sweep; packets and bytes go into `nic`
 *   ethtool  the driver's own, those whose names speak of trouble        \ every few
 *   qdisc    drops, overlimits, requeues of each queue of the interface  / sweeps
 *   softnet  each CPU's backlog: of the host, under interface number 0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowd/nic.h"
#include "schema/flow.h"

#define COUNTER_NAME_MAX 48 /* as in struct counter_record */

enum counter_source {
	COUNTER_LINK,
	COUNTER_ETHTOOL,
	COUNTER_QDISC,
	COUNTER_SOFTNET,
	COUNTER_SOURCES,
};

extern const char *const counter_sources[COUNTER_SOURCES];

struct counter_value {
	uint64_t value;
	uint32_t hash;	 /* of the name, which is looked for often */
	uint16_t ifnum;	 /* 0: of the host */
	uint16_t source; /* enum counter_source */
	char name[COUNTER_NAME_MAX];
};

struct counter_nic {
	uint32_t ifnum;
	struct nic_reading dir[2];
};

/* Whose counters are asked for. */
struct counter_target {
	uint32_t ifindex;
	uint32_t ifnum;
};

struct counter_sample {
	struct counter_target target[FLOW_IFACES];
	size_t targets;
	bool deep; /* ethtool and qdisc, too */
	struct counter_value *value;
	size_t values, capacity;
	struct counter_nic nic[FLOW_IFACES];
	size_t nics;
	uint32_t done; /* 1 << source: all of it could be read */
	uint32_t
		failed; /* requests that the kernel refused, and values for which there was no memory */
	uint64_t cpu_ns; /* what it took */
};

uint32_t counter_hash(const char *name);

/*
 * Add a value; one of the same interface, source and name is added to. Blanks around the name are
 * left out, what is no printable ASCII becomes '?', what is too long is cut.
 */
void counter_sample_add(struct counter_sample *sample, uint32_t ifnum, enum counter_source source,
			const char *name, uint64_t value);

/* Empty it; the memory stays. */
void counter_sample_reset(struct counter_sample *sample);
void counter_sample_free(struct counter_sample *sample);
