// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_sample.c: packets that the BPF programs sample, by BPF_PROG_TEST_RUN: which, why, and to the byte.
 * How many by rate is bpf_sample_rate.c's, and bpf_sample_room.c's what happens where there is no room.
 * Needs root.
 *
 * What test-run takes is in bpf_corpus_rig.c: frames with a whole IP header for TC, of no more than a page;
 * a tag in metadata is put there by a feeder.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bpf_sample_frame.h"
#include "bpf_sampler.h"

#define SLOTS 4096
#define TAG 4

static const struct sample_conf all = {.rate = 1, .snaplen = SAMPLE_SNAPLEN};
static const struct sample_conf none = {0};
static struct rig_sample sample;

/* Give the frame and take its sample. False, and said so: there is not exactly one. */
static bool give_one(struct rig *rig, enum rig_program program, const char *name)
{
	rig_check(name, "test-run", (uint64_t)give(rig, program), 0);
	if (!rig_check(name, "a sample", rig_take(rig, &sample), 1))
		return false;
	return rig_check(name, "more samples", rig_drain(rig), 0);
}

/* The sample's bytes are `want`. */
static void check_bytes(const char *name, const uint8_t *want, uint32_t len, uint32_t snaplen)
{
	uint32_t captured = len < snaplen ? len : snaplen;

	rig_check(name, "length", sample.head.length, len);
	if (rig_check(name, "captured", sample.head.captured, captured))
		rig_check(name, "bytes that differ", memcmp(sample.bytes, want, captured) != 0, 0);
}

static void check_why(const char *name, uint32_t why)
{
	rig_check(name, "why", sample.head.why, why);
}

static uint64_t mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void check_head(const char *name, enum rig_program program, uint64_t before)
{
	const struct flow_key *key = &sample.head.key;
	bool egress = program == RIG_TC_EGRESS || program == RIG_TC_EGRESS_L3;

	rig_check(name, "time", sample.head.time_ns >= before && sample.head.time_ns <= mono_ns(),
		  1);
	rig_check(name, "direction", key->dir, egress ? FLOW_EGRESS : FLOW_INGRESS);
	rig_check(name, "interface", key->ifnum, RIG_IFNUM);
	rig_check(name, "ifindex", sample.head.ifindex, RIG_LOOPBACK);
	rig_check(name, "port", key->dport, __builtin_bswap16(53));
	rig_check(name, "packets", sample.head.packets, 1);
	rig_check(name, "rate", sample.head.rate, 1);
	rig_check(name, "gso size", sample.head.gso_size, 0);
	rig_check(name, "of a drop", sample.head.reason | sample.head.place, 0);
	check_why(name, SAMPLE_RATE);
}

/* Each length with each snaplen. */
static void bytes_tests(struct rig *rig, enum rig_program program, const uint32_t *lens,
			size_t count)
{
	static const uint32_t snaplens[] = {64, 128, 1000, 9000, SAMPLE_SNAPLEN_MAX};
	char name[64];

	for (size_t i = 0; i < 5 * count; i++) {
		struct sample_conf conf = {.rate = 1, .snaplen = snaplens[i % 5]};
		uint64_t before = mono_ns();

		snprintf(name, sizeof(name), "%s, %u bytes, snaplen %u", rig_names[program],
			 lens[i / 5], conf.snaplen);
		make_udp(lens[i / 5], 1);
		rig_set(rig, &conf);
		if (!give_one(rig, program, name))
			continue;
		check_bytes(name, frame.data, frame.len, conf.snaplen);
		check_head(name, program, before);
	}
}

/* bytes 12 and 13, an EtherType to test-run, are the TTL of the frame and its protocol: of ICMP and UDP. */
static void l3_tests(struct rig *rig, enum rig_program program)
{
	struct rig_frame f = {.tag_proto = 0x8100, .tag_tci = 5};

	rig_set(rig, &all);
	make_ip(80, 17);
	memmove(frame.data, frame.data + 14, 66);
	frame.len = 66;
	if (give_one(rig, program, rig_names[program]))
		check_bytes(rig_names[program], frame.data, frame.len, SAMPLE_SNAPLEN);
	f.data = frame.data;
	f.len = frame.len;
	rig_check(rig_names[program], "test-run", (uint64_t)rig_give(rig, program, &f), 0);
	if (rig_check(rig_names[program], "a sample", rig_take(rig, &sample), 1))
		check_bytes("no tag without a link layer", frame.data, frame.len, SAMPLE_SNAPLEN);
}

/* A tag in metadata is put before what it was taken from. */
static void tag_tests(struct rig *rig, enum rig_program program)
{
	static const uint32_t lens[] = {60, 124, 200};
	static const uint32_t snaplens[] = {64, 128};
	static uint8_t want[FRAME_MAX];

	for (int i = 0; i < 12; i++) {
		struct sample_conf conf = {.rate = 1, .snaplen = snaplens[i % 2]};
		struct rig_frame f = {.data = frame.data,
				      .tag_proto = i < 6 ? 0x8100 : 0x88a8,
				      .tag_tci = 0xe005};

		make_udp(lens[i / 2 % 3], 1);
		f.len = frame.len;
		memcpy(want, frame.data, 12);
		put16(want + 12, f.tag_proto);
		put16(want + 14, f.tag_tci);
		memcpy(want + 16, frame.data + 12, frame.len - 12);
		rig_set(rig, &conf);
		rig_check("tag", "test-run", (uint64_t)rig_give(rig, program, &f), 0);
		if (!rig_check("tag", "a sample", rig_take(rig, &sample), 1))
			continue;
		check_bytes(i < 6 ? "802.1Q tag" : "802.1ad tag", want, frame.len + TAG,
			    conf.snaplen);
		rig_check("tag", "VLAN in the key", sample.head.key.vlan, FLOW_VLAN_TAGGED | 5);
	}
}

static void gso_tests(struct rig *rig, enum rig_program program)
{
	struct rig_frame f = {.data = frame.data, .gso_segs = 3, .gso_size = 1000};

	rig_set(rig, &all);
	make_tcp(700, 1, 0x10, 1000);
	frame.len = f.len = 54 + 2500;
	put16(frame.data + 16, frame.len - 14);
	rig_check("gso", "test-run", (uint64_t)rig_give(rig, program, &f), 0);
	if (!rig_check("gso", "a sample", rig_take(rig, &sample), 1))
		return;
	check_bytes("gso", frame.data, frame.len, SAMPLE_SNAPLEN);
	rig_check("gso", "packets", sample.head.packets, 3);
	rig_check("gso", "gso size", sample.head.gso_size, 1000);
}

/* A packet that is sampled for what it is, or not at all. */
struct triggered {
	const char *name;
	uint32_t seq;
	uint32_t window;
	uint8_t flags;
	uint32_t why;
};

static const struct triggered connection[] = {
	{"in order", 1000, 500, 0x10, 0},
	{"in order", 1010, 500, 0x10, 0},
	{"sent again", 1000, 500, 0x10, SAMPLE_RETRANSMIT},
	{"in order", 1020, 500, 0x10, 0},
	{"zero window", 1030, 0, 0x10, SAMPLE_ZERO_WINDOW},
	{"in order", 1040, 500, 0x10, 0},
	{"reset", 1050, 500, 0x14, SAMPLE_RESET},
	{"sent again and zero window", 1040, 0, 0x10, SAMPLE_RETRANSMIT | SAMPLE_ZERO_WINDOW},
};

/* The connection's packets with these triggers on. */
static void check_triggers(struct rig *rig, enum rig_program program, uint32_t port,
			   uint32_t triggers)
{
	struct sample_conf conf = {.triggers = triggers, .snaplen = SAMPLE_SNAPLEN};

	rig_set(rig, &conf);
	for (size_t i = 0; i < sizeof(connection) / sizeof(connection[0]); i++) {
		const struct triggered *t = &connection[i];
		uint32_t why = t->why & triggers;

		make_tcp(port, t->seq, t->flags, t->window);
		rig_check(t->name, "test-run", (uint64_t)give(rig, program), 0);
		if (rig_check(t->name, "samples", rig_take(rig, &sample), why != 0) && why)
			check_why(t->name, why);
	}
}

/* An IPv4 header that is none; an IPv6 packet with more extension headers than are walked. */
static void check_malformed(struct rig *rig, enum rig_program program, uint32_t triggers)
{
	struct sample_conf conf = {.triggers = triggers, .snaplen = SAMPLE_SNAPLEN};
	uint64_t want = triggers & SAMPLE_MALFORMED ? 1 : 0;

	rig_set(rig, &conf);
	make_udp(100, 1);
	frame.data[14] = 0x43;
	rig_check("short", "test-run", (uint64_t)give(rig, program), 0);
	if (rig_check("short", "samples", rig_take(rig, &sample), want) && want) {
		check_why("short", SAMPLE_MALFORMED);
		rig_check("short", "mark", sample.head.key.marks & FLOW_MARK_SHORT,
			  FLOW_MARK_SHORT);
	}
	make_udp(200, 1);
	put16(frame.data + 12, 0x86dd);
	put32(frame.data + 14, 0x60000000);
	put16(frame.data + 18, 200 - 54);
	frame.data[20] = 60;
	for (uint32_t i = 0; i < 10; i++)
		put32(frame.data + 54 + i * 8, 60 << 24);
	rig_check("deep", "test-run", (uint64_t)give(rig, program), 0);
	if (rig_check("deep", "samples", rig_take(rig, &sample), want) && want) {
		check_why("deep", SAMPLE_MALFORMED);
		rig_check("deep", "mark", sample.head.key.marks & FLOW_MARK_DEEP, FLOW_MARK_DEEP);
	}
}

static void trigger_tests(struct rig *rig, enum rig_program program)
{
	static const uint32_t triggers[] = {
		SAMPLE_RESET,	  SAMPLE_RETRANSMIT, SAMPLE_ZERO_WINDOW,
		SAMPLE_MALFORMED, SAMPLE_TRIGGERS,   0,
	};

	for (uint32_t i = 0; i < 6; i++) {
		check_triggers(rig, program, 2000 + i, triggers[i]);
		check_malformed(rig, program, triggers[i]);
	}
}

/* Both reasons hold: one sample, that names both. */
static void both_tests(struct rig *rig, enum rig_program program)
{
	struct sample_conf conf = {.rate = 1, .first = 1, .snaplen = SAMPLE_SNAPLEN};

	rig_set(rig, &conf);
	make_udp(80, 77);
	if (give_one(rig, program, "first and rate"))
		check_why("first and rate", SAMPLE_RATE | SAMPLE_FIRST);
	if (give_one(rig, program, "second and rate"))
		check_why("second and rate", SAMPLE_RATE);
}

/* The first three of each flow; GSO's segments count as packets. */
static void first_tests(struct rig *rig, enum rig_program program)
{
	struct sample_conf conf = {.first = 3, .snaplen = SAMPLE_SNAPLEN};
	struct rig_frame f = {.data = frame.data, .gso_segs = 2, .gso_size = 20};

	rig_set(rig, &conf);
	for (uint32_t i = 0; i < 20; i++) {
		make_udp(90, 200 + i % 2);
		rig_check("first", "test-run", (uint64_t)give(rig, program), 0);
		if (rig_check("first", "samples", rig_take(rig, &sample), i < 6) && i < 6)
			check_why("first", SAMPLE_FIRST);
	}
	for (uint32_t i = 0; program != RIG_XDP && i < 3; i++) {
		make_tcp(701, 1 + i * 40, 0x10, 1000);
		frame.len = f.len = 54 + 40;
		put16(frame.data + 16, frame.len - 14);
		rig_check("first", "test-run", (uint64_t)rig_give(rig, program, &f), 0);
		rig_check("first segments", "samples", rig_take(rig, &sample), i < 2);
	}
}

/* A change is seen by the next packet; off is off; counts say what became of which. */
static void settings_tests(struct rig *rig, enum rig_program program)
{
	const struct sample_count *count = rig_counts(rig);
	uint64_t chosen = count->chosen, passed = count->passed;

	make_udp(100, 9);
	for (uint32_t i = 0; i < 10; i++) {
		rig_set(rig, i % 2 ? &none : &all);
		for (int k = 0; k < 3; k++) {
			rig_check("settings", "test-run", (uint64_t)give(rig, program), 0);
			rig_check("settings", "samples", rig_drain(rig), i % 2 ? 0 : 1);
		}
	}
	rig_check("settings", "chosen", count->chosen - chosen, 15);
	rig_check("settings", "passed", count->passed - passed, 15);
	rig_check("settings", "lost", count->lost, 0);
	/* of another interface */
	rig->maps.sample_conf[RIG_IFNUM + 1] = all;
	rig_set(rig, &none);
	rig_check("settings", "test-run", (uint64_t)give(rig, program), 0);
	rig_check("settings of another interface", "samples", rig_drain(rig), 0);
	rig->maps.ifaces[RIG_LOOPBACK].ifnum = RIG_IFNUM + 1;
	if (give_one(rig, program, "another interface"))
		rig_check("another interface", "ifnum", sample.head.key.ifnum, RIG_IFNUM + 1);
	rig->maps.ifaces[RIG_LOOPBACK].ifnum = RIG_IFNUM;
	rig->maps.sample_conf[RIG_IFNUM + 1] = none;
}

/* What the filter does not let pass is chosen, and no more. `off`: of what it looks at. */
static void filter_one(struct rig *rig, enum rig_program program, const char *name, uint32_t off,
		       uint32_t number, uint32_t reach)
{
	const struct sample_conf conf = {
		.rate = 1, .snaplen = SAMPLE_SNAPLEN_MIN, .filter = number + 1};
	struct sample_filter *filter = &rig->maps.sample_filters[number];
	const struct sample_count *count = rig_counts(rig);
	uint64_t chosen = count->chosen, passed = count->passed;

	make_udp(1400, 1);
	/* ldh [off]; jeq 0x4142: ret -1, else ret 0 */
	filter->insn[0] = (struct sample_insn){0x28, 0, 0, off};
	filter->insn[1] = (struct sample_insn){0x15, 0, 1, 0x4142};
	filter->insn[2] = (struct sample_insn){6, 0, 0, ~0U};
	filter->insn[3] = (struct sample_insn){6, 0, 0, 0};
	filter->count = 4;
	filter->reach = reach;
	rig_set(rig, &conf);
	for (uint32_t i = 0; i < 4; i++) {
		put16(frame.data + off, i % 2 ? 0x4142 : 0x4143);
		rig_check(name, "test-run", (uint64_t)give(rig, program), 0);
		rig_check(name, "samples", rig_take(rig, &sample), i % 2);
		if (i % 2)
			check_bytes(name, frame.data, frame.len, SAMPLE_SNAPLEN_MIN);
	}
	rig_check(name, "chosen", count->chosen - chosen, 4);
	rig_check(name, "passed", count->passed - passed, 2);
}

/* Without bpf_loop every packet passes, for flowd to ask the filter. */
static void unfiltered_tests(struct rig *rig, enum rig_program program)
{
	const struct sample_conf conf = {.rate = 1, .snaplen = SAMPLE_SNAPLEN, .filter = 1};

	rig->maps.sample_filters[0].count = 0; /* lets nothing pass */
	rig_set(rig, &conf);
	make_udp(100, 1);
	if (give_one(rig, program, "no filter in the kernel"))
		check_bytes("no filter in the kernel", frame.data, frame.len, SAMPLE_SNAPLEN);
}

static void filter_tests(struct rig *rig, enum rig_program program)
{
	const struct sample_conf conf = {.rate = 1, .snaplen = SAMPLE_SNAPLEN, .filter = 1};
	struct rig_frame f = {.data = frame.data, .tag_proto = 0x88a8, .tag_tci = 5};

	if (!rig->maps.filters_in_kernel) {
		printf("SKIP %s (the kernel has no bpf_loop)\n", rig_names[program]);
		rig_skipped++;
		return;
	}
	filter_one(rig, program, "filter", 36, 0, 38);
	filter_one(rig, program, "filter beyond snaplen", 1398, SAMPLE_FILTERS, 1400);
	filter_one(rig, program, "filter of unknown reach", 1398, 0, 0);
	if (program == RIG_XDP)
		return;
	/* a tag is where the wire has it */
	filter_one(rig, program, "filter", 12, 0, 14);
	make_udp(100, 1);
	f.len = frame.len;
	rig->maps.sample_filters[0].insn[1].k = 0x88a8;
	rig_set(rig, &conf);
	rig_check("filter of a tag", "test-run", (uint64_t)rig_give(rig, program, &f), 0);
	rig_check("filter of a tag", "samples", rig_drain(rig), 1);
	rig_check("filter of a tag", "test-run", (uint64_t)give(rig, program), 0);
	rig_check("filter of a tag", "samples", rig_drain(rig), 0);
}

static void plain_tests(enum rig_program program, const struct rig_wish *wish)
{
	static const uint32_t lens[] = {60, 64, 128, 129, 1514, 3400, 9014, 30000};
	bool tc = program != RIG_XDP;
	struct rig rig;
	int err = rig_open(wish, &rig);

	if (!rig_check(rig_names[program], "rig", (uint64_t)-err, 0))
		return;
	/* several buffers want bpf_xdp_load_bytes */
	bytes_tests(&rig, program, lens, tc || wish->old ? 6 : 8);
	trigger_tests(&rig, program);
	both_tests(&rig, program);
	first_tests(&rig, program);
	settings_tests(&rig, program);
	(wish->old ? unfiltered_tests : filter_tests)(&rig, program);
	if (tc) {
		tag_tests(&rig, program);
		gso_tests(&rig, program);
		l3_tests(&rig, program == RIG_TC_EGRESS ? RIG_TC_EGRESS_L3 : RIG_TC_INGRESS_L3);
	}
	rig_close(&rig);
}

int main(void)
{
	static const enum rig_program programs[] = {RIG_XDP, RIG_TC_EGRESS, RIG_TC_INGRESS};
	const struct rig_wish plain = {.slots = SLOTS, .ring_bytes = 65536};
	const struct rig_wish old = {.slots = SLOTS, .ring_bytes = 65536, .old = true};
	const char *reason = rig_impossible();

	if (reason) {
		printf("SKIP (%s)\nbpf_sample: 0 passed, 0 failed, 1 skipped\n", reason);
		return 0;
	}
	for (size_t i = 0; i < 3; i++)
		plain_tests(programs[i], &plain);
	plain_tests(RIG_XDP, &old);
	for (size_t i = 0; i < 2; i++) {
		rate_tests(programs[i]);
		room_tests(programs[i]);
	}
	printf("bpf_sample: %u passed, %u failed, %u skipped\n", rig_passed, rig_failed,
	       rig_skipped);
	return rig_failed != 0;
}
