// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_health.c: captures through the BPF programs as connections: all frames of a file in their order on
 * one interface, and then what each slot knows of its segments held against the cache of a replay that
 * got the same frames.
 *
 *   capture -> feed_xdp -> flow_xdp ---------------------------------\
 *           -> feed_tc  -> flow_tc_ingress --------------------------> slots, health == replay_tcp
 *           -> feed_tc  -> ingress, egress: by who has the lower port /
 *
 * Each way the other direction's slot has to be found: of the same way, and of the other. Test-run does not
 * keep a capture's times, and to the host all comes at once, so that it calls out of order whatever is
 * not repeated for another reason. What was retransmitted and what is out of order are compared as a sum,
 * of which no less may be retransmitted than on the host; bytes where the two agree; round trips not at
 * all. Frames that test-run does not take, the host does not get either. Needs root.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pcap/pcap.h>

#include "bpf_corpus.h"
#include "flowd/outer.h"
#include "flowd/replay_cache.h"
#include "schema/tcp.h"

#define CACHE_SLOTS 16384
#define FLOWS_MAX 20000
#define NOW_NS 1000000000
#define FULL_REPORTS 20

enum way {
	WAY_XDP,
	WAY_TC,
	WAY_TC_BOTH,
	WAYS,
};

static const char *const way_names[WAYS] = {"xdp", "tc", "tc both ways"};
static unsigned long passed, failed, skipped, segments, found;

/* What is known of the slots of a key; their outer endpoints have other numbers on the host. */
struct known {
	struct flow_key key;
	__u64 packets;
	struct flow_health_count count;
	__u32 initial;
	__u32 slots;
	__u32 next, ack;
	__u16 window;
	__u8 state, dups;
};

struct list {
	unsigned int count;
	struct known flow[FLOWS_MAX];
};

static struct list host_list, bpf_list;
static struct replay_cache cache;
static struct outer *outer;
static struct rig *rigs[2];

static void add_known(struct list *list, const struct flow_slot *slot,
		      const struct flow_health *health)
{
	struct known *k = &list->flow[list->count];

	if (slot->key.proto != 6 || list->count == FLOWS_MAX)
		return;
	*k = (struct known){.key = slot->key,
			    .packets = slot->packets,
			    .slots = 1,
			    .next = slot->tcp_next,
			    .ack = slot->tcp_state & TCP_ACKED ? slot->tcp_ack : 0,
			    .window = slot->tcp_window,
			    .state = slot->tcp_state & (__u8) ~(TCP_TIMED | TCP_TROUBLE),
			    .dups = slot->tcp_dups};
	k->key.outer &= 3;
	if (slot->tcp_state & TCP_HEALTH) {
		k->count = health->count;
		k->initial = !!health->initial_ns;
	}
	/* not compared; a slot may have them and nothing else */
	k->state &= (__u8)~TCP_HEALTH;
	k->count.rtt_count = 0;
	k->count.rtt_sum_us = 0;
	list->count++;
}

/* A rig_seen. */
static void see_bpf(void *arg, const struct flow_slot *slot, const struct flow_health *health)
{
	add_known(arg, slot, health);
}

/* A replay_gain. */
static void see_host(void *arg, uint32_t number, const struct flow_slot *slot,
		     enum replay_when when)
{
	static const struct flow_health none;
	const struct flow_health *health = replay_cache_health(&cache, number);

	if (when == REPLAY_GAIN || when == REPLAY_LAST)
		add_known(arg, slot, health ? health : &none);
}

static int by_key(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static void add_counts(struct flow_health_count *to, const struct flow_health_count *from)
{
	to->retransmitted_bytes += from->retransmitted_bytes;
	to->retransmits += from->retransmits;
	to->out_of_order += from->out_of_order;
	to->dup_acks += from->dup_acks;
	to->zero_windows += from->zero_windows;
	to->resets += from->resets;
	to->keep_alives += from->keep_alives;
	to->syn_repeats += from->syn_repeats;
}

/* In order, one a key. Of more slots only the sums are known. */
static void sort_list(struct list *list)
{
	unsigned int count = 0;

	qsort(list->flow, list->count, sizeof(list->flow[0]), by_key);
	for (unsigned int i = 0; i < list->count; i++) {
		struct known *k = &list->flow[i], *last = &list->flow[count ? count - 1 : 0];

		if (!count || by_key(k, last)) {
			list->flow[count++] = *k;
			continue;
		}
		add_counts(&last->count, &k->count);
		last->packets += k->packets;
		last->slots++;
		last->next = last->ack = last->window = last->state = last->dups = last->initial =
			0;
	}
	list->count = count;
}

static bool known_equal(const struct known *got, const struct known *want)
{
	struct known x = *got, y = *want;

	if (x.count.retransmits < y.count.retransmits)
		return false;
	if (x.count.out_of_order != y.count.out_of_order)
		x.count.retransmitted_bytes = y.count.retransmitted_bytes = 0;
	x.count.retransmits += x.count.out_of_order;
	y.count.retransmits += y.count.out_of_order;
	x.count.out_of_order = y.count.out_of_order = 0;
	return x.packets == y.packets && x.slots == y.slots && x.next == y.next && x.ack == y.ack &&
	       x.window == y.window && x.state == y.state && x.dups == y.dups &&
	       x.initial == y.initial && !memcmp(&x.count, &y.count, sizeof(x.count));
}

static void print_known(const char *who, const struct known *k)
{
	const struct flow_health_count *c = &k->count;

	printf("     %s: %08x>%08x %04x>%04x %llu packets, next %u ack %u window %u state %#x dups %u "
	       "initial %u\n"
	       "       retransmits %u bytes %llu out of order %u dup acks %u zero windows %u "
	       "resets %u keep-alives %u SYNs %u\n",
	       who, k->key.src[0], k->key.dst[0], k->key.sport, k->key.dport,
	       (unsigned long long)k->packets, k->next, k->ack, k->window, k->state, k->dups,
	       k->initial, c->retransmits, (unsigned long long)c->retransmitted_bytes,
	       c->out_of_order, c->dup_acks, c->zero_windows, c->resets, c->keep_alives,
	       c->syn_repeats);
}

static void judge(const char *file, enum way way, bool inner)
{
	sort_list(&host_list);
	sort_list(&bpf_list);
	if (host_list.count != bpf_list.count) {
		printf("FAIL %s, %s%s: %u flows, wanted %u\n", file, way_names[way],
		       inner ? ", inner" : "", bpf_list.count, host_list.count);
		failed++;
		return;
	}
	for (unsigned int i = 0; i < host_list.count; i++) {
		const struct known *want = &host_list.flow[i], *got = &bpf_list.flow[i];

		segments += want->packets;
		found += want->count.retransmits + want->count.out_of_order + want->count.dup_acks +
			 want->count.zero_windows + want->count.keep_alives + want->count.resets;
		if (!by_key(want, got) && known_equal(got, want)) {
			passed++;
		} else if (failed++ < FULL_REPORTS) {
			printf("FAIL %s, %s%s:\n", file, way_names[way], inner ? ", inner" : "");
			print_known("bpf", got);
			print_known("wanted", want);
		}
	}
}

/* As parse_packet on the host; dir is that of the frame. */
static void parse_frame(const struct corpus_frame *frame, bool inner, struct flow_facts *f)
{
	struct pkt_meta meta = {.len = frame->len,
				.reach = frame->len,
				.dir = frame->egress,
				.ifnum = 1,
				.inner = inner};
	struct flow_wrap wrap;

	parse_packet(frame->data, &meta, f, &wrap);
	if (f->tunnels && inner)
		f->key.outer = outer_number(outer, &wrap);
}

/* Which take no more looks at other CPUs' slots than a tick has (schema/health.bpf.h). */
#define TICK_FRAMES 16

static bool one_tick; /* TICK_FRAMES at a time, each time in a new one */

/* Until the coarse clock goes on. */
static void wait_tick(void)
{
	struct timespec begun, now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &begun);
	do
		clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	while (now.tv_sec == begun.tv_sec && now.tv_nsec == begun.tv_nsec);
}

static void run_batch(struct corpus_batch *batch, enum way way, bool inner)
{
	static int errs[CORPUS_BATCH];
	struct flow_facts f, *next;
	int err;

	for (unsigned int i = 0; i < batch->count; i++) {
		struct corpus_frame *frame = &batch->frame[i];

		frame->egress = 0;
		parse_frame(frame, inner, &f);
		frame->egress =
			way == WAY_TC_BOTH && PARSE_SWAP16(f.key.sport) < PARSE_SWAP16(f.key.dport);
	}
	if (one_tick)
		wait_tick();
	err = batch->count ? rig_feed(rigs[inner], way == WAY_XDP ? RIG_XDP : RIG_TC, batch, errs)
			   : 0;
	if (err) {
		printf("FAIL %s: test-run of a batch: %s\n", way_names[way], strerror(-err));
		failed++;
	}
	for (unsigned int i = 0; i < batch->count && !err; i++) {
		if (errs[i])
			continue;
		next = replay_cache_next(&cache);
		parse_frame(&batch->frame[i], inner, next);
		replay_cache_add(&cache, cache_hash(&next->key, cache.seed), NOW_NS);
	}
	batch->count = 0;
}

static void add_frame(struct corpus_batch *batch, const struct pcap_pkthdr *header,
		      const __u8 *data)
{
	struct corpus_frame *frame = &batch->frame[batch->count];

	if (header->caplen < CORPUS_FRAME_MIN)
		return;
	*frame = (struct corpus_frame){.len = header->caplen};
	if (frame->len > CORPUS_FRAME_MAX)
		frame->len = CORPUS_FRAME_MAX;
	memcpy(frame->data, data, frame->len);
	batch->count++;
}

/* All frames of the file; false: it is none of Ethernet. */
static bool feed_file(const char *file, enum way way, bool inner)
{
	static struct corpus_batch batch;
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(file, error);
	struct pcap_pkthdr *header;
	const __u8 *data;

	if (!pcap || pcap_datalink(pcap) != DLT_EN10MB) {
		if (pcap)
			pcap_close(pcap);
		return false;
	}
	while (pcap_next_ex(pcap, &header, &data) == 1) {
		add_frame(&batch, header, data);
		if (batch.count == (one_tick ? TICK_FRAMES : CORPUS_BATCH))
			run_batch(&batch, way, inner);
	}
	run_batch(&batch, way, inner);
	pcap_close(pcap);
	return true;
}

/* -EAGAIN: it took more looks at other slots than a tick has. */
static int try_file(const char *file, enum way way, bool inner)
{
	int whole = 0;

	host_list.count = bpf_list.count = 0;
	outer = outer_new(-1);
	if (!outer || replay_cache_open(&cache, CACHE_SLOTS, see_host, &host_list))
		abort();
	if (!feed_file(file, way, inner)) {
		skipped++;
	} else {
		replay_cache_sweep(&cache);
		whole = rig_take(rigs[inner], way == WAY_XDP ? RIG_XDP : RIG_TC, see_bpf,
				 &bpf_list);
		if (whole > 0)
			judge(file, way, inner);
		else if (!whole)
			skipped++;
	}
	replay_cache_close(&cache);
	outer_free(outer);
	return whole;
}

/* As fast as can be, and else a tick for a few frames. */
static void run_file(const char *file, enum way way, bool inner)
{
	one_tick = false;
	if (try_file(file, way, inner) != -EAGAIN)
		return;
	one_tick = true;
	if (try_file(file, way, inner) == -EAGAIN) {
		printf("FAIL %s: %u frames take more looks than a tick has\n", file, TICK_FRAMES);
		failed++;
	}
}

int main(int argc, char **argv)
{
	const char *reason = rig_impossible();
	int err = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: bpf_health FILE ...\n");
		return 2;
	}
	if (reason) {
		printf("SKIP (%s)\nbpf_health: 0 passed, 0 failed, 1 skipped\n", reason);
		return 0;
	}
	for (int i = 0; i < 2 && !err; i++)
		err = rig_open(i, &rigs[i]);
	if (err) {
		printf("FAIL the programs do not load: %s\n", strerror(-err));
		failed++;
		argc = 0;
	}
	for (int i = 1; i < argc; i++) {
		for (int j = 0; j < WAYS * 2; j++)
			run_file(argv[i], (enum way)(j / 2), j % 2);
	}
	rig_close(rigs[0]);
	rig_close(rigs[1]);
	printf("bpf_health: %lu segments, %lu of them of note\n", segments, found);
	if (skipped)
		printf("SKIP (not Ethernet, or more flows than the maps hold): %lu\n", skipped);
	printf("bpf_health: %lu passed, %lu failed, %lu skipped\n", passed, failed, skipped);
	return failed != 0;
}
