/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* query_iface.h: the interfaces of a query's database. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct query;

#define QUERY_HOST_SIZE 72
#define QUERY_IFACE_SIZE 328 /* of a merged database HOST:NAME */

struct query_iface {
	uint32_t id;	   /* interface.id */
	uint32_t same;	   /* the lowest id with this name: one interface over its incarnations */
	uint32_t exporter; /* the lowest id of this host */
	bool selected;
	char host[QUERY_HOST_SIZE];  /* whose it is; empty: unknown */
	char name[QUERY_IFACE_SIZE]; /* a replay's is that of a file */
};

/* The database's interfaces again, for one that stays open. As query_open. */
int query_reload(struct query *query);

/* The database's interface, NULL: unknown to it. */
const struct query_iface *query_iface(const struct query *query, uint32_t id);
