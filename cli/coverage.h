/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* coverage.h: what the ledger says of the window and interfaces of a query. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct filter;
struct query;

struct coverage {
	int64_t first_ms, last_ms; /* start of the first and last minute that has a row; -1: none */
	uint64_t seen_packets, seen_bytes;
	uint64_t recorded_packets;
	uint64_t held_packets; /* as of the last minute */
	uint64_t short_packets, deep_packets, folded_packets, catchall_packets;
	int64_t since_ms; /* records before are gone, and the window begins there; 0: all are there */
	uint64_t unaccounted_packets; /* since the window began, of each interface and direction */
};

/* 0 or -errno with query->error. Minutes count whole where the window begins or ends in them. */
int coverage_read(struct query *query, struct coverage *ret_coverage);

/* One line. */
void coverage_print(const struct coverage *coverage, const struct query *query, FILE *file);

/* " on eth0, eth1 (ingress) in the minutes 2026-11-21 04:26 to 04:28". */
void coverage_print_scope(const struct coverage *coverage, const struct query *query, FILE *file);

/* part in total in hundredths of a percent, rounded down: 100.00 % is only all of it. */
uint64_t coverage_percent(uint64_t part, uint64_t total);
