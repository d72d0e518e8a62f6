/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_sample_filter.c: sample_filter.h against libpcap's bpf_filter(): expressions over the frames of
 * vectors.h and tests/corpus, and programs made at random over random bytes; what libpcap leaves open,
 * from a table; and which programs sample_filter_check() lets pass.
 */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter_names.h"
#include "flowd/sample_check.h"
#include "sample_frames.h"
#include "sample_program.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RANDOM_PROGRAMS 20000
#define RANDOM_FRAMES 8 /* to a program */

static struct sample_filter filter;
static const uint8_t nothing[4]; /* gcc asks for as much as any load could take */
static char error[256];

static int check(void)
{
	return sample_filter_check(filter.insn, filter.count, error, sizeof(error));
}

static int libpcap_check(void)
{
	static struct bpf_insn insn[SAMPLE_FILTER_MAX];

	memcpy(insn, filter.insn, filter.count * sizeof(insn[0]));
	return bpf_validate(insn, (int)filter.count);
}

/* Whole, cut to what the filter looks at, and cut; the number of those that match. */
static unsigned compare(const char *what, const struct sample_frame *f)
{
	const uint32_t lens[] = {f->len, f->len / 2, f->len < 37 ? 0 : 37};
	uint32_t reach = sample_filter_reach(filter.insn, filter.count);
	unsigned matches = 0;

	for (size_t i = 0; i < COUNT(lens); i++) {
		uint32_t want = program_libpcap(&filter, f->bytes, f->wirelen, lens[i]);
		uint32_t got = program_host(&filter, f->bytes, f->wirelen, lens[i]);

		if (got != want)
			fail_msg("%s, %u of %u bytes: %u, libpcap says %u", what, lens[i],
				 f->wirelen, got, want);
		matches += want != 0;
		if (i || f->len <= reach)
			continue;
		got = program_host(&filter, f->bytes, f->wirelen, reach);
		if (got != want)
			fail_msg("%s, with %u bytes alone: %u, not %u", what, reach, got, want);
	}
	return matches;
}

static void read_frames(struct sample_frames *frames)
{
	glob_t files;

	frames_of_vectors(frames);
	assert_int_equal(glob("tests/corpus/*.pcap*", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		if (!strstr(files.gl_pathv[i], ".tsv"))
			frames_of_file(frames, files.gl_pathv[i]);
	}
	globfree(&files);
}

static void test_expressions(void **state)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
	struct sample_frames frames = {};
	unsigned programs = 0, refused = 0, both = 0;
	char text[GRAMMAR_TEXT];

	(void)state;
	read_frames(&frames);
	assert_true(frames.count > 500);
	for (size_t i = 0; program_expression(i, text); i++) {
		unsigned matches = 0;

		if (program_compile(pcap, text, &filter)) {
			refused++;
			continue;
		}
		programs++;
		if (check())
			fail_msg("'%s': %s", text, error);
		for (size_t j = 0; j < frames.count; j++)
			matches += compare(text, &frames.frame[j]);
		both += matches && matches < frames.count * 3;
	}
	print_message(
		"%u expressions (%u refused by libpcap), %u say yes and no, over %zu frames\n",
		programs, refused, both, frames.count);
	assert_true(programs > 600 && both > 300);
	frames_free(&frames);
	pcap_close(pcap);
}

static void fill(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(random() >> 8);
}

static void test_random(void **state)
{
	uint8_t made[SAMPLE_FILTER_WORDS + PROGRAM_MADE * 4], bytes[96];
	unsigned matches = 0;

	(void)state;
	srandom(1);
	for (int i = 0; i < RANDOM_PROGRAMS; i++) {
		fill(made, sizeof(made));
		program_make(made, (size_t)random() % sizeof(made), &filter);
		if (check() || !libpcap_check())
			fail_msg("program %d: %s", i, error);
		for (int j = 0; j < RANDOM_FRAMES; j++) {
			struct sample_frame f = {.bytes = bytes, .len = sizeof(bytes)};

			fill(bytes, sizeof(bytes));
			f.wirelen = (uint32_t)random() % 2000;
			matches += compare("random", &f);
		}
	}
	print_message("%u of %d runs match\n", matches, RANDOM_PROGRAMS * RANDOM_FRAMES * 3);
	assert_true(matches > RANDOM_PROGRAMS);
}

/* What one instruction does between loads of A and X and a return of A. */
static uint32_t run_one(uint16_t code, uint32_t a, uint32_t x, uint32_t k)
{
	static const uint8_t bytes[16] = {0x45, 1, 2, 3};

	filter.count = 5;
	filter.insn[0] = PROGRAM_INSN(BPF_LDX | BPF_IMM, 0, 0, x);
	filter.insn[1] = PROGRAM_INSN(BPF_LD | BPF_IMM, 0, 0, a);
	filter.insn[2] = PROGRAM_INSN(code, 1, 0, k);
	filter.insn[3] = PROGRAM_INSN(BPF_MISC | SAMPLE_FILTER_TXA, 0, 0, 0);
	filter.insn[4] = PROGRAM_INSN(BPF_RET | SAMPLE_FILTER_RET_A, 0, 0, 0);
	filter.insn[5] = PROGRAM_INSN(BPF_RET | BPF_K, 0, 0, 1); /* of no program */
	return sample_filter_match(&filter, bytes, 99, sizeof(bytes));
}

/* As above for what leaves X alone and is no jump. */
static uint32_t run_alu(uint16_t code, uint32_t a, uint32_t x, uint32_t k)
{
	run_one(code, a, x, k);
	filter.insn[3] = filter.insn[4];
	return sample_filter_match(&filter, nothing, 99, 0);
}

static void test_left_open(void **state)
{
	(void)state;
	assert_int_equal(run_alu(BPF_ALU | BPF_LSH | BPF_X, 5, 31, 0), 0x80000000U);
	assert_int_equal(run_alu(BPF_ALU | BPF_LSH | BPF_X, 5, 32, 0), 0);
	assert_int_equal(run_alu(BPF_ALU | BPF_RSH | BPF_X, 0xffffffffU, 40, 0), 0);
	assert_int_equal(run_alu(BPF_ALU | BPF_LSH | BPF_K, 5, 0, 33), 0);
	assert_int_equal(run_alu(BPF_ALU | BPF_RSH | BPF_K, 5, 0, 1U << 31), 0);
	assert_int_equal(run_alu(BPF_ALU | BPF_DIV | BPF_X, 5, 0, 0), 0);
	assert_int_equal(run_alu(BPF_ALU | BPF_MOD | BPF_X, 5, 0, 0), 0);
	assert_int_equal(run_alu(BPF_ALU | BPF_NEG, 5, 0, 0), 0xfffffffbU);
	assert_int_equal(run_alu(BPF_LD | BPF_MEM, 5, 0, 3), 0);
	assert_int_equal(run_alu(BPF_LD | BPF_LEN, 5, 0, 0), 99);
	/* a jump by jt is over TXA */
	assert_int_equal(run_one(BPF_JMP | BPF_JEQ | BPF_K, 5, 7, 5), 5);
	assert_int_equal(run_one(BPF_JMP | BPF_JEQ | BPF_K, 5, 7, 6), 7);
	assert_int_equal(run_one(BPF_JMP | BPF_JA, 5, 7, 1), 5);
	assert_int_equal(run_one(BPF_LDX | BPF_B | BPF_MSH, 5, 7, 0), 20);
	/* out of the program, forward and back; for ever */
	assert_int_equal(run_one(BPF_JMP | BPF_JA, 5, 7, 2), 0);
	assert_int_equal(run_one(BPF_JMP | BPF_JA, 5, 7, 0x7fffffff), 0);
	assert_int_equal(run_one(BPF_JMP | BPF_JA, 5, 7, -4U), 0);
	assert_int_equal(run_one(BPF_JMP | BPF_JA, 5, 7, -1U), 0);
	filter.count = 0;
	assert_int_equal(sample_filter_match(&filter, nothing, 1, 0), 0);
}

/* The longest program of all, to its last instruction; and no byte beyond what can be looked at. */
static void test_limits(void **state)
{
	static uint8_t bytes[SAMPLE_LOOK_MAX + 64];

	(void)state;
	bytes[SAMPLE_LOOK_MAX - 1] = bytes[SAMPLE_LOOK_MAX] = 7;
	for (int i = 0; i < SAMPLE_FILTER_MAX; i++)
		filter.insn[i] = PROGRAM_INSN(BPF_ALU | BPF_ADD | BPF_K, 0, 0, 2);
	filter.insn[SAMPLE_FILTER_MAX - 1] = PROGRAM_INSN(BPF_RET | SAMPLE_FILTER_RET_A, 0, 0, 0);
	filter.count = SAMPLE_FILTER_MAX;
	assert_int_equal(check(), 0);
	assert_int_equal(sample_filter_match(&filter, bytes, 0, 0), 2 * (SAMPLE_FILTER_MAX - 1));
	filter.insn[SAMPLE_FILTER_MAX - 2] =
		PROGRAM_INSN(BPF_LD | BPF_B | BPF_ABS, 0, 0, SAMPLE_LOOK_MAX - 1);
	assert_int_equal(sample_filter_match(&filter, bytes, 1, sizeof(bytes)), 7);
	filter.insn[SAMPLE_FILTER_MAX - 2].k++;
	assert_int_equal(sample_filter_match(&filter, bytes, 1, sizeof(bytes)), 0);
}

/* clang-format off: a table */
static const struct refusal {
	struct sample_insn insn;
	const char *text; /* NULL: accepted */
	bool libpcap;	  /* takes it */
} refusals[] = {
	{PROGRAM_INSN(BPF_LD | BPF_W | BPF_ABS, 0, 0, -1U), NULL, true},
	{PROGRAM_INSN(BPF_LD | 0x18 | BPF_ABS, 0, 0, 0), "instruction 1 (code 0x38, k 0): unknown",
	 true},
	{PROGRAM_INSN(BPF_LD | 0xc0, 0, 0, 0), "instruction 1 (code 0xc0, k 0): unknown", false},
	{PROGRAM_INSN(BPF_LDX | BPF_B | BPF_ABS, 0, 0, 0),
	 "instruction 1 (code 0x31, k 0): unknown", true},
	{PROGRAM_INSN(BPF_LD | BPF_MEM, 0, 0, 15), NULL, true},
	{PROGRAM_INSN(BPF_LD | BPF_MEM, 0, 0, 16),
	 "instruction 1 (code 0x60, k 16): memory has no such word", false},
	{PROGRAM_INSN(BPF_STX, 0, 0, 16), "instruction 1 (code 0x3, k 16): memory has no such word",
	 false},
	{PROGRAM_INSN(BPF_ALU | BPF_DIV | BPF_K, 0, 0, 0),
	 "instruction 1 (code 0x34, k 0): division by 0", false},
	{PROGRAM_INSN(BPF_ALU | BPF_MOD | BPF_X, 0, 0, 0), NULL, true},
	{PROGRAM_INSN(BPF_ALU | BPF_LSH | BPF_K, 0, 0, 32),
	 "instruction 1 (code 0x64, k 32): shift by more than 31 bits", true},
	{PROGRAM_INSN(BPF_ALU | 0xb0, 0, 0, 1), "instruction 1 (code 0xb4, k 1): unknown", false},
	{PROGRAM_INSN(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 9), NULL, true},
	{PROGRAM_INSN(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 9),
	 "instruction 1 (code 0x15, k 9): jumps out of the program", false},
	{PROGRAM_INSN(BPF_JMP | BPF_JSET | BPF_X, 0, 255, 9),
	 "instruction 1 (code 0x4d, k 9): jumps out of the program", false},
	{PROGRAM_INSN(BPF_JMP | BPF_JA, 0, 0, -2U), NULL, true},
	{PROGRAM_INSN(BPF_JMP | BPF_JA, 0, 0, -3U),
	 "instruction 1 (code 0x5, k 4294967293): jumps out of the program", false},
	{PROGRAM_INSN(BPF_JMP | 0x50, 0, 0, 0), "instruction 1 (code 0x55, k 0): unknown", false},
	{PROGRAM_INSN(BPF_RET | BPF_X, 0, 0, 0), "instruction 1 (code 0xe, k 0): unknown", true},
	{PROGRAM_INSN(BPF_MISC | 0x40, 0, 0, 0), "instruction 1 (code 0x47, k 0): unknown", true},
	{PROGRAM_INSN(0x120, 0, 0, 0), "instruction 1 (code 0x120, k 0): unknown", true},
};
/* clang-format on */

static void test_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		const struct refusal *r = &refusals[i];

		filter.count = 4;
		filter.insn[0] = PROGRAM_INSN(BPF_LD | BPF_LEN, 0, 0, 0);
		filter.insn[1] = r->insn;
		filter.insn[2] = PROGRAM_INSN(BPF_LD | BPF_LEN, 0, 0, 0);
		filter.insn[3] = PROGRAM_INSN(BPF_RET | BPF_K, 0, 0, 1);
		error[0] = 0;
		assert_int_equal(check(), r->text ? -EINVAL : 0);
		assert_string_equal(error, r->text ? r->text : "");
		assert_int_equal(libpcap_check(), r->libpcap);
	}
	filter.count = 3;
	filter.insn[1] = filter.insn[0];
	assert_int_equal(check(), -EINVAL);
	assert_string_equal(error,
			    "instruction 2 (code 0x80, k 0): the last one, and does not return");
	assert_int_equal(sample_filter_check(filter.insn, 0, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "0 instructions: not in 1-4096");
	assert_int_equal(sample_filter_check(NULL, 4097, error, sizeof(error)), -EINVAL);
}

static void test_reach(void **state)
{
	static const struct {
		const char *expression;
		uint32_t reach;
	} reaches[] = {
		{"", 1},
		{"greater 100", 1},
		{"ip", 14},
		{"host 10.1.0.1", 42}, /* ARP's target */
		{"tcp port 443 and net 10.0.0.0/8", 14 + 60 + 4},
		{"ip6 host 2001:db8::1", 54},
		{"ether[1000:2] = 7", 1002},
		{"ether[20000] = 7", 1},
		{"ip[ip[0] & 15] = 1", SAMPLE_LOOK_MAX},
		{"tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420", SAMPLE_LOOK_MAX},
	};
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);

	(void)state;
	for (size_t i = 0; i < COUNT(reaches); i++) {
		assert_int_equal(program_compile(pcap, reaches[i].expression, &filter), 0);
		assert_int_equal(sample_filter_reach(filter.insn, filter.count), reaches[i].reach);
	}
	pcap_close(pcap);
}

/* Whatever sample_filter_check() lets pass, so does libpcap. */
static void test_check_random(void **state)
{
	unsigned accepted = 0;

	(void)state;
	srandom(2);
	for (int i = 0; i < RANDOM_PROGRAMS * 10; i++) {
		filter.count = 1 + (uint32_t)random() % 4;
		fill((uint8_t *)filter.insn, filter.count * sizeof(filter.insn[0]));
		for (uint32_t j = 0; j < filter.count; j++) {
			filter.insn[j].code &= j + 1 < filter.count ? 0xff : 0x16;
			filter.insn[j].jt &= 3;
			filter.insn[j].jf &= 3;
			filter.insn[j].k = (uint32_t)(random() % 64 - 8);
		}
		if (check())
			continue;
		accepted++;
		assert_int_equal(libpcap_check(), 1);
	}
	assert_true(accepted > RANDOM_PROGRAMS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expressions),  cmocka_unit_test(test_random),
		cmocka_unit_test(test_left_open),    cmocka_unit_test(test_limits),
		cmocka_unit_test(test_check),	     cmocka_unit_test(test_reach),
		cmocka_unit_test(test_check_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
