// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_sample_room.c: samples where there is no room: for flows in their slots, for folded ones, and for
 * samples in their ring.
 */
#include <stdbool.h>

#include "bpf_sample_frame.h"
#include "bpf_sampler.h"

#define SLOTS_FEW 64
/* flows, with room for folded ones; so far more than SLOTS_FEW that none stays in its slot: (63/64)^(MANY/2 - 1) */
#define MANY 3000

static struct rig_sample sample;

/* Each slot's life has its first packets: the flows drive each other out, and come again. */
static void life_tests(enum rig_program program)
{
	const struct rig_wish wish = {.slots = SLOTS_FEW, .ring_bytes = 4U << 20};
	const struct sample_conf conf = {.first = 2, .snaplen = SAMPLE_SNAPLEN_MIN};
	struct rig rig;
	int err = rig_open(&wish, &rig);

	if (!rig_check("lives", "rig", (uint64_t)-err, 0))
		return;
	rig_set(&rig, &conf);
	for (uint32_t i = 0; i < MANY * 3; i++) {
		make_udp(60, i / 3 % (MANY / 2));
		err |= give(&rig, program);
	}
	rig_check("lives", "test-run", (uint64_t)err, 0);
	rig_check("lives", "slots made", rig.maps.cpu[rig.cpu].created, MANY);
	rig_check("lives", "packets of another life", rig.maps.cpu[rig.cpu].ring_full, 0);
	rig_check("lives", "samples", rig_drain(&rig), MANY * 2);
	rig_close(&rig);
}

/* Where there is no room for flows, packets are sampled all the same, but none is a flow's first. */
static void folded_tests(enum rig_program program)
{
	const struct rig_wish wish = {.slots = SLOTS_FEW, .ring_bytes = 4096};
	const struct sample_conf conf = {.rate = 1, .first = 1, .snaplen = SAMPLE_SNAPLEN_MIN};
	uint64_t marked[2] = {0}, wrong = 0, count = 0;
	struct rig rig;
	int err = rig_open(&wish, &rig);

	if (!rig_check("folded", "rig", (uint64_t)-err, 0))
		return;
	rig_set(&rig, &conf);
	for (uint32_t i = 0; i < MANY; i++) {
		make_udp(60, i);
		err |= give(&rig, program);
	}
	while (rig_take(&rig, &sample)) {
		uint8_t marks = sample.head.key.marks;
		bool flow = !(marks & (FLOW_MARK_FOLDED | FLOW_MARK_CATCHALL));

		marked[0] += !!(marks & FLOW_MARK_FOLDED);
		marked[1] += !!(marks & FLOW_MARK_CATCHALL);
		wrong += sample.head.why != (flow ? SAMPLE_RATE | SAMPLE_FIRST : SAMPLE_RATE);
		count++;
	}
	rig_check("folded", "test-run", (uint64_t)err, 0);
	rig_check("folded", "samples", count, MANY);
	rig_check("folded", "samples for a wrong reason", wrong, 0);
	rig_check("folded", "some are folded, some in the catch-all slot", marked[0] && marked[1],
		  1);
	rig_close(&rig);
}

/* A full ring loses samples, counts them, and takes others as soon as there is room. */
static void full_tests(enum rig_program program)
{
	const struct sample_conf all = {.rate = 1, .snaplen = SAMPLE_SNAPLEN};
	const struct rig_wish wish = {.slots = 4096, .ring_bytes = 65536, .sample_bytes = 4096};
	const struct sample_count *count;
	uint32_t got;
	struct rig rig;
	int err = rig_open(&wish, &rig);

	if (!rig_check("full", "rig", (uint64_t)-err, 0))
		return;
	count = rig_counts(&rig);
	rig_set(&rig, &all);
	rig_check("full", "stream", (uint64_t)rig_stream(&rig, program, 1000, 0), 0);
	got = rig_drain(&rig);
	rig_check("full", "some are lost, not all", got > 5 && got < 1000, 1);
	rig_check("full", "chosen", count->chosen, 1000);
	rig_check("full", "passed", count->passed, 1000);
	rig_check("full", "lost", count->lost, 1000 - got);
	make_udp(60, 1);
	rig_check("full", "test-run", (uint64_t)give(&rig, program), 0);
	rig_check("full", "samples where there is room again", rig_drain(&rig), 1);
	rig_close(&rig);
}

/* Many single frames take too long through XDP. */
void room_tests(enum rig_program program)
{
	full_tests(program);
	if (program == RIG_XDP)
		return;
	life_tests(program);
	folded_tests(program);
}
