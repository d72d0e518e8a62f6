/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample.bpf.h: which packets are sampled, and the way of one into the ring; see sample.h.
 *
 *   sample_chosen   inline, for each packet: a dozen instructions where it is not one
 *   sample_turn     out of line: the settings changed
 *   sample_open     out of line: a packet is one; then the hook puts its bytes in the stage
 *   sample_close    out of line: the filter is asked, and the ring gets it
 *
 * What a cell of the ledger holds of the settings is one CPU's, and so is its countdown to the next packet
 * by rate. Gaps are uniform in 1 .. 2 * rate - 1, drawn without a look at the traffic: whatever pattern that
 * has, it does not meet one of ours, and each packet is as likely as another.
 */
#pragma once

#include "maps.bpf.h"
#include "packet.h"
#include "sample_filter.bpf.h"

static __always_inline struct sample_stage *sample_place(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sample_stage, &zero);
}

/* Uniform in 1 .. most. Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016. */
static __always_inline __u32 sample_draw(struct sample_count *count, __u32 most)
{
	__u64 x = count->random;

	if (!x)
		x = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32() | 1;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	count->random = x;
	x = (x * 0x2545f4914f6cdd1dULL) >> 32;
	return (__u32)(x * most >> 32) + 1;
}

/* From one packet by rate to the next; 0: there is none. */
static __always_inline __u32 sample_gap(struct sample_count *count, __u32 rate)
{
	return rate ? sample_draw(count, 2 * rate - 1) : 0;
}

/*
 * From anywhere to the next one, as if there had been gaps for ever: (2 * rate - k) in rate * (2 * rate - 1)
 * for k packets, which is the lesser of two different numbers in 1 .. 2 * rate. A whole gap would make the
 * packets after a change half as likely as others.
 */
static __always_inline __u32 sample_start(struct sample_count *count, __u32 rate)
{
	__u32 one, other;

	if (!rate)
		return 0;
	one = sample_draw(count, 2 * rate);
	other = sample_draw(count, 2 * rate - 1);
	other += other >= one;
	return one < other ? one : other;
}

/* Take the settings of that generation, or later ones, into the cell of the packet at hand. */
__noinline int sample_turn(struct flow_facts *f, __u32 generation)
{
	__u32 cpu = bpf_get_smp_processor_id(), ifnum, rate;
	struct sample_count *count = bpf_map_lookup_elem(&sample_counts, &cpu);
	const struct sample_conf *conf;
	struct flow_ledger *books;

	if (!f || !count)
		return 0;
	ifnum = f->key.ifnum;
	conf = bpf_map_lookup_elem(&sample_conf, &ifnum);
	books = maps_books(cpu, &f->key);
	if (!conf || !books)
		return 0;
	/* a full barrier: the settings are read after their generation */
	__sync_lock_test_and_set(&books->sample_gen, generation);
	rate = conf->rate < SAMPLE_RATE_MAX ? conf->rate : SAMPLE_RATE_MAX;
	books->sample_rate = rate;
	books->sample_left = sample_start(count, rate);
	books->sample_first = conf->first;
	books->sample_triggers = conf->triggers & SAMPLE_TRIGGERS;
	return 0;
}

/*
 * What the packet is sampled for, after it was counted: enum sample_why. `packets`: of its slot. Signs of
 * differences for branches: each of these is 0 for nearly every packet. Without a rate the countdown goes
 * from 0 round to 0, once in 2^32 packets, and means nothing.
 */
static __always_inline __u32 sample_chosen(struct flow_ledger *books,
					   const struct flow_control *ctl, struct flow_facts *f,
					   __u64 packets)
{
	__u64 before = packets - f->packets, left;

	if (books->sample_gen != ctl->sampling)
		sample_turn(f, ctl->sampling);
	left = --books->sample_left;
	return (__u32)((left - 1) >> 63) * SAMPLE_RATE |
	       (__u32)((before - books->sample_first) >> 63) * SAMPLE_FIRST |
	       (f->why & books->sample_triggers);
}

/* Bytes of a packet that are kept or that the filter looks at, whichever are more. */
static __always_inline __u32 sample_reach(const struct sample_conf *conf)
{
	__u32 number = conf->filter - 1, reach = conf->snaplen;
	const struct sample_filter *filter;

	if (reach < SAMPLE_SNAPLEN_MIN)
		reach = SAMPLE_SNAPLEN_MIN;
	if (!conf->filter || !geometry.loop)
		return reach;
	filter = bpf_map_lookup_elem(&sample_filters, &number);
	if (!filter || !filter->reach)
		return SAMPLE_LOOK_MAX;
	return filter->reach > reach ? filter->reach : reach;
}

/* Begin the packet's record in the stage. Returns the bytes that are wanted of it at most, 0: none. */
__noinline int sample_open(struct flow_facts *f, __u32 why)
{
	__u32 cpu = bpf_get_smp_processor_id(), ifnum;
	struct sample_count *count = bpf_map_lookup_elem(&sample_counts, &cpu);
	struct sample_stage *stage = sample_place();
	const struct sample_conf *conf;
	struct flow_ledger *books;
	struct sample_head *head;

	if (!f || !count || !stage)
		return 0;
	ifnum = f->key.ifnum;
	conf = bpf_map_lookup_elem(&sample_conf, &ifnum);
	books = maps_books(cpu, &f->key);
	if (!conf || !books)
		return 0;
	if (why & SAMPLE_RATE)
		books->sample_left = sample_gap(count, books->sample_rate);
	if (!books->sample_rate)
		why &= ~(__u32)SAMPLE_RATE;
	if (!why || !conf->snaplen)
		return 0;
	count->chosen++;
	head = &stage->head;
	__builtin_memset(head, 0, sizeof(*head));
	head->time_ns = bpf_ktime_get_ns();
	__builtin_memcpy(&head->key, &f->key, sizeof(head->key));
	head->packets = f->packets;
	head->rate = books->sample_rate;
	head->why = why;
	return (int)sample_reach(conf);
}

/* The stage has `caught` bytes of the packet; 0: they could not be read. */
__noinline int sample_close(__u32 caught)
{
	__u32 cpu = bpf_get_smp_processor_id(), ifnum, keep;
	struct sample_count *count = bpf_map_lookup_elem(&sample_counts, &cpu);
	struct sample_stage *stage = sample_place();
	const struct sample_conf *conf;
	__u64 size, wake;

	if (!count || !stage)
		return 0;
	ifnum = stage->head.key.ifnum;
	conf = bpf_map_lookup_elem(&sample_conf, &ifnum);
	if (!conf)
		return 0;
	if (caught && conf->filter &&
	    !sample_filter_run(conf->filter - 1, stage->head.length, caught))
		return 0;
	count->passed++;
	keep = caught < conf->snaplen ? caught : conf->snaplen;
	if (!keep) {
		count->lost++;
		return 0;
	}
	stage->head.captured = keep;
	wake = bpf_ringbuf_query(&samples, BPF_RB_RING_SIZE) / SAMPLE_WAKES;
	wake = maps_wake(&samples, sizeof(stage->head) + keep, wake);
	/* after the comparison in there, by which Linux 6.12 forgets what it knows of the number */
	size = sizeof(stage->head) + sample_size(keep);
	if (bpf_ringbuf_output(&samples, stage, size, wake))
		count->lost++;
	return 0;
}
