/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ring.h: read a BPF ring buffer without giving the records back at once.
 *
 * libbpf's consumer releases each record as it is read; the books need records to stay until the
 * transaction that holds them is committed. So reading and releasing are two steps here. Positions
 * are bytes since the ring was made (kernel/bpf/ringbuf.c, Documentation/bpf/ringbuf.rst).
 *
 *   consumer_pos ---- released | read, not released ---- read_pos ---- to read ---- producer_pos
 *
 * The kernel fills a mapping of the ring with all its pages at once, so a whole ring would count as
 * flowd's resident memory, twice. It is looked at through a small window instead, moved as needed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	int fd;
	size_t bytes;
	unsigned long *consumer; /* page that both sides write */
	const unsigned long *producer;
	const char *window; /* NULL: none; may reach past the end, where the ring begins again */
	size_t window_start, window_size;
	uint64_t read_pos;
};

/* Map the ring; reading starts at what was released last. 0 or -errno. */
int ring_open(int fd, size_t bytes, struct ring *ret_ring);
void ring_close(struct ring *ring);

/* The next record and its size, or NULL. It is readable until the next call. */
const void *ring_read(struct ring *ring, size_t *ret_size);

/* Go on at `pos` where that is ahead of what was released (a predecessor committed up to there). */
void ring_skip(struct ring *ring, uint64_t pos);

/* Give all records before `pos` back to the producer. */
void ring_release(struct ring *ring, uint64_t pos);

/* Bytes that are not released. */
size_t ring_used(const struct ring *ring);
