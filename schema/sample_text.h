/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_text.h: what packets are sampled by, as text: in flowd's configuration, on flowctl's command line,
 * and between the two. Pure.
 *
 *   rate      off | 1/N
 *   triggers  none | NAME[,NAME...]
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sample.h"

#define SAMPLE_FIRST_MAX 1000000
#define SAMPLE_EXPRESSION_MAX 4096 /* bytes of a filter as text, its end included */
#define SAMPLE_TEXT_MAX 64	   /* of a rate or of triggers, the end included */
#define SAMPLE_RATE_SYNTAX "not off or 1/N, N a number from 1 to 16777216"
#define SAMPLE_WHY_SYNTAX \
	"not a list of rate, first, reset, retransmit, zero-window, malformed, drop; ! in front: but these"
#define SAMPLE_TRIGGERS_SYNTAX "not none or a list of reset, retransmit, zero-window, malformed"

struct sample_why_name {
	uint32_t why; /* enum sample_why */
	const char *name;
};

/* In the order of enum sample_why; ends with a NULL name. */
extern const struct sample_why_name sample_why_names[];

/* 0, or -EINVAL: SAMPLE_RATE_SYNTAX. */
int sample_rate_parse(const char *text, uint32_t *ret_rate);
void sample_rate_text(uint32_t rate, char ret_text[SAMPLE_TEXT_MAX]);

/* 0, or -EINVAL: SAMPLE_TRIGGERS_SYNTAX. */
int sample_triggers_parse(const char *text, uint32_t *ret_triggers);

/* NAME[,NAME...] of any bits, or !NAME[,NAME...]: of the others. 0, or -EINVAL: SAMPLE_WHY_SYNTAX. */
int sample_why_parse(const char *text, uint32_t *ret_why);

/* The names of the bits, with commas; `none` where there is none. */
void sample_why_text(uint32_t why, char ret_text[SAMPLE_TEXT_MAX]);

/* yes or on, no or off. 0, or -EINVAL. */
int sample_switch_parse(const char *text, bool *ret_on);

/* Decimal digits alone: 0, or -EINVAL, -ERANGE. */
int sample_number_parse(const char *text, uint32_t min, uint32_t max, uint32_t *ret_number);

/*
 * A value of a control request: all but letters, digits and "-._/," as %XX. 0, or -E2BIG where `size` is
 * not enough.
 */
int sample_escape(const char *text, char *ret_text, size_t size);

/* In place. 0, or -EINVAL: a % that is not followed by two hexadecimal digits, or by those of NUL. */
int sample_unescape(char *text);
