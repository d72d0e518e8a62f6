/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* group_metrics.c: what sums can be sorted by, a function each. */
#include "cli/group_sums.h"

#define RATIO_WHOLE 1000000000U

uint64_t group_value(const struct group_sums *sums, const struct group_metric *metric)
{
	return metric->value(sums);
}

uint64_t group_kernel(const struct group_health *health)
{
	uint64_t sum = 0;

	for (int i = 0; health && i < EVENT_RETRANSMIT_MAX; i++)
		sum += health->kernel[i];
	return sum;
}

uint64_t group_ratio(const struct group_sums *sums, uint64_t whole)
{
	uint64_t part = sums->health ? sums->health->retransmits : 0;

	if (!sums->packets || part >= sums->packets)
		return part ? whole : 0;
	return (uint64_t)((unsigned __int128)part * whole / sums->packets);
}

#define SUM(field)                                                 \
	static uint64_t sum_##field(const struct group_sums *sums) \
	{                                                          \
		return sums->field;                                \
	}
#define HEALTH(field)                                                 \
	static uint64_t health_##field(const struct group_sums *sums) \
	{                                                             \
		return sums->health ? sums->health->field : 0;        \
	}
#define DROPS(field)                                                 \
	static uint64_t drops_##field(const struct group_sums *sums) \
	{                                                            \
		return sums->drops ? sums->drops->field : 0;         \
	}

SUM(flows)
SUM(packets)
SUM(bytes)
SUM(ip_bytes)
HEALTH(retransmits)
HEALTH(retransmitted_bytes)
HEALTH(out_of_order)
HEALTH(dup_acks)
HEALTH(zero_windows)
HEALTH(resets)
HEALTH(syn_repeats)
HEALTH(keep_alives)
HEALTH(rtt_max_us)
DROPS(packets)
DROPS(bytes)
DROPS(skbs)

static uint64_t ratio(const struct group_sums *sums)
{
	return group_ratio(sums, RATIO_WHOLE);
}

static uint64_t kernel(const struct group_sums *sums)
{
	return group_kernel(sums->health);
}

/* The mean; one of less than a microsecond is one. */
static uint64_t rtt(const struct group_sums *sums)
{
	uint64_t mean;

	if (!sums->health || !sums->health->rtt_count)
		return 0;
	mean = sums->health->rtt_sum_us / sums->health->rtt_count;
	return mean ? mean : 1;
}

const struct group_metric group_metrics[] = {
	{"bytes", sum_bytes},
	{"packets", sum_packets},
	{"flows", sum_flows},
	{"ip_bytes", sum_ip_bytes},
	{"retransmits", health_retransmits},
	{"drops", drops_packets},
	{"rtt", rtt},
	{NULL, NULL},
};

const struct group_metric group_health_metrics[] = {
	{"retransmits", health_retransmits},
	{"ratio", ratio},
	{"kernel", kernel},
	{"bytes", health_retransmitted_bytes},
	{"out_of_order", health_out_of_order},
	{"dup_acks", health_dup_acks},
	{"zero_windows", health_zero_windows},
	{"resets", health_resets},
	{"syn_repeats", health_syn_repeats},
	{"keep_alives", health_keep_alives},
	{"rtt", rtt},
	{"rtt_max", health_rtt_max_us},
	{"packets", sum_packets},
	{NULL, NULL},
};

const struct group_metric group_drops_metrics[] = {
	{"packets", drops_packets},
	{"bytes", drops_bytes},
	{"skbs", drops_skbs},
	{NULL, NULL},
};
