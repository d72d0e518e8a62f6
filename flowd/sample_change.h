/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_change.h: what is to be changed of what packets are sampled by, from a control request. Pure.
 *
 *   iface=eth0 rate=1/1000 first=3 triggers=reset,malformed snaplen=256 filter=tcp%20port%20443
 *   drops=yes
 *
 * What is not named stays as it is; without iface all interfaces are meant, and it may be given again.
 * Drops are of all interfaces there are, counted or not; the snaplen without iface is theirs as well.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowd/sample_compile.h"
#include "schema/sample_text.h"

#define SAMPLE_CHANGE_IFACES 64

enum sample_setting {
	SAMPLE_SET_RATE = 1,
	SAMPLE_SET_FIRST = 2,
	SAMPLE_SET_TRIGGERS = 4,
	SAMPLE_SET_SNAPLEN = 8,
	SAMPLE_SET_FILTER = 16,
	SAMPLE_SET_DROPS = 32,
};

/* What the packets of an interface are sampled by. */
struct sample_settings {
	uint32_t rate;
	uint32_t first;
	uint32_t triggers;
	uint32_t snaplen;
	char filter[SAMPLE_EXPRESSION_MAX]; /* empty: none */
};

struct sample_change {
	uint32_t has; /* of enum sample_setting: those of `to` that are meant */
	struct sample_settings to;
	bool drops; /* packets that the kernel drops are sampled */
	char iface[SAMPLE_CHANGE_IFACES][16];
	size_t ifaces; /* 0: all */
};

/* Takes `request` to pieces. 0, or -EINVAL with a text that names key and value. */
int sample_change_parse(char *request, struct sample_change *ret_change,
			char ret_error[SAMPLE_ERROR_MAX]);

/* Is that interface meant? */
bool sample_change_is_of(const struct sample_change *change, const char *iface);

/* Put the values that it has in place of those of *settings. */
void sample_change_apply(const struct sample_change *change, struct sample_settings *settings);
