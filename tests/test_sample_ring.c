/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_sample_ring.c: samples from a ring, which is a file here, to the batch: what they say, that each
 * goes once, and that the ring has them until the batch is in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flowd/config_section.h"
#include "flowd/flowd.h"
#include "flowd/sample_change.h"
#include "flowd/samples.h"

#define RING_BYTES 65536
#define OFFSET_NS 1000000000000LL

/* The programs' end of the ring: its positions, and the data, twice in a row as the kernel maps it. */
struct world {
	struct flowd flowd;
	struct config config;
	struct flow_iface ifaces[FLOW_IFACE_CELLS];
	struct flow_control control;
	struct sample_conf conf[FLOW_IFACES];
	struct sample_filter filters[SAMPLE_FILTERS + 1];
	struct sample_count counts[2];
	unsigned long *consumer, *producer;
	uint8_t *data;
	size_t page;
	struct samples *samples;
	struct sink_batch batch;
};

static void *map_at(int fd, size_t size, size_t offset)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

static void open_ring(struct world *w)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);

	w->page = (size_t)sysconf(_SC_PAGESIZE);
	assert_int_equal(ftruncate(fd, (off_t)(2 * w->page + 2 * RING_BYTES)), 0);
	w->consumer = map_at(fd, w->page, 0);
	w->producer = map_at(fd, w->page, w->page);
	w->data = map_at(fd, 2 * RING_BYTES, 2 * w->page);
	w->flowd.maps.sample_fd = fd;
	w->flowd.maps.sample_bytes = RING_BYTES;
}

static void add_iface(struct world *w, const char *name, uint32_t ifindex, uint16_t ifnum,
		      bool bare)
{
	struct iface *iface = &w->flowd.iface[w->flowd.ifaces++];

	strcpy(iface->hook.name, name);
	iface->hook.ifindex = ifindex;
	iface->hook.ifnum = ifnum;
	iface->hook.no_link_layer = bare;
	w->flowd.sweep.iface[ifnum].id = 100U + ifnum;
	w->ifaces[ifindex] = (struct flow_iface){.ifindex = ifindex, .ifnum = ifnum};
}

static void open_samples(struct world *w, uint64_t committed)
{
	char error[SAMPLE_ERROR_MAX];

	assert_int_equal(samples_open(&w->flowd, committed, true, &w->samples, error), 0);
	assert_int_equal(samples_begin(w->samples, error), 0);
}

static struct world *make_world(bool in_kernel)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	open_ring(w);
	w->flowd.config = &w->config;
	w->config.sample.snaplen = SAMPLE_SNAPLEN;
	w->flowd.maps.ifaces = w->ifaces;
	w->flowd.maps.control = &w->control;
	w->flowd.maps.sample_conf = w->conf;
	w->flowd.maps.sample_filters = w->filters;
	w->flowd.maps.sample_counts = w->counts;
	w->flowd.maps.cpus = 2;
	w->flowd.maps.filters_in_kernel = in_kernel;
	w->flowd.sweep.offset.ns = OFFSET_NS;
	add_iface(w, "zz-eth0", 4001, 5, false); /* names that no device has */
	add_iface(w, "zz-tun0", 4002, 6, true);
	return w;
}

static void free_world(struct world *w)
{
	samples_free(w->samples);
	sink_batch_free(&w->batch);
	munmap(w->consumer, w->page);
	munmap(w->producer, w->page);
	munmap(w->data, 2 * RING_BYTES);
	close(w->flowd.maps.sample_fd);
	free(w);
}

/* A record of so many bytes, as bpf_ringbuf_output() leaves it. False: no room. */
static bool put_raw(struct world *w, const void *bytes, uint32_t size)
{
	size_t step = (size + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
	size_t at = *w->producer % RING_BYTES;

	if (*w->producer - *w->consumer + step > RING_BYTES)
		return false;
	memcpy(w->data + at, &size, sizeof(size));
	memcpy(w->data + at + BPF_RINGBUF_HDR_SZ, bytes, size);
	if (at + step > RING_BYTES) /* what ran over the end is the beginning */
		memcpy(w->data, w->data + RING_BYTES, at + step - RING_BYTES);
	else
		memcpy(w->data + RING_BYTES + at, w->data + at, step);
	*w->producer += step;
	return true;
}

/* The number of the sample is its time, and in its bytes. */
static bool put(struct world *w, uint16_t ifnum, uint32_t number, uint32_t captured)
{
	struct {
		struct sample_head head;
		uint8_t frame[SAMPLE_SNAPLEN_MAX];
	} record = {.head = {.time_ns = number,
			     .key = {.ifnum = ifnum, .dir = 1},
			     .length = captured + 7,
			     .captured = captured,
			     .packets = 1,
			     .rate = 10,
			     .why = SAMPLE_RATE}};

	memset(record.frame, (int)number, captured);
	return put_raw(w, &record, (uint32_t)(sizeof(record.head) + captured));
}

static void test_record(void **state)
{
	struct world *w = make_world(true);
	const struct sample_record *rec;

	(void)state;
	open_samples(w, 0);
	assert_true(put(w, 5, 7, 100) && put(w, 6, 8, 64) && put(w, 77, 9, 64));
	samples_fill(w->samples, &w->batch);
	assert_int_equal(w->batch.samples, 3);
	rec = w->batch.sample;
	assert_true(rec->time_ns == OFFSET_NS + 7);
	assert_int_equal(rec->iface, 105);
	assert_int_equal(rec->link, SAMPLE_LINK_ETHERNET);
	assert_string_equal(rec->device, "zz-eth0");
	assert_true(rec->captured == 100 && rec->length == 107 && rec->rate == 10);
	assert_true(rec->why == SAMPLE_RATE && rec->key.dir == 1);
	assert_true(rec->frame[0] == 7 && rec->frame[99] == 7);
	assert_string_equal(rec->reason, "");
	assert_int_equal(rec[1].link, SAMPLE_LINK_IP);
	assert_string_equal(rec[1].device, "zz-tun0");
	assert_true(rec[2].iface == 0 && !rec[2].device[0]); /* of a predecessor, gone */
	assert_int_equal(rec[2].link, SAMPLE_LINK_ETHERNET);
	free_world(w);
}

/* Dropped on a device that is counted, and on one that is not. */
static void test_drop(void **state)
{
	struct sample_head head = {.key = {.dir = 0},
				   .why = SAMPLE_DROP | SAMPLE_BARE,
				   .ifindex = 4001,
				   .reason = 0x20003,
				   .place = 0};
	struct world *w = make_world(true);

	(void)state;
	open_samples(w, 0);
	assert_true(put_raw(w, &head, sizeof(head)));
	head.ifindex = 0;
	head.why = SAMPLE_DROP;
	assert_true(put_raw(w, &head, sizeof(head)));
	samples_fill(w->samples, &w->batch);
	assert_int_equal(w->batch.samples, 2);
	assert_int_equal(w->batch.sample[0].why, SAMPLE_DROP);
	assert_int_equal(w->batch.sample[0].iface, 105);
	assert_int_equal(w->batch.sample[0].link, SAMPLE_LINK_IP);
	assert_string_equal(w->batch.sample[0].device, "zz-eth0");
	assert_string_equal(w->batch.sample[0].reason, "2:3");
	assert_string_equal(w->batch.sample[0].place, "");
	assert_int_equal(w->batch.sample[1].iface, 0);
	assert_int_equal(w->batch.sample[1].link, SAMPLE_LINK_ETHERNET);
	assert_string_equal(w->batch.sample[1].device, "");
	free_world(w);
}

/* Released when the batch is in, and not before; who comes after a kill goes on behind it. */
static void test_once(void **state)
{
	struct world *w = make_world(true);
	uint64_t first;

	(void)state;
	open_samples(w, 0);
	assert_true(put(w, 5, 1, 100) && put(w, 5, 2, 100));
	samples_fill(w->samples, &w->batch);
	first = w->batch.sample_pos;
	assert_int_equal(first, *w->producer);
	assert_int_equal(*w->consumer, 0);
	assert_int_equal(w->samples->stats.stored, 0);
	assert_true(put(w, 5, 3, 100)); /* while it is in flight */
	samples_free(w->samples);	/* killed, the batch was not in */
	sink_batch_reset(&w->batch);
	open_samples(w, 0);
	samples_fill(w->samples, &w->batch);
	assert_int_equal(w->batch.samples, 3);
	samples_free(w->samples); /* killed, but the first batch was in */
	sink_batch_reset(&w->batch);
	open_samples(w, first);
	assert_int_equal(*w->consumer, first);
	samples_fill(w->samples, &w->batch);
	assert_int_equal(w->batch.samples, 1);
	assert_true(w->batch.sample[0].time_ns == OFFSET_NS + 3);
	samples_settle(w->samples);
	assert_int_equal(*w->consumer, *w->producer);
	assert_int_equal(w->samples->stats.stored, 1);
	assert_int_equal(w->samples->stats.stored_bytes, 100);
	assert_int_equal(w->samples->stored[5], 1);
	sink_batch_reset(&w->batch);
	samples_fill(w->samples, &w->batch);
	assert_int_equal(w->batch.samples, 0);
	assert_int_equal(w->batch.sample_pos, *w->producer);
	free_world(w);
}

/* Round and round, with any size: all of them, in order, once; what found no room never was. */
static void test_wrap(void **state)
{
	struct world *w = make_world(true);
	uint32_t put_in = 0, taken = 0, full = 0;

	(void)state;
	open_samples(w, 0);
	for (uint32_t i = 0; i < 20000; i++) {
		if (put(w, 5, put_in, (i * 37) % 2000))
			put_in++;
		else
			full++;
		if (i % 61)
			continue;
		sink_batch_reset(&w->batch);
		samples_fill(w->samples, &w->batch);
		for (size_t n = 0; n < w->batch.samples; n++) {
			const struct sample_record *rec = &w->batch.sample[n];

			assert_true(rec->time_ns == OFFSET_NS + taken);
			if (rec->captured)
				assert_int_equal(rec->frame[rec->captured - 1], taken & 255);
			taken++;
		}
		samples_settle(w->samples);
	}
	assert_true(full > 0 && taken > 10000);
	assert_int_equal(w->samples->stats.stored, taken);
	free_world(w);
}

/* A record that is none is counted, and no hindrance. */
static void test_bad(void **state)
{
	struct sample_head head = {.key = {.ifnum = 5}, .captured = 1};
	struct world *w = make_world(true);

	(void)state;
	open_samples(w, 0);
	assert_true(put_raw(w, &head, sizeof(head)));	  /* a byte that is not there */
	assert_true(put_raw(w, &head, sizeof(head) - 8)); /* half a head */
	head.captured = 0;
	head.key.ifnum = FLOW_IFACES;
	assert_true(put_raw(w, &head, sizeof(head)));
	assert_true(put(w, 5, 1, 64));
	samples_fill(w->samples, &w->batch);
	assert_int_equal(w->batch.samples, 1);
	assert_int_equal(w->samples->stats.bad, 3);
	free_world(w);
}

/* Where the kernel cannot ask the filter: and what it lets go does not stay in the ring. */
static void test_filter_here(void **state)
{
	uint8_t udp[sizeof(struct sample_head) + 42] = {0};
	struct sample_head *head = (struct sample_head *)(void *)udp;
	struct world *w = make_world(false);

	(void)state;
	strcpy(w->config.sample.filter, "udp");
	head->key.ifnum = 5;
	head->captured = head->length = 42;
	udp[sizeof(*head) + 12] = 8;
	udp[sizeof(*head) + 14] = 0x45;
	udp[sizeof(*head) + 23] = 6;
	open_samples(w, 0);
	assert_int_equal(w->conf[5].filter, 0);
	assert_true(put_raw(w, udp, sizeof(udp)));
	samples_fill(w->samples, &w->batch);
	assert_int_equal(w->batch.samples, 0);
	assert_int_equal(w->samples->stats.filtered, 1);
	assert_int_equal(*w->consumer, *w->producer);
	assert_true(put_raw(w, udp, sizeof(udp)));
	udp[sizeof(*head) + 23] = 17;
	assert_true(put_raw(w, udp, sizeof(udp)));
	samples_fill(w->samples, &w->batch);
	assert_int_equal(w->batch.samples, 1);
	assert_int_equal(w->samples->stats.filtered, 2);
	assert_int_equal(*w->consumer, sizeof(udp) + BPF_RINGBUF_HDR_SZ + 6);
	free_world(w);
}

/* An interface with a section of its own, and one that is as all. */
static void test_sections(void **state)
{
	struct world *w = make_world(true);
	char error[CONFIG_ERROR_MAX];

	(void)state;
	w->config.sample.rate = 10;
	w->config.sample.first = 3;
	assert_int_equal(config_section_set(&w->config, "zz-tun0", "sample", "off", error), 0);
	assert_int_equal(config_section_set(&w->config, "zz-tun0", "sample.filter", "udp", error),
			 0);
	assert_int_equal(config_section_set(&w->config, "zz-none", "sample", "1/2", error), 0);
	open_samples(w, 0);
	assert_true(w->conf[5].rate == 10 && w->conf[5].first == 3 && !w->conf[5].filter);
	assert_true(!w->conf[6].rate && w->conf[6].first == 3 && w->conf[6].filter);
	free_world(w);
}

/* At the end: what was there when it began, and no more. */
static void test_left(void **state)
{
	struct world *w = make_world(true);

	(void)state;
	open_samples(w, 0);
	assert_true(put(w, 5, 1, 64));
	assert_true(samples_left(w->samples));
	assert_true(put(w, 5, 2, 64));
	samples_fill(w->samples, &w->batch);
	samples_settle(w->samples);
	assert_true(put(w, 5, 3, 64));
	assert_false(samples_left(w->samples));
	assert_false(samples_left(NULL));
	free_world(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),	 cmocka_unit_test(test_drop),
		cmocka_unit_test(test_once),	 cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_bad),	 cmocka_unit_test(test_filter_here),
		cmocka_unit_test(test_sections), cmocka_unit_test(test_left),
	};

	return cmocka_run_group_tests_name("sample_ring", tests, NULL, NULL);
}
