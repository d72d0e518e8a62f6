/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* timearg.c: pure, but for the time zone of the environment, which the C library reads. */
#include "cli/timearg.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIME_MAX_MS 7258118400000 /* the year 2200; row ids hold more */

static const struct unit {
	char letter;
	int64_t ms;
} units[] = {
	{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}, {0, 0},
};

static int64_t unit_ms(char letter)
{
	for (const struct unit *u = units; u->letter; u++) {
		if (u->letter == letter)
			return u->ms;
	}
	return 0;
}

static int in_range(int64_t ms, int64_t *ret_ms)
{
	if (ms < 0 || ms > TIME_MAX_MS)
		return -ERANGE;
	*ret_ms = ms;
	return 0;
}

/* Up to `digits` digits (exactly, where `exact`); false: there are not. */
static bool take_number(const char **text, int digits, bool exact, int *ret_value)
{
	int value = 0, n = 0;

	for (; n < digits && isdigit((unsigned char)**text); n++)
		value = value * 10 + *(*text)++ - '0';
	if (!n || (exact && n != digits))
		return false;
	*ret_value = value;
	return true;
}

static bool take_char(const char **text, char c)
{
	if (**text != c)
		return false;
	++*text;
	return true;
}

/* ".5" and so on: milliseconds, further digits cut off. */
static bool take_fraction(const char **text, int *ret_ms)
{
	int scale = 100;

	*ret_ms = 0;
	if (!take_char(text, '.'))
		return true;
	if (!isdigit((unsigned char)**text))
		return false;
	for (; isdigit((unsigned char)**text); scale /= 10)
		*ret_ms += (*(*text)++ - '0') * scale;
	return true;
}

int timearg_duration(const char *text, int64_t *ret_ms)
{
	int64_t sum = 0, unit;
	int value;

	do {
		if (!take_number(&text, 9, false, &value))
			return -EINVAL;
		unit = unit_ms(*text);
		if (!unit)
			return -EINVAL;
		text++;
		sum += value * unit; /* 9 digits of weeks are far from overflow */
		if (sum > TIME_MAX_MS)
			sum = TIME_MAX_MS;
	} while (*text);
	*ret_ms = sum;
	return 0;
}

/* How long ago. */
static int parse_ago(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	int64_t ago;
	int err = timearg_duration(text, &ago);

	if (err)
		return err;
	return in_range(now_ms > ago ? now_ms - ago : 0, ret_ms);
}

static int parse_unix(const char *text, int64_t *ret_ms)
{
	int64_t seconds = 0;
	int ms;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	for (; isdigit((unsigned char)*text); text++) {
		seconds = seconds * 10 + *text - '0';
		if (seconds > TIME_MAX_MS)
			return -ERANGE;
	}
	if (!take_fraction(&text, &ms) || *text)
		return -EINVAL;
	return in_range(seconds * 1000 + ms, ret_ms);
}

static bool take_date(const char **text, struct tm *tm)
{
	if (!take_number(text, 4, true, &tm->tm_year) || !take_char(text, '-') ||
	    !take_number(text, 2, true, &tm->tm_mon) || !take_char(text, '-') ||
	    !take_number(text, 2, true, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 && tm->tm_mday <= 31;
}

static bool take_clock(const char **text, struct tm *tm, int *ret_ms)
{
	*ret_ms = 0;
	if (!take_number(text, 2, false, &tm->tm_hour) || !take_char(text, ':') ||
	    !take_number(text, 2, true, &tm->tm_min))
		return false;
	if (take_char(text, ':') &&
	    (!take_number(text, 2, true, &tm->tm_sec) || !take_fraction(text, ret_ms)))
		return false;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 61;
}

/* Z, +hh:mm or +hhmm to minutes east. */
static bool take_zone(const char **text, int *ret_minutes)
{
	int hours, minutes, sign = **text == '-' ? -1 : 1;

	*ret_minutes = 0;
	if (take_char(text, 'Z') || take_char(text, 'z'))
		return true;
	if (!take_char(text, '+') && !take_char(text, '-'))
		return false;
	if (!take_number(text, 2, true, &hours))
		return false;
	take_char(text, ':');
	if (!take_number(text, 2, true, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return true;
}

/* The seconds of a broken-down time, whose day must exist (no 30th of February). */
static int to_seconds(struct tm *tm, bool local, int64_t *ret_seconds)
{
	struct tm day = {.tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday};

	timegm(&day);
	if (day.tm_mday != tm->tm_mday)
		return -EINVAL;
	tm->tm_isdst = -1;
	*ret_seconds = local ? mktime(tm) : timegm(tm);
	return 0;
}

static int parse_absolute(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	time_t now = now_ms / 1000;
	int ms = 0, zone = 0, err;
	bool local = true;
	int64_t seconds;
	struct tm tm;

	localtime_r(&now, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	if (strchr(text, '-') && strchr(text, '-') - text == 4) {
		if (!take_date(&text, &tm))
			return -EINVAL;
		if (*text && (!strchr("Tt ", *text++) || !take_clock(&text, &tm, &ms)))
			return -EINVAL;
		local = !*text;
		if (!local && !take_zone(&text, &zone))
			return -EINVAL;
	} else if (!take_clock(&text, &tm, &ms)) {
		return -EINVAL;
	}
	if (*text)
		return -EINVAL;
	err = to_seconds(&tm, local, &seconds);
	return err ? err : in_range((seconds - zone * 60) * 1000 + ms, ret_ms);
}

int timearg_parse(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	size_t len = strlen(text);

	if (!strcmp(text, "now"))
		return in_range(now_ms, ret_ms);
	if (*text == '@')
		return parse_unix(text + 1, ret_ms);
	if (len && unit_ms(text[len - 1]))
		return parse_ago(text, now_ms, ret_ms);
	return parse_absolute(text, now_ms, ret_ms);
}

void timearg_rfc3339(int64_t ms, char *buf, size_t size)
{
	time_t seconds = ms / 1000;
	struct tm tm;
	char text[32];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%03dZ", text, (int)(ms % 1000));
}

void timearg_local(int64_t ms, int with_ms, char *buf, size_t size)
{
	time_t seconds = ms / 1000;
	struct tm tm;
	char text[32];

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	if (with_ms)
		snprintf(buf, size, "%s.%03d", text, (int)(ms % 1000));
	else
		snprintf(buf, size, "%s", text);
}
