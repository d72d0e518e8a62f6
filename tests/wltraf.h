/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wltraf.h: what the parts of wltraf share: its options, what was sent, and the modes that deal in
 * frames (wltraf_frames.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct options {
	const char *mode;
	const char *dst;
	const char *port;
	const char *iface;
	const char *pcap;
	const char *hex;
	unsigned long count;
	unsigned long size;
	unsigned long segments;
	unsigned long flows;
	unsigned long sport;
	unsigned long interval_ms;
	unsigned long hold_ms;
	bool reset;
};

struct sent {
	uint64_t packets;
	uint64_t bytes;
	int64_t start_ms;
	int64_t end_ms;
};

__attribute__((noreturn)) void die(const char *what, const char *object);
void wait_ms(unsigned long ms);

/* Add to what was sent; the first call sets the start, each the end. */
void count_sent(struct sent *sent, uint64_t packets, uint64_t bytes);

void run_raw(const struct options *opt, struct sent *sent);
void run_vectors(const struct options *opt, struct sent *sent);
void run_count(const struct options *opt, struct sent *sent);
