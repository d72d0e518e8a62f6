/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* counter_ethtool.c: SIOCETHTOOL, and what to take of its answer. See counter_ethtool.h. */
#include "flowd/counter_ethtool.h"

#include <ctype.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/*
 * The kernel writes as many names and values as there are when it does, which may be more than it
 * said: a driver's queues can be changed in between.
 */
#define SLACK 4096U
#define STATS_MAX 65536U

static const char *const trouble[] = {
	"drop",	    "discard", "miss",	   "nobuf",    "no_buf",  "no buf",  "out_of",
	"fifo",	    "overrun", "underrun", "err",      "fail",	  "full",    "exceed",
	"overflow", "no_dma",  "no_mem",   "no_space", "timeout", "too_big", "bad",
	"crc",	    "abort",   "lost",	   "trunc",    "reject",  "busy",
};

/* Words that have one of those in them and mean no harm; `pp_`: recycling of pages. */
static const char *const innocent[] = {
	"interrupt", "ferred", "smiss", "duplex", "octet", "byte", "pp_", "lossless",
};

static bool has_any(const char *text, const char *const *word, size_t words)
{
	for (size_t i = 0; i < words; i++) {
		if (strstr(text, word[i]))
			return true;
	}
	return false;
}

bool counter_ethtool_wanted(const char *name)
{
	char lower[ETH_GSTRING_LEN + 1];
	size_t len = strnlen(name, ETH_GSTRING_LEN);

	for (size_t i = 0; i < len; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	lower[len] = '\0';
	return has_any(lower, trouble, sizeof(trouble) / sizeof(trouble[0])) &&
	       !has_any(lower, innocent, sizeof(innocent) / sizeof(innocent[0]));
}

static int run(int fd, uint32_t ifindex, void *command)
{
	struct ifreq request = {.ifr_data = command};

	if (!if_indextoname(ifindex, request.ifr_name))
		return -errno;
	return ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
}

/* How many counters the driver has. 0: none, or -errno. */
static int count_stats(int fd, uint32_t ifindex, uint32_t *ret_count)
{
	_Alignas(struct ethtool_sset_info) char buf[sizeof(struct ethtool_sset_info) + 4] = {0};
	struct ethtool_sset_info *info = (void *)buf;
	int err;

	info->cmd = ETHTOOL_GSSET_INFO;
	info->sset_mask = 1ULL << ETH_SS_STATS;
	err = run(fd, ifindex, info);
	*ret_count = 0;
	if (err)
		return err == -EOPNOTSUPP ? 0 : err;
	if (info->sset_mask)
		*ret_count = info->data[0] < STATS_MAX ? info->data[0] : STATS_MAX;
	return 0;
}

static int read_stats(int fd, uint32_t ifindex, struct ethtool_gstrings *names,
		      struct ethtool_stats *stats)
{
	int err;

	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_STATS;
	stats->cmd = ETHTOOL_GSTATS;
	stats->n_stats = names->len;
	err = run(fd, ifindex, names);
	return err ? err : run(fd, ifindex, stats);
}

static void take_stats(struct counter_sample *sample, uint32_t ifnum,
		       const struct ethtool_gstrings *names, const struct ethtool_stats *stats)
{
	for (uint32_t i = 0; i < stats->n_stats; i++) {
		char name[ETH_GSTRING_LEN + 1] = "";

		memcpy(name, names->data + (size_t)i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
		if (counter_ethtool_wanted(name))
			counter_sample_add(sample, ifnum, COUNTER_ETHTOOL, name, stats->data[i]);
	}
}

int counter_ethtool_ask(int fd, struct counter_sample *sample, const struct counter_target *target)
{
	struct ethtool_gstrings *names;
	struct ethtool_stats *stats;
	uint32_t count;
	int err = count_stats(fd, target->ifindex, &count);

	if (err || !count)
		return err;
	names = calloc(1, sizeof(*names) + (size_t)(count + SLACK) * ETH_GSTRING_LEN);
	stats = calloc(1, sizeof(*stats) + (size_t)(count + SLACK) * sizeof(stats->data[0]));
	err = names && stats ? 0 : -ENOMEM;
	if (!err) {
		names->len = count;
		err = read_stats(fd, target->ifindex, names, stats);
	}
	/* names of one set of queues and values of another: next time */
	if (!err && names->len == stats->n_stats && stats->n_stats <= count + SLACK)
		take_stats(sample, target->ifnum, names, stats);
	free(names);
	free(stats);
	return err;
}
