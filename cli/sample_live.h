/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_live.h: what flowd samples by now, and what it has lost: request `sample` of schema/control.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct query;

struct sample_live_iface {
	char name[256];
	char *filter;	   /* NULL: none, or not to be told where addresses are anonymized */
	char *description; /* "rate 1/1000, first 3, ..."; NULL: no memory */
	uint32_t snaplen;
	uint32_t link; /* LINKTYPE_ */
};

/* All 0: flowd does not run, writes to another database, or does not know the request. */
struct sample_live {
	bool known;
	uint64_t lost; /* of all interfaces, since the maps were made */
	struct sample_live_iface *iface;
	uint32_t ifaces;
};

/* Never fails: what is not known is left out. */
void sample_live_ask(const struct query *query, struct sample_live *ret_live);
void sample_live_free(struct sample_live *live);

/* NULL: not known. */
const struct sample_live_iface *sample_live_find(const struct sample_live *live, const char *name);

/* Greatest snaplen, 0: not known. */
uint32_t sample_live_snaplen(const struct sample_live *live);
