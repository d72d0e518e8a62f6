/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * datapath_zipf.c: flows by Zipf's law for the benchmark of the datapath: the packets' flows are drawn beforehand, the
 * same in every run, and the entry program reads them one after the other, which costs it a cache line in 16 packets.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "datapath.h"

#include "bench/bench_xdp.skel.h"

#define ZIPF_EXPONENT 1.1
#define ZIPF_FLOWS 1000000

/* The first of the sums that is not less. */
static uint32_t rank_of(const double *sum, double at)
{
	uint32_t low = 0, high = ZIPF_FLOWS - 1;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (sum[mid] < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static double part(uint64_t *state)
{
	*state ^= *state << 13; /* Marsaglia's xorshift64 */
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (double)(*state >> 11) * 0x1p-53;
}

void zipf_draw(struct bench *bench)
{
	int fd = bpf_map__fd(bench->xdp[SMALL]->maps.vary_drawn);
	double *sum = calloc(ZIPF_FLOWS, sizeof(*sum)), total = 0;
	uint64_t state = 0x9e3779b97f4a7c15ULL;

	if (!sum)
		die("Zipf's law", ENOMEM);
	for (int i = 0; i < ZIPF_FLOWS; i++)
		sum[i] = total += pow(i + 1, -ZIPF_EXPONENT);
	for (uint32_t i = 0; i < VARY_DRAWN; i++) {
		struct vary_line line;

		for (int k = 0; k < 16; k++)
			line.flow[k] = rank_of(sum, part(&state) * total);
		if (bpf_map_update_elem(fd, &i, &line, BPF_ANY))
			die("vary_drawn", errno);
	}
	free(sum);
	bench->xdp[SMALL]->bss->vary.drawn = VARY_DRAWN;
}

void zipf_end(struct bench *bench)
{
	bench->xdp[SMALL]->bss->vary.drawn = 0;
}
