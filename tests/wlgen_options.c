// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wlgen_options.c: the command line of wlgen. Numbers are a table: name, range, place.
 */
#include "wlgen_options.h"

#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_DEFAULT 64 /* a NAPI poll takes as many, so a veth's ring does not fill up */
#define FLOWS_MAX (1U << 26)

static struct options options = {
	.dst_mac = "02:00:00:00:00:99",
	.packets = 1000,
	.flows = 1,
	.size = 100,
	.dport = 5201,
	.seed = 1,
	.batch = BATCH_DEFAULT,
	.vlan = NO_TAG,
	.cvlan = NO_TAG,
	.cpu = NO_CPU,
	.config = {.proto = 17},
};

static const struct number {
	const char *name;
	uint64_t min;
	uint64_t max;
	uint64_t *value;
} numbers[] = {
	{"packets", 0, UINT64_MAX >> 16, &options.packets},
	{"flows", 1, FLOWS_MAX, &options.flows},
	{"first", 0, FLOWS_MAX, &options.first},
	{"size", 64, 3500, &options.size},
	{"spread", 0, 3500, &options.spread},
	{"dport", 0, 65535, &options.dport},
	{"vlan", 0, 4095, &options.vlan},
	{"seed", 0, UINT64_MAX, &options.seed},
	{"batch", 1, 256, &options.batch},
	{"rate", 1, 100000000, &options.rate},
	{"cpu", 0, CPU_SETSIZE - 1, &options.cpu},
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))
#define NUMBER_BASE 1000 /* of getopt's values */

void die(const char *what, const char *object, const char *why)
{
	fprintf(stderr, "wlgen: %s '%s': %s\n", what, object, why);
	exit(1);
}

static void usage(FILE *out)
{
	fputs("usage: wlgen -i IFACE|IFINDEX [options]\n"
	      "  -n, --packets N       1000; fewer where SIGTERM comes before\n"
	      "  -f, --flows N         1\n"
	      "      --first N         number of the first flow, 0\n"
	      "  -s, --size BYTES      of the frame, 64 at least; 100\n"
	      "      --spread N        frames of flow n are n % N bytes shorter\n"
	      "      --order ORDER     round, random, or flood:STEADY:RATIO\n"
	      "  -p, --proto udp|tcp\n"
	      "      --dport PORT      5201\n"
	      "      --scatter         flows of a flood go to an address and port of their own each\n"
	      "      --vlan ID, --qinq OUTER:INNER (88a8 and 8100)\n"
	      "  -6, --v6\n"
	      "      --dst-mac MAC     02:00:00:00:00:99, which a stack ignores\n"
	      "      --seed N          of --order random\n"
	      "      --batch N         frames between flushes, 64\n"
	      "      --rate PPS\n"
	      "      --cpu N\n"
	      "      --pass            into the stack as received on IFACE\n"
	      "      --per-flow FILE   CSV: src,dst,sport,dport,packets,bytes\n",
	      out);
}

static void parse_number(const struct number *number, const char *text)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || value < number->min || value > number->max) {
		fprintf(stderr, "wlgen: --%s '%s': not in %llu-%llu\n", number->name, text,
			(unsigned long long)number->min, (unsigned long long)number->max);
		exit(2);
	}
	*number->value = value;
}

static void parse_order(const char *text, struct wlgen_config *config)
{
	if (!strcmp(text, "round")) {
		config->order = WLGEN_ROUND;
	} else if (!strcmp(text, "random")) {
		config->order = WLGEN_RANDOM;
	} else if (sscanf(text, "flood:%u:%u", &config->steady, &config->flood) == 2 &&
		   config->steady) {
		config->order = WLGEN_FLOOD;
	} else {
		fprintf(stderr, "wlgen: --order '%s': not round, random or flood:STEADY:RATIO\n",
			text);
		exit(2);
	}
}

static void parse_qinq(const char *text, struct options *opt)
{
	unsigned int outer, inner;

	if (sscanf(text, "%u:%u", &outer, &inner) != 2 || outer > 4095 || inner > 4095) {
		fprintf(stderr, "wlgen: --qinq '%s': not OUTER:INNER in 0-4095\n", text);
		exit(2);
	}
	opt->vlan = outer;
	opt->cvlan = inner;
}

static void set_cpu(uint64_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (cpu != NO_CPU && sched_setaffinity(0, sizeof(set), &set))
		die("option", "--cpu", strerror(errno));
}

static void parse_proto(const char *text, struct wlgen_config *config)
{
	if (strcmp(text, "udp") && strcmp(text, "tcp")) {
		fprintf(stderr, "wlgen: --proto '%s': not udp or tcp\n", text);
		exit(2);
	}
	config->proto = text[0] == 'u' ? 17 : 6;
}

enum { OPT_ORDER = 256, OPT_QINQ, OPT_MAC, OPT_PASS, OPT_PER_FLOW, OPT_SCATTER };

static void parse_option(int c, struct options *opt)
{
	if (c >= NUMBER_BASE)
		return parse_number(&numbers[c - NUMBER_BASE], optarg);
	switch (c) {
	case 'i':
		opt->iface = optarg;
		break;
	case 'p':
		parse_proto(optarg, &opt->config);
		break;
	case '6':
		opt->config.v6 = 1;
		break;
	case OPT_ORDER:
		parse_order(optarg, &opt->config);
		break;
	case OPT_QINQ:
		parse_qinq(optarg, opt);
		break;
	case OPT_MAC:
		opt->dst_mac = optarg;
		break;
	case OPT_PASS:
		opt->pass = true;
		break;
	case OPT_PER_FLOW:
		opt->per_flow = optarg;
		break;
	case OPT_SCATTER:
		opt->config.scatter = 1;
		break;
	case 'h':
		usage(stdout);
		exit(0);
	default:
		usage(stderr);
		exit(2);
	}
}

/* The letters n, f and s are numbers too. */
static int number_of_letter(int c)
{
	static const char letters[] = {'n', 'f', 0, 's'};

	for (unsigned int i = 0; i < sizeof(letters); i++) {
		if (c == letters[i])
			return NUMBER_BASE + (int)i;
	}
	return c;
}

static void parse_words(int argc, char **argv, struct options *opt)
{
	static const struct option words[] = {
		{"ifindex", required_argument, NULL, 'i'},
		{"proto", required_argument, NULL, 'p'},
		{"v6", no_argument, NULL, '6'},
		{"order", required_argument, NULL, OPT_ORDER},
		{"qinq", required_argument, NULL, OPT_QINQ},
		{"dst-mac", required_argument, NULL, OPT_MAC},
		{"pass", no_argument, NULL, OPT_PASS},
		{"per-flow", required_argument, NULL, OPT_PER_FLOW},
		{"scatter", no_argument, NULL, OPT_SCATTER},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	struct option all[NUMBERS + sizeof(words) / sizeof(words[0])];
	int c;

	for (unsigned int i = 0; i < NUMBERS; i++)
		all[i] = (struct option){numbers[i].name, required_argument, NULL,
					 NUMBER_BASE + (int)i};
	memcpy(all + NUMBERS, words, sizeof(words));
	while ((c = getopt_long(argc, argv, "i:n:f:s:p:6h", all, NULL)) != -1)
		parse_option(number_of_letter(c), opt);
}

static void check_options(struct options *opt)
{
	struct wlgen_config *config = &opt->config;
	uint32_t headers;

	if (!opt->iface) {
		usage(stderr);
		exit(2);
	}
	opt->ifindex = if_nametoindex(opt->iface);
	if (!opt->ifindex)
		opt->ifindex = (uint32_t)strtoul(opt->iface, NULL, 10);
	if (!opt->ifindex)
		die("interface", opt->iface, "there is none of this name");
	config->ifindex = opt->pass ? 0 : opt->ifindex;
	config->flows = (uint32_t)opt->flows;
	config->first = (uint32_t)opt->first;
	config->size = (uint32_t)opt->size;
	config->spread = (uint32_t)opt->spread;
	config->seed = opt->seed;
	if (config->order == WLGEN_FLOOD && config->flows <= config->steady)
		die("order", "flood", "needs more --flows than steady ones");
	if (config->scatter && config->order != WLGEN_FLOOD)
		die("option", "--scatter", "is of --order flood");
	config->l3_off = 14 + (opt->vlan != NO_TAG ? 4 : 0) + (opt->cvlan != NO_TAG ? 4 : 0);
	config->l4_off = config->l3_off + (config->v6 ? 40 : 20);
	headers = config->l4_off + (config->proto == 6 ? 20 : 8);
	config->header_words = (headers + 7) / 8;
	if (config->size < config->header_words * 8 + config->spread)
		die("options", "--size, --spread", "no room for the headers");
}

const struct options *options_parse(int argc, char **argv)
{
	parse_words(argc, argv, &options);
	check_options(&options);
	set_cpu(options.cpu);
	return &options;
}
