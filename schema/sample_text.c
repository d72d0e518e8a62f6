/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_text.c: settings of samples to text and back. See sample_text.h. */
#include "schema/sample_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "schema/hex.h"

#define WHY_ALL (SAMPLE_RATE | SAMPLE_FIRST | SAMPLE_TRIGGERS | SAMPLE_DROP)

_Static_assert(SAMPLE_RATE_MAX == 16777216, "as SAMPLE_RATE_SYNTAX says");

const struct sample_why_name sample_why_names[] = {
	{SAMPLE_RATE, "rate"},
	{SAMPLE_FIRST, "first"},
	{SAMPLE_RESET, "reset"},
	{SAMPLE_RETRANSMIT, "retransmit"},
	{SAMPLE_ZERO_WINDOW, "zero-window"},
	{SAMPLE_MALFORMED, "malformed"},
	{SAMPLE_DROP, "drop"},
	{0, NULL},
};

int sample_number_parse(const char *text, uint32_t min, uint32_t max, uint32_t *ret_number)
{
	uint64_t n = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > UINT32_MAX)
			n = UINT32_MAX + 1ULL;
	}
	if (n < min || n > max)
		return -ERANGE;
	*ret_number = (uint32_t)n;
	return 0;
}

int sample_rate_parse(const char *text, uint32_t *ret_rate)
{
	if (!strcmp(text, "off")) {
		*ret_rate = 0;
		return 0;
	}
	if (strncmp(text, "1/", 2) != 0)
		return -EINVAL;
	return sample_number_parse(text + 2, 1, SAMPLE_RATE_MAX, ret_rate) ? -EINVAL : 0;
}

void sample_rate_text(uint32_t rate, char ret_text[SAMPLE_TEXT_MAX])
{
	if (rate)
		snprintf(ret_text, SAMPLE_TEXT_MAX, "1/%" PRIu32, rate);
	else
		snprintf(ret_text, SAMPLE_TEXT_MAX, "off");
}

/* The bit of the name up to `size`; 0: of none that is in `known`. */
static uint32_t find_why(const char *name, size_t size, uint32_t known)
{
	for (const struct sample_why_name *w = sample_why_names; w->name; w++) {
		if ((w->why & known) && strlen(w->name) == size && !strncmp(w->name, name, size))
			return w->why;
	}
	return 0;
}

static int parse_list(const char *text, uint32_t known, uint32_t *ret_bits)
{
	uint32_t bits = 0;

	for (;; text++) {
		size_t size = strcspn(text, ",");
		uint32_t bit = find_why(text, size, known);

		if (!bit)
			return -EINVAL;
		bits |= bit;
		text += size;
		if (!*text)
			break;
	}
	*ret_bits = bits;
	return 0;
}

int sample_triggers_parse(const char *text, uint32_t *ret_triggers)
{
	if (strcmp(text, "none") != 0)
		return parse_list(text, SAMPLE_TRIGGERS, ret_triggers);
	*ret_triggers = 0;
	return 0;
}

int sample_why_parse(const char *text, uint32_t *ret_why)
{
	bool but = *text == '!';
	uint32_t why;

	if (parse_list(text + but, WHY_ALL, &why))
		return -EINVAL;
	*ret_why = but ? WHY_ALL & ~why : why;
	return *ret_why ? 0 : -EINVAL;
}

int sample_switch_parse(const char *text, bool *ret_on)
{
	*ret_on = !strcmp(text, "yes") || !strcmp(text, "on");
	return *ret_on || !strcmp(text, "no") || !strcmp(text, "off") ? 0 : -EINVAL;
}

void sample_why_text(uint32_t why, char ret_text[SAMPLE_TEXT_MAX])
{
	size_t used = 0;

	for (const struct sample_why_name *w = sample_why_names; w->name; w++) {
		if (why & w->why)
			used += (size_t)snprintf(ret_text + used, SAMPLE_TEXT_MAX - used, "%s%s",
						 used ? "," : "", w->name);
	}
	if (!used)
		snprintf(ret_text, SAMPLE_TEXT_MAX, "none");
}

int sample_escape(const char *text, char *ret_text, size_t size)
{
	size_t used = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = isascii(c) && (isalnum(c) || strchr("-._/,", c));

		if (used + (plain ? 1 : 3) >= size)
			return -E2BIG;
		if (plain)
			ret_text[used++] = (char)c;
		else
			used += (size_t)snprintf(ret_text + used, 4, "%%%02X", c);
	}
	if (!size)
		return -E2BIG;
	ret_text[used] = '\0';
	return 0;
}

int sample_unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		int high, low;

		if (*text != '%') {
			*to++ = *text;
			continue;
		}
		high = hex_digit(text[1]);
		low = high < 0 ? -1 : hex_digit(text[2]);
		if (low < 0 || high + low == 0)
			return -EINVAL;
		*to++ = (char)(high * 16 + low);
		text += 2;
	}
	*to = '\0';
	return 0;
}
