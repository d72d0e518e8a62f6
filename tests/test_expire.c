/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_expire.c: pairing, initiator, timeouts, end reasons, and that no packet is lost on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/expire.h"
#include "flowd/index.h"

#define S 1000000000ULL
#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

struct got {
	struct expire_record rec[4096];
	size_t count;
	size_t limit; /* 0: none */
	uint64_t packets;
};

static const struct expire_conf conf = {
	.idle_ns = 15 * S, .active_ns = 60 * S, .linger_ns = 2 * S, .sweep_ns = 1 * S};

static bool take(void *arg, const struct expire_record *rec)
{
	struct got *got = arg;

	if (got->limit && got->count >= got->limit)
		return false;
	if (!rec->half[0].packets && !rec->half[1].packets)
		return true;
	assert_true(got->count < 4096);
	got->rec[got->count++] = *rec;
	got->packets += rec->half[0].packets + rec->half[1].packets;
	return true;
}

static void moved_nothing(void *arg, uint32_t old_ref, uint32_t new_ref)
{
	uint32_t *seen = arg;

	assert_int_not_equal(old_ref, new_ref);
	if (seen)
		*seen = new_ref;
}

static struct flow_key tcp(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport, int dir)
{
	return (struct flow_key){.src = {htonl(src)},
				 .dst = {htonl(dst)},
				 .sport = htons(sport),
				 .dport = htons(dport),
				 .ethertype = ETH_P_IP,
				 .proto = 6,
				 .dir = (__u8)dir,
				 .ifnum = 1};
}

static struct expire_delta at(uint64_t first, uint64_t last, uint64_t packets, uint8_t flags)
{
	return (struct expire_delta){.packets = packets,
				     .bytes = packets * 100,
				     .ip_bytes = packets * 86,
				     .first_ns = first,
				     .last_ns = last,
				     .tcp_flags = flags,
				     .tcp_syn = (flags & (SYN | ACK)) == SYN};
}

static void add(struct expire *x, struct flow_key key, struct expire_delta delta)
{
	assert_int_not_equal(expire_add(x, &key, &delta), EXPIRE_NONE);
}

static void pairs_and_names_the_initiator(void **state)
{
	struct expire *x = expire_new(&conf);
	struct got got = {0};

	(void)state;
	/* the answer is met first, and its coarse time is the same */
	add(x, tcp(2, 443, 1, 50000, FLOW_INGRESS), at(5 * S, 6 * S, 3, SYN | ACK));
	add(x, tcp(1, 50000, 2, 443, FLOW_EGRESS), at(5 * S, 6 * S, 4, SYN | ACK));
	add(x, tcp(1, 50000, 2, 443, FLOW_EGRESS), at(5 * S, 6 * S, 1, SYN));
	assert_int_equal(expire_count(x), 1);
	assert_true(expire_due(x, 21 * S, take, &got));
	assert_int_equal(got.count, 1);
	assert_int_equal(ntohs(got.rec[0].key.sport), 50000);
	assert_int_equal(got.rec[0].half[0].packets, 5);
	assert_int_equal(got.rec[0].half[1].packets, 3);
	assert_int_equal(got.rec[0].reason, END_IDLE);
	assert_int_equal(expire_count(x), 0);
	expire_free(x);
}

static void first_seen_then_higher_port(void **state)
{
	struct got got = {0};

	(void)state;
	for (int tie = 0; tie < 2; tie++) {
		struct expire *x = expire_new(&conf);

		got.count = 0;
		add(x, tcp(1, 53, 2, 9999, 0), at(tie ? 5 * S : 4 * S, 5 * S, 1, 0));
		add(x, tcp(2, 9999, 1, 53, 1), at(5 * S, 5 * S, 1, 0));
		assert_true(expire_all(x, take, &got));
		assert_int_equal(got.count, 1);
		assert_int_equal(ntohs(got.rec[0].key.sport), tie ? 9999 : 53);
		assert_int_equal(got.rec[0].reason, END_FORCED);
		expire_free(x);
	}
}

static void active_cut_goes_on(void **state)
{
	struct expire *x = expire_new(&conf);
	struct got got = {0};
	struct flow_key key = tcp(1, 1000, 2, 80, 0);

	(void)state;
	for (uint64_t t = 0; t < 200; t++) {
		/* the slot's first packet stays that of its life until BPF learns of the export */
		add(x, key, at(1 * S, (t + 1) * S, 1, ACK));
		expire_pair(x, moved_nothing, NULL);
		assert_true(expire_due(x, (t + 1) * S, take, &got));
	}
	assert_int_equal(got.count, 3);
	for (size_t i = 0; i < got.count; i++) {
		assert_int_equal(got.rec[i].reason, END_ACTIVE);
		assert_false(got.rec[i].gone);
		assert_in_range(got.rec[i].end_ns - got.rec[i].start_ns, 59 * S, 61 * S);
		if (i)
			assert_true(got.rec[i].start_ns >= got.rec[i - 1].end_ns);
	}
	assert_true(expire_all(x, take, &got));
	assert_int_equal(got.packets, 200);
	expire_free(x);
}

/* What has ended before it was asked for its mirrored half waits for that; what makes room does not. */
static void ended_waits_for_its_pair(void **state)
{
	struct expire *x = expire_new(&conf);
	struct got got = {0};
	struct expire_delta evicted = at(1 * S, 1 * S, 3, ACK);

	(void)state;
	add(x, tcp(1, 1000, 2, 80, FLOW_INGRESS), at(1 * S, 1 * S, 5, SYN | FIN));
	add(x, tcp(2, 80, 1, 1000, FLOW_INGRESS), at(1 * S, 1 * S, 4, SYN | ACK | FIN));
	evicted.evicted = true;
	add(x, tcp(9, 1000, 2, 80, FLOW_INGRESS), evicted);
	expire_pair(x, moved_nothing, NULL);
	assert_true(expire_due(x, 100 * S, take, &got));
	assert_int_equal(got.count, 1);
	assert_int_equal(got.rec[0].reason, END_RESOURCES);
	expire_pair(x, moved_nothing, NULL);
	assert_true(expire_due(x, 101 * S, take, &got));
	assert_int_equal(got.count, 2);
	assert_true(got.rec[1].key.marks & FLOW_MARK_MIRRORED);
	assert_int_equal(got.packets, 12);
	expire_free(x);
}

static bool count_packets(void *arg, const struct expire_record *rec)
{
	uint64_t *packets = arg;

	*packets += rec->half[0].packets + rec->half[1].packets;
	return true;
}

/* Keys that only an SPI tells apart are as many as somebody likes: adding one must not cost all. */
static void many_of_one_place(void **state)
{
	struct expire *x = expire_new(&conf);
	const uint32_t many = 200000;
	uint64_t packets = 0;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < many; i++) {
			struct flow_key key = tcp(1, 0, 2, 0, FLOW_INGRESS);

			key.proto = IPPROTO_ESP;
			key.tunnel_kind = FLOW_TUNNEL_ESP;
			key.tunnel_id = i;
			add(x, key, at(1 * S, 2 * S, 1, 0));
		}
		assert_int_equal(expire_count(x), many);
		expire_pair(x, moved_nothing, NULL);
	}
	assert_true(expire_all(x, count_packets, &packets));
	assert_int_equal(packets, 2 * many);
	assert_int_equal(expire_count(x), 0);
	expire_free(x);
}

static void closed_lingers(void **state)
{
	struct expire *x = expire_new(&conf);
	struct got got = {0};

	(void)state;
	add(x, tcp(1, 1000, 2, 80, 1), at(1 * S, 10 * S, 5, SYN | ACK | FIN));
	assert_true(expire_due(x, 10 * S, take, &got));
	add(x, tcp(2, 80, 1, 1000, 0), at(1 * S, 10 * S, 5, SYN | ACK | FIN));
	assert_true(expire_due(x, 11 * S, take, &got));
	assert_int_equal(got.count, 0);
	add(x, tcp(1, 1000, 2, 80, 1), at(1 * S, 10 * S + 1, 1, ACK)); /* the last ACK */
	assert_true(expire_due(x, 12 * S, take, &got));
	assert_int_equal(got.count, 1);
	assert_int_equal(got.rec[0].reason, END_FLOW);
	assert_int_equal(got.packets, 11);
	assert_true(got.rec[0].gone);
	expire_free(x);
}

static void half_close_stays_open(void **state)
{
	struct expire *x = expire_new(&conf);
	struct got got = {0};

	(void)state;
	add(x, tcp(1, 1000, 2, 80, 1), at(1 * S, 2 * S, 5, SYN | FIN));
	add(x, tcp(2, 80, 1, 1000, 0), at(1 * S, 2 * S, 5, SYN | ACK));
	assert_true(expire_due(x, 8 * S, take, &got));
	assert_int_equal(got.count, 0);
	add(x, tcp(2, 80, 1, 1000, 0), at(1 * S, 9 * S, 1, RST));
	assert_true(expire_due(x, 11 * S, take, &got));
	assert_int_equal(got.count, 1);
	assert_int_equal(got.rec[0].reason, END_FLOW);
	expire_free(x);
}

static void evicted_is_exported_at_once(void **state)
{
	struct expire *x = expire_new(&conf);
	struct got got = {0};
	struct expire_delta delta = at(1 * S, 2 * S, 7, 0);
	struct flow_key key = tcp(1, 1, 2, 2, 0);
	uint32_t ref;

	(void)state;
	delta.evicted = true;
	ref = expire_add(x, &key, &delta);
	*expire_slots(x, ref) = 5; /* it has a slot again: the conversation stays */
	assert_true(expire_due(x, 2 * S, take, &got));
	assert_int_equal(got.count, 1);
	assert_int_equal(got.rec[0].reason, END_RESOURCES);
	assert_false(got.rec[0].gone);
	*expire_slots(x, ref) = EXPIRE_NONE;
	expire_add(x, &key, &delta);
	assert_true(expire_due(x, 3 * S, take, &got));
	assert_int_equal(got.count, 2);
	assert_true(got.rec[1].gone);
	expire_free(x);
}

static void mirror_port_pairs_a_sweep_later(void **state)
{
	struct expire *x = expire_new(&conf);
	struct got got = {0};
	uint32_t moved_to = 0;

	(void)state;
	add(x, tcp(1, 1000, 2, 80, FLOW_INGRESS), at(1 * S, 2 * S, 5, SYN));
	add(x, tcp(2, 80, 1, 1000, FLOW_INGRESS), at(1 * S, 2 * S, 6, SYN | ACK));
	assert_int_equal(expire_count(x), 2);
	expire_pair(x, moved_nothing, &moved_to);
	assert_int_equal(expire_count(x), 2);
	expire_pair(x, moved_nothing, &moved_to);
	assert_int_equal(expire_count(x), 1);
	add(x, tcp(2, 80, 1, 1000, FLOW_INGRESS), at(1 * S, 3 * S, 1, ACK));
	assert_true(expire_all(x, take, &got));
	assert_int_equal(got.count, 1);
	assert_true(got.rec[0].key.marks & FLOW_MARK_MIRRORED);
	assert_int_equal(got.rec[0].half[0].packets, 5);
	assert_int_equal(got.rec[0].half[1].packets, 7);
	expire_free(x);
}

static void loopback_does_not_mix(void **state)
{
	struct expire *x = expire_new(&conf);
	struct got got = {0};

	(void)state;
	/* every packet goes out of lo and comes in again; the table meets them in a bad order */
	add(x, tcp(2, 80, 1, 1000, FLOW_EGRESS), at(2 * S, 2 * S, 3, SYN | ACK));
	add(x, tcp(1, 1000, 2, 80, FLOW_EGRESS), at(1 * S, 2 * S, 4, SYN));
	add(x, tcp(2, 80, 1, 1000, FLOW_INGRESS), at(2 * S, 2 * S, 3, SYN | ACK));
	add(x, tcp(1, 1000, 2, 80, FLOW_INGRESS), at(1 * S, 2 * S, 4, SYN));
	for (int i = 0; i < 3; i++)
		expire_pair(x, moved_nothing, NULL);
	assert_true(expire_all(x, take, &got));
	assert_int_equal(got.count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(got.rec[i].half[0].packets, 4);
		assert_int_equal(got.rec[i].half[1].packets, 3);
		assert_false(got.rec[i].key.marks & FLOW_MARK_MIRRORED);
	}
	expire_free(x);
}

/* Random traffic, expiry, a full batch now and then: what goes in comes out. */
static void nothing_is_lost(void **state)
{
	struct expire *x = expire_new(&conf);
	static struct got got;
	uint64_t in = 0, now = S;

	(void)state;
	srand(7);
	for (int round = 0; round < 300; round++) {
		for (int i = 0; i < 100; i++) {
			uint16_t port = (uint16_t)(rand() % 40 + 1);
			bool back = rand() & 1;
			struct flow_key key =
				back ? tcp(2, 80, 1, port, 0) : tcp(1, port, 2, 80, 1);
			struct expire_delta delta =
				at(now, now, (uint64_t)rand() % 5, rand() % 30 ? ACK : FIN);

			delta.evicted = rand() % 20 == 0;
			in += delta.packets;
			add(x, key, delta);
		}
		now += (uint64_t)(rand() % 3000) * 1000000;
		got.count = 0;
		got.limit = (size_t)(rand() % 50);
		expire_due(x, now, take, &got);
		expire_pair(x, moved_nothing, NULL);
	}
	got.count = got.limit = 0;
	assert_true(expire_all(x, take, &got));
	assert_int_equal(got.packets, in);
	assert_int_equal(expire_count(x), 0);
	expire_free(x);
}

/* Those of one interface end, with all that they have, and the others do not notice. */
static void an_interface_is_left(void **state)
{
	struct expire *x = expire_new(&conf);
	struct flow_key here = tcp(1, 1000, 2, 80, 0), there = tcp(1, 1000, 2, 80, 0);
	bool left[FLOW_IFACES] = {[7] = true};
	struct got got = {.count = 0};

	(void)state;
	here.ifnum = 7;
	there.ifnum = 8;
	add(x, here, at(10, 20, 3, ACK));
	add(x, there, at(10, 20, 4, ACK));
	assert_true(expire_leave(x, left, take, &got));
	assert_int_equal(got.count, 1);
	assert_int_equal(got.rec[0].key.ifnum, 7);
	assert_int_equal(got.rec[0].half[0].packets, 3);
	assert_int_equal(got.rec[0].reason, END_FORCED);
	assert_true(got.rec[0].gone);
	assert_int_equal(expire_count(x), 1);
	assert_true(expire_leave(x, left, take, &got));
	assert_int_equal(got.count, 1);
	assert_true(expire_all(x, take, &got));
	assert_int_equal(got.count, 2);
	assert_int_equal(got.rec[1].half[0].packets, 4);
	expire_free(x);
}

static void live_changes_nothing(void **state)
{
	struct expire *x = expire_new(&conf);
	struct got live = {0}, got = {0};

	(void)state;
	add(x, tcp(1, 1000, 2, 80, 1), at(1 * S, 2 * S, 5, SYN));
	expire_each(x, take, &live);
	expire_each(x, take, &live);
	assert_int_equal(live.count, 2);
	assert_int_equal(live.rec[0].reason, END_ACTIVE_NOW);
	assert_true(expire_all(x, take, &got));
	assert_int_equal(got.packets, 5);
	expire_free(x);
}

static void index_survives_collisions(void **state)
{
	struct index index = {0};

	(void)state;
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(index_insert(&index, i % 7, i, false), 0);
	for (uint32_t i = 0; i < 5000; i += 2)
		index_remove(&index, i % 7, i);
	for (uint32_t hash = 0; hash < 7; hash++) {
		uint32_t found = 0;

		for (uint32_t at = index_first(&index, hash); at != INDEX_FREE;
		     at = index_next(&index, hash, at)) {
			assert_int_equal(index.entry[at].value % 7, hash);
			assert_true(index.entry[at].value & 1);
			found++;
		}
		assert_in_range(found, 357, 358);
	}
	assert_int_equal(index.used, 2500);
	index_free(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_and_names_the_initiator),
		cmocka_unit_test(first_seen_then_higher_port),
		cmocka_unit_test(active_cut_goes_on),
		cmocka_unit_test(ended_waits_for_its_pair),
		cmocka_unit_test(many_of_one_place),
		cmocka_unit_test(closed_lingers),
		cmocka_unit_test(half_close_stays_open),
		cmocka_unit_test(evicted_is_exported_at_once),
		cmocka_unit_test(mirror_port_pairs_a_sweep_later),
		cmocka_unit_test(loopback_does_not_mix),
		cmocka_unit_test(nothing_is_lost),
		cmocka_unit_test(live_changes_nothing),
		cmocka_unit_test(an_interface_is_left),
		cmocka_unit_test(index_survives_collisions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
