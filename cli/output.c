/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* output.c: what the formats share: how a value is written, and whether anyone reads it. */
#include "cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/text_clean.h"
#include "cli/timearg.h"

static bool broken_pipe;

int out_check(FILE *file)
{
	if (!ferror(file))
		return 0;
	if (errno == EPIPE)
		broken_pipe = true;
	return errno ? -errno : -EIO;
}

bool out_broken_pipe(void)
{
	return broken_pipe;
}

void out_set_text(struct out_value *value, const char *text)
{
	value->kind = OUT_TEXT;
	snprintf(value->text, sizeof(value->text), "%s", text);
}

const char *out_count(uint64_t value, char *buf)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, value), to = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[to++] = ',';
		buf[to++] = digits[i];
	}
	buf[to] = 0;
	return buf;
}

/* Three significant digits and a unit of bits a second. */
static void print_rate(uint64_t bits, char *buf)
{
	static const char *const units[] = {"bit/s",  "kbit/s", "Mbit/s",
					    "Gbit/s", "Tbit/s", "Pbit/s"};
	double value = (double)bits;
	int unit = 0;

	for (; value >= 999.5 && unit < 5; unit++)
		value /= 1000;
	snprintf(buf, OUT_TEXT_SIZE, "%.*f %s",
		 !unit || value >= 99.95 ? 0
		 : value >= 9.995	 ? 1
					 : 2,
		 value, units[unit]);
}

/* Three significant digits; a second and more in seconds. */
static void print_microseconds(uint64_t us, char *buf)
{
	bool seconds = us >= 999950;
	double value = (double)us / (seconds ? 1e6 : 1e3);

	if (us < 1000)
		snprintf(buf, OUT_TEXT_SIZE, "%" PRIu64 " us", us);
	else
		snprintf(buf, OUT_TEXT_SIZE, "%.*f %s",
			 value >= 99.95	  ? 0
			 : value >= 9.995 ? 1
					  : 2,
			 value, seconds ? "s" : "ms");
}

/* The order of the bits, as nfdump and Wireshark have the letters. */
static void print_flags(uint64_t flags, char *buf)
{
	static const char letters[] = "FSRPAUEC";
	int to = 0;

	for (int bit = 7; bit >= 0; bit--) {
		if (flags & (1U << bit))
			buf[to++] = letters[bit];
	}
	if (!to)
		buf[to++] = '.';
	buf[to] = 0;
}

static void print_percent(uint64_t hundredths, char *buf)
{
	snprintf(buf, OUT_TEXT_SIZE, "%" PRIu64 ".%02" PRIu64, hundredths / 100, hundredths % 100);
}

void out_machine(const struct out_value *value, char *buf)
{
	switch (value->kind) {
	case OUT_NONE:
		*buf = 0;
		break;
	case OUT_TIME:
		timearg_rfc3339((int64_t)value->number, buf, OUT_TEXT_SIZE);
		break;
	case OUT_PERCENT:
		print_percent(value->number, buf);
		break;
	case OUT_TEXT:
	case OUT_REAL:
		memcpy(buf, value->text, OUT_TEXT_SIZE);
		break;
	case OUT_SIGNED:
		snprintf(buf, OUT_TEXT_SIZE, "%" PRId64, (int64_t)value->number);
		break;
	default:
		snprintf(buf, OUT_TEXT_SIZE, "%" PRIu64, value->number);
	}
}

void out_human(const struct out_value *value, char *buf)
{
	switch (value->kind) {
	case OUT_NONE:
		strcpy(buf, "-");
		break;
	case OUT_NUMBER:
		out_count(value->number, buf);
		break;
	case OUT_PLAIN:
		snprintf(buf, OUT_TEXT_SIZE, "%" PRIu64, value->number);
		break;
	case OUT_SIGNED:
	case OUT_REAL:
		out_machine(value, buf);
		break;
	case OUT_TIME:
		timearg_local((int64_t)value->number, 1, buf, OUT_TEXT_SIZE);
		break;
	case OUT_DURATION:
		snprintf(buf, OUT_TEXT_SIZE, "%" PRIu64 ".%03" PRIu64, value->number / 1000,
			 value->number % 1000);
		break;
	case OUT_MICROSECONDS:
		print_microseconds(value->number, buf);
		break;
	case OUT_PERCENT:
		print_percent(value->number, buf);
		strcat(buf, " %");
		break;
	case OUT_RATE:
		print_rate(value->number, buf);
		break;
	case OUT_FLAGS:
		print_flags(value->number, buf);
		break;
	case OUT_TEXT:
		text_clean(value->text, buf);
	}
}
