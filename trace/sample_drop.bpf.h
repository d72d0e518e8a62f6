/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_drop.bpf.h: packets that were dropped, on their way into the ring of samples; see schema/sample.h.
 *
 * The programs of XDP and TC run in the midst of these, and these in the midst of those. So drops have a
 * stage of their own and counts of their own; they share the ring alone, which has a lock.
 *
 *   head ....... mac_header | network_header ........ tail       the bytes begin with the link's header
 *   head .................... network_header ........ tail       or there is none (yet): SAMPLE_BARE
 */
#pragma once

#include "count.bpf.h"
#include "key.bpf.h"
#include "schema/sample_maps.bpf.h"

#define SAMPLE_SHARE 2 /* of the ring: one half is for drops */
#define LINK_BYTES 14  /* of an Ethernet header */
#define TAG_AT 12
#define TAG_BYTES 4

/* Set before load. */
const volatile __u64 sample_ring_bytes = 4096;

struct drop_stage {
	struct sample_head head;
	__u8 bytes[SAMPLE_LOOK_MAX + TAG_BYTES];
	__u32 busy;  /* somebody is at it, in whose midst this is */
	__u32 waits; /* until it is known whose the packet was; see event_untold */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct drop_stage);
} drop_stage SEC(".maps");

static __always_inline bool drops_are_sampled(void)
{
	__u32 zero = 0;
	const struct sample_conf *conf = bpf_map_lookup_elem(&sample_conf, &zero);

	return conf && conf->triggers & SAMPLE_DROP;
}

static __always_inline void sample_tally(bool is_lost)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct sample_count *count = bpf_map_lookup_elem(&sample_counts, &cpu);

	if (!count)
		return;
	if (guarded && has_rx_sock) { /* as count_event() */
		count->drops++;
		count->drops_lost += is_lost;
		return;
	}
	__sync_fetch_and_add(&count->drops, 1);
	__sync_fetch_and_add(&count->drops_lost, is_lost);
}

/* Asked before a packet is copied: where drops come in storms the ring is mostly full. */
static __always_inline bool sample_has_room(void)
{
	return bpf_ringbuf_query(&samples, BPF_RB_AVAIL_DATA) < sample_ring_bytes / SAMPLE_SHARE;
}

/* From where on the bytes are kept. True: that is the IP header. */
static __always_inline bool sample_begin(const struct sk_buff *skb, const struct packet *pkt,
					 __u32 link, __u32 *ret_from)
{
	__u32 mac = skb->mac_header;

	if (mac == NO_MAC_HEADER && pkt->data < pkt->net) /* just put in front */
		mac = pkt->data;
	if (link >= LINK_BYTES && mac + LINK_BYTES <= pkt->net) {
		*ret_from = mac;
		return false;
	}
	*ret_from = pkt->net ? pkt->net : pkt->data;
	return true;
}

/* `want` of the bytes, a tag that is held beside them behind the addresses. Returns how many there are. */
static __always_inline __u32 sample_copy(const struct sk_buff *skb, const unsigned char *from,
					 __u32 want, bool tagged, __u8 *to)
{
	__u32 tag = tagged ? TAG_BYTES : 0;

	if (!want)
		return 0;
	if (!tagged)
		return bpf_probe_read_kernel(to, sample_size(want), from) ? 0 : want;
	if (bpf_probe_read_kernel(to + TAG_BYTES, sample_size(want), from))
		return 0;
	for (__u32 i = 0; i < TAG_AT; i += 4)
		*(__u32 *)(to + i) = *(__u32 *)(to + i + TAG_BYTES);
	*(__be16 *)(to + TAG_AT) = skb->vlan_proto;
	*(__be16 *)(to + TAG_AT + 2) = bpf_htons(skb->vlan_tci);
	return want + tag;
}

/* What is kept of it, of the part that is in one piece. */
static __always_inline void sample_bytes(const struct sk_buff *skb, const struct packet *pkt,
					 __u32 link, __u32 snaplen, struct drop_stage *stage)
{
	struct sample_head *head = &stage->head;
	__u32 from, have, want, version;
	bool bare = sample_begin(skb, pkt, link, &from);
	bool tagged = !bare && head->key.vlan & FLOW_VLAN_TAGGED;

	have = pkt->tail > from ? pkt->tail - from : 0;
	want = snaplen > SAMPLE_SNAPLEN_MIN ? snaplen : SAMPLE_SNAPLEN_MIN;
	if (tagged)
		want -= TAG_BYTES;
	if (want > have)
		want = have;
	head->length = skb->len + pkt->data - from + (tagged ? TAG_BYTES : 0);
	head->captured = sample_copy(skb, pkt->head + from, want, tagged, stage->bytes);
	version = stage->bytes[0] >> 4;
	if (bare && version != 4 && version != 6)
		head->captured = 0; /* no reader would know what it is */
	if (bare)
		head->why |= SAMPLE_BARE;
}

/* The stage's record, and what became of it. */
static __always_inline void sample_push(struct drop_stage *stage)
{
	__u32 captured = stage->head.captured;
	__u64 size, wake;
	bool is_lost = true;

	if (captured) {
		wake = maps_wake(&samples, sizeof(stage->head) + captured,
				 sample_ring_bytes / SAMPLE_WAKES);
		size = sizeof(stage->head) + sample_size(captured); /* last, as in sample_close() */
		is_lost = bpf_ringbuf_output(&samples, stage, size, wake) != 0;
	}
	sample_tally(is_lost);
}

static __always_inline void sample_fill(const struct sk_buff *skb, const struct event_key *key,
					__u32 link, __u32 packets, struct drop_stage *stage)
{
	const struct skb_shared_info *info = (void *)(skb->head + skb->end);
	struct sample_head *head = &stage->head;
	__u32 zero = 0, snaplen = SAMPLE_SNAPLEN;
	const struct sample_conf *conf = bpf_map_lookup_elem(&sample_conf, &zero);
	unsigned short gso_size = 0;
	struct packet pkt;

	if (conf)
		snaplen = *(const volatile __u32 *)&conf->snaplen;
	if (packets > 1)
		bpf_core_read(&gso_size, sizeof(gso_size), &info->gso_size);
	__builtin_memset(head, 0, sizeof(*head));
	head->time_ns = bpf_ktime_get_ns();
	__builtin_memcpy(&head->key, &key->flow, sizeof(head->key));
	head->packets = packets;
	head->gso_size = gso_size;
	head->why = SAMPLE_DROP;
	head->ifindex = key->ifindex;
	head->reason = key->reason;
	head->place = key->place;
	packet_find(skb, link, &pkt);
	sample_bytes(skb, &pkt, link, snaplen, stage);
}

/*
 * A packet that is counted, or, `untold`, that may yet be. Where the kernel lets the program run in the
 * midst of itself (before Linux 6.1) the stage may be taken: the packet is lost as a sample, and counted so.
 */
static __noinline int sample_drop(const struct sk_buff *skb, const struct event_key *key,
				  __u32 link, __u32 packets, __u32 untold)
{
	struct drop_stage *stage;
	__u32 zero = 0;

	if (!untold && !sample_has_room()) {
		sample_tally(true);
		return 0;
	}
	stage = bpf_map_lookup_elem(&drop_stage, &zero);
	if (!stage || *(volatile __u32 *)&stage->busy) {
		sample_tally(true);
		return 0;
	}
	*(volatile __u32 *)&stage->busy = 1;
	stage->waits = untold;
	sample_fill(skb, key, link, packets, stage);
	if (!untold)
		sample_push(stage);
	*(volatile __u32 *)&stage->busy = 0;
	return 0;
}

/* Whose the packet was is told now: it is to be counted, or not. */
static __noinline int sample_told(__u32 counted)
{
	__u32 zero = 0;
	struct drop_stage *stage = bpf_map_lookup_elem(&drop_stage, &zero);

	if (!stage || !stage->waits)
		return 0;
	stage->waits = 0;
	if (!counted)
		return 0;
	if (!sample_has_room())
		stage->head.captured = 0;
	sample_push(stage);
	return 0;
}
