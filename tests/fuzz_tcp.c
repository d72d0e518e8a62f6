// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuzz_tcp.c: libFuzzer target: segments of a connection, both ways, GSO packets among them, through
 * tcp.h and through tcp_model.h; any count that differs aborts.
 *
 *   build/fuzz/fuzz_tcp -max_total_time=60 -max_len=1024 build/fuzz/corpus
 *   FUZZ_PRINT=1 build/fuzz/fuzz_tcp CRASH      segment by segment, for test_tcp.c's table
 *
 *   input   | where numbers and clock begin, one way? | segment: who and flags, time, seq, ack, length,
 *           |                                         |          window and mss | ...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The product's branches are to be covered, not the model's. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)
#include "tcp_model.h"
#pragma clang attribute pop

#define HEAD_BYTES 4
#define SEGMENT_BYTES 6
#define PACKETS_MAX 170
#define TICKS_WRAP_NS (1ULL << 42)
#define RANGE_NS 274000000000ULL /* of all times of an input: less than the ticks' wrap */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct model model;
static uint64_t begin_ns;
static uint32_t begin_seq[2];

static const uint32_t pauses_us[16] = {0,	1,	 3,	   500,	  2900,	  2998,
				       3001,	9000,	 19999,	   20001, 200000, 999999,
				       1000001, 3000000, 60000000, 0};

/* From that of the packet before; the last one goes back. */
static uint64_t time_of(uint8_t byte, uint64_t before)
{
	uint64_t step = pauses_us[byte & 15] * 1000ULL + (uint64_t)(byte >> 4) * 100;

	if ((byte & 15) == 15)
		return before > begin_ns + 50000 ? before - 50000 : before;
	return before + step < begin_ns + RANGE_NS ? before + step : before;
}

/* Near what the side has sent: expected, a few bytes or segments off, or further. */
static uint32_t near(int side, uint8_t byte)
{
	const struct model_segment *newest = model_newest(&model.side[side]);
	uint32_t next = newest ? (uint32_t)newest->end : begin_seq[side];
	int32_t off = (int8_t)byte;

	if (off % 2 == 0)
		return next;
	if (off > 100 || off < -100)
		return next + (uint32_t)(off * 400);
	return off % 4 ? next + (uint32_t)(off / 4 * 100) : next + (uint32_t)(off / 8);
}

static uint8_t flags_of(uint8_t byte)
{
	static const uint8_t rare[8] = {SYN,	   SYN | ACK, FIN | ACK, RST,
					RST | ACK, FIN,	      0,	 SYN | FIN};

	return byte & 0x40 ? rare[byte >> 1 & 7] : ACK;
}

static void lengthen(struct segment *s, uint8_t length, uint8_t mss)
{
	s->len = length < 64 ? 0 : length < 128 ? 100 : length < 192 ? length - 128U : length;
	if (!s->len || !(mss & 0x10) || (s->flags & (SYN | RST)))
		return;
	s->mss = (uint16_t)(mss & 0x20 ? 100 : 10 + mss % 16U * 8);
	s->len += (mss >> 6) * s->mss;
}

static struct segment segment_of(const uint8_t *data, uint64_t before)
{
	static const uint16_t windows[4] = {500, 500, 501, 0};
	struct segment s = {.side = data[0] & 1,
			    .flags = flags_of(data[0]),
			    .ns = time_of(data[1], before),
			    .window = windows[data[5] & 3]};

	s.seq = near(s.side, data[2]);
	s.ack = near(!s.side, data[3]);
	lengthen(&s, data[4], data[5]);
	return s;
}

static void print(const struct segment *s)
{
	printf("SEG(%u, %llu, %#x, %u, %u, %u, %u, %u),\n", s->side,
	       (unsigned long long)(s->ns - begin_ns) / 1000, s->flags, s->seq, s->ack, s->len,
	       s->window, s->mss);
}

static void print_count(const char *name, const struct flow_health_count *c)
{
	printf("%s: retransmits %u bytes %llu out of order %u dup acks %u zero windows %u resets %u "
	       "keep-alives %u SYNs %u\n",
	       name, c->retransmits, (unsigned long long)c->retransmitted_bytes, c->out_of_order,
	       c->dup_acks, c->zero_windows, c->resets, c->keep_alives, c->syn_repeats);
}

static void check(const struct pair *pair, int side)
{
	if (model_agrees(&model, pair, side))
		return;
	print_count("tcp.h", &pair->health[side].count);
	print_count("model", &model.side[side].sum);
	printf("next %u, initial %u us; model %u us\n", pair->slot[side].tcp_next,
	       pair->health[side].initial_ns, model.side[side].initial_ns);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t begins[4] = {10000000000ULL, TICKS_WRAP_NS - 1000000,
					   TICKS_WRAP_NS - 1000000000,
					   TICKS_WRAP_NS * 7 - 21000000};
	struct pair pair = {.alone = size && data[0] & 1};
	bool verbose = getenv("FUZZ_PRINT");
	uint64_t ns;

	if (size < HEAD_BYTES)
		return 0;
	model_clear(&model);
	model.alone = pair.alone;
	begin_ns = ns = begins[data[0] >> 1 & 3] + (uint64_t)data[1] * 64;
	begin_seq[0] = 0U - data[2] * 16U;
	begin_seq[1] = data[3] & 1 ? 0U - data[3] : (uint32_t)data[3] << 23;
	data += HEAD_BYTES;
	size -= HEAD_BYTES;
	for (int i = 0; i < PACKETS_MAX && size >= SEGMENT_BYTES; i++) {
		struct segment s = segment_of(data, ns);

		ns = s.ns;
		if (verbose)
			print(&s);
		model_feed(&model, &s);
		pair_feed(&pair, &s);
		check(&pair, s.side);
		data += SEGMENT_BYTES;
		size -= SEGMENT_BYTES;
	}
	return 0;
}
