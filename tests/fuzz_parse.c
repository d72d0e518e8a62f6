// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuzz_parse.c: libFuzzer target: parse.h, quick.h and tunnel.h against the second parser of fuzz_ref.h,
 * slow and simple, written from the RFCs and flow(5). Any difference aborts.
 *
 *   clang -std=c17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
 *         -I. tests/fuzz_parse.c tests/fuzz_ref.c tests/fuzz_ref_tunnel.c -o build/fuzz/fuzz_parse
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

#include "fuzz_ref.h"
#include "schema/quick.h"
#include "vectors.h"

struct input {
	uint8_t what; /* enum input_what */
	uint8_t segments;
	uint8_t tci[2];
	uint8_t gso_size[2];
	uint8_t hidden[2]; /* bytes of the frame that are out of reach */
	uint8_t link[2];   /* EtherType, TPID or length */
};

enum input_what {
	INPUT_LINK = 1, /* the frame begins behind the EtherType */
	INPUT_INNER = 2,
	INPUT_TAG = 4,
	INPUT_STAG = 8,
	INPUT_SEGMENTS = 16,
	INPUT_GSO_SIZE = 32,
	INPUT_HIDDEN = 64,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void must(bool equal, const char *what, uint64_t got, uint64_t want)
{
	if (equal)
		return;
	fprintf(stderr, "parse.h and the reference differ: %s: %#llx, reference %#llx\n", what,
		(unsigned long long)got, (unsigned long long)want);
	abort();
}

#define MUST(what, got, want) must((got) == (want), what, got, want)

static void compare_keys(const struct flow_key *got, const struct flow_key *want)
{
	MUST("ethertype", got->ethertype, want->ethertype);
	MUST("proto", got->proto, want->proto);
	MUST("marks", got->marks, want->marks);
	MUST("tunnel kind", got->tunnel_kind, want->tunnel_kind);
	MUST("tunnel id", got->tunnel_id, want->tunnel_id);
	MUST("sport", got->sport, want->sport);
	MUST("dport", got->dport, want->dport);
	MUST("vlan", got->vlan, want->vlan);
	MUST("cvlan", got->cvlan, want->cvlan);
	must(!memcmp(got, want, sizeof(*got)), "rest of the key", 1, 0);
}

static void compare(const struct flow_facts *f, const struct flow_wrap *wrap, const struct ref *r,
		    const struct pkt_meta *meta)
{
	struct ref_counts counts = ref_count(r, meta);

	MUST("verdict", f->verdict, r->verdict);
	compare_keys(&f->key, &r->key);
	MUST("tcp flags", f->tcp_flags, r->tcp_flags);
	MUST("tcp syn", f->tcp_syn, (unsigned int)r->tcp_syn);
	MUST("fragment", f->frag, r->frag);
	if (r->frag)
		MUST("fragment id", f->frag_id, r->frag_id);
	if (r->depth) {
		const struct flow_key *outer = &wrap->outer;

		must(!memcmp(outer->src, r->outer.src, sizeof(outer->src)), "outer source", 1, 0);
		must(!memcmp(outer->dst, r->outer.dst, sizeof(outer->dst)), "outer target", 1, 0);
		MUST("outer ethertype", outer->ethertype, r->outer.ethertype);
	}
	/* What repeats in each segment is known only where all headers were read. */
	if (r->segmented && (r->unmeasured || r->verdict != VERDICT_FLOW))
		return;
	MUST("packets", f->packets, counts.packets);
	MUST("bytes", f->bytes, counts.bytes);
	MUST("ip bytes", f->ip_bytes, counts.ip_bytes);
}

static unsigned int number(const uint8_t bytes[2])
{
	return bytes[0] * 256U + bytes[1];
}

static void meta_of(const struct input *in, size_t reach, struct pkt_meta *ret_meta)
{
	memset(ret_meta, 0, sizeof(*ret_meta));
	ret_meta->reach = ret_meta->len = (uint32_t)reach;
	ret_meta->ifnum = 3;
	ret_meta->dir = FLOW_EGRESS;
	ret_meta->inner = !!(in->what & INPUT_INNER);
	if (in->what & INPUT_LINK)
		ret_meta->l3_proto = (uint16_t)number(in->link);
	if (in->what & INPUT_TAG) {
		ret_meta->vlan_proto = in->what & INPUT_STAG ? 0x88a8 : 0x8100;
		ret_meta->vlan_tci = (uint16_t)number(in->tci);
	}
	if (in->what & INPUT_SEGMENTS)
		ret_meta->segments = in->segments;
	if (in->what & INPUT_GSO_SIZE)
		ret_meta->gso_size = number(in->gso_size);
	if (in->what & INPUT_HIDDEN)
		ret_meta->len += number(in->hidden);
}

/* What is for one look it makes as the walk does, and the hash of it. */
static void compare_quick(const struct pkt *pkt, const struct pkt_meta *meta,
			  const struct flow_facts *facts)
{
	static const __u64 seed[FLOW_SEED_WORDS] = {0xb1,  0x2d3, 0x3f5, 0x517,
						    0x639, 0x75b, 0x87d, 0x99f};
	struct cache_hash hash, whole = cache_hash(&facts->key, seed);
	struct flow_facts quick;

	if (!quick_packet(pkt, meta, seed, &quick, &hash))
		return;
	must(!memcmp(&quick, facts, sizeof(quick)), "quick_packet", 1, 0);
	MUST("set", hash.set, whole.set);
	MUST("tag", hash.tag, whole.tag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flow_facts facts;
	struct flow_wrap wrap;
	struct pkt_meta meta;
	struct pkt pkt;
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
	parse_packet(frame, &meta, &facts, &wrap);
	pkt = (struct pkt){.pos = frame, .end = frame + size};
	compare_quick(&pkt, &meta, &facts);
	ref_parse(&ref, frame, &meta);
	compare(&facts, &wrap, &ref, &meta);
	free(frame);
	return 0;
}

/* clang-format off: a table, and the macros that keep it one */
#define SIZE(...) sizeof((const __u8[]){__VA_ARGS__})
#define IN4(proto, ...) IP4(20 + SIZE(__VA_ARGS__), proto), __VA_ARGS__
#define IN6(next, ...) IP6(SIZE(__VA_ARGS__), next), __VA_ARGS__
#define INUDP(port, ...) 0x9c, 0x40, B16(port), B16(8 + SIZE(__VA_ARGS__)), 0, 0, __VA_ARGS__
#define FIRST4(proto, ...) IP4F(20 + SIZE(__VA_ARGS__), 0x2000, proto), __VA_ARGS__
#define LATER4(proto, ...) IP4F(20 + SIZE(__VA_ARGS__), 0x2010, proto), __VA_ARGS__

#define TCP4 IP4(40, 6), TCP(0x12)
#define UDP6 IP6(8, 17), UDP(8)
#define ARP 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 1, 0, 1, Z4, 0, 0, 10, 1, 0, 2
#define ETCP ETH(0x0800), TCP4
#define ETAGS ETH(0x88a8), TAG(7, 0x8100), TAG(8, 0x86dd), UDP6

#define GTPU(flags) flags, 255, 0, 40, B32(0x12345678U)
#define ERSPAN(version) (version) << 4, 0, 0, 5, Z4
#define SEED(...)                                                 \
	{                                                         \
		(const uint8_t[]){__VA_ARGS__}, SIZE(__VA_ARGS__) \
	}

static const struct frame {
	const uint8_t *bytes;
	size_t size;
} frames[] = {
	SEED(ETH(0x8847), LABEL(16, 1), TCP4),
	SEED(ETH(0x8848), LABEL(16, 0), LABEL(0xfffff, 1), UDP6),
	SEED(ETH(0x8847), LABEL(16, 1), Z8),
	SEED(ETH(0x8847), LABEL(1, 0), LABEL(2, 0), LABEL(3, 0), LABEL(4, 0), LABEL(5, 0),
	     LABEL(6, 0), LABEL(7, 0), LABEL(8, 0), LABEL(9, 1), TCP4),
	SEED(ETH(0x8864), PPPOE(7, 42), 0, 0x21, TCP4),
	SEED(ETH(0x8864), PPPOE(7, 49), 0x57, UDP6),
	SEED(ETH(0x8864), PPPOE(7, 46), 0x02, 0x81, LABEL(5, 1), TCP4),
	SEED(ETH(0x8864), PPPOE(7, 10), 0xc0, 0x21, Z8),
	SEED(ETH(46), SNAP(0, 0x8847), LABEL(5, 1), TCP4),
	SEED(ETAGS),
	SEED(ETH(0x0800), IN4(17, INUDP(4789, VXLAN(0x123456), ETCP))),
	SEED(ETH(0x0800), IN4(17, INUDP(8472, VXLAN(0x123456), ETAGS))),
	SEED(ETH(0x8100), TAG(9, 0x86dd), IN6(17, INUDP(4789, VXLAN(0x123456), ETAGS))),
	SEED(ETH(0x0800), IN4(17, INUDP(4789, VXLAN(0x123456), ETH(0x0806), ARP))),
	SEED(ETH(0x0800), IN4(17, INUDP(4789, VXLAN(0x123456), ETH(46), SNAP(0, 0x0800), TCP4))),
	SEED(ETH(0x0800), IN4(17, INUDP(6081, GENEVE(0, 0x6558, 0x123456), ETCP))),
	SEED(ETH(0x0800), IN4(17, INUDP(6081, GENEVE(2, 0x0800, 0x123456), Z8, TCP4))),
	SEED(ETH(0x0800), IN4(17, INUDP(6081, GENEVE(1, 0x86dd, 0x123456), Z4, UDP6))),
	SEED(ETH(0x0800), IN4(17, INUDP(2152, GTPU(0x30), TCP4))),
	SEED(ETH(0x0800), IN4(17, INUDP(2152, GTPU(0x32), 0, 1, 0, 0, UDP6))),
	SEED(ETH(0x0800),
	     IN4(17, INUDP(2152, GTPU(0x34), 0, 0, 0, 0x85, 1, 0, 9, 0x85, 2, 0, 0, 0, Z4, TCP4))),
	SEED(ETH(0x0800), IN4(47, GRE(0, 0x0800), TCP4)),
	SEED(ETH(0x86dd), IN6(47, GRE(0xb0, 0x86dd), Z4, B32(77), Z4, UDP6)),
	SEED(ETH(0x0800), IN4(47, GRE(0, 0x8847), LABEL(5, 0), LABEL(6, 1), TCP4)),
	SEED(ETH(0x0800), IN4(47, GRE(0x20, 0x6558), B32(0x12345678U), ETCP)),
	SEED(ETH(0x0800), IN4(47, GRE(0xa0, 0x6558), Z4, B32(0x12345678U), ETAGS)),
	SEED(ETH(0x0800), IN4(47, GRE(0, 0x88be), ETCP)),
	SEED(ETH(0x0800), IN4(47, GRE(0x10, 0x88be), Z4, ERSPAN(1), ETCP)),
	SEED(ETH(0x0800), IN4(47, GRE(0x10, 0x22eb), Z4, ERSPAN(2), Z4, ETCP)),
	SEED(ETH(0x0800), IN4(47, GRE(0x10, 0x22eb), Z4, ERSPAN(2), 0, 0, 0, 1, Z8, ETCP)),
	SEED(ETH(0x0800), IN4(47, 0x30, 1, B16(0x880b), Z8, 0xff, 3, 0, 0x21, TCP4)),
	SEED(ETH(0x0800), IN4(4, TCP4)),
	SEED(ETH(0x0800), IN4(41, UDP6)),
	SEED(ETH(0x86dd), IN6(4, TCP4)),
	SEED(ETH(0x86dd), IN6(41, UDP6)),
	SEED(ETH(0x86dd), IN6(60, EXT8(41), UDP6)),
	SEED(ETH(0x0800), IN4(4, IN4(4, IN4(4, IN4(4, TCP4))))),
	SEED(ETH(0x0800), IN4(4, IN4(4, IN4(4, IN4(4, IN4(4, TCP4)))))),
	SEED(ETH(0x0800),
	     IN4(47, GRE(0, 0x0800), IN4(4, IN4(4, IN4(4, IN4(47, GRE(0, 0x0800), TCP4)))))),
	SEED(ETH(0x86dd),
	     IN6(41, IN6(41, IN6(41, IN6(41, IN6(17, INUDP(4789, VXLAN(0x123456), ETCP))))))),
	SEED(ETH(0x86dd),
	     IN6(41, IN6(41, IN6(41, IN6(41, IN6(17, INUDP(2152, GTPU(0x30), TCP4))))))),
	SEED(ETH(0x0800), IN4(17, INUDP(4789, VXLAN(0x123456), ETH(0x0800), IN4(4, TCP4)))),
	SEED(ETH(0x8847), LABEL(5, 1), IN4(17, INUDP(2152, GTPU(0x30), TCP4))),
	SEED(ETH(0x0800), IN4(50, B32(0x12345678U), B32(1), Z16)),
	SEED(ETH(0x0800), IN4(51, 6, 4, 0, 0, B32(0x12345678U), B32(1), Z8, Z4, TCP(2))),
	SEED(ETH(0x86dd), IN6(51, 41, 4, 0, 0, B32(0x12345678U), B32(1), Z8, Z4, UDP6)),
	SEED(ETH(0x86dd), IN6(51, 50, 1, 0, 0, B32(0x12345678U), B32(1), B32(0x9abcU), B32(1), Z8)),
	SEED(ETH(0x8864), PPPOE(7, 46), 0, 0x21, IN4(50, B32(0x12345678U), B32(1), Z16)),
	SEED(ETH(0x0800), FIRST4(17, INUDP(4789, VXLAN(0x123456), ETCP))),
	SEED(ETH(0x0800), LATER4(17, INUDP(4789, VXLAN(0x123456), ETCP))),
	SEED(ETH(0x0800), IN4(4, FIRST4(6, TCP(2)))),
	SEED(ETH(0x0800), IN4(4, LATER4(6, TCP(2)))),
	SEED(ETH(0x0800), FIRST4(4, LATER4(6, TCP(2)))),
	SEED(ETH(0x86dd), IN6(44, FRAG6(41, 1), IN6(44, FRAG6(17, 0x101), UDP(8)))),
	SEED(ETH(0x86dd), IN6(44, FRAG6(44, 0), FRAG6(17, 0x100), UDP(8))),
};
/* clang-format on */

struct seed {
	const char *dir;
	const char *kind;
	size_t number;
	struct input in;
	struct frame frame;
};

static void write_seed(const struct seed *s)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s-%03zu-%02x", s->dir, s->kind, s->number, s->in.what);
	file = fopen(path, "wb");
	if (!file || fwrite(&s->in, sizeof(s->in), 1, file) != 1 ||
	    fwrite(s->frame.bytes, 1, s->frame.size, file) != s->frame.size || fclose(file)) {
		perror(path);
		exit(1);
	}
}

static void set_number(uint8_t ret_bytes[2], unsigned int value)
{
	ret_bytes[0] = (uint8_t)(value >> 8);
	ret_bytes[1] = (uint8_t)value;
}

static void write_vector(const char *dir, size_t i, uint8_t what)
{
	const struct vector *v = &vectors[i];
	struct seed s = {.dir = dir, .kind = "vector", .number = i, .frame = {v->frame, v->size}};

	s.in.what = what;
	s.in.what |= v->l3_proto ? INPUT_LINK : 0;
	s.in.what |= v->vlan_proto ? INPUT_TAG : 0;
	s.in.what |= v->vlan_proto == 0x88a8 ? INPUT_STAG : 0;
	s.in.what |= v->segments ? INPUT_SEGMENTS : 0;
	s.in.what |= v->gso_size ? INPUT_GSO_SIZE : 0;
	s.in.what |= vector_len(v) > v->size ? INPUT_HIDDEN : 0;
	s.in.segments = (uint8_t)v->segments;
	set_number(s.in.tci, v->vlan_tci);
	set_number(s.in.gso_size, v->gso_size);
	set_number(s.in.hidden, vector_len(v) - v->size);
	set_number(s.in.link, v->l3_proto);
	write_seed(&s);
}

static void write_frame(const char *dir, size_t i, uint8_t what)
{
	struct seed s = {.dir = dir, .kind = "frame", .number = i, .frame = frames[i]};

	s.in.what = what;
	s.in.segments = 3;
	set_number(s.in.tci, 100);
	set_number(s.in.gso_size, 10);
	set_number(s.in.hidden, 1000);
	if (what & INPUT_LINK) {
		memcpy(s.in.link, s.frame.bytes + 12, 2);
		s.frame.bytes += 14;
		s.frame.size -= 14;
	}
	write_seed(&s);
}

/* --write-seeds=DIR writes the vectors and the frames above as a corpus and ends. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t flags[] = {0,
					INPUT_LINK,
					INPUT_TAG,
					INPUT_TAG | INPUT_STAG,
					INPUT_SEGMENTS,
					INPUT_GSO_SIZE,
					INPUT_SEGMENTS | INPUT_GSO_SIZE,
					INPUT_HIDDEN};
	const char *option = "--write-seeds=", *dir;

	if (*argc < 2 || strncmp((*argv)[1], option, strlen(option)))
		return 0;
	dir = (*argv)[1] + strlen(option);
	for (size_t i = 0; i < VECTORS; i++) {
		write_vector(dir, i, 0);
		write_vector(dir, i, INPUT_INNER);
	}
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		for (size_t j = 0; j < sizeof(flags); j++) {
			write_frame(dir, i, flags[j]);
			write_frame(dir, i, flags[j] | INPUT_INNER);
		}
	}
	exit(0);
}
