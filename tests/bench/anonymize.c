// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * anonymize.c: ns of CPU an address that Crypto-PAn makes, by how many there are and how they lie, and a
 * frame: what is remembered of prefixes and addresses is what makes the difference.
 *
 *   build/bench/anonymize [ROUNDS]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/anonymize.h"
#include "cli/anonymize_frame.h"
#include "timing.h"

#define CALLS 200000
#define ROUNDS_MAX 99

static const uint8_t key[ANONYMIZE_KEY_SIZE] = "a key for a benchmark, and a pad";

/* Addresses below `hosts` in each of `nets` networks; 0 hosts: any. */
static const struct spread {
	const char *name;
	uint32_t nets;
	uint32_t hosts;
	int version; /* of IP; 0: frames of 2 IPv4 addresses and 2 MACs */
} spreads[] = {
	{"IPv4, 1,000 of one network", 1, 1000, 4},
	{"IPv4, 100,000 of 1,000 /16", 1000, 100, 4},
	{"IPv4, any", 0, 0, 4},
	{"IPv6, 1,000 of one /64", 1, 1000, 6},
	{"IPv6, 1,000,000 of 1,000 /64", 1000, 1000, 6},
	{"IPv6, any", 0, 0, 6},
	{"frames of TCP, 1,000 hosts", 1, 1000, 0},
	{"frames of TCP, any hosts", 0, 0, 0},
};

static uint32_t next_random(void)
{
	static uint64_t state = 88172645463325252U;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32);
}

static void put_number(uint8_t *at, uint32_t number)
{
	at[0] = (uint8_t)(number >> 8);
	at[1] = (uint8_t)number;
}

/* The network's number in the first 2 of 4 bytes, or of 16 before the eighth; the host's in the last 2. */
static void fill_address(const struct spread *s, uint8_t *addr, size_t size)
{
	uint32_t word[4] = {next_random(), next_random(), next_random(), next_random()};

	memcpy(addr, word, size);
	if (!s->nets)
		return;
	memset(addr, 0x20, size);
	put_number(addr + (size == 4 ? 0 : 6), word[0] % s->nets);
	put_number(addr + size - 2, word[1] % s->hosts);
}

static void fill_frame(const struct spread *s, uint8_t *frame)
{
	static const uint8_t tcp4[54] = {2,  0,	   0, 0, 0,  1, 2, 0, 0, 0,  0,	 2, 8,
					 0,  0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6,	 0, 0,
					 10, 0,	   0, 1, 10, 1, 0, 2, 4, 0,  20, 81};

	memcpy(frame, tcp4, sizeof(tcp4));
	frame[46] = 0x50;
	fill_address(s, frame + 26, 4);
	fill_address(s, frame + 30, 4);
}

static void make(struct anonymize *anon, const struct spread *s, uint8_t *at)
{
	uint32_t captured = 54;

	if (s->version == 4)
		anonymize_ip4(anon, at);
	else if (s->version == 6)
		anonymize_ip6(anon, at);
	else
		anonymize_frame(anon, ANONYMIZE_ETHERNET, at, &captured, captured);
}

/* ns a call, the first ones included. */
static double measure(const struct spread *s, uint8_t *bytes)
{
	struct anonymize *anon;
	double start, ns;

	for (uint32_t i = 0; i < CALLS; i++) {
		if (s->version)
			fill_address(s, bytes + i * 64, s->version == 4 ? 4 : 16);
		else
			fill_frame(s, bytes + i * 64);
	}
	if (anonymize_new(key, &anon))
		exit(1);
	start = cpu_time_ns();
	for (uint32_t i = 0; i < CALLS; i++)
		make(anon, s, bytes + i * 64);
	ns = (cpu_time_ns() - start) / CALLS;
	anonymize_free(anon);
	return ns;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 9;
	uint8_t *bytes = malloc(CALLS * 64);
	double value[ROUNDS_MAX];

	if (!bytes || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: anonymize [ROUNDS]\n");
		return 2;
	}
	printf("%-32s %8s  spread\n", "ns of CPU each, of 200,000", "median");
	for (size_t i = 0; i < sizeof(spreads) / sizeof(spreads[0]); i++) {
		double middle;

		for (int round = 0; round < rounds; round++)
			value[round] = measure(&spreads[i], bytes);
		middle = median(value, rounds);
		printf("%-32s %8.1f  %.1f to %.1f\n", spreads[i].name, middle, value[0],
		       value[rounds - 1]);
	}
	free(bytes);
	return 0;
}
