/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ring.c: a BPF ring buffer's consumer side, with release apart from reading. */
#include "flowd/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int ring_open(int fd, size_t bytes, struct ring *ret_ring)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer, *producer;

	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	producer = mmap(NULL, page + 2 * bytes, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (producer == MAP_FAILED) {
		int err = -errno;

		munmap(consumer, page);
		return err;
	}
	*ret_ring = (struct ring){
		.fd = fd,
		.bytes = bytes,
		.consumer = consumer,
		.producer = producer,
		.data = (const char *)producer + page,
		.consumer_page = consumer,
		.producer_pages = producer,
	};
	ret_ring->read_pos = *ret_ring->consumer;
	return 0;
}

void ring_close(struct ring *ring)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (ring->consumer_page)
		munmap(ring->consumer_page, page);
	if (ring->producer_pages)
		munmap(ring->producer_pages, page + 2 * ring->bytes);
	memset(ring, 0, sizeof(*ring));
}

const void *ring_read(struct ring *ring, size_t *ret_size)
{
	uint64_t end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);

	while (ring->read_pos < end) {
		const char *record = ring->data + (ring->read_pos & (ring->bytes - 1));
		uint32_t head = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);
		size_t size = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (head & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		ring->read_pos += (size + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
		if (head & BPF_RINGBUF_DISCARD_BIT)
			continue;
		*ret_size = size;
		return record + BPF_RINGBUF_HDR_SZ;
	}
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
