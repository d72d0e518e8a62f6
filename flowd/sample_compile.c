/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_compile.c: libpcap's compiler and interpreter. See sample_compile.h. */
#include "flowd/sample_compile.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/sample_check.h"
#include "schema/sample_record.h"

#define SNAPLEN 262144 /* what a filter answers that lets a frame pass */
#define SHOWN 200      /* of an expression, in an error */

_Static_assert(sizeof(struct sample_insn) == sizeof(struct bpf_insn), "are copied as they are");

static int fail(int err, const char *expression, const char *what, char *error)
{
	snprintf(error, SAMPLE_ERROR_MAX, "filter '%.*s%s': %.200s", SHOWN, expression,
		 strlen(expression) > SHOWN ? "..." : "", what);
	return err;
}

static int copy_program(const char *expression, const struct bpf_program *program,
			struct sample_filter **ret_filter, char *error)
{
	struct sample_filter *filter;
	char text[80];

	if (program->bf_len > SAMPLE_FILTER_MAX) {
		snprintf(text, sizeof(text), "compiles to %u instructions, more than %d",
			 program->bf_len, SAMPLE_FILTER_MAX);
		return fail(-E2BIG, expression, text, error);
	}
	filter = calloc(1, sizeof(*filter));
	if (!filter)
		return -ENOMEM;
	filter->count = program->bf_len;
	memcpy(filter->insn, program->bf_insns, program->bf_len * sizeof(filter->insn[0]));
	if (sample_filter_check(filter->insn, filter->count, text, sizeof(text))) {
		free(filter);
		return fail(-EINVAL, expression, text, error);
	}
	filter->reach = sample_filter_reach(filter->insn, filter->count);
	*ret_filter = filter;
	return 0;
}

int sample_compile(const char *expression, uint32_t link, struct sample_filter **ret_filter,
		   char ret_error[SAMPLE_ERROR_MAX])
{
	pcap_t *pcap = pcap_open_dead(link == SAMPLE_LINK_IP ? DLT_RAW : DLT_EN10MB, SNAPLEN);
	struct bpf_program program;
	int err;

	ret_error[0] = '\0';
	if (!pcap)
		return -ENOMEM;
	if (pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN)) {
		err = fail(-EINVAL, expression, pcap_geterr(pcap), ret_error);
	} else {
		err = copy_program(expression, &program, ret_filter, ret_error);
		pcap_freecode(&program);
	}
	pcap_close(pcap);
	return err;
}

int sample_compile_set(const char *expression, uint32_t links, struct sample_compiled *ret_set,
		       char ret_error[SAMPLE_ERROR_MAX])
{
	struct sample_compiled set = {NULL, NULL};
	int err = 0;

	if (links & SAMPLE_LINKS_ETHERNET)
		err = sample_compile(expression, SAMPLE_LINK_ETHERNET, &set.ethernet, ret_error);
	if (!err && (links & SAMPLE_LINKS_IP))
		err = sample_compile(expression, SAMPLE_LINK_IP, &set.ip, ret_error);
	if (err)
		sample_compile_free(&set);
	else
		*ret_set = set;
	return err;
}

void sample_compile_free(struct sample_compiled *set)
{
	free(set->ethernet);
	free(set->ip);
	*set = (struct sample_compiled){NULL, NULL};
}

int sample_compile_check(const char *expression, char ret_error[SAMPLE_ERROR_MAX])
{
	struct sample_filter *filter = NULL;
	char other[SAMPLE_ERROR_MAX];
	int err = sample_compile(expression, SAMPLE_LINK_ETHERNET, &filter, ret_error);

	if (err == -EINVAL && !sample_compile(expression, SAMPLE_LINK_IP, &filter, other))
		err = 0;
	free(filter);
	return err;
}

bool sample_compile_passes(const struct sample_filter *filter, const uint8_t *bytes,
			   uint32_t length, uint32_t captured)
{
	return bpf_filter((const struct bpf_insn *)filter->insn, bytes, length, captured) != 0;
}
