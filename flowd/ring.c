/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ring.c: a BPF ring buffer's consumer side, with release apart from reading. */
#include "flowd/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WINDOW_BYTES (1024 * 1024)

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int ring_open(int fd, size_t bytes, struct ring *ret_ring)
{
	size_t page = page_size();
	void *consumer, *producer;

	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	producer = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (producer == MAP_FAILED) {
		int err = -errno;

		munmap(consumer, page);
		return err;
	}
	*ret_ring =
		(struct ring){.fd = fd, .bytes = bytes, .consumer = consumer, .producer = producer};
	ret_ring->read_pos = *ret_ring->consumer;
	return 0;
}

static void window_close(struct ring *ring)
{
	if (ring->window)
		munmap((void *)ring->window, ring->window_size);
	ring->window = NULL;
}

void ring_close(struct ring *ring)
{
	window_close(ring);
	if (ring->consumer)
		munmap(ring->consumer, page_size());
	if (ring->producer)
		munmap((void *)ring->producer, page_size());
	memset(ring, 0, sizeof(*ring));
}

/* `size` bytes of the ring at position `pos`, or NULL. The kernel has the data twice in a row. */
static const char *look(struct ring *ring, uint64_t pos, size_t size)
{
	size_t page = page_size(), at = pos & (ring->bytes - 1), start = at & ~(page - 1), length;
	void *window;

	if (ring->window && at >= ring->window_start &&
	    at + size <= ring->window_start + ring->window_size)
		return ring->window + (at - ring->window_start);
	window_close(ring);
	length = (at - start + size + page - 1) & ~(page - 1);
	if (length < WINDOW_BYTES)
		length = WINDOW_BYTES;
	if (length > 2 * ring->bytes - start)
		length = 2 * ring->bytes - start;
	window = mmap(NULL, length, PROT_READ, MAP_SHARED, ring->fd, (off_t)(2 * page + start));
	if (window == MAP_FAILED)
		return NULL;
	ring->window = window;
	ring->window_start = start;
	ring->window_size = length;
	return ring->window + (at - start);
}

const void *ring_read(struct ring *ring, size_t *ret_size)
{
	uint64_t end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);

	while (ring->read_pos < end) {
		const char *record = look(ring, ring->read_pos, BPF_RINGBUF_HDR_SZ);
		uint32_t head;
		size_t size;

		if (!record)
			return NULL;
		head = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);
		if (head & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		size = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		record = look(ring, ring->read_pos, BPF_RINGBUF_HDR_SZ + size);
		if (!record)
			return NULL;
		ring->read_pos += (size + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
		if (head & BPF_RINGBUF_DISCARD_BIT)
			continue;
		*ret_size = size;
		return record + BPF_RINGBUF_HDR_SZ;
	}
	window_close(ring);
	return NULL;
}

void ring_skip(struct ring *ring, uint64_t pos)
{
	if (pos > ring->read_pos && pos <= __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE)) {
		ring->read_pos = pos;
		ring_release(ring, pos);
	}
}

void ring_release(struct ring *ring, uint64_t pos)
{
	if (pos > *ring->consumer)
		__atomic_store_n(ring->consumer, pos, __ATOMIC_RELEASE);
}

size_t ring_used(const struct ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - *ring->consumer;
}
