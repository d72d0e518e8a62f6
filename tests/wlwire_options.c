// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wlwire_options.c: the command line of wlwire. Rules are a table: name, form, how it is stored; each
 * may end in -ab or -ba, else it is for both ways.
 */
#include "wlwire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net/if.h>

#define MS_MAX 60000.0

static struct wire_options options = {.seed = 1};

__attribute__((noreturn)) static void bad(const char *name, const char *value, const char *form)
{
	fprintf(stderr, "wlwire: --%s '%s': not %s\n", name, value, form);
	exit(2);
}

static void usage(FILE *out)
{
	fputs("usage: wlwire A B [--RULE[-ab|-ba] VALUE]... [--seed S] [--pcap FILE]\n"
	      "  delay MS           each frame comes that much later\n"
	      "  loss 1/N           frames, by chance\n"
	      "  drop-nth K[:M]     TCP data segment K of that way, and each Mth after it\n"
	      "  drop-first FLAGS:N the first N of TCP without data with exactly these of SAFR\n"
	      "  reorder 1/N:MS     TCP data segments, by chance, that much later than their time\n"
	      "  dup 1/N            frames, by chance\n",
	      out);
}

/* The number at *text, which is moved behind it; false where there is none. */
static bool take_number(const char **text, uint64_t *ret_value)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	*ret_value = strtoull(*text, &end, 10);
	*text = end;
	return true;
}

static bool take_char(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

static bool take_ms(const char **text, int64_t *ret_ns)
{
	char *end;
	double ms = strtod(*text, &end);

	if (end == *text || !(ms >= 0 && ms <= MS_MAX))
		return false;
	*text = end;
	*ret_ns = (int64_t)(ms * 1e6);
	return true;
}

static bool take_chance(const char **text, uint64_t *ret_n)
{
	return take_char(text, '1') && take_char(text, '/') && take_number(text, ret_n) && *ret_n;
}

static bool store_delay(const char **text, struct wire_rules *rules)
{
	return take_ms(text, &rules->delay_ns);
}

static bool store_loss(const char **text, struct wire_rules *rules)
{
	return take_chance(text, &rules->loss);
}

static bool store_dup(const char **text, struct wire_rules *rules)
{
	return take_chance(text, &rules->dup);
}

static bool store_reorder(const char **text, struct wire_rules *rules)
{
	return take_chance(text, &rules->reorder) && take_char(text, ':') &&
	       take_ms(text, &rules->hold_ns);
}

static bool store_nth(const char **text, struct wire_rules *rules)
{
	struct wire_nth nth = {};

	if (rules->nths == WIRE_NTHS_MAX || !take_number(text, &nth.first) || !nth.first)
		return false;
	if (take_char(text, ':') && (!take_number(text, &nth.every) || !nth.every))
		return false;
	rules->nth[rules->nths++] = nth;
	return true;
}

static bool store_first(const char **text, struct wire_rules *rules)
{
	static const char flags[] = "FSR.A"; /* bits as in the header */
	struct wire_first first = {};
	const char *flag;

	while (**text && (flag = strchr(flags, **text)) && *flag != '.') {
		first.flags |= (uint8_t)(1 << (flag - flags));
		(*text)++;
	}
	if (rules->firsts == WIRE_FIRSTS_MAX || !first.flags || !take_char(text, ':') ||
	    !take_number(text, &first.left))
		return false;
	rules->first[rules->firsts++] = first;
	return true;
}

static const struct rule {
	const char *name;
	const char *form;
	bool (*store)(const char **text, struct wire_rules *rules);
} rules[] = {
	{"delay", "milliseconds", store_delay},
	{"loss", "1/N", store_loss},
	{"dup", "1/N", store_dup},
	{"reorder", "1/N:MS", store_reorder},
	{"drop-nth", "K[:M]", store_nth},
	{"drop-first", "FLAGS:N", store_first},
};

/* The ways that NAME of --NAME-ab, --NAME-ba or --NAME is for; 0: it is not that rule. */
static unsigned int ways_of(const char *name, const struct rule *rule)
{
	size_t size = strlen(rule->name);

	if (strncmp(name, rule->name, size))
		return 0;
	if (!strcmp(name + size, "-ab"))
		return 1U << WIRE_AB;
	if (!strcmp(name + size, "-ba"))
		return 1U << WIRE_BA;
	return name[size] ? 0 : 1U << WIRE_AB | 1U << WIRE_BA;
}

static bool parse_rule(const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		unsigned int ways = ways_of(name, &rules[i]);

		for (int way = 0; way < WIRE_WAYS; way++) {
			const char *rest = value;

			if (!(ways & 1U << way))
				continue;
			if (!rules[i].store(&rest, &options.rules[way]) || *rest)
				bad(name, value, rules[i].form);
		}
		if (ways)
			return true;
	}
	return false;
}

static void parse_option(const char *name, const char *value)
{
	if (!strcmp(name, "pcap"))
		options.pcap = value;
	else if (!strcmp(name, "seed") && (!take_number(&value, &options.seed) || *value))
		bad(name, value, "a number");
	else if (strcmp(name, "seed") != 0 && !parse_rule(name, value))
		bad(name, value, "an option (--help)");
}

const struct wire_options *wire_options_parse(int argc, char **argv)
{
	unsigned int ifaces = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help")) {
			usage(stdout);
			exit(0);
		}
		if (!strncmp(argv[i], "--", 2) && i + 1 < argc) {
			parse_option(argv[i] + 2, argv[i + 1]);
			i++;
		} else if (argv[i][0] != '-' && ifaces < WIRE_WAYS) {
			options.iface[ifaces++] = argv[i];
		} else {
			ifaces = 0;
			break;
		}
	}
	if (ifaces == WIRE_WAYS)
		return &options;
	usage(stderr);
	exit(2);
}
