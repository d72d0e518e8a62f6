/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* segment_frame.h: frames made header by header, with right lengths and checksums, for test_segment.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define STAMPS 12 /* of TCP's options */

/*
 * Headers by letters: E Ethernet, V VLAN tag, P PPPoE, M MPLS, 4 and 6 IP, J jumbo option, R routing
 * header, U UDP around X VXLAN, N Geneve or T GTP-U, Z the same without a checksum, G GRE, C GRE with
 * checksum, t TCP, u UDP.
 */
struct frame {
	uint8_t data[200000];
	uint32_t len;
};

struct spec {
	const char *headers;
	uint32_t payload; /* of this packet */
	uint32_t start;	  /* of it, in that of all */
	uint16_t id;	  /* added to each IPv4 identification */
	uint8_t flags;
	bool big; /* IPv6 does not say how long it is */
};

static inline uint32_t size_of(char header)
{
	switch (header) {
	case 'E':
		return 14;
	case 'V':
	case 'M':
	case 'G':
		return 4;
	case '4':
		return 20;
	case '6':
		return 40;
	case 'R':
		return 24;
	case 't':
		return 20 + STAMPS;
	}
	return 8;
}

static inline uint32_t size_of_all(const char *headers)
{
	uint32_t size = 0;

	for (; *headers; headers++)
		size += size_of(*headers);
	return size;
}

static inline void set16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline uint16_t ethertype_of(char next)
{
	switch (next) {
	case 'V':
		return 0x8100;
	case 'P':
		return 0x8864;
	case 'M':
		return 0x8847;
	case '4':
		return 0x0800;
	case '6':
		return 0x86dd;
	}
	return 0x6558; /* Ethernet, in a tunnel */
}

static inline uint8_t proto_of(char next)
{
	switch (next) {
	case '4':
		return 4;
	case '6':
		return 41;
	case 'J':
		return 0;
	case 'R':
		return 43;
	case 'G':
	case 'C':
		return 47;
	case 't':
		return 6;
	}
	return 17;
}

static inline uint16_t port_of(char next)
{
	return next == 'X' ? 4789 : next == 'N' ? 6081 : next == 'T' ? 2152 : 443;
}

/* One header; `rest` bytes from its first one to the end of the frame. No checksums yet. */
static inline void put_header(const struct spec *spec, const char *at, uint8_t *to, uint32_t rest)
{
	char next = at[1];

	switch (*at) {
	case 'E':
		memcpy(to, "\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
		set16(to + 12, ethertype_of(next));
		break;
	case 'V':
		set16(to, 0x6005);
		set16(to + 2, ethertype_of(next));
		break;
	case 'P':
		memcpy(to, "\x11\0\x12\x34", 4);
		set16(to + 4, rest - 6);
		set16(to + 6, next == '4' ? 0x21 : 0x57);
		break;
	case 'M':
		memcpy(to, "\0\x01\x01\x40", 4);
		break;
	case '4':
		memcpy(to, "\x45\x02\0\0\0\0\x40\0\x40\0\0\0\x0a\0\0\1\x0a\0\0\2", 20);
		set16(to + 2, spec->big ? 0 : rest);
		set16(to + 4, 0xfff0U + (uint32_t)(at - spec->headers) * 16 + spec->id);
		to[9] = proto_of(next);
		break;
	case '6':
		memcpy(to, "\x60\0\0\0\0\0\0\x40\xfd", 9);
		set16(to + 4, spec->big ? 0 : rest - 40);
		to[6] = proto_of(next);
		to[23] = 1;
		to[24] = 0xfd;
		to[39] = 2;
		break;
	case 'J': /* RFC 2675 section 2 */
		memcpy(to, "\0\0\xc2\x04", 4);
		to[0] = proto_of(next);
		set16(to + 4, rest >> 16);
		set16(to + 6, rest);
		break;
	case 'R':
		memcpy(to, "\0\2\0\1", 4);
		to[0] = proto_of(next);
		break;
	case 'U':
	case 'Z':
	case 'u':
		set16(to, 50000);
		set16(to + 2, port_of(next));
		set16(to + 4, rest);
		break;
	case 'X':
		to[0] = 8;
		to[6] = 5;
		break;
	case 'N':
		set16(to + 2, ethertype_of(next));
		to[6] = 5;
		break;
	case 'T':
		memcpy(to, "\x30\xff\0\0\0\0\0\7", 8);
		set16(to + 2, rest - 8);
		break;
	case 'G':
	case 'C':
		to[0] = *at == 'C' ? 0x80 : 0;
		set16(to + 2, ethertype_of(next));
		break;
	case 't':
		set16(to, 40000);
		set16(to + 2, 443);
		set16(to + 4, (0xfffff000U + spec->start) >> 16);
		set16(to + 6, 0xfffff000U + spec->start);
		set16(to + 10, 77);
		to[12] = 0x80;
		to[13] = spec->flags;
		set16(to + 14, 500);
		memcpy(to + 20, "\1\1\x08\x0a\0\0\0\1\0\0\0\2", STAMPS);
	}
}

static inline uint16_t sum_of(const uint8_t *data, uint32_t len, uint64_t sum)
{
	for (uint32_t i = 0; i < len; i++)
		sum += (uint64_t)data[i] << (i & 1 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static inline uint64_t pseudo_of(const char *headers, const char *at, const uint8_t *data,
				 uint32_t rest)
{
	uint64_t sum = rest + proto_of(*at == 't' ? 't' : 'u');
	uint32_t off = 0, ip = 0;
	uint32_t from = 12, len = 8;

	for (const char *h = headers; h < at; off += size_of(*h++)) {
		if (*h != '4' && *h != '6')
			continue;
		ip = off;
		from = *h == '4' ? 12 : 8;
		len = *h == '4' ? 8 : 32;
	}
	for (uint32_t i = 0; i < len; i += 2)
		sum += (uint32_t)data[ip + from + i] << 8 | data[ip + from + i + 1];
	return sum;
}

/* RFC 768: 0 would be no checksum. */
static inline uint16_t never_0(uint16_t sum)
{
	return sum ? sum : 0xffff;
}

static inline void put_checksums(const struct spec *spec, struct frame *frame)
{
	uint32_t off = size_of_all(spec->headers);

	for (const char *at = spec->headers + strlen(spec->headers); at-- > spec->headers;) {
		uint8_t *to = frame->data + (off -= size_of(*at));
		uint32_t rest = frame->len - off;

		if (*at == '4')
			set16(to + 10, sum_of(to, 20, 0));
		else if (*at == 'C')
			set16(to + 4, sum_of(to, rest, 0));
		else if (*at == 't')
			set16(to + 16,
			      sum_of(to, rest, pseudo_of(spec->headers, at, frame->data, rest)));
		else if (*at == 'U' || *at == 'u')
			set16(to + 6,
			      never_0(sum_of(to, rest,
					     pseudo_of(spec->headers, at, frame->data, rest))));
	}
}

static inline void make(const struct spec *spec, struct frame *frame)
{
	uint32_t off = 0;

	memset(frame->data, 0, sizeof(frame->data));
	frame->len = size_of_all(spec->headers) + spec->payload;
	for (const char *at = spec->headers; *at; off += size_of(*at++))
		put_header(spec, at, frame->data + off, frame->len - off);
	for (uint32_t i = 0; i < spec->payload; i++)
		frame->data[off + i] = (uint8_t)((spec->start + i) * 7 + ((spec->start + i) >> 8));
	put_checksums(spec, frame);
}
