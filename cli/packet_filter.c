/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* packet_filter.c: see packet_filter.h. One program a link type, all of them compiled at once. */
#include "cli/packet_filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/filter_word.h"

#define SNAPLEN 262144	       /* tcpdump's */
#define KERNEL_OFF 0xfffff000U /* SKF_AD_OFF of linux/filter.h */

static const struct {
	uint32_t link;
	int dlt;
	const char *name;
} links[PACKET_FILTER_LINKS] = {
	{1, DLT_EN10MB, "Ethernet"},
	{101, DLT_RAW, "raw IP"},
};

struct packet_filter {
	struct {
		bool compiled;
		struct bpf_program program;
		struct packet_filter_error error;
	} of[PACKET_FILTER_LINKS];
};

static void fail(const char *expression, int i, const char *what,
		 struct packet_filter_error *ret_error)
{
	const struct filter_word *word = filter_word_find(expression);
	int len = snprintf(ret_error->text, sizeof(ret_error->text), "filter '%.200s'%s%s: %.100s",
			   expression, i ? " of " : "", i ? links[i].name : "", what);

	if (word && word->outer)
		snprintf(ret_error->text + len, sizeof(ret_error->text) - (size_t)len,
			 "; '%s' or --tunnel %s asks for that", word->outer, word->tunnel);
	else if (word)
		snprintf(ret_error->text + len, sizeof(ret_error->text) - (size_t)len,
			 "; %s asks for that", word->option);
}

/* The kernel's own: direction, interface and the like, as pcap-filter(7)'s inbound. */
static bool asks_the_kernel(const struct bpf_program *program)
{
	for (uint32_t i = 0; i < program->bf_len; i++) {
		const struct bpf_insn *in = &program->bf_insns[i];

		if (BPF_CLASS(in->code) == BPF_LD && BPF_MODE(in->code) == BPF_ABS &&
		    in->k >= KERNEL_OFF)
			return true;
	}
	return false;
}

static int compile(struct packet_filter *filter, int i, const char *expression)
{
	struct bpf_program *program = &filter->of[i].program;
	pcap_t *pcap = pcap_open_dead(links[i].dlt, SNAPLEN);

	if (!pcap)
		return -ENOMEM;
	if (pcap_compile(pcap, program, expression, 1, PCAP_NETMASK_UNKNOWN)) {
		fail(expression, i, pcap_geterr(pcap), &filter->of[i].error);
	} else if (asks_the_kernel(program)) {
		fail(expression, i, "asks for what is not in a packet; --dir and --iface do",
		     &filter->of[i].error);
		pcap_freecode(program);
	} else {
		filter->of[i].compiled = true;
	}
	pcap_close(pcap);
	return 0;
}

int packet_filter_compile(const char *expression, struct packet_filter **ret_filter,
			  struct packet_filter_error *ret_error)
{
	struct packet_filter *filter = calloc(1, sizeof(*filter));
	bool any = false;
	int err = filter ? 0 : -ENOMEM;

	for (int i = 0; !err && i < PACKET_FILTER_LINKS; i++) {
		err = compile(filter, i, expression);
		any |= !err && filter->of[i].compiled;
	}
	if (!err && !any) {
		*ret_error = filter->of[0].error;
		err = -EINVAL;
	}
	if (err) {
		packet_filter_free(filter);
		return err;
	}
	*ret_filter = filter;
	return 0;
}

void packet_filter_free(struct packet_filter *filter)
{
	for (int i = 0; filter && i < PACKET_FILTER_LINKS; i++) {
		if (filter->of[i].compiled)
			pcap_freecode(&filter->of[i].program);
	}
	free(filter);
}

static int find(uint32_t link)
{
	for (int i = 0; i < PACKET_FILTER_LINKS; i++) {
		if (links[i].link == link)
			return i;
	}
	return -1;
}

int packet_filter_match(const struct packet_filter *filter, uint32_t link, const uint8_t *data,
			uint32_t length, uint32_t captured)
{
	int i = find(link);

	if (i < 0 || !filter->of[i].compiled)
		return -EINVAL;
	return bpf_filter(filter->of[i].program.bf_insns, data, length, captured) != 0;
}

const char *packet_filter_why(const struct packet_filter *filter, uint32_t link)
{
	int i = find(link);

	return i < 0 ? "" : filter->of[i].error.text;
}
