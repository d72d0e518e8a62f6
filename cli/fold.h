/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fold.h: sentences at a width that a terminal has. */
#pragma once

#include <stddef.h>
#include <stdio.h>

/*
 * Put the words of `text`, and a newline. The line has `at` columns already; those that follow begin with
 * `indent` spaces.
 */
void fold_put(const char *text, size_t indent, size_t at, FILE *file);
