/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* filter_word.h: words of a filter that ask for what an option asks for, in libpcap or by mistake. */
#pragma once

struct filter_word {
	const char *word;
	const char *tunnel; /* its name in field `tunnel`, or NULL */
	const char *outer;  /* the filter for its packets where the outer headers are the flow */
	const char *option; /* where it is no tunnel */
};

/*
 * The first such word of the expression, as in `geneve` or `vxlan 5`, or NULL. Names of hosts, ports
 * and protocols are not such.
 */
const struct filter_word *filter_word_find(const char *expression);
