/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* flows_health.c: see flows_health.h. */
#include "cli/flows_health.h"

#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "schema/fields.h"

#define COUNT(member)                                                  \
	static uint64_t count_##member(const struct half_health *half) \
	{                                                              \
		return half->count.member;                             \
	}
#define OWN(member)                                                  \
	static uint64_t own_##member(const struct half_health *half) \
	{                                                            \
		return half->member;                                 \
	}

COUNT(retransmits)
COUNT(out_of_order)
COUNT(dup_acks)
COUNT(zero_windows)
COUNT(resets)
OWN(retransmits_kernel)
OWN(drops)
OWN(handshake_us)

/* One of less than a microsecond is one. */
static uint64_t mean_rtt(const struct half_health *half)
{
	uint64_t mean;

	if (!half->count.rtt_count)
		return 0;
	mean = half->count.rtt_sum_us / half->count.rtt_count;
	return mean ? mean : 1;
}

static const struct {
	const char *title;
	uint64_t (*value)(const struct half_health *half);
	enum out_kind kind;
} values[] = {
	{"RETRANS", count_retransmits, OUT_NUMBER},
	{"KERNEL", own_retransmits_kernel, OUT_NUMBER},
	{"DROPS", own_drops, OUT_NUMBER},
	{"RTT", mean_rtt, OUT_MICROSECONDS},
	{"SETUP", own_handshake_us, OUT_MICROSECONDS},
	{"OOO", count_out_of_order, OUT_NUMBER},
	{"DUP ACK", count_dup_acks, OUT_NUMBER},
	{"ZERO WIN", count_zero_windows, OUT_NUMBER},
	{"RESETS", count_resets, OUT_NUMBER},
};

static void put_half(enum out_kind kind, uint64_t number, char *text)
{
	struct out_value value = {.kind = kind, .number = number};

	if (kind == OUT_MICROSECONDS && !number)
		value.kind = OUT_NONE;
	out_human(&value, text);
}

void flows_health_get(const struct flow_record *rec, const char *title, bool uniflow,
		      struct out_value *value)
{
	char text[2][OUT_TEXT_SIZE], both[OUT_TEXT_SIZE];
	uint64_t number[2];

	for (size_t i = 0; rec->has_health && i < sizeof(values) / sizeof(values[0]); i++) {
		if (strcmp(values[i].title, title))
			continue;
		for (int which = 0; which < 2; which++) {
			number[which] = values[i].value(&rec->health[which]);
			put_half(values[i].kind, number[which], text[which]);
		}
		if (!(number[0] | number[1]))
			return;
		snprintf(both, sizeof(both), "%.64s/%.64s", text[0], text[1]);
		out_set_text(value, uniflow ? text[0] : both);
	}
}
