/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * anonymize_frame.c: see anonymize_frame.h. The walk is flowd's own, stage by stage: a stage reads a
 * header, and then that header is changed. So what is kept is what makes the flow, and a later
 * flowd -r finds the same flows, with other addresses. What was not walked over is cut off.
 */
#include "cli/anonymize_frame.h"

#include <string.h>

#include "cli/anonymize.h"
#include "cli/anonymize_option.h"
#include "cli/anonymize_sum.h"
#include "schema/tunnel.h"

#define QUOTES 2   /* packets in packets that ICMP quotes */
#define GRE_MAX 28 /* bytes that are read of a header, ERSPAN's in it */
#define ETH_MIN 64 /* bytes of a frame that may be padded, with a tag */

enum icmp4 {
	ICMP4_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_QUENCH = 4,
	ICMP4_REDIRECT = 5,
	ICMP4_ECHO = 8,
	ICMP4_ADVERTISEMENT = 9,
	ICMP4_SOLICITATION = 10,
	ICMP4_EXCEEDED = 11,
	ICMP4_PARAMETER = 12,
	ICMP4_TIMESTAMP = 13,
	ICMP4_MASK_REPLY = 18,
};

enum icmp6 {
	ICMP6_UNREACHABLE = 1,
	ICMP6_PARAMETER = 4,
	ICMP6_ECHO = 128,
	ICMP6_REPLY = 129,
	ICMP6_MLD_QUERY = 130,
	ICMP6_MLD_DONE = 132,
	ICMP6_ROUTER_SOLICITATION = 133,
	ICMP6_ROUTER_ADVERTISEMENT = 134,
	ICMP6_SOLICITATION = 135,
	ICMP6_ADVERTISEMENT = 136,
	ICMP6_REDIRECT = 137,
	ICMP6_MLD2_REPORT = 143,
};

struct frame {
	struct anonymize *anon;
	uint8_t *bytes;
	uint32_t captured;
	uint32_t length;
	uint16_t ethertype; /* of a packet without a link layer; 0: Ethernet */
	uint16_t quoted;    /* how many packets are around it */
	bool routed;	    /* by a header that was changed: no sum over addresses is known */
	struct sums sums;
};

/* What a stage began with. */
struct place {
	uint8_t stage;
	uint8_t next;
	uint16_t ethertype;
	uint32_t off;
};

static uint32_t walk(struct frame *frame);

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static const uint8_t *end_at(const struct frame *frame, uint32_t off)
{
	return frame->bytes + least(off, frame->captured);
}

/* Of what is behind an IP header. In a fragment or behind a source route nobody can tell. */
static void add_sum(struct frame *frame, const struct place *at, uint32_t field, uint32_t end,
		    const struct flow_facts *f)
{
	bool is_ip6 = at->ethertype == ETH_P_IPV6;
	bool is_alone = at->next == PARSE_GRE || at->next == PARSE_ICMP || at->next == IPPROTO_IGMP;
	struct sum sum = {
		.at = at->off + field,
		.from = at->off,
		.end = frame->routed || f->frag ? PARSE_UNKNOWN : end,
		.l3 = f->l3_off,
		.pseudo = is_alone ? SUM_ALONE
			  : is_ip6 ? SUM_IPV6
				   : SUM_IPV4,
		.proto = at->next,
	};

	sums_add(&frame->sums, &sum);
}

static void see_link(struct frame *frame, const struct place *at)
{
	anonymize_mac(frame->anon, frame->bytes + at->off);
	anonymize_mac(frame->anon, frame->bytes + at->off + ETH_ALEN);
}

static void see_ip(struct frame *frame, const struct place *at, const struct flow_facts *f)
{
	uint8_t *ip = frame->bytes + at->off;
	struct sum sum = {.at = at->off + 10, .from = at->off, .end = f->off};

	if (at->ethertype == ETH_P_IPV6) {
		anonymize_ip6(frame->anon, ip + 8);
		anonymize_ip6(frame->anon, ip + 24);
		frame->routed = false;
		return;
	}
	anonymize_ip4(frame->anon, ip + 12);
	anonymize_ip4(frame->anon, ip + 16);
	frame->routed = anonymize_ip4_options(ip + 20, end_at(frame, f->off));
	sums_add(&frame->sums, &sum);
}

/* The sum of UDP ends where UDP does, which may be before IP does. */
static uint32_t udp_end(const struct frame *frame, const struct place *at,
			const struct flow_facts *f)
{
	const uint8_t *udp = frame->bytes + at->off;
	uint32_t len = at->off + 6 <= frame->captured ? parse_be16(udp + 4) : 0;

	return len >= 8 && at->off + len <= f->end ? at->off + len : PARSE_UNKNOWN;
}

static void see_transport(struct frame *frame, const struct place *at, const struct flow_facts *f)
{
	switch (at->next) {
	case PARSE_TCP:
		add_sum(frame, at, 16, f->end, f);
		break;
	case PARSE_UDP:
	case PARSE_UDPLITE: /* covers what it says */
		add_sum(frame, at, 6, at->next == PARSE_UDP ? udp_end(frame, at, f) : PARSE_UNKNOWN,
			f);
		break;
	case PARSE_ICMP:
	case PARSE_ICMPV6:
	case IPPROTO_IGMP:
		add_sum(frame, at, 2, f->end, f);
		break;
	case PARSE_DCCP:
		add_sum(frame, at, 6, PARSE_UNKNOWN, f);
		break;
	}
}

/* All but the identifier and its flag: of what is no VXLAN after all no more is left. */
static void clear_vxlan(uint8_t *vxlan)
{
	vxlan[0] &= 0x08;
	memset(vxlan + 1, 0, 3);
	vxlan[7] = 0;
}

/* A tunnel's header was walked over: UDP and what is in it, or GRE. */
static void see_tunnel(struct frame *frame, const struct place *at, const struct flow_facts *f,
		       const struct flow_wrap *wrap)
{
	uint8_t *head = frame->bytes + at->off;
	const uint8_t *end = end_at(frame, f->off);

	if (at->next == PARSE_GRE && (head[0] & PARSE_GRE_CHECKSUM))
		add_sum(frame, at, 4, f->end, f);
	if (at->next != PARSE_UDP || f->stage != PARSE_INNER)
		return;
	if (wrap->kind == FLOW_TUNNEL_VXLAN)
		clear_vxlan(head + 8);
	else if (wrap->kind == FLOW_TUNNEL_GENEVE)
		anonymize_geneve_options(head + 16, end);
	else if (wrap->kind == FLOW_TUNNEL_GTPU && end - head > 20)
		anonymize_gtp_extensions(head + 20, end);
}

/* After a stage that walked over a header. */
static void see(struct frame *frame, const struct place *at, const struct flow_facts *f,
		const struct flow_wrap *wrap)
{
	uint8_t *head = frame->bytes + at->off;

	switch (at->stage) {
	case PARSE_LINK:
		see_link(frame, at);
		break;
	case PARSE_NET:
		if (at->ethertype == ETH_P_IP || at->ethertype == ETH_P_IPV6)
			see_ip(frame, at, f);
		break;
	case PARSE_EXTENSION:
		if (anonymize_extension(frame->anon, at->next, head, end_at(frame, f->off)))
			frame->routed = true;
		break;
	case PARSE_TUNNEL:
		see_tunnel(frame, at, f, wrap);
		break;
	}
}

/* A packet of the same version from there on; returns where what is kept of it ends. */
static uint32_t keep_quoted(struct frame *frame, const struct place *at, uint32_t from,
			    uint32_t end)
{
	struct frame quoted = {
		.anon = frame->anon,
		.bytes = frame->bytes + from,
		.captured = end - from,
		.length = end - from,
		.ethertype = at->ethertype,
		.quoted = (uint16_t)(frame->quoted + 1),
	};

	return from + walk(&quoted);
}

/* RFC 792, and RFC 1256: type, code and sum, and what is known behind them. */
static uint32_t keep_icmp4(struct frame *frame, const struct place *at, uint32_t end)
{
	uint8_t *icmp = frame->bytes + at->off;

	if (end - at->off < 8)
		return least(at->off + 4, end);
	switch (icmp[0]) {
	case ICMP4_REDIRECT:
		anonymize_ip4(frame->anon, icmp + 4);
		break;
	case ICMP4_UNREACHABLE:
	case ICMP4_QUENCH:
	case ICMP4_EXCEEDED:
	case ICMP4_PARAMETER:
		break;
	case ICMP4_REPLY:
	case ICMP4_ECHO:
	case ICMP4_ADVERTISEMENT:
	case ICMP4_SOLICITATION:
	case ICMP4_TIMESTAMP ... ICMP4_MASK_REPLY:
		return at->off + 8;
	default:
		return at->off + 4;
	}
	return frame->quoted < QUOTES ? keep_quoted(frame, at, at->off + 8, end) : at->off + 8;
}

/* `count` addresses from the eighth byte on, then options `skip` bytes behind them. */
static uint32_t keep_discovery(struct frame *frame, const struct place *at, uint32_t end,
			       uint32_t count, uint32_t skip)
{
	uint32_t size = 8 + 16 * count + skip;
	uint8_t *icmp = frame->bytes + at->off;
	const uint8_t *rest;

	if (end - at->off < size)
		return at->off + 8;
	for (uint32_t i = 0; i < count; i++)
		anonymize_ip6(frame->anon, icmp + 8 + 16 * i);
	rest = anonymize_nd_options(frame->anon, icmp + size, frame->bytes + end);
	return (uint32_t)(rest - frame->bytes);
}

/* RFC 4443, RFC 4861, RFC 2710; the groups of RFC 3810 are left out. */
static uint32_t keep_icmp6(struct frame *frame, const struct place *at, uint32_t end)
{
	const uint8_t *icmp = frame->bytes + at->off;
	uint32_t mld_end = least(end, at->off + 24);

	if (end - at->off < 8)
		return least(at->off + 4, end);
	switch (icmp[0]) {
	case ICMP6_UNREACHABLE ... ICMP6_PARAMETER:
		if (frame->quoted < QUOTES)
			return keep_quoted(frame, at, at->off + 8, end);
		return at->off + 8;
	case ICMP6_ECHO:
	case ICMP6_REPLY:
	case ICMP6_MLD2_REPORT:
		return at->off + 8;
	case ICMP6_MLD_QUERY ... ICMP6_MLD_DONE:
		return keep_discovery(frame, at, mld_end, 1, 0);
	case ICMP6_ROUTER_SOLICITATION:
		return keep_discovery(frame, at, end, 0, 0);
	case ICMP6_ROUTER_ADVERTISEMENT:
		return keep_discovery(frame, at, end, 0, 8);
	case ICMP6_SOLICITATION:
	case ICMP6_ADVERTISEMENT:
		return keep_discovery(frame, at, end, 1, 0);
	case ICMP6_REDIRECT:
		return keep_discovery(frame, at, end, 2, 0);
	}
	return at->off + 4;
}

/* RFC 2236; of RFC 3376 the first 8 bytes, which in a query have the group, too. */
static uint32_t keep_igmp(struct frame *frame, const struct place *at, uint32_t end)
{
	uint8_t *igmp = frame->bytes + at->off;

	if (end - at->off < 8)
		return least(at->off + 4, end);
	switch (igmp[0]) {
	case 0x11:
	case 0x12:
	case 0x16:
	case 0x17:
		anonymize_ip4(frame->anon, igmp + 4);
		return at->off + 8;
	case 0x22:
		return at->off + 8;
	}
	return at->off + 4;
}

/* Where what is kept of a packet ends whose last header this is. */
static uint32_t keep_transport(struct frame *frame, const struct place *at,
			       const struct flow_facts *f)
{
	uint32_t end = least(f->end, frame->captured);

	if (end < at->off)
		return end;
	switch (at->next) {
	case PARSE_TCP:
		if (f->off > at->off)
			anonymize_tcp_options(frame->bytes + at->off + 20, end_at(frame, f->off));
		return least(end, f->off > at->off ? f->off : at->off + 20);
	case PARSE_UDP:
	case PARSE_UDPLITE:
	case PARSE_ESP:
		return least(end, at->off + 8);
	case PARSE_SCTP: /* a CRC over all of it, which nobody can tell now */
		if (end >= at->off + 12)
			memset(frame->bytes + at->off + 8, 0, 4);
		return least(end, at->off + (end >= at->off + 12 ? 12 : 8));
	case PARSE_DCCP:
	case PARSE_AH:
		return least(end, at->off + 12);
	case PARSE_ICMP:
		return keep_icmp4(frame, at, end);
	case PARSE_ICMPV6:
		return keep_icmp6(frame, at, end);
	case IPPROTO_IGMP:
		return keep_igmp(frame, at, end);
	}
	return at->off;
}

/* RFC 826; of addresses of another form nothing is left. */
static uint32_t keep_arp(struct frame *frame, const struct place *at)
{
	static const uint8_t none[4];
	uint8_t *arp = frame->bytes + at->off;

	if (arp[2] != 0x08 || arp[3] != 0 || arp[4] != 6 || arp[5] != 4) {
		memset(arp + 8, 0, 20);
		return at->off + 28;
	}
	anonymize_mac(frame->anon, arp + 8);
	anonymize_mac(frame->anon, arp + 18);
	if (!memcmp(arp + 14, none, sizeof(none)) && !memcmp(arp + 24, none, sizeof(none)))
		return at->off + 28; /* as in anonymize_flow_key() */
	anonymize_ip4(frame->anon, arp + 14);
	anonymize_ip4(frame->anon, arp + 24);
	return at->off + 28;
}

/*
 * How far the last stage has read, where that is farther than it walked: so far has the rest to be there,
 * or a reader would miss it. All but LLC, PPPoE's own header and the first word of GRE is cleared: then
 * nothing is in it.
 */
static uint32_t keep_read(struct frame *frame, const struct place *at, const struct flow_facts *f)
{
	uint32_t limit = least(f->end, frame->captured), clear = f->off, end = f->off;
	const uint8_t *head = frame->bytes + f->off;

	if (f->key.ethertype == FLOW_ETH_LLC) {
		clear = end += head[0] == 0xaa && head[1] == 0xaa && head[2] == 3 ? 8 : 3;
	} else if (at->stage == PARSE_LABEL && at->ethertype == ETH_P_PPP_SES) {
		clear = end > at->off ? end : at->off + 6;
		limit = end = at->off + 8; /* whatever it says of its own length */
	} else if (at->stage == PARSE_LABEL) {
		end += 1;
	} else if (at->stage == PARSE_TUNNEL && at->next == PARSE_UDP) {
		end += 8;
	} else if (at->stage == PARSE_TUNNEL && limit >= end + 4) { /* GRE */
		clear += 4;
		end += parse_is_gre_type(parse_be16(head + 2)) ? GRE_MAX : 4;
	}
	end = least(end, limit);
	if (end > clear)
		memset(frame->bytes + clear, 0, end - clear);
	return end;
}

/* A tunnel too many: that a packet is in it, and of which version, is told by its first half byte. */
static uint32_t keep_deep(struct frame *frame, const struct flow_facts *f,
			  const struct flow_wrap *wrap)
{
	frame->bytes[f->off] &= wrap->ethertype ? 0xf0 : 0;
	return f->off + 1;
}

/* The end of what is kept, after the last stage. */
static uint32_t keep(struct frame *frame, const struct place *at, const struct flow_facts *f,
		     const struct flow_wrap *wrap)
{
	bool is_arp = at->ethertype == ETH_P_ARP || at->ethertype == ETH_P_RARP;

	if (at->stage == PARSE_TRANSPORT)
		return keep_transport(frame, at, f);
	if (f->verdict == VERDICT_DEEP && at->stage == PARSE_INNER)
		return keep_deep(frame, f, wrap);
	if (f->verdict != VERDICT_FLOW)
		return f->off;
	if (at->stage == PARSE_NET && is_arp)
		return keep_arp(frame, at);
	return keep_read(frame, at, f);
}

/* What its own header bears out: its sum; its length, but for padding. */
static bool is_ip(const struct frame *frame, uint32_t off)
{
	const uint8_t *ip = frame->bytes + off;
	uint32_t left = frame->length - off, size = (ip[0] & 0xfU) * 4;

	if (ip[0] >> 4 == 4)
		return size >= 20 && off + size <= frame->captured && sum_is_right(ip, size);
	size = parse_be16(ip + 4) + 40U;
	return size == left || (size < left && frame->length <= ETH_MIN);
}

/*
 * Behind MPLS the first half byte says whether there is IP, and a frame whose first MAC address begins
 * with 4 or 6 is taken for it (RFC 8469): its addresses would be left, as lengths and the like.
 */
static bool is_wire(const struct frame *frame, const struct place *at, const struct flow_facts *f)
{
	static const uint16_t types[] = {ETH_P_IP,     ETH_P_IPV6,    ETH_P_ARP,     ETH_P_8021Q,
					 ETH_P_8021AD, ETH_P_MPLS_UC, ETH_P_PPP_SES, ETH_P_LLDP};
	const uint8_t *head = frame->bytes + f->off;

	if (at->stage != PARSE_LABEL || f->stage != PARSE_NET || at->ethertype == ETH_P_PPP_SES ||
	    f->off + 14U > frame->captured || is_ip(frame, f->off))
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (parse_be16(head + 12) == types[i])
			return true;
	}
	return false;
}

/* How much of it is kept. */
static uint32_t walk(struct frame *frame)
{
	struct pkt_meta meta = {.len = frame->length,
				.reach = frame->captured,
				.l3_proto = frame->ethertype,
				.inner = 1};
	struct flow_facts f;
	struct flow_wrap wrap = {.id = 0};
	struct place at = {.stage = PARSE_DONE};
	uint32_t end;

	parse_begin(&meta, &f);
	for (int i = 0; i < PARSE_STEPS && f.stage != PARSE_DONE; i++) {
		struct pkt pkt = parse_at(frame->bytes, frame->captured, f.off);

		at = (struct place){f.stage, f.next, f.key.ethertype, f.off};
		parse_step(&pkt, &f, &wrap);
		if (at.stage == PARSE_TRANSPORT)
			see_transport(frame, &at, &f);
		if (f.off > at.off)
			see(frame, &at, &f, &wrap);
		if (is_wire(frame, &at, &f))
			f.stage = PARSE_DONE;
	}
	end = least(keep(frame, &at, &f, &wrap), frame->captured);
	sums_write(&frame->sums, frame->bytes, end);
	return end;
}

void anonymize_frame(struct anonymize *anon, uint32_t link, uint8_t *bytes, uint32_t *captured,
		     uint32_t length)
{
	struct frame frame = {
		.anon = anon, .bytes = bytes, .captured = *captured, .length = length};

	if (link == ANONYMIZE_RAW && *captured)
		frame.ethertype = bytes[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP;
	*captured = *captured && (link == ANONYMIZE_ETHERNET || link == ANONYMIZE_RAW)
			    ? walk(&frame)
			    : 0;
}
