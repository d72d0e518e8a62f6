// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuzz_ref_tunnel.c: the second parser of fuzz_ref.h: tunnels.
 *
 * In mode outer nothing in here changes the flow; of a packet that will be segmented the headers
 * inside are measured all the same, as each segment will carry them.
 */
#include <string.h>

#include "fuzz_ref.h"

#define ETHERNET 0x6558 /* the protocol type that means an Ethernet frame: RFC 1701 */
#define EXTENSIONS 4	/* of a GTP-U header */

enum found {
	NO_TUNNEL, /* but the payload of a plain flow */
	TUNNEL_CUT,
	TUNNEL,
};

/* A tunnel header, and where and what its payload is. */
struct tunnel {
	enum flow_tunnel kind;
	uint32_t id;
	uint64_t payload;
	unsigned int type; /* EtherType or ETHERNET */
};

/* What says that it ends before its header does is no tunnel; what was not captured may be one. */
static enum found holds(const struct ref *r, uint64_t at, uint64_t bytes)
{
	if (at + bytes > r->end)
		return NO_TUNNEL;
	return at + bytes > r->reach ? TUNNEL_CUT : TUNNEL;
}

/* RFC 7348 section 5. */
static enum found ref_vxlan(const struct ref *r, uint64_t at, struct tunnel *ret_t)
{
	enum found found = holds(r, at, 8);

	if (found != TUNNEL)
		return found;
	if (!(r->byte[at] & 0x08))
		return NO_TUNNEL;
	*ret_t = (struct tunnel){FLOW_TUNNEL_VXLAN, ref_three(r, at + 4), at + 8, ETHERNET};
	return TUNNEL;
}

/* RFC 8926 section 3.4. */
static enum found ref_geneve(const struct ref *r, uint64_t at, struct tunnel *ret_t)
{
	enum found found = holds(r, at, 8);
	unsigned int type, size;

	if (found != TUNNEL)
		return found;
	type = ref_two(r, at + 2);
	if (r->byte[at] / 64 != 0 || (type != ETHERNET && type != 0x0800 && type != 0x86dd))
		return NO_TUNNEL;
	size = 8 + r->byte[at] % 64 * 4U;
	*ret_t = (struct tunnel){FLOW_TUNNEL_GENEVE, ref_three(r, at + 4), at + size, type};
	return holds(r, at, size);
}

/* 3GPP TS 29.281 section 5.1: version 1, no GTP', a G-PDU; extension headers: section 5.2. */
static enum found ref_gtpu(struct ref *r, uint64_t at, struct tunnel *ret_t)
{
	enum found found = holds(r, at, 8);
	uint64_t payload = at + 8;

	if (found != TUNNEL)
		return found;
	if (r->byte[at] / 16 != 3 || r->byte[at + 1] != 255)
		return NO_TUNNEL;
	if (at + 8 + ref_two(r, at + 2) < r->end)
		r->end = at + 8 + ref_two(r, at + 2);
	if (r->byte[at] % 8) {
		found = holds(r, at, 12);
		if (found != TUNNEL)
			return found;
		payload = at + 12;
	}
	for (int walked = 0; r->byte[at] & 4 && r->byte[payload - 1]; walked++) {
		if (walked == EXTENSIONS)
			return NO_TUNNEL;
		found = holds(r, payload, 1);
		if (found == TUNNEL && !r->byte[payload])
			return NO_TUNNEL;
		if (found == TUNNEL)
			found = holds(r, payload, r->byte[payload] * 4ULL);
		if (found != TUNNEL)
			return found;
		payload += r->byte[payload] * 4ULL;
	}
	if (!ref_inside(r, payload, 1))
		return TUNNEL_CUT;
	if (r->byte[payload] / 16 != 4 && r->byte[payload] / 16 != 6)
		return NO_TUNNEL;
	*ret_t = (struct tunnel){FLOW_TUNNEL_GTPU, ref_four(r, at + 4), payload,
				 r->byte[payload] / 16 == 4 ? 0x0800 : 0x86dd};
	return TUNNEL;
}

/*
 * draft-foschiano-erspan-03 section 4; `at` is behind the GRE header. Type I has no sequence
 * number and no header of its own.
 */
static enum found ref_erspan(const struct ref *r, uint64_t at, unsigned int type, bool sequence,
			     struct tunnel *ret_t)
{
	unsigned int size = type == 0x22eb ? 12 : 8;
	enum found found = holds(r, at, 8);

	*ret_t = (struct tunnel){FLOW_TUNNEL_ERSPAN, 0, at, ETHERNET};
	if (type == 0x88be && !sequence)
		return TUNNEL;
	if (at + size > r->end)
		return NO_TUNNEL;
	if (found != TUNNEL)
		return found;
	if (r->byte[at] / 16 != (type == 0x22eb ? 2 : 1))
		return NO_TUNNEL;
	found = holds(r, at, size);
	if (found != TUNNEL)
		return found;
	if (type == 0x22eb && r->byte[at + 10] / 4 % 32) /* frame type: 0 is Ethernet */
		return NO_TUNNEL;
	if (type == 0x22eb && r->byte[at + 11] % 2)
		size += 8;
	ret_t->id = ref_two(r, at + 2) % 1024;
	ret_t->payload = at + size;
	return holds(r, at, size);
}

static bool is_carried(unsigned int type)
{
	return type == 0x0800 || type == 0x86dd || type == 0x8847 || type == 0x8848 ||
	       type == ETHERNET || type == 0x88be || type == 0x22eb;
}

/*
 * RFC 2784 and 2890; RFC 7637 section 3.2: NVGRE is a key and nothing else, Ethernet inside. The
 * reserved bits are ignored on receipt.
 */
static enum found ref_gre(const struct ref *r, uint64_t at, struct tunnel *ret_t)
{
	enum found found = holds(r, at, 4);
	unsigned int flags, type;
	uint64_t size = 4;
	uint32_t key = 0;

	if (found != TUNNEL)
		return found;
	flags = ref_two(r, at);
	type = ref_two(r, at + 2);
	if (flags % 8 != 0 || flags & 0x4000 || !is_carried(type))
		return NO_TUNNEL;
	size += flags & 0x8000 ? 4 : 0;
	size += flags & 0x2000 ? 4 : 0;
	size += flags & 0x1000 ? 4 : 0;
	found = holds(r, at, size);
	if (found != TUNNEL)
		return found;
	if (flags & 0x2000)
		key = ref_four(r, at + (flags & 0x8000 ? 8 : 4));
	if (type == 0x88be || type == 0x22eb)
		return ref_erspan(r, at + size, type, flags & 0x1000, ret_t);
	*ret_t = (struct tunnel){FLOW_TUNNEL_GRE, key, at + size, type};
	if (flags / 4096 == 2 && type == ETHERNET && key / 256 >= 0x1000 && key / 256 <= 0xfffffe) {
		ret_t->kind = FLOW_TUNNEL_NVGRE;
		ret_t->id = key / 256;
	}
	return TUNNEL;
}

static void ref_inner(struct ref *r, const struct tunnel *t)
{
	r->outer = r->key;
	memset(r->key.src, 0, sizeof(r->key.src));
	memset(r->key.dst, 0, sizeof(r->key.dst));
	r->key.sport = r->key.dport = 0;
	r->key.ethertype = 0;
	r->key.proto = 0;
	r->key.tunnel_kind = (uint8_t)t->kind;
	r->key.tunnel_id = t->id;
	r->depth++;
	r->tags = 0;
	r->dropped = 0;
	if (t->type == ETHERNET)
		ref_ethernet(r, t->payload);
	else
		ref_net(r, t->payload, t->type);
}

/* How much of the packet each segment repeats, found as in mode inner. */
static void measure(struct ref *r, const struct tunnel *t)
{
	struct ref inner = *r;

	inner.follow = true;
	ref_inner(&inner, t);
	r->headers = inner.headers;
	r->dropped = inner.dropped;
	r->unmeasured = inner.unmeasured || inner.verdict != VERDICT_FLOW;
}

/* The first byte is there, and an IP packet's has the version that is expected. */
static bool begins(const struct ref *r, const struct tunnel *t)
{
	if (!ref_inside(r, t->payload, 1))
		return false;
	if (t->type == 0x0800)
		return r->byte[t->payload] / 16 == 4;
	if (t->type == 0x86dd)
		return r->byte[t->payload] / 16 == 6;
	return true;
}

static void ref_found(struct ref *r, enum found found, const struct tunnel *t)
{
	if (found == NO_TUNNEL || (!r->follow && !r->segmented))
		return;
	if (found == TUNNEL && !begins(r, t))
		found = TUNNEL_CUT;
	if (found == TUNNEL && r->depth == REF_DECAPSULATIONS)
		return ref_too_deep(r);
	if (found == TUNNEL && r->follow)
		ref_inner(r, t);
	else if (found == TUNNEL)
		measure(r, t);
	else if (r->follow)
		ref_cut_short(r);
	else
		r->unmeasured = true;
}

void ref_tunnel_udp(struct ref *r, uint64_t at, unsigned int port)
{
	struct tunnel t = {0};

	if (port == 4789 || port == 8472)
		ref_found(r, ref_vxlan(r, at, &t), &t);
	if (port == 6081)
		ref_found(r, ref_geneve(r, at, &t), &t);
	if (port == 2152)
		ref_found(r, ref_gtpu(r, at, &t), &t);
}

/* IPv4 in IP: RFC 2003, 2473; IPv6 in IP: RFC 4213, 2473. */
void ref_tunnel_ip(struct ref *r, uint64_t at, unsigned int proto)
{
	bool outer6 = r->key.ethertype == 0x86dd;
	struct tunnel t = {.payload = at};

	if (proto == 47)
		return ref_found(r, ref_gre(r, at, &t), &t);
	t.type = proto == 4 ? 0x0800 : 0x86dd;
	if (proto == 4)
		t.kind = outer6 ? FLOW_TUNNEL_4IN6 : FLOW_TUNNEL_IPIP;
	else
		t.kind = outer6 ? FLOW_TUNNEL_6IN6 : FLOW_TUNNEL_6IN4;
	ref_found(r, TUNNEL, &t);
}
