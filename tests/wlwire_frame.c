// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wlwire_frame.c: frames as wlwire sees them: where TCP is in them, and what a NIC would make of them:
 * segments of a GSO packet (as net/ipv4/tcp_offload.c cuts them), and checksums (RFC 1071).
 */
#include "wlwire.h"

#include <string.h>

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#define __FAVOR_BSD
#include <netinet/tcp.h>

#define FRAGMENT_BITS 0x3fff /* offset and "more" */
#define CONGESTION_REDUCED 0x80

static void look_tcp(const unsigned char *frame, size_t size, size_t end, struct wire_look *look)
{
	const struct tcphdr *tcp = (const void *)(frame + look->l4);

	if (look->l4 + sizeof(*tcp) > size || tcp->th_off < 5)
		return;
	look->payload = look->l4 + tcp->th_off * 4U;
	if (look->payload > end || look->payload > size)
		return;
	look->tcp = true;
	look->flags = tcp->th_flags;
	look->data = end - look->payload;
}

static void look_ipv4(const unsigned char *frame, size_t size, struct wire_look *look)
{
	const struct ip *ip = (const void *)(frame + look->l3);
	size_t length;

	if (look->l3 + sizeof(*ip) > size || ip->ip_p != IPPROTO_TCP || ip->ip_hl < 5 ||
	    ntohs(ip->ip_off) & FRAGMENT_BITS)
		return;
	length = ntohs(ip->ip_len);
	look->l4 = look->l3 + ip->ip_hl * 4U;
	/* 0: BIG TCP */
	look_tcp(frame, size, length && look->l3 + length < size ? look->l3 + length : size, look);
}

static void look_ipv6(const unsigned char *frame, size_t size, struct wire_look *look)
{
	const struct ip6_hdr *ip = (const void *)(frame + look->l3);
	size_t length;

	if (look->l3 + sizeof(*ip) > size || ip->ip6_nxt != IPPROTO_TCP)
		return;
	length = ntohs(ip->ip6_plen);
	look->six = true;
	look->l4 = look->l3 + sizeof(*ip);
	look_tcp(frame, size, length && look->l4 + length < size ? look->l4 + length : size, look);
}

void wire_look(const unsigned char *frame, size_t size, struct wire_look *ret_look)
{
	const struct ether_header *ether = (const void *)frame;

	*ret_look = (struct wire_look){.l3 = sizeof(*ether)};
	if (size < sizeof(*ether))
		return;
	if (ether->ether_type == htons(ETHERTYPE_IP))
		look_ipv4(frame, size, ret_look);
	else if (ether->ether_type == htons(ETHERTYPE_IPV6))
		look_ipv6(frame, size, ret_look);
}

static uint64_t add_words(uint64_t sum, const unsigned char *bytes, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size; i += 2)
		sum += (uint64_t)bytes[i] << 8 | bytes[i + 1];
	return i < size ? sum + ((uint64_t)bytes[i] << 8) : sum;
}

static void put_checksum(unsigned char *at, uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum ^= 0xffff;
	at[0] = (unsigned char)(sum >> 8);
	at[1] = (unsigned char)sum;
}

/* Headers of one segment: lengths, checksums. */
static void seal_segment(unsigned char *frame, size_t size, const struct wire_look *look)
{
	struct tcphdr *tcp = (void *)(frame + look->l4);
	struct ip *four = (void *)(frame + look->l3);
	struct ip6_hdr *six = (void *)(frame + look->l3);
	uint64_t sum = IPPROTO_TCP + size - look->l4;

	if (look->six) {
		six->ip6_plen = htons((uint16_t)(size - look->l4));
		sum = add_words(sum, (void *)&six->ip6_src, 32);
	} else {
		four->ip_len = htons((uint16_t)(size - look->l3));
		four->ip_sum = 0;
		put_checksum((void *)&four->ip_sum,
			     add_words(0, (void *)four, look->l4 - look->l3));
		sum = add_words(sum, (void *)&four->ip_src, 8);
	}
	tcp->th_sum = 0;
	put_checksum((void *)&tcp->th_sum, add_words(sum, (void *)tcp, size - look->l4));
}

/* Segment `i`, which begins at `from` of the payload and is the last where nothing follows. */
static size_t cut_segment(unsigned char *out, const unsigned char *frame,
			  const struct wire_look *look, unsigned int i, size_t from, size_t data)
{
	struct tcphdr *tcp = (void *)(out + look->l4);
	struct ip *four = (void *)(out + look->l3);

	memcpy(out, frame, look->payload);
	memcpy(out + look->payload, frame + look->payload + from, data);
	tcp->th_seq = htonl(ntohl(tcp->th_seq) + (uint32_t)from);
	if (i)
		tcp->th_flags &= (uint8_t)~CONGESTION_REDUCED;
	if (from + data < look->data)
		tcp->th_flags &= (uint8_t) ~(TH_FIN | TH_PUSH);
	if (!look->six)
		four->ip_id = htons((uint16_t)(ntohs(four->ip_id) + i));
	seal_segment(out, look->payload + data, look);
	return look->payload + data;
}

static bool split_tcp(const unsigned char *frame, size_t size, size_t mss, wire_emit *emit,
		      void *arg)
{
	static unsigned char out[1 << 16];
	struct wire_look look;
	unsigned int i = 0;

	wire_look(frame, size, &look);
	if (!look.tcp || !mss || look.payload + mss > sizeof(out))
		return false;
	for (size_t from = 0; from < look.data; from += mss) {
		size_t left = look.data - from;

		emit(arg, out, cut_segment(out, frame, &look, i++, from, left < mss ? left : mss));
	}
	return true;
}

bool wire_split(unsigned char *frame, size_t size, const struct virtio_net_hdr *gso,
		wire_emit *emit, void *arg)
{
	size_t start = gso->csum_start;
	size_t at = start + gso->csum_offset;

	switch (gso->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		break;
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return split_tcp(frame, size, gso->gso_size, emit, arg);
	default:
		return false;
	}
	if (gso->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && at + 2 <= size)
		put_checksum(frame + at, add_words(0, frame + start, size - start));
	emit(arg, frame, size);
	return true;
}
