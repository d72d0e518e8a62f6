/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bench_xdp.bpf.c: the entry of an XDP benchmark and the programs to compare with:
 *
 *   bench_empty      nothing
 *   bench_parse      the parser alone
 *   bench_lru        the same parser, ledger, analysis of TCP and samples, flows in BPF_MAP_TYPE_LRU_PERCPU_HASH
 *   bench_lock       the same, flows in one BPF_MAP_TYPE_HASH for all CPUs, a bpf_spin_lock in each value
 *   bench_account    wireledger without its analysis of TCP
 *   bench_unsampled  wireledger without the choice of packets to be sampled
 *
 * bench_lru and bench_lock do less than wireledger where a flow is new: they do not ask other CPUs what they know of
 * it, and a flow that the LRU map gives up is lost, where wireledger hands it over.
 */
#include "xdp/xdp_frame.bpf.h"

#include "vary.bpf.h"

/* Of the slot the second line alone is touched, but for a new flow. */
struct lru_value {
	struct flow_slot slot;
	struct flow_health health;
};

struct lock_value {
	struct bpf_spin_lock lock;
	__u32 pad;
	struct flow_slot slot;
	struct flow_health health;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 1); /* set before load */
	__type(key, struct flow_key);
	__type(value, struct lru_value);
} lru SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set before load */
	__type(key, struct flow_key);
	__type(value, struct lock_value);
} locked SEC(".maps");

/* Where values are made, and looked at outside of the lock. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lock_value);
} made SEC(".maps");

struct flow_rest {
	__u64 word[3]; /* what tcp.h keeps in a slot, from tcp_flags on */
};

static __always_inline struct flow_rest *bench_rest(struct flow_slot *slot)
{
	return (struct flow_rest *)&slot->tcp_flags;
}

_Static_assert(sizeof(struct flow_slot) - offsetof(struct flow_slot, tcp_flags) ==
		       sizeof(struct flow_rest),
	       "all of it");

/* What is not plain, as health_look, but for round trips. */
__noinline int bench_look(struct flow_slot *slot, struct flow_health *h, struct flow_facts *f,
			  __u64 now)
{
	struct tcp_peer *peer = health_peer();

	if (!slot || !h || !peer || !f)
		return 0;
	__builtin_memset(peer, 0, sizeof(*peer));
	if (slot->tcp_state & TCP_TIMED)
		now = bpf_ktime_get_ns();
	f->why |= (__u8)tcp_look(slot, h, peer, f, now);
	return 0;
}

/* A new flow, its first packet counted, in `made`. */
static __always_inline struct lock_value *bench_made(struct flow_facts *f, __u64 now)
{
	__u32 zero = 0;
	struct lock_value *value = bpf_map_lookup_elem(&made, &zero);

	if (!value)
		return NULL;
	__builtin_memset(&value->slot, 0, sizeof(value->slot) + sizeof(value->health));
	value->slot.first_ns = now;
	if (f->segment & PARSE_SEGMENT_TCP)
		bench_look(&value->slot, &value->health, f, now);
	account_add(&value->slot, f, now);
	return value;
}

/* Packets of the flow; 0: there is no room for it. */
static __always_inline __u64 lru_flow(struct flow_facts *f, __u64 now)
{
	struct lru_value *value = bpf_map_lookup_elem(&lru, &f->key);
	struct lock_value *fresh;

	if (value) {
		if ((f->segment & PARSE_SEGMENT_TCP) && !tcp_plain(&value->slot, f, now))
			bench_look(&value->slot, &value->health, f, now);
		account_add(&value->slot, f, now);
		return value->slot.packets;
	}
	fresh = bench_made(f, now);
	if (!fresh || bpf_map_update_elem(&lru, &f->key, &fresh->slot, BPF_ANY))
		return 0;
	return f->packets;
}

/* What is not plain is looked at in a copy, as nothing may be called under the lock. */
static __always_inline void lock_look(struct lock_value *value, struct flow_facts *f, __u64 now)
{
	__u32 zero = 0;
	struct lock_value *copy = bpf_map_lookup_elem(&made, &zero);

	if (!copy)
		return;
	bpf_spin_lock(&value->lock);
	*bench_rest(&copy->slot) = *bench_rest(&value->slot);
	copy->slot.last_ns = value->slot.last_ns;
	bpf_spin_unlock(&value->lock);
	bench_look(&copy->slot, &copy->health, f, now);
	bpf_spin_lock(&value->lock);
	*bench_rest(&value->slot) = *bench_rest(&copy->slot);
	bpf_spin_unlock(&value->lock);
}

static __always_inline __u64 lock_flow(struct flow_facts *f, __u64 now)
{
	struct lock_value *value = bpf_map_lookup_elem(&locked, &f->key);
	__u64 packets;
	int plain = 1;

	if (!value) {
		value = bench_made(f, now);
		if (!value || bpf_map_update_elem(&locked, &f->key, value, BPF_NOEXIST))
			return 0;
		return f->packets;
	}
	bpf_spin_lock(&value->lock);
	if (f->segment & PARSE_SEGMENT_TCP)
		plain = tcp_plain(&value->slot, f, now);
	account_add(&value->slot, f, now);
	packets = value->slot.packets;
	bpf_spin_unlock(&value->lock);
	if (!plain)
		lock_look(value, f, now);
	return packets;
}

static __always_inline int bench_agent(struct xdp_md *ctx, int lock)
{
	__u32 cpu = bpf_get_smp_processor_id(), zero = 0, verdict, why;
	const struct flow_control *ctl = bpf_map_lookup_elem(&control, &zero);
	struct flow_cpu *stat = bpf_map_lookup_elem(&cpus, &cpu);
	struct flow_ledger *books;
	struct flow_facts f;
	__u64 packets;

	xdp_packet(ctx, NULL, &f);
	books = maps_books(cpu, &f.key);
	if (!books || !stat || !ctl)
		return XDP_PASS;
	books->seen.packets += f.packets;
	books->seen.bytes += f.bytes;
	packets = lock ? lock_flow(&f, account_now(stat)) : lru_flow(&f, account_now(stat));
	verdict = packets ? f.verdict : VERDICT_CATCHALL;
	if (!packets)
		packets = ACCOUNT_MANY;
	barrier_var(verdict); /* the verifier is to see the same register bounded and used */
	if (verdict < VERDICT_MAX) {
		books->verdict[verdict].packets += f.packets;
		books->verdict[verdict].bytes += f.bytes;
	}
	why = sample_chosen(books, ctl, &f, packets);
	if (why)
		xdp_sample(ctx, &f, why);
	return XDP_PASS;
}

SEC("xdp")
int bench_lru(struct xdp_md *ctx)
{
	return bench_agent(ctx, 0);
}

SEC("xdp")
int bench_lock(struct xdp_md *ctx)
{
	return bench_agent(ctx, 1);
}

/* flow_xdp, but what a segment says is not looked at. */
SEC("xdp")
int bench_account(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct cache_hash hash;
	struct flow_ledger *books;
	struct flow_facts f;

	hash = xdp_packet(ctx, geometry.seed, &f);
	books = maps_books(cpu, &f.key);
	if (!books)
		return XDP_PASS;
	books->seen.packets += f.packets;
	books->seen.bytes += f.bytes;
	f.segment = 0;
	account_flow(cpu, &f, hash, books);
	return XDP_PASS;
}

/* flow_xdp, but no packet is sampled, and none asked for it. */
SEC("xdp")
int bench_unsampled(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id(), zero = 0;
	const struct flow_control *ctl = bpf_map_lookup_elem(&control, &zero);
	struct flow_cpu *stat = bpf_map_lookup_elem(&cpus, &cpu);
	struct cache_hash hash;
	struct flow_ledger *books;
	struct flow_facts f;

	hash = xdp_packet(ctx, geometry.seed, &f);
	books = maps_books(cpu, &f.key);
	if (!books || !ctl || !stat)
		return XDP_PASS;
	books->seen.packets += f.packets;
	books->seen.bytes += f.bytes;
	account_count(cpu, &f, hash, books, ctl, stat);
	return XDP_PASS;
}

SEC("xdp")
int bench_parse(struct xdp_md *ctx)
{
	struct flow_facts f;

	xdp_packet(ctx, NULL, &f);
	return f.bytes == f.ip_bytes ? XDP_DROP : XDP_PASS; /* the counts are wanted */
}

SEC("xdp")
int bench_empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

SEC("xdp")
int bench_entry(struct xdp_md *ctx)
{
	vary_frame(ctx);
	bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED; /* no target: the benchmark stops on it */
}

char _license[] SEC("license") = "Dual BSD/GPL";
