/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_filter_quick.c: the quick interpreter, and the tree of a shape, say what the whole one says, or nothing; and a
 * header that was changed from another of its shape is the one that would have been built: of random keys and filters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "cli/filter_header.h"
#include "cli/filter_tree.h"
#include "cli/filter_vm.h"
#include "tests/fuzz_filter_grammar.h"
#include "tests/random_flow.h"

#define FILTERS 3000
#define KEYS 40

static void some_key(struct flow_record *rec)
{
	random_record(rec);
	random_tunnel(rec);
	if (random_below(3))
		rec->key.marks &= FLOW_MARK_VLAN_UNKNOWN | FLOW_MARK_MIRRORED | FLOW_MARK_STAG;
	if (random_below(3))
		rec->key.vlan = rec->key.cvlan = 0;
	if (!random_below(3)) /* what the numbers of the grammar find */
		rec->key.sport = rec->key.dport = htons(random_below(2) ? 53 : 5201);
	rec->key.ifnum = 0;
}

static bool compile_any(pcap_t *pcap, struct bpf_program *program)
{
	char text[GRAMMAR_TEXT];
	uint64_t bytes[8];

	for (size_t n = 0; n < sizeof(bytes) / sizeof(bytes[0]); n++)
		bytes[n] = random_u64();
	grammar_make((const uint8_t *)bytes, sizeof(bytes), text);
	return !pcap_compile(pcap, program, text, 1, PCAP_NETMASK_UNKNOWN);
}

static void test_interpreters(void **state)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
	uint32_t decided = 0, all = 0;

	(void)state;
	for (int i = 0; i < FILTERS; i++) {
		struct bpf_program program;

		if (!compile_any(pcap, &program))
			continue;
		for (int k = 0; k < KEYS; k++, all++) {
			struct filter_header header;
			enum filter_outcome quick;
			struct flow_record rec;
			uint32_t from;

			some_key(&rec);
			filter_header_build(&rec.key, rec.half[0].tcp_flags, k % 8 == 1, k % 8 == 2,
					    &header);
			quick = filter_vm_quick(program.bf_insns, program.bf_len, &header);
			if (quick == FILTER_UNKNOWN)
				continue;
			decided++;
			assert_int_equal(quick, filter_vm_run(program.bf_insns, program.bf_len,
							      &header, &from));
		}
		pcap_freecode(&program);
	}
	pcap_close(pcap);
	assert_true(decided > all / 2); /* or it is none */
}

/* Addresses, ports and flags of another one, of the same protocol. */
static void change_ends(struct flow_record *rec)
{
	struct flow_record other;

	do
		random_record(&other);
	while (other.key.ethertype != rec->key.ethertype ||
	       (other.key.marks & (FLOW_MARK_FOLDED | FLOW_MARK_FRAGMENT)));
	memcpy(rec->key.src, other.key.src, sizeof(rec->key.src));
	memcpy(rec->key.dst, other.key.dst, sizeof(rec->key.dst));
	rec->key.sport = htons((uint16_t)random_below(256));
	rec->key.dport = htons((uint16_t)random_below(256));
	rec->half[0].tcp_flags = (uint8_t)random_u64();
}

static void test_shapes(void **state)
{
	uint32_t shaped = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct filter_header changed, built;
		struct filter_shape shape, other;
		struct flow_record rec;

		some_key(&rec);
		if (!filter_header_shape(&rec.key, &shape))
			continue;
		shaped++;
		filter_header_build(&rec.key, rec.half[0].tcp_flags, false, false, &changed);
		change_ends(&rec);
		assert_true(filter_header_shape(&rec.key, &other));
		assert_memory_equal(&shape, &other, sizeof(shape));
		filter_header_change(&rec.key, rec.half[0].tcp_flags, &changed);
		filter_header_build(&rec.key, rec.half[0].tcp_flags, false, false, &built);
		assert_memory_equal(changed.byte, built.byte, sizeof(built.byte));
		assert_memory_equal(changed.known, built.known, sizeof(built.known));
		assert_int_equal(changed.len, built.len);
		assert_int_equal(changed.lossy, built.lossy);
	}
	assert_true(shaped > 5000);
}

/* A tree against the interpreters, over keys of its shape. Returns what it decided, of KEYS. */
static uint32_t compare_tree(const struct bpf_program *program, const struct filter_tree *tree,
			     struct flow_record *rec, struct filter_header *header)
{
	uint32_t decided = 0, from;

	for (int k = 0; k < KEYS; k++) {
		enum filter_outcome got;

		change_ends(rec);
		if (k % 3 == 0)
			rec->key.dport = htons(k % 2 ? 53 : 5201);
		filter_header_change(&rec->key, rec->half[0].tcp_flags, header);
		got = filter_tree_run(tree, header);
		if (got == FILTER_UNKNOWN)
			continue;
		decided++;
		assert_int_equal(got,
				 filter_vm_run(program->bf_insns, program->bf_len, header, &from));
	}
	return decided;
}

static void test_trees(void **state)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
	uint32_t decided = 0, all = 0, full = 0, asking = 0, trees = 0;

	(void)state;
	for (int i = 0; i < FILTERS; i++) {
		struct bpf_program program;
		struct filter_header header;
		struct filter_shape shape;
		struct filter_tree tree;
		struct flow_record rec;

		if (!compile_any(pcap, &program))
			continue;
		do
			some_key(&rec);
		while (!filter_header_shape(&rec.key, &shape));
		filter_header_build(&rec.key, rec.half[0].tcp_flags, false, false, &header);
		if (filter_tree_grow(program.bf_insns, program.bf_len, &header, rec.key.ethertype,
				     rec.key.proto, &tree)) {
			decided += compare_tree(&program, &tree, &rec, &header);
			all += KEYS;
			trees++;
			asking += tree.asks > 0;
		} else {
			full++;
		}
		pcap_freecode(&program);
	}
	pcap_close(pcap);
	assert_true(decided > all / 2);
	assert_true(asking > trees / 20);
	assert_true(full < trees / 10);
}

/* More questions than there is room for: no tree. Questions that come twice are asked once. */
static void test_tree_room(void **state)
{
	static char text[8192];
	struct flow_record rec = {.key = {.ethertype = ETH_P_IP, .proto = 6}};
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
	size_t len = (size_t)snprintf(text, sizeof(text), "dst port 1");
	struct filter_tree tree;
	struct filter_header header;
	struct bpf_program program;

	(void)state;
	filter_header_build(&rec.key, 0, false, false, &header);
	for (int port = 2; port <= 200; port++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, " or dst port %d",
					port * 3);
	assert_int_equal(pcap_compile(pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN), 0);
	assert_false(
		filter_tree_grow(program.bf_insns, program.bf_len, &header, ETH_P_IP, 6, &tree));
	pcap_freecode(&program);
	assert_int_equal(pcap_compile(pcap, &program, "net 10.16.0.0/18 and port 443", 1,
				      PCAP_NETMASK_UNKNOWN),
			 0);
	assert_true(
		filter_tree_grow(program.bf_insns, program.bf_len, &header, ETH_P_IP, 6, &tree));
	assert_int_equal(tree.asks, 4);
	pcap_freecode(&program);
	pcap_close(pcap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interpreters),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_tree_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
