/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse.h: packet bytes to flow key. Pure: no map, no helper, no context; for BPF and the host.
 *
 *   frame | Ethernet | tags ... | LLC/SNAP | IPv4 options / IPv6 extensions | ports ... |
 *
 * Every frame gets a key: what cannot be read is left 0 and the key is marked, so that no frame
 * falls out of the books.
 *
 * Parsing is a walk of stages; each reads one layer at f->off and names the next stage. A stage
 * forgets how it was reached, which keeps the BPF verifier's work a sum instead of a product. The
 * stages of labels, which lead back to PARSE_LINK or PARSE_NET, are in label.h; those of tunnels, and
 * the whole walk for the host, in tunnel.h.
 */
#pragma once

#include "packet.h"

/* The timestamps option as every current stack puts it: first, behind two NOPs (RFC 7323 appendix A). */
static __always_inline void parse_stamps(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *option = pkt_pull(pkt, 12);

	if (!option || pkt_be32(option) != PARSE_STAMPS)
		return;
	f->tsval = parse_be32(option + 4);
	f->tsecr = parse_be32(option + 8);
	f->segment |= PARSE_SEGMENT_STAMPED;
}

/* RFC 9293 section 3.1. */
static __always_inline void parse_tcp(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *port = pkt_pull(pkt, 4), *rest;

	if (!port || parse_beyond(f, 4))
		return parse_short(f);
	f->key.sport = pkt_be16(port);
	f->key.dport = pkt_be16(port + 2);
	rest = pkt_pull(pkt, 16);
	if (!rest || parse_beyond(f, 20))
		return parse_short(f);
	f->tcp_flags = rest[9];
	f->tcp_syn = (rest[9] & 0x12) == 0x02;
	if (rest[8] >> 4 < 5 || parse_beyond(f, (__u32)(rest[8] >> 4) * 4))
		return parse_short(f);
	f->seq = parse_be32(rest);
	f->ack = parse_be32(rest + 4);
	f->window = parse_be16(rest + 10);
	f->segment = PARSE_SEGMENT_TCP;
	f->off += (rest[8] >> 4) * 4;
	if (rest[8] >> 4 >= 8)
		parse_stamps(pkt, f);
}

/* RFC 792, RFC 4443 section 4: the kind of segment that it is. */
static __always_inline __u8 parse_echo(__u8 proto, __u8 type)
{
	if (type == (proto == PARSE_ICMP ? 8 : 128))
		return PARSE_SEGMENT_ECHO;
	return type == (proto == PARSE_ICMP ? 0 : 129) ? PARSE_SEGMENT_REPLY : 0;
}

/* Type and code are the first two bytes (RFC 792, RFC 4443 section 2.1). */
static __always_inline void parse_icmp(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *icmp = pkt_pull(pkt, 2);
	__u8 echo;

	if (!icmp || parse_beyond(f, 2))
		return parse_short(f);
	f->key.sport = PARSE_SWAP16((__u16)icmp[0]);
	f->key.dport = PARSE_SWAP16((__u16)icmp[1]);
	f->off += 8;
	echo = parse_echo(f->next, icmp[0]);
	icmp = pkt_pull(pkt, 6);
	if (!echo || !icmp || f->end < f->off)
		return;
	f->seq = parse_be32(icmp + 2);
	f->segment = echo;
}

/* Ports are the first four bytes of UDP, UDP-Lite, SCTP and DCCP; `len` is the whole header. */
static __always_inline void parse_ports(struct pkt *pkt, __u32 len, struct flow_facts *f)
{
	const __u8 *port = pkt_pull(pkt, 4);

	if (!port || parse_beyond(f, 4))
		return parse_short(f);
	f->key.sport = pkt_be16(port);
	f->key.dport = pkt_be16(port + 2);
	if (!pkt_pull(pkt, len - 4) || parse_beyond(f, len))
		return parse_short(f);
	f->off += len;
}

/* The SPI of ESP and AH (RFC 4303 section 2, RFC 4302 section 2), where no tunnel is named yet. */
static __always_inline void parse_spi(struct flow_facts *f, __u8 kind, const __u8 *spi)
{
	if (f->key.tunnel_kind)
		return;
	f->key.tunnel_kind = kind;
	f->key.tunnel_id = (__u32)spi[0] << 24 | (__u32)spi[1] << 16 | (__u32)spi[2] << 8 | spi[3];
}

/* What is behind them cannot be read, or in AH's case is not looked for in IPv4. */
static __always_inline void parse_ipsec(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *head = pkt_pull(pkt, 8);

	if (!head || parse_beyond(f, 8))
		return parse_short(f);
	if (f->next == PARSE_ESP)
		parse_spi(f, FLOW_TUNNEL_ESP, head);
	else
		parse_spi(f, FLOW_TUNNEL_AH, head + 4);
}

/* UDP destination ports; 8472 is VXLAN's in Linux before its own was assigned. */
static __always_inline int parse_is_tunnel_port(__be16 port)
{
	__u16 number = PARSE_SWAP16(port);

	return number == 4789 || number == 8472 || number == 6081 || number == 2152;
}

static __always_inline void parse_transport(struct pkt *pkt, struct flow_facts *f)
{
	__u8 proto = f->next;

	f->stage = PARSE_DONE;
	f->key.proto = proto;
	if (proto == PARSE_TCP) {
		parse_tcp(pkt, f);
	} else if (proto == PARSE_UDP) {
		parse_ports(pkt, 8, f);
		if (f->into && f->verdict == VERDICT_FLOW && parse_is_tunnel_port(f->key.dport)) {
			f->off -= 8; /* its length is looked at again */
			f->stage = PARSE_TUNNEL;
		}
	} else if (proto == PARSE_UDPLITE) {
		parse_ports(pkt, 8, f);
	} else if (proto == PARSE_ICMP || proto == PARSE_ICMPV6) {
		parse_icmp(pkt, f);
	} else if (proto == PARSE_SCTP || proto == PARSE_DCCP) {
		parse_ports(pkt, 12, f);
	} else if (proto == PARSE_ESP || proto == PARSE_AH) {
		parse_ipsec(pkt, f);
	} else if (f->into && (proto == PARSE_GRE || proto == PARSE_IPIP || proto == PARSE_IPV6)) {
		f->stage = PARSE_TUNNEL;
	}
}

/* A fragment header was met: the outermost one is kept. */
static __always_inline void parse_fragment(struct flow_facts *f, __u32 id, __u8 frag)
{
	if (!f->frag) {
		f->frag = frag;
		f->frag_id = id;
	}
	if (frag == PARSE_LATER)
		f->key.marks |= FLOW_MARK_FRAGMENT;
}

/* RFC 791. A total length of 0 is that of a packet larger than 64 kB (BIG TCP): no limit. */
static __always_inline void parse_ipv4(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *ip = pkt_pull(pkt, 20);
	__u32 header, total;

	if (!ip || parse_beyond(f, 20) || ip[0] >> 4 != 4)
		return parse_short(f);
	f->key.src[0] = pkt_be32(ip + 12);
	f->key.dst[0] = pkt_be32(ip + 16);
	f->key.proto = f->next = ip[9];
	header = (ip[0] & 0xf) * 4;
	total = (__u32)ip[2] << 8 | ip[3];
	f->ip_len = total ? total : PARSE_UNKNOWN;
	if (header < 20 || f->ip_len < header || parse_beyond(f, header))
		return parse_short(f);
	parse_narrow(f, f->ip_len);
	f->off += header;
	f->stage = PARSE_TRANSPORT;
	if (!((ip[6] & 0x3f) | ip[7]))
		return;
	if ((ip[6] & 0x1f) | ip[7])
		f->stage = PARSE_DONE;
	parse_fragment(f, (__u32)ip[4] << 8 | ip[5], f->stage ? PARSE_FIRST : PARSE_LATER);
}

static __always_inline int parse_is_extension(__u8 proto)
{
	return proto == PARSE_HOPOPTS || proto == PARSE_ROUTING || proto == PARSE_FRAGMENT ||
	       proto == PARSE_AH || proto == PARSE_DSTOPTS || proto == PARSE_MOBILITY ||
	       proto == PARSE_HIP || proto == PARSE_SHIM6;
}

/*
 * RFC 8200 section 3. A payload length of 0 is a jumbogram's (RFC 2675), or a GSO packet's larger
 * than 64 kB (BIG TCP).
 */
static __always_inline void parse_ipv6(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *ip = pkt_pull(pkt, 40);
	__u32 payload;

	if (!ip || parse_beyond(f, 40) || ip[0] >> 4 != 6)
		return parse_short(f);
	for (int i = 0; i < 4; i++) {
		f->key.src[i] = pkt_be32(ip + 8 + 4 * i);
		f->key.dst[i] = pkt_be32(ip + 24 + 4 * i);
	}
	f->key.proto = f->next = ip[6];
	payload = (__u32)ip[4] << 8 | ip[5];
	f->ip_len = payload + 40;
	if (!payload && (f->next == PARSE_HOPOPTS || f->gso))
		f->ip_len = PARSE_UNKNOWN;
	parse_narrow(f, f->ip_len);
	f->off += 40;
	f->nested &= (__u8) ~(PARSE_NESTED_MAC - 1);
	f->stage = parse_is_extension(f->next) ? PARSE_EXTENSION : PARSE_TRANSPORT;
}

/* Whole length of an extension header: RFC 8200 section 4; AH counts words of 4 (RFC 4302, 2.2). */
static __always_inline __u32 parse_extension_len(__u8 proto, const __u8 *ext)
{
	if (proto == PARSE_FRAGMENT)
		return 8;
	if (proto == PARSE_AH)
		return (ext[1] + 2U) * 4;
	return (ext[1] + 1U) * 8;
}

static __always_inline void parse_extension(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *ext = pkt_pull(pkt, 8);
	__u32 len;

	f->key.proto = f->next;
	if (f->nested++ % PARSE_NESTED_MAC == PARSE_EXTENSIONS)
		return parse_deep(f);
	if (!ext || parse_beyond(f, 8))
		return parse_short(f);
	len = parse_extension_len(f->next, ext);
	if (parse_beyond(f, len) || f->off + len > PARSE_OFF_MAX)
		return parse_short(f);
	/* net/ipv6/ip6_offload.c, ipv6_hopopt_jumbo_remove */
	if (f->gso && f->next == PARSE_HOPOPTS && ext[2] == PARSE_JUMBO && len == 8 &&
	    f->ip_len == PARSE_UNKNOWN && f->off == f->l3_off + 40)
		f->unsent = 8;
	f->off += len;
	f->key.proto = ext[0];
	if (f->next == PARSE_AH)
		parse_spi(f, FLOW_TUNNEL_AH, ext + 4);
	if (f->next == PARSE_FRAGMENT && (ext[2] || (ext[3] & 0xf9))) {
		__u32 id = (__u32)ext[4] << 24 | (__u32)ext[5] << 16 | (__u32)ext[6] << 8 | ext[7];
		int later = ext[2] || (ext[3] & 0xf8);

		parse_fragment(f, id, later ? PARSE_LATER : PARSE_FIRST);
		if (later) {
			f->stage = PARSE_DONE;
			return;
		}
	}
	f->next = ext[0];
	if (!parse_is_extension(f->next))
		f->stage = PARSE_TRANSPORT;
}

/* RFC 826; the addresses of IPv4 over Ethernet are kept, as tcpdump's `host` matches them. */
static __always_inline void parse_arp(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *arp = pkt_pull(pkt, 28);

	if (!arp || parse_beyond(f, 28))
		return parse_short(f);
	__builtin_memcpy(&f->key.sport, arp + 6, 2);
	if (arp[2] != 0x08 || arp[3] != 0 || arp[4] != 6 || arp[5] != 4)
		return;
	f->key.src[0] = pkt_be32(arp + 14);
	f->key.dst[0] = pkt_be32(arp + 24);
}

static __always_inline int parse_is_label(__u16 ethertype)
{
	return ethertype == ETH_P_MPLS_UC || ethertype == ETH_P_MPLS_MC ||
	       ethertype == ETH_P_PPP_SES || ethertype == PARSE_PBB ||
	       ethertype == PARSE_FABRICPATH;
}

/* The layer that key.ethertype names. */
static __always_inline void parse_net(struct pkt *pkt, struct flow_facts *f)
{
	__u16 ethertype = f->key.ethertype;

	f->stage = PARSE_DONE;
	f->l3_off = f->off;
	if (ethertype == ETH_P_IP)
		parse_ipv4(pkt, f);
	else if (ethertype == ETH_P_IPV6)
		parse_ipv6(pkt, f);
	else if (ethertype == ETH_P_ARP || ethertype == ETH_P_RARP)
		parse_arp(pkt, f);
	else if (parse_is_label(ethertype))
		f->stage = PARSE_LABEL;
}

/* IEEE 802.2; SNAP with OUI 0 (RFC 1042) carries an EtherType, which is followed. */
static __always_inline void parse_llc(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *llc = pkt_pull(pkt, 3), *snap;

	f->key.ethertype = FLOW_ETH_LLC;
	f->stage = PARSE_DONE;
	if (!llc || parse_beyond(f, 3))
		return parse_short(f);
	f->key.sport = PARSE_SWAP16((__u16)(llc[0] << 8 | llc[1]));
	if (llc[0] != 0xaa || llc[1] != 0xaa || llc[2] != 0x03)
		return;
	snap = pkt_pull(pkt, 5);
	if (!snap || parse_beyond(f, 8))
		return parse_short(f);
	if (snap[0] || snap[1] || snap[2] || snap[3] < 0x06)
		return;
	f->key.sport = 0;
	f->key.ethertype = (__u16)(snap[3] << 8 | snap[4]);
	f->off += 8;
	f->stage = PARSE_NET;
}

/* A plain Ethernet header, as most are. Anything else is left to parse_link. */
static __always_inline void parse_plain(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *eth = pkt_pull(pkt, 14);
	__u16 ethertype;

	if (!eth)
		return;
	ethertype = (__u16)(eth[12] << 8 | eth[13]);
	if (parse_is_tag(ethertype) || ethertype <= PARSE_LENGTH_MAX)
		return;
	f->key.ethertype = ethertype;
	f->off = 14;
	f->stage = PARSE_NET;
}

/*
 * IEEE 802.1Q tags, then what they are on; f->off is behind the EtherType. The first two tags are
 * kept; a stack of more than PARSE_TAGS is too deep.
 */
static __always_inline void parse_tags(struct pkt *pkt, struct flow_facts *f, __u16 ethertype)
{
	const __u8 *tag;

	f->stage = PARSE_NET;
	/* a tag held beside the bytes is one of the stack: both hooks find the same frame too deep */
	for (int depth = f->key.vlan && !f->tunnels && !f->nested ? 1 : 0;
	     depth < PARSE_TAGS && parse_is_tag(ethertype); depth++) {
		tag = pkt_pull(pkt, 4);
		f->key.ethertype = ethertype;
		if (!tag || parse_beyond(f, 4))
			return parse_short(f);
		parse_tag(f, ethertype, (__u16)(tag[0] << 8 | tag[1]));
		f->off += 4;
		ethertype = (__u16)(tag[2] << 8 | tag[3]);
	}
	f->key.ethertype = ethertype;
	if (parse_is_tag(ethertype))
		parse_deep(f);
	else if (ethertype <= PARSE_LENGTH_MAX)
		parse_llc(pkt, f);
}

/* IEEE 802.3. */
static __always_inline void parse_link(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *eth = pkt_pull(pkt, 14);

	if (!eth || parse_beyond(f, 14))
		return parse_short(f);
	f->off += 14;
	parse_tags(pkt, f, (__u16)(eth[12] << 8 | eth[13]));
}

/* What TCP carries in it. */
static __always_inline void parse_payload(const struct pkt_meta *meta, struct flow_facts *f)
{
	__u32 end = meta->len;

	if (f->packets > 1)
		f->mss = (__u16)meta->gso_size;
	else if (f->end < end)
		end = f->end;
	f->payload = end > f->off ? end - f->off : 0;
	if (f->frag)
		f->segment = 0; /* of a datagram whose end is not known */
}

/*
 * What the packet was on the wire. A segmented packet repeats all its headers in each segment
 * (skbuff.h, gso_segs); a tag held in metadata is 4 bytes of each. IP bytes leave out the link
 * layer and the padding of short frames; a length that the frame cannot hold counts as the frame.
 */
static __always_inline void parse_count(const struct pkt_meta *meta, struct flow_facts *f)
{
	__u32 segments = meta->segments, extra = 0, unsent = 0, ip = 0;
	__u32 tag = meta->vlan_proto ? 4 : 0;

	if (!segments && meta->gso_size && meta->len > f->off)
		segments = (meta->len - f->off + meta->gso_size - 1) / meta->gso_size;
	if (!segments)
		segments = 1;
	if (segments > 1) {
		extra = segments - 1;
		unsent = segments * f->unsent;
	}
	f->packets = segments;
	if (meta->untagged && !f->key.vlan)
		f->key.marks |= (__u8)meta->untagged;
	if (f->segment & PARSE_SEGMENT_TCP)
		parse_payload(meta, f);
	f->bytes = meta->len + extra * f->off + segments * tag - unsent;
	if (f->key.ethertype != ETH_P_IP && f->key.ethertype != ETH_P_IPV6)
		return;
	if (meta->len > f->l3_off)
		ip = meta->len - f->l3_off;
	if (!extra && f->ip_len < ip)
		ip = f->ip_len;
	f->ip_bytes = ip + extra * (__u32)(f->off - f->l3_off) - unsent;
}

/* Before the first stage. Arithmetic for branches: the verifier would follow both ways. */
static __always_inline void parse_begin(const struct pkt_meta *meta, struct flow_facts *f)
{
	__u32 segmented = meta->gso_size | meta->segments >> 1 | meta->len >> 16;

	/* in two: gcc makes a slow `rep stos` of a longer one */
	__builtin_memset(&f->key, 0, sizeof(f->key));
	__builtin_memset((char *)f + sizeof(f->key), 0, sizeof(*f) - sizeof(f->key));
	f->key.ifnum = meta->ifnum;
	f->key.dir = (__u8)meta->dir;
	f->ip_len = f->end = PARSE_UNKNOWN;
	f->truncated = meta->reach < meta->len;
	f->gso = (segmented | (0 - segmented)) >> 31;
	f->into = (__u8)(meta->inner | f->gso * PARSE_INTO_MEASURE);
	f->stage = PARSE_LINK;
	if (meta->vlan_proto)
		parse_tag(f, meta->vlan_proto, meta->vlan_tci);
	if (meta->l3_proto) {
		__u16 proto = meta->l3_proto;

		f->key.ethertype = proto;
		f->stage =
			parse_is_tag(proto) || proto <= PARSE_LENGTH_MAX ? PARSE_TAGGED : PARSE_NET;
	}
}
