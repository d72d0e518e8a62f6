/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* reasons.c: see reasons.h; the texts are in reasons.inc. */
#include "cli/reasons.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LEN 64
#define NEAR 5
#define SUBSYS_SHIFT 16

const struct reason reasons[] = {
#define REASON(name, what, look) {name, what, look},
#include "cli/reasons.inc"
#undef REASON
	{NULL, NULL, NULL},
};

static const char *without_prefix(const char *name)
{
	static const char *const prefixes[] = {"SKB_DROP_REASON_", "SKB_"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t len = strlen(prefixes[i]);

		if (!strncasecmp(name, prefixes[i], len))
			/* of SKB_CSUM and its like it is a part */
			return i && strncasecmp(name, "SKB_NOT_", 8) &&
					       strcasecmp(name, "SKB_CONSUMED")
				       ? name
				       : name + len;
	}
	return name;
}

static const struct reason *find_exact(const char *name)
{
	for (const struct reason *reason = reasons; reason->name; reason++) {
		if (!strcasecmp(reason->name, name))
			return reason;
	}
	return NULL;
}

/* What is behind a name or a number that only its subsystem can tell. */
static const struct reason *find_subsystem(const char *name)
{
	static const char *const names[] = {NULL, "SUBSYS_MAC80211_UNUSABLE", "SUBSYS_OPENVSWITCH"};
	unsigned long number, subsystem;
	char *end;

	if (!strncasecmp(name, "RX_DROP_", 8))
		return find_exact(names[1]);
	if (!strncasecmp(name, "OVS_DROP_", 9))
		return find_exact(names[2]);
	number = strtoul(name, &end, 0);
	subsystem = *end == ':' ? number : number >> SUBSYS_SHIFT;
	if (*end == ':' && isdigit((unsigned char)end[1])) /* as flowd writes them: 1:5 */
		strtoul(end + 1, &end, 10);
	if (!isdigit((unsigned char)*name) || *end || !subsystem ||
	    subsystem >= sizeof(names) / sizeof(names[0]))
		return NULL;
	return find_exact(names[subsystem]);
}

const struct reason *reason_find(const char *name)
{
	const struct reason *found = find_exact(without_prefix(name));

	return found ? found : find_subsystem(without_prefix(name));
}

/* Levenshtein's distance without regard to case, both cut to NAME_MAX_LEN. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LEN + 1], len = strnlen(b, NAME_MAX_LEN);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; i < NAME_MAX_LEN && a[i]; i++) {
		size_t corner = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			bool same = toupper((unsigned char)a[i]) == toupper((unsigned char)b[j]);
			size_t best = corner + !same;

			corner = row[j + 1];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (corner + 1 < best)
				best = corner + 1;
			row[j + 1] = best;
		}
	}
	return row[len];
}

/* The less the nearer; a part of a name is near it. */
static size_t score(const char *asked, const char *name)
{
	size_t far = distance(asked, name);

	return strcasestr(name, asked) ? far / 4 : far;
}

void reason_near(const char *name, char *buf, size_t size)
{
	const struct reason *near[NEAR] = {NULL};
	const char *asked = without_prefix(name);
	size_t len = 0;

	for (const struct reason *reason = reasons; reason->name; reason++) {
		const struct reason *next = reason;

		for (int i = 0; i < NEAR && next; i++) {
			const struct reason *was = near[i];

			if (was && score(asked, was->name) <= score(asked, next->name))
				continue;
			near[i] = next;
			next = was;
		}
	}
	*buf = 0;
	for (int i = 0; i < NEAR && near[i] && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
					near[i]->name);
}
