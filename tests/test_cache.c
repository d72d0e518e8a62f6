// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_cache.c: cache.h: finding a key in its set, which slot is given up for a new one, how the
 * hash spreads keys for random seeds, and when a slot may be dropped without losing a packet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/cache.h"

#define AIMED_SETS 256
#define AIMED_KEYS (AIMED_SETS * FLOW_WAYS / 2)
#define AIMED_ROUNDS 8
#define AIMED_SEEDS 50
#define SPREAD_SETS 1024
#define SPREAD_KEYS (SPREAD_SETS * FLOW_WAYS)
#define SPREAD_SEEDS 20

/* Repeatable numbers: splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static void random_seed(uint64_t *state, __u64 *seed)
{
	for (unsigned int i = 0; i < FLOW_SEED_WORDS; i++)
		seed[i] = next_random(state) | 1;
}

/* The keys that traffic makes: a few hosts, ports in a row; nothing random about them. */
static struct flow_key plain_key(unsigned int n)
{
	struct flow_key key = {.ethertype = 0x0800, .proto = 17, .ifnum = 1};

	key.src[0] = 0x0001000a + (n / 64 % 256 << 24);
	key.dst[0] = 0x0200000a;
	key.sport = (__be16)(1024 + n);
	key.dport = 53;
	return key;
}

static void put(struct flow_set *set, __u32 way, const struct flow_key *key, __u32 tag, __u32 used)
{
	set->slot[way].key = *key;
	set->tag[way] = tag;
	set->used[way] = used;
}

static void test_find(void **state)
{
	struct flow_key key = plain_key(1), other = plain_key(2);
	struct flow_set set = {};

	(void)state;
	assert_int_equal(cache_find(&set, &key, 0x11), FLOW_WAYS);
	for (__u32 way = 0; way < FLOW_WAYS; way++) {
		memset(&set, 0, sizeof(set));
		put(&set, way, &key, 0x11, 0);
		assert_int_equal(cache_find(&set, &key, 0x11), way);
		assert_int_equal(cache_find(&set, &key, 0x13), FLOW_WAYS);
		assert_int_equal(cache_find(&set, &other, 0x11), FLOW_WAYS);
	}
}

/* Equal tags with different keys are told apart by the key. */
static void test_find_among_equal_tags(void **state)
{
	struct flow_set set = {};

	(void)state;
	for (__u32 way = 0; way < FLOW_WAYS; way++) {
		struct flow_key key = plain_key(way);

		put(&set, way, &key, 0x77, 0);
	}
	for (__u32 way = 0; way < FLOW_WAYS; way++) {
		struct flow_key key = plain_key(way);

		assert_int_equal(cache_find(&set, &key, 0x77), way);
	}
}

/* An unused slot holds an all-zero key; a key of zeros is not found in it, for tags are never 0. */
static void test_zero_key_is_not_a_free_slot(void **state)
{
	struct flow_key zero = {};
	__u64 seed[FLOW_SEED_WORDS];
	struct flow_set set = {};
	uint64_t rng = 5;

	(void)state;
	random_seed(&rng, seed);
	assert_int_equal(cache_find(&set, &zero, cache_hash(&zero, seed).tag), FLOW_WAYS);
}

/* Every byte of the key takes part in equality, padding too. */
static void test_equal_sees_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(struct flow_key); i++) {
		struct flow_key a = plain_key(3), b = plain_key(3);

		assert_true(cache_key_equal(&a, &b));
		((unsigned char *)&b)[i] ^= 0x80;
		assert_false(cache_key_equal(&a, &b));
	}
}

static void test_victim_free_first(void **state)
{
	struct flow_key key = plain_key(1);

	(void)state;
	for (__u32 hole = 0; hole < FLOW_WAYS; hole++) {
		struct flow_set set = {};

		for (__u32 way = 0; way < FLOW_WAYS; way++) {
			if (way != hole)
				put(&set, way, &key, 1, 0); /* epoch 0: the oldest there is */
		}
		for (__u32 start = 0; start < FLOW_WAYS; start++)
			assert_int_equal(cache_victim(&set, start), hole);
	}
}

static void test_victim_least_recently_used(void **state)
{
	struct flow_key key = plain_key(1);
	struct flow_set set = {};

	(void)state;
	for (__u32 way = 0; way < FLOW_WAYS; way++)
		put(&set, way, &key, 1, cache_used(100 + (way + 3) % FLOW_WAYS));
	for (__u32 start = 0; start < 3 * FLOW_WAYS; start++)
		assert_int_equal(cache_victim(&set, start), FLOW_WAYS - 3);
}

/* A flow that outlived a sweep is spared before flows of one epoch, but not for ever. */
static void test_victim_spares_proven_flows(void **state)
{
	struct flow_key key = plain_key(1);
	struct flow_set set = {};

	(void)state;
	for (__u32 known = FLOW_KNOWN_AGAIN; known <= FLOW_KNOWN_LONG; known++) {
		__u32 spared = known * FLOW_SPARED_EPOCHS;

		put(&set, 0, &key, 1, 100 << 2 | known);
		for (__u32 way = 1; way < FLOW_WAYS; way++)
			put(&set, way, &key, 1, cache_used(100 + spared - 1));
		assert_int_not_equal(cache_victim(&set, 0), 0);
		for (__u32 way = 1; way < FLOW_WAYS; way++)
			put(&set, way, &key, 1, cache_used(100 + spared + 1));
		assert_int_equal(cache_victim(&set, 5), 0);
	}
}

/* Of an epoch, flows of one packet go first, and those of that epoch alone before those that are older. */
static void test_victim_known_once(void **state)
{
	struct flow_key key = plain_key(1);
	struct flow_set set = {};

	(void)state;
	for (__u32 start = 0; start < FLOW_WAYS; start++) {
		for (__u32 way = 0; way < FLOW_WAYS; way++)
			put(&set, way, &key, 1, 50 << 2 | FLOW_KNOWN_LONG);
		set.used[6] = 50 << 2 | FLOW_KNOWN_AGAIN;
		assert_int_equal(cache_victim(&set, start), 6);
		set.used[3] = cache_used(50);
		assert_int_equal(cache_victim(&set, start), 3);
	}
	assert_true(cache_turned(cache_used(50), 51));
	assert_false(cache_turned(50 << 2 | FLOW_KNOWN_LONG, 50));
	assert_false(cache_turned(cache_used(FLOW_EPOCH_MASK + 1), 0));
}

/* Ties go round with `start`, so that a set of equals is replaced evenly. */
static void test_victim_ties_rotate(void **state)
{
	struct flow_key key = plain_key(1);
	struct flow_set set = {};

	(void)state;
	for (__u32 way = 0; way < FLOW_WAYS; way++)
		put(&set, way, &key, 1, cache_used(7));
	for (__u32 start = 0; start < 4 * FLOW_WAYS; start++)
		assert_int_equal(cache_victim(&set, start), start % FLOW_WAYS);
}

/* Whatever is in the set: the answer is a way, and none with a lower rank was there. */
static void test_victim_of_random_sets(void **state)
{
	uint64_t rng = 99;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct flow_set set = {};
		__u32 victim, rank;

		for (__u32 way = 0; way < FLOW_WAYS; way++) {
			set.tag[way] = (__u32)next_random(&rng) & 3;
			set.used[way] = (__u32)next_random(&rng) & 0x1ff;
		}
		victim = cache_victim(&set, (__u32)next_random(&rng));
		assert_true(victim < FLOW_WAYS);
		rank = set.tag[victim] ? cache_rank(set.used[victim]) : 0;
		for (__u32 way = 0; way < FLOW_WAYS; way++)
			assert_true(set.tag[way] ? rank <= cache_rank(set.used[way]) : rank == 0);
	}
}

static void test_tags_are_never_zero(void **state)
{
	__u64 seed[FLOW_SEED_WORDS] = {};
	struct flow_key key = {};
	uint64_t rng = 1;

	(void)state;
	assert_int_not_equal(cache_hash(&key, seed).tag, 0);
	for (int i = 0; i < 200000; i++) {
		if (i % 1000 == 0)
			random_seed(&rng, seed);
		key = plain_key((unsigned int)i);
		assert_int_not_equal(cache_hash(&key, seed).tag, 0);
	}
}

/* Every bit of the key moves the hash: none of them could be chosen freely by an attacker. */
static void test_hash_sees_every_bit(void **state)
{
	__u64 seed[FLOW_SEED_WORDS];
	uint64_t rng = 2;

	(void)state;
	random_seed(&rng, seed);
	for (size_t bit = 0; bit < 8 * sizeof(struct flow_key); bit++) {
		struct flow_key a = plain_key(9), b = plain_key(9);
		struct cache_hash x, y;

		((unsigned char *)&b)[bit / 8] ^= (unsigned char)(1U << bit % 8);
		x = cache_hash(&a, seed);
		y = cache_hash(&b, seed);
		assert_true(x.set != y.set || x.tag != y.tag);
	}
}

/* Pearson's chi-square of the sets' load, divided by its degrees of freedom: 1 for chance alone. */
static double spread(const __u64 *seed)
{
	static unsigned int load[SPREAD_SETS];
	double sum = 0;

	memset(load, 0, sizeof(load));
	for (unsigned int n = 0; n < SPREAD_KEYS; n++) {
		struct flow_key key = plain_key(n);

		load[cache_hash(&key, seed).set % SPREAD_SETS]++;
	}
	for (unsigned int i = 0; i < SPREAD_SETS; i++)
		sum += ((double)load[i] - FLOW_WAYS) * ((double)load[i] - FLOW_WAYS) / FLOW_WAYS;
	return sum / (SPREAD_SETS - 1);
}

/* Standard deviation of the mean of 20 is 0.01; a bad seed would pile keys up and give far more. */
static void test_hash_spreads(void **state)
{
	double sum = 0, worst = 0;
	uint64_t rng = 3;

	(void)state;
	for (int i = 0; i < SPREAD_SEEDS; i++) {
		__u64 seed[FLOW_SEED_WORDS];
		double x;

		random_seed(&rng, seed);
		x = spread(seed);
		sum += x;
		worst = x > worst ? x : worst;
	}
	if (sum / SPREAD_SEEDS > 1.1 || worst > 1.5)
		fail_msg("chi-square over degrees of freedom: mean %.3f, worst %.3f",
			 sum / SPREAD_SEEDS, worst);
}

/* Keys that differ in high bytes of words: 256 subnets of 256 hosts, as IPv6 networks are laid out. */
static void test_hash_spreads_high_bytes(void **state)
{
	static unsigned int load[65536 / FLOW_WAYS * 2];
	__u64 seed[FLOW_SEED_WORDS];
	unsigned int over = 0;
	uint64_t rng = 6;

	(void)state;
	random_seed(&rng, seed);
	for (unsigned int n = 0; n < 65536; n++) {
		struct flow_key key = {.ethertype = 0x86dd, .proto = 58, .src = {0xb80d0120}};

		((unsigned char *)key.src)[7] = (unsigned char)(n >> 8);
		((unsigned char *)key.src)[15] = (unsigned char)n;
		over += ++load[cache_hash(&key, seed).set % (65536 / FLOW_WAYS * 2)] > FLOW_WAYS;
	}
	/* chance: mean load 4, and 0.9 % of the keys beyond the 8th of their set */
	assert_in_range(over, 0, 1500);
}

/* Another seed puts the keys that shared a set elsewhere. */
static void test_seed_scatters_collisions(void **state)
{
	__u64 first[FLOW_SEED_WORDS], second[FLOW_SEED_WORDS];
	struct cache_hash aim;
	unsigned int same = 0, still = 0;
	struct flow_key key = plain_key(0);
	uint64_t rng = 4;

	(void)state;
	random_seed(&rng, first);
	random_seed(&rng, second);
	aim = cache_hash(&key, first);
	for (unsigned int n = 1; n < 60000; n++) {
		key = plain_key(n);
		if ((cache_hash(&key, first).set ^ aim.set) % 64)
			continue;
		same++;
		still += (cache_hash(&key, second).set ^ aim.set) % 64 == 0;
	}
	assert_in_range(same, 700, 1200);
	assert_in_range(still, 0, 50);
}

static struct flow_mark_version version(__u32 birth, __u64 packets, __u64 bytes)
{
	return (struct flow_mark_version){.birth = birth, .packets = packets, .bytes = bytes};
}

/* Only what is committed lets go of a slot; what is in flight does not. */
static void test_clean(void **state)
{
	struct flow_slot slot = {.birth = 3, .packets = 10, .bytes = 1000};
	struct flow_mark mark = {.committed = version(3, 10, 1000),
				 .pending = version(3, 10, 1000)};

	(void)state;
	assert_true(cache_clean(&slot, &mark));
	mark.committed = version(2, 10, 1000);
	assert_false(cache_clean(&slot, &mark));
	mark.committed = version(3, 9, 1000);
	assert_false(cache_clean(&slot, &mark));
	mark.committed = version(3, 10, 999);
	assert_false(cache_clean(&slot, &mark));
	mark.pending = version(0, 0, 0);
	mark.committed = version(3, 10, 1000);
	assert_true(cache_clean(&slot, &mark));
}

/* A slot never exported differs from its empty mark. */
static void test_new_slot_is_not_clean(void **state)
{
	struct flow_slot slot = {.birth = 1, .packets = 1, .bytes = 60};
	struct flow_mark mark = {};

	(void)state;
	assert_false(cache_clean(&slot, &mark));
	assert_false(cache_exported(&slot, &mark));
}

static void test_exported(void **state)
{
	struct flow_slot slot = {.birth = 3, .packets = 10, .bytes = 1000};
	struct flow_mark mark = {.pending = version(3, 10, 1000)};

	(void)state;
	assert_true(cache_exported(&slot, &mark));
	slot.packets++;
	assert_false(cache_exported(&slot, &mark));
	slot.packets--;
	mark.pending.birth = 4;
	assert_false(cache_exported(&slot, &mark));
}

/* A spoofed SYN: addresses and ports of somebody's choice. */
static struct flow_key chosen_key(uint64_t *rng)
{
	struct flow_key key = {.ethertype = 0x0800, .proto = 6, .ifnum = 1};

	key.src[0] = (__be32)next_random(rng);
	key.dst[0] = (__be32)next_random(rng);
	key.sport = (__be16)next_random(rng);
	key.dport = (__be16)next_random(rng);
	return key;
}

/* Of AIMED_KEYS flows that send a packet each in turn, AIMED_ROUNDS times: how many had to make room again. */
static unsigned int lost_places(const struct flow_key *key, const __u64 *seed)
{
	static struct flow_set set[AIMED_SETS];
	unsigned int lost = 0;

	memset(set, 0, sizeof(set));
	for (__u32 n = 0; n < AIMED_KEYS * AIMED_ROUNDS; n++) {
		const struct flow_key *its = &key[n % AIMED_KEYS];
		struct cache_hash hash = cache_hash(its, seed);
		struct flow_set *in = &set[hash.set % AIMED_SETS];
		__u32 way = cache_find(in, its, hash.tag);

		if (way < FLOW_WAYS) {
			in->used[way] = (n / AIMED_KEYS) << 2 | FLOW_KNOWN_LONG;
			continue;
		}
		lost += n >= AIMED_KEYS;
		put(in, cache_victim(in, n), its, hash.tag, cache_used(n / AIMED_KEYS));
	}
	return lost;
}

/*
 * Traffic that is aimed at one set under a seed that somebody knows has no room there, and under any other seed as
 * much as traffic that is aimed at nothing.
 */
static void test_aimed_keys(void **state)
{
	static struct flow_key aimed[AIMED_KEYS], others[AIMED_KEYS];
	unsigned int lost = 0, lost_others = 0, most = 0;
	__u64 known[FLOW_SEED_WORDS], seed[FLOW_SEED_WORDS];
	uint64_t rng = 2026;

	(void)state;
	random_seed(&rng, known);
	for (unsigned int n = 0; n < AIMED_KEYS;) {
		aimed[n] = chosen_key(&rng);
		n += cache_hash(&aimed[n], known).set % AIMED_SETS == 5;
	}
	for (unsigned int n = 0; n < AIMED_KEYS; n++)
		others[n] = chosen_key(&rng);
	assert_true(lost_places(aimed, known) > AIMED_KEYS * (AIMED_ROUNDS - 1) * 9 / 10);
	for (int i = 0; i < AIMED_SEEDS; i++) {
		unsigned int these;

		random_seed(&rng, seed);
		these = lost_places(aimed, seed);
		lost += these;
		lost_others += lost_places(others, seed);
		most = these > most ? these : most;
	}
	/* half of the slots are in use: some sets have more than their share, whoever sends */
	assert_true(lost <= lost_others * 3 / 2 + AIMED_SEEDS * 20);
	assert_true(most <= AIMED_KEYS * (AIMED_ROUNDS - 1) / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_aimed_keys),
		cmocka_unit_test(test_find_among_equal_tags),
		cmocka_unit_test(test_zero_key_is_not_a_free_slot),
		cmocka_unit_test(test_equal_sees_every_byte),
		cmocka_unit_test(test_victim_free_first),
		cmocka_unit_test(test_victim_least_recently_used),
		cmocka_unit_test(test_victim_spares_proven_flows),
		cmocka_unit_test(test_victim_known_once),
		cmocka_unit_test(test_victim_ties_rotate),
		cmocka_unit_test(test_victim_of_random_sets),
		cmocka_unit_test(test_tags_are_never_zero),
		cmocka_unit_test(test_hash_sees_every_bit),
		cmocka_unit_test(test_hash_spreads),
		cmocka_unit_test(test_hash_spreads_high_bytes),
		cmocka_unit_test(test_seed_scatters_collisions),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_new_slot_is_not_clean),
		cmocka_unit_test(test_exported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
