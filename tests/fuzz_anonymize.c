// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuzz_anonymize.c: any bytes as a frame that is anonymized, in memory of its exact size: nothing is read
 * or written outside of it, what is kept never grows, and what anonymize_check.h asks for holds.
 *
 *   clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I. \
 *         tests/fuzz_anonymize.c cli/anonymize*.c schema/flow_record.c -lnettle -o build/fuzz/fuzz_anonymize
 *   mkdir -p build/fuzz/seeds build/fuzz/corpus
 *   build/fuzz/fuzz_anonymize --write-seeds=build/fuzz/seeds
 *   build/fuzz/fuzz_anonymize -max_total_time=60 -max_len=600 build/fuzz/corpus build/fuzz/seeds
 *
 * Input: struct input, then the frame.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anonymize_cases.h"
#include "anonymize_check.h"
#include "anonymize_known.h"

struct input {
	uint8_t link;
	uint8_t more[2]; /* bytes that the frame had beside those captured, in units of 4 */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t links[] = {ANONYMIZE_ETHERNET, ANONYMIZE_RAW, 113};
	static struct anonymize *anon;
	struct input in;
	const char *wrong;
	uint32_t captured;

	if (size < sizeof(in) || (!anon && anonymize_new(known_sets[0].key, &anon)))
		return 0;
	memcpy(&in, data, sizeof(in));
	captured = (uint32_t)(size - sizeof(in));
	wrong = check_frame(anon, links[in.link % 3], data + sizeof(in), captured,
			    captured + (in.more[0] * 256U + in.more[1]) * 4);
	if (!wrong)
		return 0;
	fprintf(stderr, "anonymize_frame: %s\n", wrong);
	abort();
}

static void write_seed(const char *dir, size_t number, uint8_t link, const uint8_t *frame,
		       size_t size)
{
	struct input in = {.link = link};
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/seed-%04zu", dir, number);
	file = fopen(path, "wb");
	if (!file || fwrite(&in, sizeof(in), 1, file) != 1 ||
	    fwrite(frame, 1, size, file) != size || fclose(file)) {
		perror(path);
		exit(1);
	}
}

/* --write-seeds=DIR writes the frames of anonymize_cases.h and vectors.h as a corpus and ends. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *option = "--write-seeds=", *dir;

	if (*argc < 2 || strncmp((*argv)[1], option, strlen(option)))
		return 0;
	dir = (*argv)[1] + strlen(option);
	for (size_t i = 0; i < ANONYMIZE_CASES; i++) {
		const struct anonymize_case *c = &anonymize_cases[i];

		write_seed(dir, i, c->link == ANONYMIZE_RAW, c->frame, c->size);
	}
	for (size_t i = 0; i < VECTORS; i++)
		write_seed(dir, ANONYMIZE_CASES + i, vectors[i].l3_proto != 0, vectors[i].frame,
			   vectors[i].size);
	exit(0);
}
