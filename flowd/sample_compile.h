/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_compile.h: filters of samples: pcap-filter(7), compiled by libpcap for the kernel's interpreter,
 * which is asked before a sample is taken, and run here where the kernel has none.
 *
 * To compile may take long: libpcap's optimizer takes seconds for some hundreds of ports, and names of
 * hosts are asked for. So it is not for the thread that sweeps, but at the start.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/sample.h"

#define SAMPLE_ERROR_MAX 512

/*
 * For bytes of that LINKTYPE_. *ret_filter is to be freed. 0, or -EINVAL with a text that names the
 * expression and what libpcap says of it, -E2BIG with one where it compiles to more than
 * SAMPLE_FILTER_MAX instructions, -ENOMEM with none.
 */
int sample_compile(const char *expression, uint32_t link, struct sample_filter **ret_filter,
		   char ret_error[SAMPLE_ERROR_MAX]);

/* Compiled for each kind of link that there is. */
struct sample_compiled {
	struct sample_filter *ethernet;
	struct sample_filter *ip;
};

enum sample_links { SAMPLE_LINKS_ETHERNET = 1, SAMPLE_LINKS_IP = 2 };

/* The same for those links of enum sample_links; the others are NULL. On failure nothing is held. */
int sample_compile_set(const char *expression, uint32_t links, struct sample_compiled *ret_set,
		       char ret_error[SAMPLE_ERROR_MAX]);
void sample_compile_free(struct sample_compiled *set);

/* Of a link that is not known yet: 0 where Ethernet or raw IP will do. Errors as above. */
int sample_compile_check(const char *expression, char ret_error[SAMPLE_ERROR_MAX]);

/* Does the filter let a frame of `length` bytes pass, whose first `captured` these are? */
bool sample_compile_passes(const struct sample_filter *filter, const uint8_t *bytes,
			   uint32_t length, uint32_t captured);
