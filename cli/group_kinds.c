/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * group_kinds.c: what a record is summed under.
 *
 * Two kinds of kinds: where the direction does not matter (host, pair, port, service, proto, iface, vlan,
 * tunnel, country, as) a record counts as one flow with both its directions; host, port, country and
 * as count it to both its ends, once where they are the same. Where it does (src, dst, flow, dir) each
 * direction is a flow of its own.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>

#include "cli/group.h"
#include "cli/group_add.h"
#include "cli/names.h"
#include "cli/query.h"
#include "schema/talker.h"

#define EXPORTER "exporter"
#define MARKS_PARTIAL                                                                   \
	(FLOW_MARK_FOLDED | FLOW_MARK_CATCHALL | FLOW_MARK_FRAGMENT | FLOW_MARK_SHORT | \
	 FLOW_MARK_DEEP)

/* Port of an end, of protocols that have them; of others the protocol. */
static void port_key(const struct flow_key *key, int end, struct flow_key *ret_key)
{
	if (!end && (key->marks & FLOW_MARK_FOLDED))
		return talker_stand_in(key, ret_key);
	talker_proto(key, ret_key);
	if (!talker_has_addresses(key))
		return;
	ret_key->marks = key->marks & FLOW_MARK_FRAGMENT;
	if (!talker_has_ports(key))
		return;
	ret_key->sport = end ? key->dport : key->sport;
	ret_key->vlan = 1; /* has a port, be it 0 */
}

/* Under its keys of a kind that the tables of sums have too. */
static int add_keys(struct group *group, const struct group_item *item, enum talker_kind kind)
{
	struct talker_part part[2];
	int count = talker_keys(item->rec, kind, part), err = 0;

	for (int i = 0; !err && i < count; i++)
		err = group_add(group, &part[i].key, item, item->match);
	return err;
}

static int add_host(struct group *group, const struct group_item *item)
{
	return add_keys(group, item, TALKER_HOST);
}

/* Both ends, once where they are the same. */
static int add_port(struct group *group, const struct group_item *item)
{
	struct flow_key src, dst;
	int err;

	port_key(&item->rec->key, 0, &src);
	port_key(&item->rec->key, 1, &dst);
	err = group_add(group, &src, item, item->match);
	if (err || !memcmp(&src, &dst, sizeof(src)))
		return err;
	return group_add(group, &dst, item, item->match);
}

/* Each half that counts under its source (end 0) or destination (end 1). */
static int add_halves(struct group *group, const struct group_item *item, int end)
{
	for (int which = 0; which < 2; which++) {
		struct flow_key key;
		int err;

		if (!(item->match & (1U << which)))
			continue;
		talker_end(&item->rec->key, end ^ which, &key);
		if (end) {
			memcpy(key.dst, key.src, sizeof(key.dst));
			memset(key.src, 0, sizeof(key.src));
		}
		err = group_add(group, &key, item, 1U << which);
		if (err)
			return err;
	}
	return 0;
}

static int add_src(struct group *group, const struct group_item *item)
{
	return add_halves(group, item, 0);
}

static int add_dst(struct group *group, const struct group_item *item)
{
	return add_halves(group, item, 1);
}

/* The 5-tuple of a direction. */
static void flow_key_of(const struct flow_key *key, struct flow_key *ret_key)
{
	if (!talker_has_addresses(key))
		return talker_stand_in(key, ret_key);
	memset(ret_key, 0, sizeof(*ret_key));
	memcpy(ret_key->src, key->src, sizeof(ret_key->src));
	memcpy(ret_key->dst, key->dst, sizeof(ret_key->dst));
	ret_key->sport = key->sport;
	ret_key->dport = key->dport;
	ret_key->ethertype = key->ethertype;
	ret_key->proto = key->proto;
	ret_key->marks = key->marks & MARKS_PARTIAL;
}

static int add_flow(struct group *group, const struct group_item *item)
{
	for (int which = 0; which < 2; which++) {
		struct flow_key key = item->rec->key, tuple;
		int err;

		if (!(item->match & (1U << which)))
			continue;
		if (which)
			flow_key_reverse(&item->rec->key, &key);
		flow_key_of(&key, &tuple);
		err = group_add(group, &tuple, item, 1U << which);
		if (err)
			return err;
	}
	return 0;
}

static int add_pair(struct group *group, const struct group_item *item)
{
	return add_keys(group, item, TALKER_PAIR);
}

static int add_service(struct group *group, const struct group_item *item)
{
	return add_keys(group, item, TALKER_SERVICE);
}

static int add_proto(struct group *group, const struct group_item *item)
{
	return add_keys(group, item, TALKER_PROTO);
}

/* Each half that counts, by the way that its packets went. */
static int add_dir(struct group *group, const struct group_item *item)
{
	for (int which = 0; which < 2; which++) {
		struct flow_key key = {.dir = (uint8_t)query_half_dir(item->rec, which)};
		unsigned half = item->match & (1U << which);
		int err = half ? group_add(group, &key, item, half) : 0;

		if (err)
			return err;
	}
	return 0;
}

static int add_iface(struct group *group, const struct group_item *item)
{
	return add_keys(group, item, TALKER_IFACE);
}

static int add_vlan(struct group *group, const struct group_item *item)
{
	return add_keys(group, item, TALKER_VLAN);
}

/* The tunnel of a direction; its endpoints in the order of their addresses. */
static void tunnel_key(const struct flow_record *rec, int which, struct flow_key *ret_key)
{
	bool turned = memcmp(rec->outer_src, rec->outer_dst, sizeof(rec->outer_src)) > 0;
	uint8_t kind = rec->key.tunnel_kind;

	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->marks = rec->key.marks & FLOW_MARK_CATCHALL;
	if (!kind)
		return;
	ret_key->tunnel_kind = kind;
	ret_key->tunnel_id = flow_tunnel_id(kind, which ? rec->rev_tunnel_id : rec->key.tunnel_id);
	ret_key->ethertype = rec->outer_ethertype;
	if (!rec->outer_ethertype)
		return;
	memcpy(ret_key->src, turned ? rec->outer_dst : rec->outer_src, sizeof(ret_key->src));
	memcpy(ret_key->dst, turned ? rec->outer_src : rec->outer_dst, sizeof(ret_key->dst));
}

/* Where the directions have ids of their own, each is a flow of its own. */
static int add_tunnel(struct group *group, const struct group_item *item)
{
	struct flow_key key[2];

	tunnel_key(item->rec, 0, &key[0]);
	tunnel_key(item->rec, 1, &key[1]);
	if (!(item->match & QUERY_MATCH_REVERSE) || !memcmp(&key[0], &key[1], sizeof(key[0])))
		return group_add(group, &key[0], item, item->match);
	for (int which = 0; which < 2; which++) {
		unsigned half = item->match & (1U << which);
		int err = half ? group_add(group, &key[which], item, half) : 0;

		if (err)
			return err;
	}
	return 0;
}

static void text_host(const struct flow_key *key, char *buf, size_t size)
{
	if (flow_key_is_ip(key) && !key->marks)
		names_address(key, key->src, buf, size);
	else
		names_stand_in(key, buf, size);
}

static void text_dst(const struct flow_key *key, char *buf, size_t size)
{
	if (flow_key_is_ip(key) && !key->marks)
		names_address(key, key->dst, buf, size);
	else
		names_stand_in(key, buf, size);
}

static void text_pair(const struct flow_key *key, char *buf, size_t size)
{
	char a[NAMES_SIZE], b[NAMES_SIZE];

	if (!flow_key_is_ip(key) || (key->marks & (FLOW_MARK_CATCHALL | FLOW_MARK_SHORT)))
		return names_stand_in(key, buf, size);
	names_address(key, key->src, a, sizeof(a));
	names_address(key, key->dst, b, sizeof(b));
	if (key->marks & FLOW_MARK_FOLDED) /* the unknown side is 0 and so the first */
		snprintf(a, sizeof(a), "(folded)");
	snprintf(buf, size, "%s - %s", a, b);
}

static void text_proto(const struct flow_key *key, char *buf, size_t size)
{
	if (flow_key_is_ip(key) && !key->marks)
		names_proto(key->proto, buf, size);
	else
		names_stand_in(key, buf, size);
}

static void text_port(const struct flow_key *key, char *buf, size_t size)
{
	char proto[NAMES_SIZE];

	if (!flow_key_is_ip(key) || (key->marks & ~FLOW_MARK_FRAGMENT))
		return names_stand_in(key, buf, size);
	names_proto(key->proto, proto, sizeof(proto));
	if (key->vlan)
		snprintf(buf, size, "%u/%s", ntohs(key->sport), proto);
	else
		snprintf(buf, size, "(%s%s)", proto, key->marks ? " fragments" : "");
}

/* As /etc/services has it the other way round: who asks for a service thinks of the protocol first. */
static void text_service(const struct flow_key *key, char *buf, size_t size)
{
	char proto[NAMES_SIZE];

	if (!flow_key_is_ip(key) || (key->marks & ~FLOW_MARK_FRAGMENT))
		return names_stand_in(key, buf, size);
	names_proto(key->proto, proto, sizeof(proto));
	if (key->vlan)
		snprintf(buf, size, "%s/%u", proto, ntohs(key->sport));
	else
		snprintf(buf, size, "%s%s", proto, key->marks ? " fragments" : "");
}

static void text_flow(const struct flow_key *key, char *buf, size_t size)
{
	char src[NAMES_SIZE + 8], dst[NAMES_SIZE + 8], proto[NAMES_SIZE];

	if (!flow_key_is_ip(key) || !talker_has_addresses(key) || (key->marks & FLOW_MARK_CATCHALL))
		return names_stand_in(key, buf, size);
	names_proto(key->proto, proto, sizeof(proto));
	names_endpoint(key, key->src, key->sport, src, sizeof(src));
	names_endpoint(key, key->dst, key->dport, dst, sizeof(dst));
	if (key->marks & FLOW_MARK_FOLDED)
		snprintf(src, sizeof(src), "(folded)");
	snprintf(buf, size, "%s %s > %s%s", proto, src, dst,
		 key->marks & FLOW_MARK_FRAGMENT ? " (fragments)" : "");
}

static void text_vlan(const struct flow_key *key, char *buf, size_t size)
{
	if (key->marks & FLOW_MARK_CATCHALL)
		names_stand_in(key, buf, size);
	else if (!key->vlan)
		snprintf(buf, size, key->marks ? "(unknown)" : "(untagged)");
	else if (!key->cvlan)
		snprintf(buf, size, "%u", key->vlan & 0xfff);
	else
		snprintf(buf, size, "%u.%u", key->vlan & 0xfff, key->cvlan & 0xfff);
}

static void text_tunnel(const struct flow_key *key, char *buf, size_t size)
{
	char tunnel[NAMES_SIZE], a[NAMES_SIZE], b[NAMES_SIZE];

	if (key->marks & FLOW_MARK_CATCHALL)
		return names_stand_in(key, buf, size);
	names_tunnel(key->tunnel_kind, key->tunnel_id, tunnel, sizeof(tunnel));
	names_address(key, key->src, a, sizeof(a));
	names_address(key, key->dst, b, sizeof(b));
	if (key->ethertype)
		snprintf(buf, size, "%s %s - %s", tunnel, a, b);
	else
		snprintf(buf, size, "%s", tunnel);
}

static void text_dir(const struct flow_key *key, char *buf, size_t size)
{
	snprintf(buf, size, "%s", key->dir == FLOW_EGRESS ? "egress" : "ingress");
}

static void text_iface(const struct flow_key *key, char *buf, size_t size)
{
	if (key->outer) /* who knows the name puts it there */
		snprintf(buf, size, "%u", key->outer);
	else
		snprintf(buf, size, "(not counted)");
}

const struct group_kind group_kinds[] = {
	{"host", "ethertype", add_host, text_host},
	{"src", "ethertype src", add_src, text_host},
	{"dst", "ethertype dst", add_dst, text_dst},
	{"pair", "ethertype src dst", add_pair, text_pair},
	{"port", "proto", add_port, text_port},
	{"service", "proto", add_service, text_service},
	{"proto", "proto", add_proto, text_proto},
	{"flow", "ethertype proto src dst sport dport", add_flow, text_flow},
	{"iface", "", add_iface, text_iface},
	{EXPORTER, "", add_iface, text_iface},
	{"dir", "", add_dir, text_dir},
	{"vlan", "vlan cvlan", add_vlan, text_vlan},
	{"tunnel", "tunnel tunnel_id outer_src outer_dst", add_tunnel, text_tunnel},
	{"country", "", group_add_country, group_text_country},
	{"as", "", group_add_as, group_text_as},
	{NULL, NULL, NULL, NULL},
};

static int add_named(struct group *group, const struct group_item *item)
{
	static const struct flow_key key;

	return group_add(group, &key, item, item->match);
}

const struct group_kind group_named = {"", "", add_named, NULL};

bool group_is_exporter(const struct group_kind *kind)
{
	return !strcmp(kind->name, EXPORTER);
}

const struct group_kind *group_kind_find(const char *name)
{
	for (const struct group_kind *kind = group_kinds; kind->name; kind++) {
		if (!strcmp(kind->name, name))
			return kind;
	}
	return NULL;
}
