// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuzz_sample_filter.c: libFuzzer target: programs of classic BPF over any bytes, by sample_filter.h and by
 * libpcap's bpf_filter(); a result that differs aborts, and so does one that libpcap's bpf_validate()
 * refuses and sample_filter_check() does not. What is refused is run all the same: it may do no harm.
 *
 *   make fuzz && build/fuzz/fuzz_sample_filter --write-seeds=DIR
 *
 * Input: a byte, two for the packet's length on the wire, the program, the packet
 *   0 to 191    a program that sample_program.h makes of so many bytes
 *   192 to 255  so many instructions (less 192), 8 bytes each, as they are
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter_names.h"
#include "flowd/sample_check.h"
#include "sample_program.h"
#include "vectors.h"

#define RAW_FIRST 192
#define HEAD_BYTES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct sample_filter filter; /* behind the program is what others left */

/* Does libpcap say what it does, and that it ends? */
static bool is_defined(void)
{
	for (uint32_t i = 0; i < filter.count; i++) {
		const struct sample_insn *in = &filter.insn[i];

		if (in->code == (BPF_JMP | BPF_JA) && in->k >= filter.count)
			return false;
		if (in->code == (BPF_LD | BPF_MEM) || in->code == (BPF_LDX | BPF_MEM))
			return false;
	}
	return true;
}

static void compare(const uint8_t *bytes, uint32_t wirelen, uint32_t buflen)
{
	uint32_t want = program_libpcap(&filter, bytes, wirelen, buflen);
	uint32_t got = program_host(&filter, bytes, wirelen, buflen);
	uint32_t reach = sample_filter_reach(filter.insn, filter.count);

	if (got == want && reach < buflen)
		got = program_host(&filter, bytes, wirelen, reach);
	if (got == want)
		return;
	for (uint32_t i = 0; i < filter.count; i++)
		fprintf(stderr, "(%03u) code %#x jt %u jf %u k %#x\n", i, filter.insn[i].code,
			filter.insn[i].jt, filter.insn[i].jf, filter.insn[i].k);
	fprintf(stderr, "%u bytes of %u: %#x, libpcap says %#x\n", buflen, wirelen, got, want);
	abort();
}

static int check(void)
{
	static struct bpf_insn insn[SAMPLE_FILTER_MAX];
	char error[128];
	int err = sample_filter_check(filter.insn, filter.count, error, sizeof(error));

	memcpy(insn, filter.insn, filter.count * sizeof(insn[0]));
	if (!err && !bpf_validate(insn, (int)filter.count))
		abort();
	return err;
}

static void run_raw(const uint8_t *bytes, uint32_t wirelen, uint32_t buflen)
{
	if (!check() && is_defined()) {
		compare(bytes, wirelen, buflen);
		return;
	}
	program_host(&filter, bytes, wirelen, buflen);
	filter.count = ~0U;
	program_host(&filter, bytes, wirelen, buflen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t head, wirelen;
	size_t len;

	if (size < HEAD_BYTES)
		return 0;
	head = data[0];
	wirelen = data[1] * 256U + data[2];
	data += HEAD_BYTES;
	size -= HEAD_BYTES;
	len = head < RAW_FIRST ? head : (head - RAW_FIRST) * sizeof(struct sample_insn);
	if (len > size)
		len = size;
	if (head < RAW_FIRST) {
		program_make(data, len, &filter);
		if (check())
			abort();
		compare(data + len, wirelen, (uint32_t)(size - len));
		return 0;
	}
	filter.count = (uint32_t)(len / sizeof(struct sample_insn));
	memcpy(filter.insn, data, filter.count * sizeof(struct sample_insn));
	run_raw(data + len, wirelen, (uint32_t)(size - len));
	return 0;
}

/* Compiled expressions as they are, every other one as bytes of which a program is made. */
static void write_seed(const char *dir, size_t number, const struct vector *v)
{
	uint32_t bytes = filter.count * (uint32_t)sizeof(struct sample_insn);
	char path[512];
	FILE *file;

	if (filter.count > 255 - RAW_FIRST)
		return;
	snprintf(path, sizeof(path), "%s/%05zu", dir, number);
	file = fopen(path, "wb");
	if (!file)
		exit(1);
	if (number % 2 && bytes >= RAW_FIRST)
		bytes = RAW_FIRST - 1;
	fputc((int)(number % 2 ? bytes : RAW_FIRST + filter.count), file);
	fputc((int)(v->size >> 8), file);
	fputc((int)(v->size & 0xff), file);
	fwrite(filter.insn, 1, bytes, file);
	fwrite(v->frame, 1, v->size, file);
	if (fclose(file))
		exit(1);
}

static void write_seeds(const char *dir)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
	char text[GRAMMAR_TEXT];

	for (size_t i = 0; program_expression(i, text); i++) {
		if (!program_compile(pcap, text, &filter))
			write_seed(dir, i, &vectors[i % VECTORS]);
	}
	pcap_close(pcap);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *option = "--write-seeds=";

	if (*argc > 1 && !strncmp((*argv)[1], option, strlen(option))) {
		write_seeds((*argv)[1] + strlen(option));
		exit(0);
	}
	return 0;
}
