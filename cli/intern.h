/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* intern.h: texts as small numbers: the same text has the same number, from 1. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct intern {
	char **text; /* `used` of them, number n at n - 1 */
	size_t used, room;
	uint32_t *cell; /* numbers, open-addressed; `cells` is a power of two */
	size_t cells;
};

/* *ret_number is 0 for an empty text. 0 or -ENOMEM. */
int intern_add(struct intern *intern, const char *text, uint32_t *ret_number);

/* "" for 0. Good until intern_free. */
const char *intern_text(const struct intern *intern, uint32_t number);

void intern_free(struct intern *intern);
