// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuzz_parse.c: libFuzzer target: parse.h against a second parser, slow and simple, written from
 * the RFCs and flow.h. Nothing of parse.h is used but its types. Any difference aborts.
 *
 *   clang -std=c17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
 *         -I. tests/fuzz_parse.c -o build/fuzz/fuzz_parse
 *   mkdir -p build/fuzz/seeds build/fuzz/corpus
 *   build/fuzz/fuzz_parse --write-seeds=build/fuzz/seeds
 *   build/fuzz/fuzz_parse -max_total_time=60 -max_len=600 -print_final_stats=1 \
 *         build/fuzz/corpus build/fuzz/seeds
 *
 * Input: struct input, then the frame.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

struct input {
	uint8_t what; /* enum input_what */
	uint8_t segments;
	uint8_t tci[2];
	uint8_t gso_size[2];
	uint8_t hidden[2]; /* bytes of the frame that are out of reach */
};

enum input_what {
	INPUT_L3_IPV4 = 1,
	INPUT_L3_IPV6 = 2,
	INPUT_TAG = 4,
	INPUT_STAG = 8,
	INPUT_SEGMENTS = 16,
	INPUT_GSO_SIZE = 32,
	INPUT_HIDDEN = 64,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* The second parser. Offsets count from the frame's start; `ip_end` is where the IP packet ends. */
struct ref {
	const uint8_t *byte;
	uint64_t reach;
	uint64_t len;
	uint64_t ip_start;
	uint64_t ip_end;
	uint64_t headers; /* bytes before the payload */
	uint64_t dropped; /* of them, bytes that segmentation takes out */
	bool segmented;
	bool ip;
	unsigned int tags;
	enum flow_verdict verdict;
	uint8_t tcp_flags;
	bool tcp_syn;
	struct flow_key key;
};

static unsigned int two(const struct ref *r, uint64_t at)
{
	return r->byte[at] * 256U + r->byte[at + 1];
}

static bool there(const struct ref *r, uint64_t at, uint64_t bytes)
{
	return at + bytes <= r->reach;
}

/* There, and inside the IP packet as its header has it. */
static bool inside(const struct ref *r, uint64_t at, uint64_t bytes)
{
	return there(r, at, bytes) && at + bytes <= r->ip_end;
}

static void cut_short(struct ref *r)
{
	r->verdict = VERDICT_SHORT;
	r->key.marks |= FLOW_MARK_SHORT;
}

static void add_tag(struct ref *r, unsigned int tpid, unsigned int tci)
{
	unsigned int id = tci % 4096;

	if (r->tags == 0) {
		r->key.vlan = (uint16_t)(FLOW_VLAN_TAGGED + id);
		if (tpid == 0x88a8)
			r->key.marks |= FLOW_MARK_STAG;
	}
	if (r->tags == 1)
		r->key.cvlan = (uint16_t)(FLOW_VLAN_TAGGED + id);
	r->tags++;
}

/* RFC 9293 section 3.1. */
static void ref_tcp(struct ref *r, uint64_t at)
{
	unsigned int words;

	if (!inside(r, at, 20))
		return cut_short(r);
	r->tcp_flags = r->byte[at + 13];
	r->tcp_syn = (r->tcp_flags & 2) && !(r->tcp_flags & 16);
	words = r->byte[at + 12] / 16;
	if (words < 5 || at + words * 4 > r->ip_end)
		return cut_short(r);
	r->headers = at + words * 4;
}

static unsigned int header_size(unsigned int proto)
{
	switch (proto) {
	case 6:
		return 20;
	case 17:  /* UDP */
	case 136: /* UDP-Lite */
		return 8;
	case 33:  /* DCCP */
	case 132: /* SCTP */
		return 12;
	default:
		return 0;
	}
}

static void ref_transport(struct ref *r, uint64_t at, unsigned int proto)
{
	unsigned int size = header_size(proto);

	r->key.proto = (uint8_t)proto;
	r->headers = at;
	if (proto == 1 || proto == 58) {
		if (!inside(r, at, 2))
			return cut_short(r);
		r->key.sport = BE16(r->byte[at]);
		r->key.dport = BE16(r->byte[at + 1]);
		r->headers = at + 8;
		return;
	}
	if (!size)
		return;
	if (!inside(r, at, 4))
		return cut_short(r);
	r->key.sport = BE16(two(r, at));
	r->key.dport = BE16(two(r, at + 2));
	if (proto == 6)
		return ref_tcp(r, at);
	if (!inside(r, at, size))
		return cut_short(r);
	r->headers = at + size;
}

/* RFC 791 section 3.1. */
static void ref_ipv4(struct ref *r, uint64_t at)
{
	unsigned int ihl, total;

	if (!there(r, at, 20) || r->byte[at] / 16 != 4)
		return cut_short(r);
	memcpy(&r->key.src[0], r->byte + at + 12, 4);
	memcpy(&r->key.dst[0], r->byte + at + 16, 4);
	r->key.proto = r->byte[at + 9];
	ihl = r->byte[at] % 16 * 4U;
	total = two(r, at + 2);
	if (total)
		r->ip_end = at + total;
	if (ihl < 20 || (total && total < ihl))
		return cut_short(r);
	r->headers = at + ihl;
	if (two(r, at + 6) % 8192) {
		r->key.marks |= FLOW_MARK_FRAGMENT;
		return;
	}
	ref_transport(r, at + ihl, r->key.proto);
}

/* https://www.iana.org/assignments/ipv6-parameters: extension headers that have a next header. */
static bool extends(unsigned int proto)
{
	static const uint8_t list[] = {0, 43, 44, 51, 60, 135, 139, 140};

	return memchr(list, (int)proto, sizeof(list)) != NULL;
}

/* The length of the extension header at `at`: RFC 8200 section 4, RFC 4302 section 2.2. */
static uint64_t extension_size(const struct ref *r, uint64_t at, unsigned int kind)
{
	if (kind == 44)
		return 8;
	if (kind == 51)
		return 4ULL * r->byte[at + 1] + 8;
	return 8ULL * r->byte[at + 1] + 8;
}

static void ref_ipv6_chain(struct ref *r, uint64_t at, unsigned int kind)
{
	unsigned int walked = 0;

	while (extends(kind)) {
		unsigned int next;

		r->key.proto = (uint8_t)kind;
		if (walked++ == 6) {
			r->verdict = VERDICT_DEEP;
			r->key.marks |= FLOW_MARK_DEEP;
			return;
		}
		if (!inside(r, at, 8) || at + extension_size(r, at, kind) > r->ip_end)
			return cut_short(r);
		next = r->byte[at];
		if (kind == 44 && two(r, at + 2) / 8) {
			r->key.marks |= FLOW_MARK_FRAGMENT;
			r->key.proto = (uint8_t)next;
			r->headers = at + 8;
			return;
		}
		at += extension_size(r, at, kind);
		kind = next;
	}
	ref_transport(r, at, kind);
}

/*
 * RFC 8200 section 3; a payload length of 0 with hop-by-hop options: RFC 2675. The kernel's own
 * packets over 64 kB have one too, with the jumbo option alone in it until they are segmented, or
 * no options at all.
 */
static void ref_ipv6(struct ref *r, uint64_t at)
{
	unsigned int payload, next;

	if (!there(r, at, 40) || r->byte[at] / 16 != 6)
		return cut_short(r);
	memcpy(r->key.src, r->byte + at + 8, 16);
	memcpy(r->key.dst, r->byte + at + 24, 16);
	payload = two(r, at + 4);
	next = r->byte[at + 6];
	if (payload || (next != 0 && !r->segmented))
		r->ip_end = at + 40 + payload;
	else if (r->segmented && next == 0 && there(r, at + 40, 8) && r->byte[at + 41] == 0 &&
		 r->byte[at + 42] == 0xc2)
		r->dropped = 8;
	r->headers = at + 40;
	ref_ipv6_chain(r, at + 40, next);
}

/* RFC 826 for IPv4 over 6-byte hardware addresses; of others the operation alone. */
static void ref_arp(struct ref *r, uint64_t at)
{
	if (!there(r, at, 28))
		return cut_short(r);
	r->key.sport = BE16(two(r, at + 6));
	if (two(r, at + 2) != 0x0800 || r->byte[at + 4] != 6 || r->byte[at + 5] != 4)
		return;
	memcpy(&r->key.src[0], r->byte + at + 14, 4);
	memcpy(&r->key.dst[0], r->byte + at + 24, 4);
}

static void ref_net(struct ref *r, uint64_t at, unsigned int ethertype)
{
	r->key.ethertype = (uint16_t)ethertype;
	r->headers = at;
	r->ip_start = at;
	r->ip = ethertype == 0x0800 || ethertype == 0x86dd;
	if (ethertype == 0x0800)
		ref_ipv4(r, at);
	if (ethertype == 0x86dd)
		ref_ipv6(r, at);
	if (ethertype == 0x0806 || ethertype == 0x8035)
		ref_arp(r, at);
}

/* IEEE 802.2; SNAP of OUI 0: RFC 1042. */
static void ref_llc(struct ref *r, uint64_t at)
{
	static const uint8_t snap[] = {0xaa, 0xaa, 3}, oui[] = {0, 0, 0};

	r->key.ethertype = FLOW_ETH_LLC;
	r->headers = at;
	if (!there(r, at, 3))
		return cut_short(r);
	r->key.sport = BE16(two(r, at));
	if (memcmp(r->byte + at, snap, 3))
		return;
	if (!there(r, at, 8))
		return cut_short(r);
	if (memcmp(r->byte + at + 3, oui, 3) || two(r, at + 6) < 0x0600)
		return;
	r->key.sport = 0;
	ref_net(r, at + 8, two(r, at + 6));
}

static bool is_tpid(unsigned int ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

static void ref_ethernet(struct ref *r)
{
	uint64_t at = 14;
	unsigned int type, walked = r->tags;

	if (!there(r, 0, 14))
		return cut_short(r);
	type = two(r, 12);
	while (is_tpid(type)) {
		r->key.ethertype = (uint16_t)type;
		r->headers = at;
		if (walked++ == 4) {
			r->verdict = VERDICT_DEEP;
			r->key.marks |= FLOW_MARK_DEEP;
			return;
		}
		if (!there(r, at, 4))
			return cut_short(r);
		add_tag(r, type, two(r, at));
		type = two(r, at + 2);
		at += 4;
	}
	if (type <= 1500)
		ref_llc(r, at);
	else
		ref_net(r, at, type);
}

static void ref_parse(struct ref *r, const uint8_t *frame, const struct pkt_meta *meta)
{
	memset(r, 0, sizeof(*r));
	r->byte = frame;
	r->reach = meta->reach;
	r->len = meta->len;
	r->segmented = meta->gso_size || meta->segments > 1;
	r->ip_end = UINT64_MAX;
	r->key.ifnum = meta->ifnum;
	r->key.dir = (uint8_t)meta->dir;
	if (meta->vlan_proto)
		add_tag(r, meta->vlan_proto, meta->vlan_tci);
	if (meta->l3_proto)
		ref_net(r, 0, meta->l3_proto);
	else
		ref_ethernet(r);
}

/* On the wire each segment is a frame with all headers and a tag of its own. */
static void ref_count(const struct ref *r, const struct pkt_meta *meta, uint64_t *ret_packets,
		      uint64_t *ret_bytes, uint64_t *ret_ip_bytes)
{
	uint64_t payload = r->len > r->headers ? r->len - r->headers : 0;
	uint64_t wire_ip = r->len > r->ip_start ? r->len - r->ip_start : 0;
	uint64_t packets = meta->segments;

	if (!packets && meta->gso_size)
		packets = (payload + meta->gso_size - 1) / meta->gso_size;
	if (!packets)
		packets = 1;
	*ret_packets = packets;
	*ret_bytes = r->len + (packets - 1) * r->headers + (meta->vlan_proto ? packets * 4 : 0) -
		     packets * r->dropped;
	if (packets == 1 && r->ip_end != UINT64_MAX && r->ip_end - r->ip_start < wire_ip)
		wire_ip = r->ip_end - r->ip_start;
	wire_ip += (packets - 1) * (r->headers - r->ip_start);
	wire_ip -= packets * r->dropped;
	*ret_ip_bytes = r->ip ? wire_ip : 0;
}

static void must(bool equal, const char *what, uint64_t got, uint64_t want)
{
	if (equal)
		return;
	fprintf(stderr, "parse.h and the reference differ: %s: %#llx, reference %#llx\n", what,
		(unsigned long long)got, (unsigned long long)want);
	abort();
}

#define MUST(what, got, want) must((got) == (want), what, got, want)

static void compare(const struct flow_facts *f, const struct ref *r, const struct pkt_meta *meta)
{
	uint64_t packets, bytes, ip_bytes;

	MUST("verdict", f->verdict, r->verdict);
	MUST("ethertype", f->key.ethertype, r->key.ethertype);
	MUST("proto", f->key.proto, r->key.proto);
	MUST("marks", f->key.marks, r->key.marks);
	MUST("sport", f->key.sport, r->key.sport);
	MUST("dport", f->key.dport, r->key.dport);
	MUST("vlan", f->key.vlan, r->key.vlan);
	MUST("cvlan", f->key.cvlan, r->key.cvlan);
	must(!memcmp(&f->key, &r->key, sizeof(f->key)), "rest of the key", 1, 0);
	MUST("tcp flags", f->tcp_flags, r->tcp_flags);
	MUST("tcp syn", f->tcp_syn, (unsigned int)r->tcp_syn);
	ref_count(r, meta, &packets, &bytes, &ip_bytes);
	/* What repeats in each segment is known only where all headers were read. */
	if (f->verdict != VERDICT_FLOW && (meta->segments > 1 || meta->gso_size))
		return;
	MUST("packets", f->packets, packets);
	MUST("bytes", f->bytes, bytes);
	MUST("ip bytes", f->ip_bytes, ip_bytes);
}

static void meta_of(const struct input *in, size_t reach, struct pkt_meta *ret_meta)
{
	memset(ret_meta, 0, sizeof(*ret_meta));
	ret_meta->reach = ret_meta->len = (uint32_t)reach;
	ret_meta->ifnum = 3;
	ret_meta->dir = FLOW_EGRESS;
	if (in->what & INPUT_L3_IPV6)
		ret_meta->l3_proto = 0x86dd;
	if (in->what & INPUT_L3_IPV4)
		ret_meta->l3_proto = 0x0800;
	if (in->what & INPUT_TAG) {
		ret_meta->vlan_proto = in->what & INPUT_STAG ? 0x88a8 : 0x8100;
		ret_meta->vlan_tci = (uint16_t)(in->tci[0] << 8 | in->tci[1]);
	}
	if (in->what & INPUT_SEGMENTS)
		ret_meta->segments = in->segments;
	if (in->what & INPUT_GSO_SIZE)
		ret_meta->gso_size = (uint32_t)(in->gso_size[0] << 8 | in->gso_size[1]);
	if (in->what & INPUT_HIDDEN)
		ret_meta->len += (uint32_t)(in->hidden[0] << 8 | in->hidden[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flow_facts facts;
	struct pkt_meta meta;
	struct input in;
	struct ref ref;
	uint8_t *frame;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, data, sizeof(in));
	size -= sizeof(in);
	meta_of(&in, size, &meta);
	frame = malloc(size ? size : 1); /* of the exact size, for the sanitizer */
	if (!frame)
		return 0;
	memcpy(frame, data + sizeof(in), size);
	parse_packet(frame, &meta, &facts);
	ref_parse(&ref, frame, &meta);
	compare(&facts, &ref, &meta);
	free(frame);
	return 0;
}

static int write_seed(const char *dir, size_t number, const struct vector *v)
{
	struct input in = {.segments = (uint8_t)v->segments};
	char path[512];
	FILE *file;

	in.what = v->l3_proto == 0x0800 ? INPUT_L3_IPV4 : v->l3_proto ? INPUT_L3_IPV6 : 0;
	in.what |= v->vlan_proto ? INPUT_TAG : 0;
	in.what |= v->vlan_proto == 0x88a8 ? INPUT_STAG : 0;
	in.what |= v->segments ? INPUT_SEGMENTS : 0;
	in.what |= v->gso_size ? INPUT_GSO_SIZE : 0;
	in.what |= vector_len(v) > v->size ? INPUT_HIDDEN : 0;
	in.tci[0] = (uint8_t)(v->vlan_tci >> 8);
	in.tci[1] = (uint8_t)v->vlan_tci;
	in.gso_size[0] = (uint8_t)(v->gso_size >> 8);
	in.gso_size[1] = (uint8_t)v->gso_size;
	in.hidden[0] = (uint8_t)((vector_len(v) - v->size) >> 8);
	in.hidden[1] = (uint8_t)(vector_len(v) - v->size);
	snprintf(path, sizeof(path), "%s/vector-%03zu", dir, number);
	file = fopen(path, "wb");
	if (!file || fwrite(&in, sizeof(in), 1, file) != 1 ||
	    fwrite(v->frame, 1, v->size, file) != v->size || fclose(file)) {
		perror(path);
		return -1;
	}
	return 0;
}

/* --write-seeds=DIR writes the vector table as a corpus and ends. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *option = "--write-seeds=";

	if (*argc < 2 || strncmp((*argv)[1], option, strlen(option)))
		return 0;
	for (size_t i = 0; i < VECTORS; i++) {
		if (write_seed((*argv)[1] + strlen(option), i, &vectors[i]))
			exit(1);
	}
	exit(0);
}
