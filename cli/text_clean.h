/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text_clean.h: text of a database, a socket or a packet on its way to a terminal. Whoever made it may not
 * move the cursor, colour, rename the window, or turn the order of what stands beside it.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/*
 * Length of the character at `s`, which is not the end; of what is no UTF-8, 1. ret_fine: a terminal may get it.
 * Not so C0, DEL and C1 (ECMA-48 section 5), bytes that are not UTF-8, what turns the order of a line
 * (UAX #9 section 2), and what cannot be seen.
 */
int text_char(const unsigned char *s, bool *ret_fine);

/* Others become a question mark. buf holds as much as the text, and may be it. */
void text_clean(const char *text, char *buf);

/* The same, written. */
void text_put(const char *text, FILE *file);

/* The character as a JSON string has it that is no danger to a terminal either; what is no UTF-8: U+FFFD. */
void text_put_json(const unsigned char *s, FILE *file);
