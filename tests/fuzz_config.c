/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_config.c: any bytes as a configuration file, or (first byte 'f') as flags, an argument a
 * line. Nothing may crash, and what is accepted must come back the same from what flowd -n prints.
 *
 *   clang -g -O1 -std=c17 -D_GNU_SOURCE -DWIRELEDGER_VERSION='"fuzz"' -I. \
 *       -fsanitize=fuzzer,address,undefined tests/fuzz_config.c flowd/config.c flowd/config_key.c schema/conf.c \
 *       -linih -o build/fuzz/fuzz_config
 *   build/fuzz/fuzz_config -max_len=1024 -max_total_time=60
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flowd/config.h"

#define ARGS_MAX 32

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What flowd says goes nowhere; libFuzzer and the sanitizers have their own way to be heard. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	stdout = stderr = fopen("/dev/null", "we");
	return stderr ? 0 : 1;
}

static int load_file(const char *text, size_t size, struct config *config)
{
	char program[] = "flowd", option[] = "--config", check[] = "-n", path[64];
	char *argv[] = {program, option, path, check, NULL};
	int fd = memfd_create("config", MFD_CLOEXEC), r;

	if (fd < 0 || (size && write(fd, text, size) != (ssize_t)size))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = config_load(4, argv, config);
	close(fd);
	return r;
}

static int load_flags(char *text, struct config *config)
{
	char program[] = "flowd", *argv[ARGS_MAX + 1] = {program};
	int argc = 1;

	for (char *arg; argc < ARGS_MAX && (arg = strsep(&text, "\n"));)
		argv[argc++] = arg;
	return config_load(argc, argv, config);
}

static void check_round_trip(struct config *config)
{
	struct config again;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	config_print(config, out);
	fclose(out);
	if (load_file(text, size, &again) != 0)
		abort();
	config->check_only = again.check_only;
	config->detach_only = again.detach_only;
	memset(config->read, 0, sizeof(config->read)); /* a flag alone */
	if (memcmp(config, &again, sizeof(again)) != 0)
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config;
	char *text = malloc(size + 1);
	int r;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	r = size && text[0] == 'f' ? load_flags(text + 1, &config) : load_file(text, size, &config);
	free(text);
	if (r == 0)
		check_round_trip(&config);
	return 0;
}
