/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow.h: what a flow is, as the BPF programs write it and user space reads it.
 *
 * Everything here lives in memory that both sides map, so sizes and offsets are asserted and
 * FLOW_LAYOUT grows with every change. Addresses and ports are in network byte order; all
 * other integers are in the host's.
 *
 *   set (1088 bytes)   | tag[8] | used[8] | slot 0 | slot 1 | ... | slot 7 |
 *                      |---- 64 bytes ----|--- 128 bytes each: 2 cache lines ---|
 *   slots map          CPU 0: sets ... reserved sets | CPU 1: ...   one writer a slice
 *   marks map          the same index: what of each slot was exported, written by flowd
 */
#pragma once

#include <linux/types.h>
#include <stddef.h>

#define FLOW_LAYOUT 5 /* of every struct below that lives in a pinned map */
#define FLOW_WAYS_SHIFT 3
#define FLOW_WAYS (1 << FLOW_WAYS_SHIFT)
#define FLOW_IFACES 256	      /* interfaces of an instance, number 0 means unknown */
#define FLOW_IFACE_CELLS 4096 /* open-addressed table from ifindex to interface number */
#define FLOW_IFACE_PROBES 8
#define FLOW_SEED_WORDS 8
#define FLOW_XDP_OVERHEAD \
	598 /* of a page: headroom, the kernel's skb_shared_info, Ethernet and VLAN headers */
#define FLOW_FOLDED_SETS 64 /* of a CPU, for folded flows alone, a power of two */
#define FLOW_CATCHALL_SETS (FLOW_IFACES * 2 / FLOW_WAYS) /* the catch-all slots of a CPU */
#define FLOW_RESERVED_SETS (FLOW_FOLDED_SETS + FLOW_CATCHALL_SETS) /* behind the hashed sets */
#define FLOW_FRAGMENTS 16384		/* datagrams whose later fragments are awaited */
#define FLOW_FRAGMENT_NS 30000000000ULL /* that a datagram's fragments may be apart */
#define FLOW_OUTERS 16384		/* pairs of outer endpoints whose addresses are known */
#define FLOW_WAITS 8192			/* round trips that are being measured */
#define FLOW_SPARED_EPOCHS 2 /* sweeps by which a flow outlives another of a level less */
#define FLOW_IDLE_EPOCHS \
	32 /* sweeps after which any flow may be given up, whichever was idle for longer */
#define FLOW_EPOCH_MASK 0x3fffffffU

enum flow_dir {
	FLOW_INGRESS = 0,
	FLOW_EGRESS = 1,
};

/* Marks in the key: why it holds less (or other) than the packet's full headers. */
enum flow_marks {
	FLOW_MARK_FRAGMENT = 1,	 /* a fragment after the first: ports unknown, 0 */
	FLOW_MARK_SHORT = 2,	 /* headers cut short or impossible: what is known is kept */
	FLOW_MARK_DEEP = 4,	 /* nested deeper than the parser follows */
	FLOW_MARK_FOLDED = 8,	 /* no room: source address and port zeroed */
	FLOW_MARK_CATCHALL = 16, /* no room for a folded flow either: the interface's own slot */
	FLOW_MARK_STAG = 32,	 /* the outer tag is 802.1ad (TPID 0x88a8), not 802.1Q */
	FLOW_MARK_MIRRORED = 64, /* records only: both directions went the same way (a SPAN port) */
	FLOW_MARK_VLAN_UNKNOWN = 128, /* no tag in the bytes, but the NIC takes tags off */

	/* with one of these the ledger has the packet under another name than recorded */
	FLOW_MARKS_NAMED = FLOW_MARK_SHORT | FLOW_MARK_DEEP | FLOW_MARK_FOLDED | FLOW_MARK_CATCHALL,
};

/* key.tunnel_kind: what is around the keyed packet, and what tunnel_id is then. */
enum flow_tunnel {
	FLOW_TUNNEL_NONE = 0,
	FLOW_TUNNEL_MPLS,   /* top label | FLOW_MPLS_ENTRIES of the stack << 20 */
	FLOW_TUNNEL_PPPOE,  /* session id */
	FLOW_TUNNEL_VXLAN,  /* VNI */
	FLOW_TUNNEL_GENEVE, /* VNI */
	FLOW_TUNNEL_GRE,    /* key, 0 without */
	FLOW_TUNNEL_NVGRE,  /* VSID */
	FLOW_TUNNEL_ERSPAN, /* session id, 0 in type I */
	FLOW_TUNNEL_IPIP,   /* IPv4 in IPv4 */
	FLOW_TUNNEL_6IN4,
	FLOW_TUNNEL_4IN6,
	FLOW_TUNNEL_6IN6,
	FLOW_TUNNEL_GTPU,	/* TEID, the receiver's */
	FLOW_TUNNEL_ESP,	/* SPI, the receiver's */
	FLOW_TUNNEL_AH,		/* SPI, the receiver's */
	FLOW_TUNNEL_PBB,	/* I-SID of IEEE 802.1ah */
	FLOW_TUNNEL_FABRICPATH, /* FTag */
	FLOW_TUNNEL_MAX,
};

#define FLOW_MPLS_LABEL 0xfffff /* of tunnel_id */
#define FLOW_MPLS_SHIFT 20	/* of the number of entries */

/* key.outer: number of the pair of outer endpoints << 2 | which of them sent. 0: none or unknown. */
enum flow_outer_way {
	FLOW_OUTER_EQUAL = 0,	 /* both are the same address */
	FLOW_OUTER_FORWARD = 1,	 /* the lower one (by memcmp) sent */
	FLOW_OUTER_BACKWARD = 2, /* the higher one */
};

#define FLOW_OUTER_NUMBERS 0x3fffffff

/* key.outer where the other of them sent. */
static inline __u32 flow_outer_turned(__u32 outer)
{
	__u32 way = outer & 3;

	return way == FLOW_OUTER_FORWARD || way == FLOW_OUTER_BACKWARD ? outer ^ 3 : outer;
}

#define FLOW_ETH_LLC 0x0004	/* key.ethertype of 802.3 frames with LLC (linux/if_ether.h) */
#define FLOW_VLAN_TAGGED 0x1000 /* in key.vlan and key.cvlan beside the 12 bits of the id */

/*
 * flow_key: one direction of a conversation on one interface.
 *
 * IPv4 addresses are in word 0. ICMP: sport is the type, dport the code. ARP: sender and target
 * protocol address, sport is the operation. LLC: sport is DSAP << 8 | SSAP. Unused parts are 0.
 */
struct flow_key {
	__be32 src[4];
	__be32 dst[4];
	__be16 sport;
	__be16 dport;
	__u16 ethertype;  /* host order; 0x0800 and 0x86dd are IP */
	__u16 vlan;	  /* outer tag: FLOW_VLAN_TAGGED | id, or 0 */
	__u16 cvlan;	  /* inner tag of QinQ, the same way */
	__u16 ifnum;	  /* flowd's number of the interface, never reused while it is in a map */
	__u8 proto;	  /* IP protocol */
	__u8 dir;	  /* enum flow_dir */
	__u8 marks;	  /* enum flow_marks */
	__u8 tunnel_kind; /* enum flow_tunnel */
	__u32 tunnel_id;
	__u32 outer; /* outer endpoints of the innermost tunnel, see enum flow_outer_way */
} __attribute__((aligned(8))); /* is read in words of that size */

struct flow_slot {
	__u32 seq;   /* odd while the key changes */
	__u32 birth; /* grows by one with each key that the slot gets; 0: never used */
	struct flow_key key;
	__u64 packets;
	__u64 bytes;	/* of frames on the wire, without preamble and FCS */
	__u64 ip_bytes; /* of IP packets; 0 for other EtherTypes */
	__u64 first_ns; /* CLOCK_MONOTONIC: the first packet since the last export */
	__u64 last_ns;
	__u8 tcp_flags; /* ORed byte 13 of the TCP header */
	__u8 tcp_syn;	/* a SYN without ACK was seen: this side opened the connection */
	__u8 tcp_state; /* enum tcp_state of tcp.h */
	__u8 tcp_dups;	/* duplicate ACKs in a row */
	__u16 tcp_window;
	__u16 tcp_peer; /* where the other direction's slot was found last, see health_gather */
	__u32 tcp_next; /* sequence number expected next */
	__u32 tcp_ack;
	__u32 tcp_time;	 /* tcp_ticks() when tcp_next grew last */
	__u16 tcp_tsval; /* lower half of the last timestamp option's */
	__u16 tcp_tsecr;
};

/* What TCP did in one direction beside sending: counters that only grow while a slot has its key. */
struct flow_health_count {
	__u64 retransmitted_bytes; /* of payload */
	__u64 rtt_sum_us;	   /* of rtt_count round trips that this direction answered */
	__u32 rtt_count;
	__u32 retransmits; /* segments, as every count here */
	__u32 out_of_order;
	__u32 dup_acks;
	__u32 zero_windows;
	__u32 resets;
	__u32 keep_alives;
	__u32 syn_repeats; /* SYN, or SYN with ACK, again */
};

/* Beside a slot, by the same index; touched only where TCP_HEALTH of tcp_state is set. */
struct flow_health {
	struct flow_health_count count;
	__u32 rtt_min_us; /* of the epoch, 0: none was */
	__u32 rtt_max_us;
	__u32 handshake_us; /* from the other side's SYN to this one's answer; 0: none was seen */
	__u32 initial_ns; /* of the connection: from SYN to the handshake's last ACK; 0: unknown */
};

struct flow_health_set {
	struct flow_health health[FLOW_WAYS];
};

/* How well a flow is known, in flow_set.used beside the epoch. What a flood brings has one packet and goes first. */
enum flow_known {
	FLOW_KNOWN_ONCE = 0, /* one packet */
	FLOW_KNOWN_AGAIN,    /* more, all in one epoch */
	FLOW_KNOWN_LONG,     /* in two epochs at least */
};

/* What flowd has exported of a slot's health: the same of it as its struct flow_mark of the slot. */
struct flow_health_mark_version {
	struct flow_health_count count;
	__u32 birth; /* of another life than the slot's mark: all 0 */
	__u32 pad;
};

struct flow_health_mark {
	struct flow_health_mark_version committed;
	struct flow_health_mark_version pending;
};

struct flow_health_mark_set {
	struct flow_health_mark mark[FLOW_WAYS];
};

struct flow_set {
	__u32 tag[FLOW_WAYS];  /* part of the key's hash, never 0 in a slot in use */
	__u32 used[FLOW_WAYS]; /* sweep epoch of the last packet << 2 | enum flow_known */
	struct flow_slot slot[FLOW_WAYS];
};

struct flow_mark_version {
	__u32 birth;
	__u32 sweep;
	__u64 packets;
	__u64 bytes;
	__u64 ip_bytes;
};

/* What flowd has exported of a slot. BPF takes only the committed one as the truth. */
struct flow_mark {
	struct flow_mark_version committed;
	struct flow_mark_version pending;
};

struct flow_mark_set {
	struct flow_mark mark[FLOW_WAYS];
};

/* A record of the evicted ring: a slot's whole life so far, submitted before its key changes. */
struct flow_evicted {
	__u32 index; /* of the slot: set * FLOW_WAYS + way */
	__u32 pad;
	struct flow_slot slot;
	struct flow_health health; /* not in the record where the slot has none */
};

/* Packets of the evicted ring that were given back before they were committed: flowd's own, see flowd/early.h. */
#define FLOW_EARLY_SUMS (FLOW_IFACES * 4)
#define FLOW_EARLY_INDEX(ifnum, dir, named) \
	(((ifnum)*2 + (dir)) * 2 + (named)) /* named: FLOW_MARKS_NAMED */

struct flow_early_sum {
	__u64 packets;
	__u64 bytes;
	__u64 ip_bytes;
};

struct flow_early_version {
	__u64 pos;   /* up to where the ring's records are in these sums, or committed */
	__u64 sweep; /* that has what is in with[]; 0: none */
	struct flow_early_sum with[FLOW_EARLY_SUMS];
	struct flow_early_sum after[FLOW_EARLY_SUMS];
};

struct flow_early {
	__u64 turn; /* its lowest bit: which version is valid */
	struct flow_early_version version[2];
};

/* What became of a packet. Every packet gets exactly one. */
enum flow_verdict {
	VERDICT_FLOW = 0, /* counted under its own key */
	VERDICT_SHORT,	  /* counted under a key with FLOW_MARK_SHORT */
	VERDICT_DEEP,	  /* counted under a key with FLOW_MARK_DEEP */
	VERDICT_FOLDED,	  /* counted under a folded key: the detail is lost */
	VERDICT_CATCHALL, /* counted in the interface's catch-all slot */
	VERDICT_MAX,
};

struct flow_count {
	__u64 packets;
	__u64 bytes;
};

/* The books of one CPU, interface and direction; index ((cpu * FLOW_IFACES) + ifnum) * 2 + dir. */
struct flow_ledger {
	struct flow_count seen; /* counted first, by the hook alone */
	/* what of these packets is sampled, see sample.bpf.h; the programs' own */
	__u32 sample_gen;  /* control.sampling when the others were taken from sample_conf */
	__u32 sample_left; /* packets up to the next that is sampled by rate */
	__u32 sample_first;
	__u32 sample_triggers;
	struct flow_count verdict[VERDICT_MAX];
	__u32 sample_rate; /* that sample_left is drawn by; 0: none */
	__u32 pad[3];
};

/* What a CPU's cache did; no packet is counted here. */
struct flow_cpu {
	__u64 created;	 /* keys that got a slot */
	__u64 evicted;	 /* slots handed over in the ring */
	__u64 reused;	 /* slots taken that were exported already */
	__u64 ring_full; /* evictions that found no room in the ring */
	__u64 pulled;	 /* skbs whose headers had to be pulled into the linear part */
	__u64 tick;	 /* jiffies when now_ns was read; both are the program's own */
	__u64 now_ns;
	__u64 outer_full; /* packets in tunnels whose endpoints found no number: outer is 0 */
	__u64 samples;	  /* round trips that may still be asked for in this tick */
	__u64 gathers;	  /* looks at other CPUs' slots that may still be taken in it */
	__u64 unasked;	  /* segments judged by what their own slot knows, for want of these */
	__u64 pad[5];
};

struct flow_iface {
	__u32 ifindex; /* 0: free */
	__u16 ifnum;
	__u16 marks; /* of its packets without a tag: FLOW_MARK_VLAN_UNKNOWN or 0 */
};

/* What a datagram's first fragment was counted under; found by parse_fragment_key(). */
struct flow_fragment {
	struct flow_key key;
	__u64 seen_ns;
};

/* A packet whose answer is awaited, see rtt.h. */
struct flow_wait {
	__u64 what; /* check << 32 | token; 0: nothing */
	__u64 since_ns;
};

/* One cell, written by flowd, read by BPF (epoch, sampling) and by the next flowd (the rest). */
struct flow_control {
	__u32 epoch;	    /* grows by one after each sweep */
	__u32 layout;	    /* FLOW_LAYOUT of the program that made the maps */
	__u64 generation;   /* random, of these maps: ties a database's books to them */
	__u64 netns_cookie; /* SO_NETNS_COOKIE of the namespace whose interfaces are counted */
	__u32 sampling;	    /* grows by one after each change of sample_conf, see sample.h */
	__u32 sets;	    /* hashed sets of a CPU, a power of two */
	__u64 seed[FLOW_SEED_WORDS];
	__u32 cpus;
	__u32 pad[7];
};

/* Read-only constants of the BPF programs, set before load, equal to the control cell's. */
struct flow_geometry {
	__u64 seed[FLOW_SEED_WORDS]; /* odd numbers */
	__u32 set_mask;		     /* sets - 1 */
	__u32 cpu_sets;		     /* sets + FLOW_RESERVED_SETS */
	__u32 xdp_buff_len;	     /* the kernel has bpf_xdp_get_buff_len */
	__u32 xdp_load_bytes;	     /* and bpf_xdp_load_bytes */
	__u32 loop;		     /* and bpf_loop */
	__u32 inner;		     /* tunnel = inner */
	__u32 track;		     /* fragments = track */
	__u32 cpus;
};

/* The verifier, the mmap readers and the pinned maps all rely on these. */
_Static_assert(sizeof(struct flow_key) == 56, "seven words to hash and compare");
_Static_assert(offsetof(struct flow_slot, packets) == 64,
	       "the key's cache line, then the counters'");
_Static_assert(sizeof(struct flow_slot) == 128, "two cache lines");
_Static_assert(sizeof(struct flow_set) == 64 + FLOW_WAYS * 128, "tags in one line");
_Static_assert(sizeof(struct flow_mark) == 64, "one cache line a slot");
_Static_assert(sizeof(struct flow_health_count) == 48, "no holes");
_Static_assert(sizeof(struct flow_health) == 64, "one cache line a slot");
#define FLOW_EVICTED_PLAIN offsetof(struct flow_evicted, health)

_Static_assert(sizeof(struct flow_evicted) == 200, "ring records have no holes");
_Static_assert(sizeof(struct flow_ledger) == 128, "two lines");
_Static_assert(offsetof(struct flow_ledger, verdict[VERDICT_FLOW + 1]) <= 64,
	       "what every packet touches in the first");
_Static_assert(sizeof(struct flow_cpu) == 128, "no line shared between CPUs");
_Static_assert(sizeof(struct flow_control) == 128, "no line shared with anything else");
_Static_assert(offsetof(struct flow_control, layout) == 4 &&
		       offsetof(struct flow_control, netns_cookie) == 16,
	       "read before it is known whose layout it is");
_Static_assert(offsetof(struct flow_control, sampling) < 64, "read with epoch");
