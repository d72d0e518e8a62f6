/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_flow_step.h: what goes into fuzz_flow.c: the bytes of a step, the packets that they name, and
 * inputs to begin with. Whether a key is the reverse of another is said here by a table of its own.
 *
 *   step    | enum step | step_ns << 3 | STEP_OLDER | what the step needs
 *   where   | 0-15: talks[] | WHERE_REVERSE | WHERE_EGRESS | interface << 6
 *   kind    | tags[] | around[] << 3 | tunnel id << 6 | outer endpoints << 7
 */
#pragma once

#include "fuzz_flow_model.h"
#include "vectors.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define MS 1000000ULL
#define S (1000 * MS)
#define SLOT_ELSEWHERE 0x7fffffff /* a half's slot that is not of the replay's cache */

enum step {
	STEP_PACKET,   /* where, kind, TCP flags, size */
	STEP_REPLY,    /* to the last packet: TCP flags, size */
	STEP_AGAIN,    /* the last packet: TCP flags, size */
	STEP_FRAGMENT, /* as STEP_PACKET, enum datagram | identification << 3 */
	STEP_VECTOR,   /* number, where */
	STEP_GAIN,  /* as STEP_PACKET, enum live | step_ns between the first and the last packet */
	STEP_CLOCK, /* quarters of a second */
	STEP_TABLE, /* enum table | which key, or room for so many records, << 3 */
	STEP_OLDER = 64,
};

enum table {
	TABLE_DUE,
	TABLE_REFUSE,
	TABLE_EVICT,
	TABLE_SLOT,
	TABLE_PAIR,
	TABLE_LIST,
	TABLE_SWEEP,
};

enum where { WHERE_REVERSE = 16, WHERE_EGRESS = 32 };
enum live { LIVE_TORN = 4, LIVE_EVICTED = 8 };
enum datagram_part { PART_FIRST = 1, PART_OUTSIDE = 2, PART_SHORT = 4 };

struct packet {
	_Alignas(uint64_t) struct flow_facts facts; /* keys are compared as words */
	struct flow_wrap wrap;
};

static const struct times {
	uint64_t idle_ns, active_ns, linger_ns, sweep_ns;
} times[] = {
	{15 * S, 60 * S, 2 * S, S},	     {2 * S, 5 * S, 2 * S, S}, {10 * S, 3 * S, 0, S},
	{1500 * MS, 7 * S, 5 * S, 250 * MS}, {3 * S, 4 * S, S, 3 * S},
};

static const uint64_t step_ns[8] = {0, 1, 40 * MS, 300 * MS, 700 * MS, S, 2100 * MS, 40 * S};

/* Who talks: ports of the one that begins, and of the other. */
static const struct talk {
	uint16_t ethertype;
	uint8_t proto, marks;
	uint16_t sport, dport;
	uint16_t reverse_sport, reverse_dport;
} talks[16] = {
	{ETH_P_IP, 6, 0, 40000, 80, 80, 40000},
	{ETH_P_IP, 6, 0, 40001, 80, 80, 40001},
	{ETH_P_IPV6, 6, 0, 40000, 443, 443, 40000},
	{ETH_P_IP, 6, 0, 179, 179, 179, 179},
	{ETH_P_IP, 6, FLOW_MARK_SHORT, 0, 0, 0, 0},
	{ETH_P_IP, 17, 0, 5353, 53, 53, 5353},
	{ETH_P_IPV6, 17, 0, 6000, 6001, 6001, 6000},
	{ETH_P_IP, 17, FLOW_MARK_FRAGMENT, 0, 0, 0, 0},
	{ETH_P_IP, 1, 0, 8, 0, 0, 0},
	{ETH_P_IP, 1, 0, 3, 1, 3, 1},
	{ETH_P_IPV6, 58, 0, 128, 0, 129, 0},
	{ETH_P_IPV6, 58, 0, 135, 0, 136, 0},
	{ETH_P_ARP, 0, 0, 1, 0, 2, 0},
	{FLOW_ETH_LLC, 0, 0, 0x4243, 0, 0x4243, 0},
	{ETH_P_IP, 47, FLOW_MARK_DEEP, 0, 0, 0, 0},
	{ETH_P_IP, 0, FLOW_MARK_FOLDED, 0, 53, 53, 0},
};

static const struct tag {
	uint16_t vlan, cvlan;
	uint8_t marks;
} tags[8] = {
	{0, 0, 0},
	{0, 0, FLOW_MARK_VLAN_UNKNOWN},
	{FLOW_VLAN_TAGGED | 5, 0, 0},
	{FLOW_VLAN_TAGGED | 6, 0, 0},
	{FLOW_VLAN_TAGGED | 5, 0, FLOW_MARK_STAG},
	{FLOW_VLAN_TAGGED | 5, FLOW_VLAN_TAGGED | 7, FLOW_MARK_STAG},
	{FLOW_VLAN_TAGGED | 5, FLOW_VLAN_TAGGED | 7, 0},
	{0, 0, 0},
};

static const uint8_t around[8] = {
	FLOW_TUNNEL_NONE, FLOW_TUNNEL_NONE, FLOW_TUNNEL_MPLS, FLOW_TUNNEL_VXLAN,
	FLOW_TUNNEL_GTPU, FLOW_TUNNEL_ESP,  FLOW_TUNNEL_IPIP, FLOW_TUNNEL_FABRICPATH,
};

static struct packet parsed[VECTORS];

static inline void swap_ends(struct flow_key *key)
{
	struct flow_key was = *key;

	memcpy(key->src, was.dst, sizeof(key->src));
	memcpy(key->dst, was.src, sizeof(key->dst));
}

/* Four pairs of endpoints: two that share one, one of IPv6, and one of a host with itself. */
static inline void packet_outer(struct packet *p, uint8_t id, bool reverse)
{
	struct flow_key *outer = &p->wrap.outer;

	outer->ethertype = id == 2 ? ETH_P_IPV6 : ETH_P_IP;
	outer->proto = 17;
	outer->ifnum = p->facts.key.ifnum;
	outer->dir = p->facts.key.dir;
	outer->src[id == 2 ? 3 : 0] = BE32(0x0a090001U);
	outer->dst[id == 2 ? 3 : 0] = BE32(0x0a090000U + (id == 3 ? 1U : 2U + id));
	if (reverse)
		swap_ends(outer);
	p->wrap.first = *outer;
	p->facts.tunnels = 1;
	p->facts.into = PARSE_INTO_INNER;
}

static inline void packet_make(struct packet *p, uint8_t where, uint8_t kind)
{
	const struct talk *talk = &talks[where & 15];
	const struct tag *tag = &tags[kind & 7];
	struct flow_key *key = &p->facts.key;
	bool reverse = where & WHERE_REVERSE;

	memset(p, 0, sizeof(*p));
	key->ethertype = talk->ethertype;
	key->proto = talk->proto;
	key->marks = talk->marks | tag->marks;
	key->src[0] = talk->marks & FLOW_MARK_FOLDED ? 0 : BE32(0x0a000001U);
	key->dst[0] = BE32(0x0a000002U);
	if (reverse)
		swap_ends(key);
	key->sport = BE16(reverse ? talk->reverse_sport : talk->sport);
	key->dport = BE16(reverse ? talk->reverse_dport : talk->dport);
	key->vlan = tag->vlan;
	key->cvlan = tag->cvlan;
	key->dir = where & WHERE_EGRESS ? FLOW_EGRESS : FLOW_INGRESS;
	key->ifnum = where >> 6;
	key->tunnel_kind = around[kind >> 3 & 7];
	if (key->tunnel_kind)
		key->tunnel_id = kind >> 6 & 1;
	if (key->tunnel_kind == FLOW_TUNNEL_VXLAN || key->tunnel_kind == FLOW_TUNNEL_GTPU ||
	    key->tunnel_kind == FLOW_TUNNEL_IPIP)
		packet_outer(p, (kind >> 6 & 2) | (key->tunnel_kind == FLOW_TUNNEL_IPIP), reverse);
}

static inline void packet_tcp(struct packet *p, uint8_t flags)
{
	if (p->facts.key.proto != IPPROTO_TCP)
		return;
	p->facts.tcp_flags = flags;
	p->facts.tcp_syn = (flags & 0x12) == 0x02;
}

static inline void packet_size(struct packet *p, uint8_t size)
{
	p->facts.packets = 1 + (size >> 6); /* segments */
	p->facts.bytes = p->facts.packets * (60U + (size & 63));
	if (flow_key_is_ip(&p->facts.key))
		p->facts.ip_bytes = p->facts.bytes - 14 * p->facts.packets;
}

/* Of the packet, or of the tunnel's packet around it: then the later ones show that alone. */
static inline void packet_fragment(struct packet *p, uint8_t part)
{
	struct flow_facts *f = &p->facts;
	bool outside = (part & PART_OUTSIDE) && f->tunnels;

	if (!flow_key_is_ip(&f->key))
		return;
	f->frag_id = part >> 3;
	if (part & PART_FIRST) {
		f->frag = PARSE_FIRST;
		f->into |= outside ? PARSE_INTO_FRAG : 0;
		if (!(part & PART_SHORT))
			return;
		f->verdict = VERDICT_SHORT;
		f->key.marks |= FLOW_MARK_SHORT;
	} else {
		f->frag = PARSE_LATER;
		f->key = outside ? p->wrap.first : f->key;
		f->into = outside ? 0 : f->into;
		f->tunnels = outside ? 0 : f->tunnels;
		f->key.marks |= FLOW_MARK_FRAGMENT;
		f->tcp_flags = f->tcp_syn = 0;
	}
	f->key.sport = f->key.dport = 0;
}

static inline void packet_vector(struct packet *p, uint8_t number, uint8_t where)
{
	struct flow_key *key = &p->facts.key, turned;

	*p = parsed[number % VECTORS];
	if (where & WHERE_REVERSE) {
		flow_key_reverse(key, &turned);
		*key = turned;
		swap_ends(&p->wrap.first);
		swap_ends(&p->wrap.outer);
	}
	key->dir = p->wrap.first.dir = where & WHERE_EGRESS ? FLOW_EGRESS : FLOW_INGRESS;
	key->ifnum = p->wrap.first.ifnum = where >> 6;
}

/* Before the first packet_vector(). */
static inline void packet_vectors(void)
{
	for (size_t i = 0; i < VECTORS; i++) {
		struct pkt_meta meta = vector_meta(&vectors[i], 0, FLOW_INGRESS);
		uint8_t *frame = calloc(1, vector_len(&vectors[i]) + 1);

		if (!frame)
			abort();
		memcpy(frame, vectors[i].frame, vectors[i].size);
		parse_packet(frame, &meta, &parsed[i].facts, &parsed[i].wrap);
		free(frame);
	}
}

/* --- inputs to begin with ------------------------------------------------------------------------- */

#define SYN 0x02
#define ACK 0x10
#define RST 0x04
#define FINACK 0x11
#define AT(step, ns) (uint8_t)((step) | (ns) << 3)
#define OPEN(where) AT(STEP_PACKET, 2), where, 0, SYN, 0, AT(STEP_REPLY, 2), 0x12, 0
#define CLOSE AT(STEP_AGAIN, 2), FINACK, 5, AT(STEP_REPLY, 2), FINACK, 5, AT(STEP_REPLY, 2), ACK, 0
#define FRAGMENT(part) AT(STEP_FRAGMENT, 2), 5, 0, 0, 63, part
#define TABLE(what, which) STEP_TABLE, (uint8_t)((what) | (which) << 3)
#define GAIN(where, live) AT(STEP_GAIN, 2), where, 0, ACK, 9, live
#define SEED(...)                                                                      \
	{                                                                              \
		(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}) \
	}

/* clang-format off: a table */
static const struct seed {
	const uint8_t *bytes;
	size_t size;
} seeds[] = {
	/* a connection, lingering, and the same ports again */
	SEED(0, 1, OPEN(0), CLOSE, STEP_CLOCK, 4, OPEN(0), STEP_CLOCK, 20, OPEN(0), CLOSE),
	/* seen at a mirror port, after its end and with a reset */
	SEED(0, 1, AT(STEP_PACKET, 2), 0, 0, SYN, 0, AT(STEP_PACKET, 2), 16, 0, 0x12, 0, STEP_CLOCK,
	     12, AT(STEP_AGAIN, 2), RST, 0, STEP_CLOCK, 12),
	/* longer than the active timeout, then idle */
	SEED(1, 1, OPEN(2), STEP_CLOCK, 6, CLOSE, OPEN(5), STEP_CLOCK, 7, AT(STEP_AGAIN, 6), ACK, 1,
	     AT(STEP_AGAIN, 6), ACK, 1, AT(STEP_REPLY, 6), ACK, 1, AT(STEP_AGAIN, 6), ACK, 1,
	     STEP_CLOCK, 100),
	/* more keys than slots */
	SEED(0, 1, OPEN(0), OPEN(1), OPEN(2), OPEN(3), OPEN(5), OPEN(6), OPEN(8), OPEN(10),
	     OPEN(12), STEP_CLOCK, 5, OPEN(0), OPEN(64), OPEN(65), STEP_CLOCK, 5),
	/* fragments in order, before the first one, and too late */
	SEED(0, 1, FRAGMENT(9), FRAGMENT(8), FRAGMENT(16), FRAGMENT(17), STEP_CLOCK, 140,
	     FRAGMENT(16)),
	SEED(0, 1, FRAGMENT(9), STEP_CLOCK, 119, FRAGMENT(8), STEP_CLOCK, 2, FRAGMENT(8),
	     STEP_CLOCK, 2, FRAGMENT(8)),
	/* a live table: given up with and without another slot, no room for records */
	SEED(1, 1, GAIN(0, 0), TABLE(TABLE_SLOT, 0), GAIN(48, LIVE_EVICTED), TABLE(TABLE_DUE, 0),
	     GAIN(0, LIVE_TORN), TABLE(TABLE_EVICT, 0), TABLE(TABLE_REFUSE, 0),
	     TABLE(TABLE_SLOT, 0), TABLE(TABLE_REFUSE, 3), TABLE(TABLE_LIST, 0), STEP_CLOCK, 30),
	/* tags that only one side has seen, ids of their own, outer endpoints */
	SEED(0, 1, AT(STEP_PACKET, 2), 0, 1, SYN, 0, AT(STEP_PACKET, 2), 48, 2, 0x12, 0,
	     AT(STEP_PACKET, 2), 5, 0x20, 0, 0, AT(STEP_PACKET, 2), 53, 0x60, 0, 0,
	     AT(STEP_PACKET, 2), 5, 0x18, 0, 0, AT(STEP_REPLY, 2), 0, 0, STEP_CLOCK, 80),
};
/* clang-format on */

static inline void seed_write(const char *dir, size_t number, const struct seed *seed)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%05zu", dir, number);
	file = fopen(path, "wb");
	if (!file || fwrite(seed->bytes, 1, seed->size, file) != seed->size || fclose(file)) {
		perror(path);
		exit(1);
	}
}

/* Those above, and for each vector its packet, a reply, both again the same way, and what follows. */
static inline void seeds_write(const char *dir)
{
	for (size_t i = 0; i < COUNT(seeds); i++)
		seed_write(dir, i, &seeds[i]);
	for (size_t i = 0; i < VECTORS; i++) {
		uint8_t number = (uint8_t)i, next = (uint8_t)((i + 1) % VECTORS);
		const uint8_t bytes[] = {
			(uint8_t)i,
			1,
			AT(STEP_VECTOR, 2),
			number,
			0,
			AT(STEP_VECTOR, 2),
			number,
			48,
			AT(STEP_VECTOR, 5),
			number,
			64,
			AT(STEP_VECTOR, 2),
			number,
			80,
			AT(STEP_VECTOR, 2),
			next,
			64,
			STEP_CLOCK,
			12,
			AT(STEP_VECTOR, 2),
			number,
			0,
		};

		seed_write(dir, COUNT(seeds) + i, &(struct seed){bytes, sizeof(bytes)});
	}
}
