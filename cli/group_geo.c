/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * group_geo.c: groups country and as: as group host, with what a database file says of the addresses
 * in their place. A record whose two ends are in the same AS counts once, so its row is not the sum of
 * the hosts' rows; but it is that of the pairs' ones, each of which has both ends: geo_keys() takes a
 * pair's key as well as a record's.
 *
 * In the key, src[0] is what geo_find() gave. Addresses of which nothing is known are one row, and what
 * has no address stands where group host has it.
 */
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>

#include "cli/geo.h"
#include "cli/group.h"
#include "cli/group_add.h"
#include "schema/talker.h"
#include "cli/names.h"

static int end_key(struct group *group, enum geo_what what, const struct flow_key *key, int end,
		   struct flow_key *ret_key)
{
	struct flow_key host;
	uint32_t value = 0;
	int err;

	talker_end(key, end, &host);
	if (!flow_key_is_ip(&host) || host.marks) {
		*ret_key = host;
		return 0;
	}
	err = geo_find(group->geo, what, host.ethertype == ETH_P_IPV6, host.src, &group->geo_cache,
		       &value);
	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->ethertype = ETH_P_IP; /* of either family */
	ret_key->src[0] = value;
	return err;
}

/* The keys that a record's, or a pair's, key counts under: 1 or 2 of them, or -errno. */
static int geo_keys(struct group *group, enum geo_what what, const struct flow_key *key,
		    struct flow_key ret_keys[2])
{
	int err = end_key(group, what, key, 0, &ret_keys[0]);

	err = err ? err : end_key(group, what, key, 1, &ret_keys[1]);
	if (err)
		return err;
	return memcmp(&ret_keys[0], &ret_keys[1], sizeof(ret_keys[0])) ? 2 : 1;
}

static int add(struct group *group, enum geo_what what, const struct group_item *item)
{
	struct flow_key keys[2];
	int count = geo_keys(group, what, &item->rec->key, keys), err = count < 0 ? count : 0;

	for (int i = 0; i < count && !err; i++)
		err = group_add(group, &keys[i], item, item->match);
	return err;
}

int group_add_country(struct group *group, const struct group_item *item)
{
	return add(group, GEO_COUNTRY, item);
}

int group_add_as(struct group *group, const struct group_item *item)
{
	return add(group, GEO_AS, item);
}

static void text(enum geo_what what, const struct flow_key *key, char *buf, size_t size)
{
	char value[GEO_TEXT_SIZE];

	if (!flow_key_is_ip(key) || key->marks)
		return names_stand_in(key, buf, size);
	geo_text(what, key->src[0], value);
	snprintf(buf, size, "%s", value);
}

void group_text_country(const struct flow_key *key, char *buf, size_t size)
{
	text(GEO_COUNTRY, key, buf, size);
}

void group_text_as(const struct flow_key *key, char *buf, size_t size)
{
	text(GEO_AS, key, buf, size);
}

bool group_needs_geo(const struct group_kind *kind, int *ret_what)
{
	if (!kind || (kind->add != group_add_country && kind->add != group_add_as))
		return false;
	*ret_what = kind->add == group_add_as ? GEO_AS : GEO_COUNTRY;
	return true;
}
