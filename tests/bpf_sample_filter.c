// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_sample_filter.c: the filters of sample_filter.bpf.h in the kernel, by test-run, against the same on
 * the host and against libpcap: expressions over frames, programs made at random over random bytes.
 *
 *   expression -> program, with others -> map sample_filters \
 *   frame, whole and cut               -> sample_stage       -> results == sample_filter_match()
 *
 * bpf_sample_filter [--time] [CAPTURE ...]    beside vectors.h; --time: what filters cost, and no more
 * Needs root.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf_sample_filter.h"
#include "filter_names.h"
#include "sample_frames.h"
#include "sample_program.h"

#define FULL_REPORTS 20
#define RANDOM_BATCHES 500 /* of RIG_FILTERS programs */
#define RANDOM_FRAMES 8

static unsigned long passed, failed, skipped;
static struct rig *rig;

/* Those that are in the kernel. */
static struct loaded {
	char name[128];
	struct sample_filter filter;
	bool differs;
} loaded[RIG_FILTERS];
static __u32 loads;

static void load(const char *name, const struct sample_filter *filter)
{
	struct loaded *l = &loaded[loads];

	snprintf(l->name, sizeof(l->name), "%s", name);
	l->filter = *filter;
	l->differs = false;
	rig_load(rig, loads++, filter);
}

static void judge(const char *what, __u32 got, __u32 want, __u32 buflen, bool *differs)
{
	if (got == want)
		return;
	if (!*differs && failed < FULL_REPORTS)
		printf("FAIL '%s', %u bytes: %#x in the kernel, wanted %#x\n", what, buflen, got,
		       want);
	*differs = true;
}

static void run_frame(const struct sample_frame *f, uint32_t buflen)
{
	__u32 got[RIG_NUMBERS];
	bool none = false;
	int err = rig_run(rig, f->bytes, f->len, f->wirelen, buflen, got);

	if (err) {
		printf("FAIL test-run: %s\n", strerror(-err));
		failed++;
		return;
	}
	for (__u32 i = 0; i < loads; i++) {
		struct loaded *l = &loaded[i];

		judge(l->name, got[i], program_host(&l->filter, f->bytes, f->wirelen, buflen),
		      buflen, &l->differs);
		judge(l->name, got[i], program_libpcap(&l->filter, f->bytes, f->wirelen, buflen),
		      buflen, &l->differs);
	}
	judge("a number that is none", got[RIG_FILTERS], 0, buflen, &none);
	failed += none;
}

static void unload(void)
{
	for (__u32 i = 0; i < loads; i++) {
		passed += !loaded[i].differs;
		failed += loaded[i].differs;
	}
	loads = 0;
}

static void run_expressions(const struct sample_frames *frames)
{
	static struct sample_filter filter;
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
	char text[GRAMMAR_TEXT];
	bool more = true;

	for (size_t i = 0; more; i++) {
		more = program_expression(i, text);
		if (more && !program_compile(pcap, text, &filter))
			load(text, &filter);
		if (more && loads < RIG_FILTERS)
			continue;
		for (size_t j = 0; j < frames->count; j++) {
			run_frame(&frames->frame[j], frames->frame[j].len);
			if (j % 8 == i % 8)
				run_frame(&frames->frame[j], frames->frame[j].len / 2);
		}
		unload();
	}
	pcap_close(pcap);
}

static void fill(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(random() >> 8);
}

static void run_random(void)
{
	static uint8_t made[SAMPLE_FILTER_WORDS + PROGRAM_MADE * 4], bytes[96];
	static struct sample_filter filter;
	char name[32];

	srandom(1);
	for (int i = 0; i < RANDOM_BATCHES; i++) {
		while (loads < RIG_FILTERS) {
			fill(made, sizeof(made));
			program_make(made, (size_t)random() % sizeof(made), &filter);
			snprintf(name, sizeof(name), "random %d.%u", i, loads);
			load(name, &filter);
		}
		for (uint32_t j = 0; j < RANDOM_FRAMES; j++) {
			struct sample_frame f = {.bytes = bytes, .len = sizeof(bytes)};

			fill(bytes, sizeof(bytes));
			f.wirelen = (uint32_t)random() % 2000;
			run_frame(&f, f.len - j);
		}
		unload();
	}
}

static void check_equal(const char *what, __u32 got, __u32 want)
{
	passed += got == want;
	failed += got != want;
	if (got != want)
		printf("FAIL %s: %u, wanted %u\n", what, got, want);
}

/* The longest program, the last byte, and a program without an end. */
static void run_limits(void)
{
	static struct sample_filter filter, loop, last;
	static __u8 bytes[SAMPLE_LOOK_MAX];
	__u32 got[RIG_NUMBERS] = {};

	filter.count = SAMPLE_FILTER_MAX;
	for (int i = 0; i < SAMPLE_FILTER_MAX; i++)
		filter.insn[i] = PROGRAM_INSN(BPF_ALU | BPF_ADD | BPF_K, 0, 0, 2);
	filter.insn[SAMPLE_FILTER_MAX - 1] = PROGRAM_INSN(BPF_RET | SAMPLE_FILTER_RET_A, 0, 0, 0);
	rig_load(rig, 0, &filter);
	loop.count = 2;
	loop.insn[0] = PROGRAM_INSN(BPF_JMP | BPF_JA, 0, 0, -1U);
	loop.insn[1] = PROGRAM_INSN(BPF_RET | BPF_K, 0, 0, 1);
	rig_load(rig, 1, &loop);
	last.count = 2;
	last.insn[0] = PROGRAM_INSN(BPF_LD | BPF_B | BPF_ABS, 0, 0, SAMPLE_LOOK_MAX - 1);
	last.insn[1] = PROGRAM_INSN(BPF_RET | SAMPLE_FILTER_RET_A, 0, 0, 0);
	rig_load(rig, 2, &last);
	last.insn[0].k++; /* in SAMPLE_FILTER_SLACK */
	rig_load(rig, 3, &last);
	last.count = 0;
	rig_load(rig, 4, &last);
	bytes[SAMPLE_LOOK_MAX - 1] = 7;
	check_equal("test-run", (__u32)-rig_run(rig, bytes, sizeof(bytes), 1, ~0U, got), 0);
	check_equal("the longest program", got[0], 2 * (SAMPLE_FILTER_MAX - 1));
	check_equal("a program without an end", got[1], 0);
	check_equal("the last byte that can be looked at", got[2], 7);
	check_equal("the byte behind it", got[3], 0);
	check_equal("a program without instructions", got[4], 0);
}

/* A kernel without bpf_loop never sees the call, and everything passes. */
static void run_without_loop(unsigned int size)
{
	static struct sample_filter none = {.count = 1, .insn = {{.code = BPF_RET | BPF_K}}};
	__u32 got[RIG_NUMBERS] = {};
	__u8 byte = 0;
	int err = rig_open(0, &rig);

	check_equal("without bpf_loop: the program loads", (__u32)-err, 0);
	if (err)
		return;
	rig_load(rig, 0, &none);
	check_equal("test-run", (__u32)-rig_run(rig, &byte, 1, 1, 1, got), 0);
	check_equal("without bpf_loop: the packet passes", got[0], 1);
	check_equal("without bpf_loop: nothing is left of the steps", rig_size(rig) < size / 4, 1);
	rig_close(rig);
}

static const uint8_t timed_frame[] = {ETH(0x0800), IP4(60, 6), B16(40000), B16(443), Z16};

static uint32_t steps(const struct sample_filter *filter, const uint8_t *bytes, uint32_t len)
{
	struct sample_filter_state s;
	struct sample_filter_run run = {.state = &s, .filter = filter, .bytes = bytes};
	struct sample_filter_regs r = {0, 0, 0};
	uint32_t n = 1;

	sample_filter_begin(&s, len, len);
	while (n < SAMPLE_FILTER_MAX && !sample_filter_step(&run, &r))
		n++;
	return n;
}

static void time_filter(const char *name, const struct sample_filter *filter)
{
	const uint32_t len = sizeof(timed_frame);
	__u32 got[RIG_NUMBERS];
	double ns;

	rig_load(rig, 0, filter);
	rig_run(rig, timed_frame, len, len, len, got);
	ns = rig_time(rig);
	printf("%6.0f ns  %4u of %4u instructions  %s  '%s'\n", ns, steps(filter, timed_frame, len),
	       filter->count, got[0] ? "yes" : "no ", name);
}

static void run_times(void)
{
	static const char *const expressions[] = {
		"",
		"ip",
		"host 10.1.0.1",
		"tcp port 443 and net 10.0.0.0/8",
		"tcp port 444 and net 10.0.0.0/8",
		"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
		"port 53 or port 80 or port 8080 or port 443",
		"vlan and tcp port 443",
		"ip[2:2] * 3 + ip[9] * len % 7 - 4 > 100",
	};
	static struct sample_filter filter;
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);

	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		if (!program_compile(pcap, expressions[i], &filter))
			time_filter(expressions[i], &filter);
	}
	filter.insn[0] = PROGRAM_INSN(BPF_LD | BPF_B | BPF_ABS, 0, 0, 23);
	filter.insn[1] = PROGRAM_INSN(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 7);
	filter.insn[2] = PROGRAM_INSN(BPF_JMP | BPF_JA, 0, 0, -3U);
	filter.insn[3] = PROGRAM_INSN(BPF_RET | BPF_K, 0, 0, 1);
	filter.count = 4;
	time_filter("for ever", &filter);
	printf("%u instructions, of which the verifier walked %u\n", rig_size(rig),
	       rig_verified(rig));
	pcap_close(pcap);
}

static void read_frames(int argc, char **argv, struct sample_frames *frames)
{
	frames_of_vectors(frames);
	for (int i = 1; i < argc; i++) {
		if (!frames_of_file(frames, argv[i]))
			continue;
		printf("SKIP (libpcap does not read the file) %s\n", argv[i]);
		skipped++;
	}
}

static int finish(void)
{
	printf("bpf_sample_filter: %lu passed, %lu failed, %lu skipped\n", passed, failed, skipped);
	return failed != 0;
}

int main(int argc, char **argv)
{
	const char *reason = rig_impossible();
	struct sample_frames frames = {};
	unsigned int size;
	int err;

	if (reason) {
		printf("SKIP (%s)\n", reason);
		skipped++;
		return finish();
	}
	err = rig_open(1, &rig);
	check_equal("the program loads", (__u32)-err, 0);
	if (err)
		return finish();
	if (argc > 1 && !strcmp(argv[1], "--time")) {
		run_times();
		rig_close(rig);
		return finish();
	}
	read_frames(argc, argv, &frames);
	run_expressions(&frames);
	run_random();
	run_limits();
	size = rig_size(rig);
	rig_close(rig);
	run_without_loop(size);
	frames_free(&frames);
	return finish();
}
