/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_talker.c: the keys that records are summed under: the same as flowctl's groups, there and back
 * through their columns, whichever direction a record begins with; and who is the server.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "cli/group.h"
#include "cli/query.h"
#include "schema/talker.h"
#include "tests/random_flow.h"

#define RECORDS 200000

/* Records whose keys come again, marks and all. */
static void few_record(struct flow_record *rec)
{
	random_record(rec);
	rec->iface = (uint32_t)random_below(5);
	for (int i = 0; i < 4; i++) {
		rec->key.src[i] &= htonl(0xc0000001);
		rec->key.dst[i] &= htonl(0xc0000001);
	}
	if (rec->key.marks & FLOW_MARK_SHORT && random_below(2)) {
		memset(rec->key.src, 0, sizeof(rec->key.src));
		memset(rec->key.dst, 0, sizeof(rec->key.dst));
		rec->key.proto = 0;
	}
	rec->half[0].packets = 1;
}

static struct flow_key key_of_columns(enum talker_kind kind, const struct flow_key *key)
{
	int addresses = talker_addresses(kind, key);
	struct flow_key back = {0};

	if (addresses > 0)
		memcpy(back.src, key->src, sizeof(back.src));
	if (addresses > 1)
		memcpy(back.dst, key->dst, sizeof(back.dst));
	talker_unpack(kind, addresses ? key->ethertype : 0, talker_pack(kind, key), &back);
	return back;
}

static void test_columns(void **state)
{
	(void)state;
	for (int i = 0; i < RECORDS; i++) {
		struct flow_record rec;

		if (i % 2)
			few_record(&rec);
		else
			random_record(&rec);
		for (int kind = 0; kind < TALKER_KINDS; kind++) {
			struct talker_part part[2];
			int count = talker_keys(&rec, kind, part);

			assert_in_range(count, 1, kind == TALKER_HOST ? 2 : 1);
			for (int n = 0; n < count; n++) {
				struct flow_key back = key_of_columns(kind, &part[n].key);

				assert_memory_equal(&back, &part[n].key, sizeof(back));
			}
		}
	}
}

static bool in_group(const struct group *group, const struct flow_key *key)
{
	for (size_t i = 0; i < group->used; i++) {
		if (!memcmp(&group->entry[i].key, key, sizeof(*key)))
			return true;
	}
	return false;
}

/* A group of one record has the record's keys and no other. */
static void test_groups(void **state)
{
	static const char *const names[TALKER_KINDS] = {
		[TALKER_HOST] = "host",	  [TALKER_PAIR] = "pair", [TALKER_PROTO] = "proto",
		[TALKER_IFACE] = "iface", [TALKER_VLAN] = "vlan",
	};

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct flow_record rec;

		few_record(&rec);
		for (int kind = 0; kind < TALKER_KINDS; kind++) {
			struct talker_part part[2];
			int count = talker_keys(&rec, kind, part);
			struct group group = {0};

			if (!names[kind])
				continue;
			assert_int_equal(group_record(&group, group_kind_find(names[kind]), &rec,
						      QUERY_MATCH_FORWARD),
					 0);
			assert_int_equal(group_sort(&group, group_metrics), count);
			for (int n = 0; n < count; n++)
				assert_true(in_group(&group, &part[n].key));
			group_free(&group);
		}
	}
}

static void turn(const struct flow_record *rec, struct flow_record *ret_rec)
{
	*ret_rec = *rec;
	flow_key_reverse(&rec->key, &ret_rec->key);
	ret_rec->half[0] = rec->half[1];
	ret_rec->half[1] = rec->half[0];
}

/* Kinds that have a direction of their own have it whichever half comes first. */
static void test_turned(void **state)
{
	(void)state;
	for (int i = 0; i < RECORDS; i++) {
		struct talker_part one[2], other[2];
		struct flow_record rec, back;

		few_record(&rec);
		if ((rec.key.marks & FLOW_MARK_FOLDED) || rec.key.sport == rec.key.dport)
			continue;
		turn(&rec, &back);
		talker_keys(&rec, TALKER_PAIR, one);
		talker_keys(&back, TALKER_PAIR, other);
		assert_memory_equal(&one->key, &other->key, sizeof(one->key));
		if (memcmp(rec.key.src, rec.key.dst, 16) && talker_has_addresses(&rec.key))
			assert_true(one->turned != other->turned);
		talker_keys(&rec, TALKER_SERVICE, one);
		talker_keys(&back, TALKER_SERVICE, other);
		assert_memory_equal(&one->key, &other->key, sizeof(one->key));
		assert_true(one->turned != other->turned || !one->key.vlan);
	}
}

struct service {
	uint8_t proto, marks;
	uint16_t sport, dport;
	uint8_t syn[2];
	uint16_t port; /* expected; 0: none */
	bool turned;
};

static void test_service(void **state)
{
	static const struct service services[] = {
		{6, 0, 40000, 443, {1, 0}, 443, false},
		{6, 0, 443, 40000, {0, 1}, 443, true},
		/* the SYN says more than the ports */
		{6, 0, 80, 50000, {1, 0}, 50000, false},
		{6, 0, 50000, 80, {0, 1}, 50000, true},
		{6, 0, 40000, 50000, {0, 1}, 40000, true},
		/* both, or none: the ports */
		{6, 0, 179, 40000, {1, 1}, 179, true},
		{6, 0, 40000, 8080, {0, 0}, 8080, false},
		{6, 0, 8080, 40000, {0, 0}, 8080, true},
		{17, 0, 53, 5353, {0, 0}, 53, true},
		{17, 0, 123, 123, {0, 0}, 123, false},
		{132, 0, 33000, 2905, {0, 0}, 2905, false},
		/* the source is lost */
		{17, FLOW_MARK_FOLDED, 0, 53, {0, 0}, 53, false},
		{6, FLOW_MARK_FOLDED, 0, 40000, {1, 0}, 40000, false},
		{17, FLOW_MARK_FOLDED, 0, 40000, {0, 0}, 0, false},
		/* no ports */
		{1, 0, 8, 0, {0, 0}, 0, false},
		{17, FLOW_MARK_FRAGMENT, 0, 0, {0, 0}, 0, false},
		{47, 0, 0, 0, {0, 0}, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		const struct service *s = &services[i];
		struct flow_record rec = {.key = {.ethertype = ETH_P_IP,
						  .src = {1},
						  .dst = {2},
						  .proto = s->proto,
						  .marks = s->marks,
						  .sport = htons(s->sport),
						  .dport = htons(s->dport)}};
		struct talker_part part[2];

		rec.half[0].tcp_syn = s->syn[0];
		rec.half[1].tcp_syn = s->syn[1];
		assert_int_equal(talker_keys(&rec, TALKER_SERVICE, part), 1);
		assert_int_equal(ntohs(part->key.sport), s->port);
		assert_int_equal(part->key.vlan, s->port != 0);
		assert_int_equal(part->turned, s->turned);
		if (s->port)
			assert_int_equal(talker_pack(TALKER_SERVICE, &part->key),
					 1 << 24 | s->proto << 16 | s->port);
	}
}

/* Minutes before 1970 are below those after it. */
static void test_ids(void **state)
{
	(void)state;
	assert_int_equal(talker_minute_of(0), 0);
	assert_int_equal(talker_minute_of(59999), 0);
	assert_int_equal(talker_minute_of(60000), 1);
	assert_int_equal(talker_minute_of(-1), -1);
	assert_int_equal(talker_minute_of(-60000), -1);
	assert_int_equal(talker_minute_of(-60001), -2);
	assert_int_equal(talker_id(28333333, TALKER_PAIR), 28333333LL << 28 | 1 << 24);
	assert_true(talker_id(-1, TALKER_VLAN) + TALKER_RANK_MAX < talker_id(0, TALKER_HOST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns), cmocka_unit_test(test_groups),
		cmocka_unit_test(test_turned),	cmocka_unit_test(test_service),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
