// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_parse.c: parse.h on the host over the vector table, and over each vector cut at every byte,
 * in heap copies of the exact size so that the sanitizers see a byte read too far.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/quick.h"
#include "vectors.h"

#define IFNUM 7

static unsigned int quick_taken;

static __u8 *copy_of(const struct vector *v, __u32 bytes)
{
	__u8 *copy = malloc(bytes ? bytes : 1);

	assert_non_null(copy);
	memset(copy, 0, bytes);
	memcpy(copy, v->frame, bytes < v->size ? bytes : v->size);
	return copy;
}

/* What quick_packet takes on itself it makes as the walk does, to the byte. */
static void check_quick(const struct vector *v, const __u8 *copy, const struct pkt_meta *meta,
			const struct flow_facts *walked)
{
	static const __u64 seed[FLOW_SEED_WORDS] = {0x9d,  0x1f3, 0x2b5, 0x3c7,
						    0x4d9, 0x5eb, 0x6fd, 0x70f};
	struct pkt pkt = {.pos = copy, .end = copy + meta->reach};
	struct cache_hash hash, whole;
	struct flow_facts quick;

	memset(&quick, 0xa5, sizeof(quick));
	if (!quick_packet(&pkt, meta, seed, &quick, &hash))
		return;
	quick_taken++;
	whole = cache_hash(&walked->key, seed);
	if (memcmp(&quick, walked, sizeof(quick)) || hash.set != whole.set || hash.tag != whole.tag)
		fail_msg("vector '%s', %u of %u bytes: quick_packet is not the walk", v->name,
			 meta->reach, meta->len);
}

static void parse_copy(const struct vector *v, const struct pkt_meta *meta,
		       struct flow_facts *facts)
{
	__u8 *copy = copy_of(v, meta->reach);
	struct flow_wrap wrap;

	parse_packet(copy, meta, facts, &wrap);
	check_quick(v, copy, meta, facts);
	free(copy);
}

static bool differs(const struct vector *v, const char *what, unsigned long got, unsigned long want)
{
	if (got == want)
		return false;
	print_error("vector '%s': %s %lu (%#lx), wanted %lu (%#lx)\n", v->name, what, got, got,
		    want, want);
	return true;
}

static bool key_differs(const struct vector *v, const struct flow_key *got,
			const struct flow_key *want)
{
	bool bad = false;

	bad |= differs(v, "ethertype", got->ethertype, want->ethertype);
	bad |= differs(v, "vlan", got->vlan, want->vlan);
	bad |= differs(v, "cvlan", got->cvlan, want->cvlan);
	bad |= differs(v, "proto", got->proto, want->proto);
	bad |= differs(v, "marks", got->marks, want->marks);
	bad |= differs(v, "sport", PARSE_SWAP16(got->sport), PARSE_SWAP16(want->sport));
	bad |= differs(v, "dport", PARSE_SWAP16(got->dport), PARSE_SWAP16(want->dport));
	if (!bad && memcmp(got, want, sizeof(*got)))
		bad = differs(v, "address, interface or padding", 1, 0);
	return bad;
}

static bool vector_fails(const struct vector *v, __u32 dir)
{
	struct pkt_meta meta = vector_meta(v, IFNUM, dir);
	struct flow_key want = v->key;
	struct flow_facts facts;
	bool bad = false;

	want.ifnum = IFNUM;
	want.dir = (__u8)dir;
	parse_copy(v, &meta, &facts);
	bad |= key_differs(v, &facts.key, &want);
	bad |= differs(v, "verdict", facts.verdict, v->verdict);
	bad |= differs(v, "packets", facts.packets, v->packets);
	bad |= differs(v, "bytes", facts.bytes, v->bytes);
	bad |= differs(v, "ip bytes", facts.ip_bytes, v->ip_bytes);
	bad |= differs(v, "tcp flags", facts.tcp_flags, v->tcp_flags);
	bad |= differs(v, "tcp syn", facts.tcp_syn, v->tcp_syn);
	return bad;
}

static void test_vectors(void **state)
{
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < VECTORS; i++)
		failed += vector_fails(&vectors[i], FLOW_INGRESS) ||
			  vector_fails(&vectors[i], FLOW_EGRESS);
	assert_int_equal(failed, 0);
}

static void test_names_are_unique(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(vectors[i].name, vectors[j].name);
	}
}

/* What holds for any frame: one verdict, its mark in the key, and no byte out of the books. */
static void check_invariants(const struct vector *v, const struct pkt_meta *meta,
			     const struct flow_facts *f)
{
	bool fine = true;

	fine &= f->verdict <= VERDICT_DEEP;
	fine &= (f->verdict == VERDICT_SHORT) == !!(f->key.marks & FLOW_MARK_SHORT);
	fine &= (f->verdict == VERDICT_DEEP) == !!(f->key.marks & FLOW_MARK_DEEP);
	fine &= !(f->key.marks & (FLOW_MARK_FOLDED | FLOW_MARK_CATCHALL));
	fine &= f->packets >= 1 && f->bytes >= meta->len && f->ip_bytes <= f->bytes;
	fine &= !f->tcp_flags || f->key.proto == 6;
	fine &= f->key.outer == 0 && f->key.ifnum == IFNUM;
	if (!fine)
		fail_msg("vector '%s' cut at %u of %u breaks an invariant", v->name, meta->reach,
			 meta->len);
}

/* Cut at each byte, once as a shorter frame, once with the rest out of reach. */
static void test_cut_everywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		const struct vector *v = &vectors[i];

		for (__u32 cut = 0; cut <= v->size; cut++) {
			struct pkt_meta meta = vector_meta(v, IFNUM, FLOW_INGRESS);
			struct flow_facts facts;

			meta.reach = cut;
			parse_copy(v, &meta, &facts);
			check_invariants(v, &meta, &facts);
			meta.len = cut;
			parse_copy(v, &meta, &facts);
			check_invariants(v, &meta, &facts);
			meta.untagged = FLOW_MARK_VLAN_UNKNOWN;
			parse_copy(v, &meta, &facts);
			assert_int_equal(!(facts.key.marks & FLOW_MARK_VLAN_UNKNOWN),
					 !!facts.key.vlan);
		}
	}
}

/* TCP and UDP, IPv4 and IPv6, plain and tagged, with and without the timestamps option, are for quick_packet. */
static void test_quick_takes_what_is_plain(void **state)
{
	static const __u16 types[] = {0x0800, 0x86dd};
	static const __u8 protos[] = {6, 17};

	(void)state;
	for (unsigned int n = 0; n < 8; n++) {
		__u8 frame[128] = {[12] = (__u8)(types[n & 1] >> 8), [13] = (__u8)types[n & 1]};
		__u32 tag = n & 4 ? 4 : 0, header = n & 1 ? 40 : 20, proto = protos[n / 2 & 1];
		struct pkt_meta meta = {
			.ifnum = IFNUM, .len = sizeof(frame), .reach = sizeof(frame)};
		struct vector v = {.name = "plain", .frame = frame, .size = sizeof(frame)};
		__u8 *ip = frame + 14 + tag;
		struct flow_facts facts;

		memcpy(frame + 12 + tag, (__u8[]){frame[12], frame[13]}, 2);
		if (tag)
			memcpy(frame + 12, (__u8[]){0x81, 0x00, 0x60, 0x64}, 4);
		memcpy(ip,
		       n & 1 ? (__u8[]){0x60, 0, 0, 0, 0, 68, (__u8)proto, 64}
			     : (__u8[]){0x45, 0, 0, 88, 0, 1, 0x40, 0},
		       8);
		if (!(n & 1))
			ip[9] = (__u8)proto;
		for (__u32 words = 4; words < 16; words++) {
			ip[header + 12] = (__u8)(words << 4);
			memcpy(ip + header + 20, (__u8[]){1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, 12);
			quick_taken = 0;
			parse_copy(&v, &meta, &facts);
			assert_int_equal(quick_taken, proto == 17 || words >= 5);
			assert_int_equal(facts.key.vlan, tag ? 0x1064 : 0);
			assert_int_equal(!!(facts.segment & PARSE_SEGMENT_STAMPED),
					 proto == 6 && words >= 8);
		}
	}
}

/* A header that is not all there is not a flow: every cut inside the headers of a plain packet. */
static void test_cut_in_headers_is_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		const struct vector *v = &vectors[i];
		struct pkt_meta meta = vector_meta(v, IFNUM, FLOW_INGRESS);
		struct flow_facts whole, cut;

		if (v->verdict != VERDICT_FLOW || v->key.proto != 6 || v->segments > 1)
			continue;
		if (v->key.marks & FLOW_MARK_FRAGMENT)
			continue;
		parse_copy(v, &meta, &whole);
		for (meta.len = 0; meta.len < whole.off; meta.len++) {
			meta.reach = meta.len;
			parse_copy(v, &meta, &cut);
			if (meta.len <
			    whole.l3_off + 20U + (v->key.ethertype == 0x86dd) * 20U + 20U)
				assert_int_equal(cut.verdict, VERDICT_SHORT);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_names_are_unique),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_quick_takes_what_is_plain),
		cmocka_unit_test(test_cut_in_headers_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
