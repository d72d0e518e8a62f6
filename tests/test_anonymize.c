// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_anonymize.c: Crypto-PAn against what others have published of it, what makes it one (prefixes, a
 * permutation), that remembering changes nothing, MAC addresses, keys of flows, and the key's file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <nettle/aes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "anonymize_known.h"
#include "cli/anonymize.h"
#include "cli/keyfile.h"
#include "db_util.h"
#include "schema/flow_record.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MANY 200000 /* more than are remembered */

static const uint8_t *const key = known_sets[0].key;

static struct anonymize *anon_of(const uint8_t *its_key)
{
	struct anonymize *anon = NULL;

	assert_int_equal(anonymize_new(its_key, &anon), 0);
	return anon;
}

static void check_known(struct anonymize *anon, const struct known_set *set)
{
	for (const struct known *known = set->known; known->addr; known++) {
		int family = strchr(known->addr, ':') ? AF_INET6 : AF_INET;
		uint8_t addr[16], made[16], given[17];

		assert_int_equal(inet_pton(family, known->addr, addr), 1);
		assert_int_equal(inet_pton(family, known->made, made), 1);
		memcpy(given + 1, addr, sizeof(addr)); /* at an odd place */
		if (family == AF_INET)
			anonymize_ip4(anon, given + 1);
		else
			anonymize_ip6(anon, given + 1);
		if (memcmp(given + 1, made, family == AF_INET ? 4 : 16))
			fail_msg("%s: %s is not %s", set->name, known->addr, known->made);
	}
}

/* Each set twice: from the cipher, and from what is remembered. */
static void test_published(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(known_sets); i++) {
		struct anonymize *anon = anon_of(known_sets[i].key);

		check_known(anon, &known_sets[i]);
		check_known(anon, &known_sets[i]);
		anonymize_free(anon);
	}
	anonymize_free(NULL);
}

static uint64_t next_random(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15U;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dU;
}

static void random_bytes(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(next_random() >> 40);
}

static int bit_of(const uint8_t *addr, int i)
{
	return addr[i / 8] >> (7 - i % 8) & 1;
}

/* The definition, a bit and a block at a time. */
static void by_the_book(const uint8_t *its_key, const uint8_t *addr, int bits, uint8_t *ret_addr)
{
	struct aes128_ctx cipher;
	uint8_t pad[16], block[16], out[16];

	aes128_set_encrypt_key(&cipher, its_key);
	aes128_encrypt(&cipher, 16, pad, its_key + 16);
	memset(ret_addr, 0, (size_t)bits / 8);
	for (int i = 0; i < bits; i++) {
		memcpy(block, pad, sizeof(block));
		for (int j = 0; j < i; j++) {
			block[j / 8] &= (uint8_t) ~(0x80 >> j % 8);
			block[j / 8] |= (uint8_t)(bit_of(addr, j) << (7 - j % 8));
		}
		aes128_encrypt(&cipher, 16, out, block);
		ret_addr[i / 8] |= (uint8_t)((bit_of(addr, i) ^ out[0] >> 7) << (7 - i % 8));
	}
}

static void make(struct anonymize *anon, int bits, const uint8_t *addr, uint8_t *ret_addr)
{
	memcpy(ret_addr, addr, (size_t)bits / 8);
	if (bits == 32)
		anonymize_ip4(anon, ret_addr);
	else
		anonymize_ip6(anon, ret_addr);
}

static int shared_bits(const uint8_t *a, const uint8_t *b, int bits)
{
	int i = 0;

	while (i < bits && bit_of(a, i) == bit_of(b, i))
		i++;
	return i;
}

/* Pairs that share 0 to all bits, and no more. */
static void check_prefixes(struct anonymize *anon, int bits)
{
	uint8_t a[16], b[16], made_a[16], made_b[16];

	for (int i = 0; i < 20000; i++) {
		int shared = (int)(next_random() % (uint64_t)(bits + 1));

		random_bytes(a, sizeof(a));
		random_bytes(b, sizeof(b));
		for (int j = 0; j <= shared && j < bits; j++) {
			uint8_t mask = (uint8_t)(0x80 >> j % 8);

			b[j / 8] = (uint8_t)((b[j / 8] & ~mask) | (a[j / 8] & mask));
			if (j == shared)
				b[j / 8] ^= mask;
		}
		make(anon, bits, a, made_a);
		make(anon, bits, b, made_b);
		assert_int_equal(shared_bits(a, b, bits), shared);
		assert_int_equal(shared_bits(made_a, made_b, bits), shared);
	}
}

static void test_prefixes(void **state)
{
	struct anonymize *anon = anon_of(key);

	(void)state;
	check_prefixes(anon, 32);
	check_prefixes(anon, 128);
	anonymize_free(anon);
}

/* In few networks, so that each length of prefix is known at times and not at others. */
static void random_address(int i, uint8_t *addr)
{
	random_bytes(addr, 16);
	if (i % 3)
		memcpy(addr, "\x20\x01\x0d\xb8", 4);
	if (i % 3 == 1)
		memset(addr + 4, 0, 4);
	if (i % 5 == 1)
		memset(addr, i % 7, 8);
}

/* More addresses than are remembered, of both versions; some of them held to the definition. */
static void test_remembered(void **state)
{
	struct anonymize *anon = anon_of(key);
	uint8_t addr[16], made[16], wanted[16];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		int bits = i & 1 ? 32 : 128;

		random_address(i, addr);
		make(anon, bits, addr, made);
		if (i % 100 > 1)
			continue;
		by_the_book(key, addr, bits, wanted);
		assert_memory_equal(made, wanted, (size_t)bits / 8);
	}
	check_known(anon, &known_sets[0]);
	anonymize_free(anon);
}

/* All of a /16 go to all of another. */
static void test_permutation(void **state)
{
	struct anonymize *anon = anon_of(key);
	uint8_t *seen = calloc(1, 65536), addr[4] = {10, 185, 0, 0}, made[4];

	(void)state;
	assert_non_null(seen);
	for (uint32_t i = 0; i < 65536; i++) {
		addr[2] = (uint8_t)(i >> 8);
		addr[3] = (uint8_t)i;
		make(anon, 32, addr, made);
		assert_int_equal(made[0] << 8 | made[1], 117 << 8 | 161);
		assert_false(seen[made[2] << 8 | made[3]]++);
	}
	free(seen);
	anonymize_free(anon);
}

static int compare_macs(const void *a, const void *b)
{
	return memcmp(a, b, ETH_ALEN);
}

/* Group and local bits stay, two are never the same, and two keys make two things of them. */
static void test_macs(void **state)
{
	struct anonymize *anon = anon_of(key), *other = anon_of(known_sets[1].key);
	uint8_t(*made)[ETH_ALEN] = calloc(MANY, ETH_ALEN), addr[ETH_ALEN], again[ETH_ALEN];
	int same = 0;

	(void)state;
	assert_non_null(made);
	for (int i = 0; i < MANY; i++) {
		memcpy(addr, "\x52\x54\x00", 3);
		addr[0] ^= (uint8_t)(i & 3);
		for (int j = 0; j < 3; j++)
			addr[3 + j] = (uint8_t)(i >> (2 + 8 * j));
		memcpy(made[i], addr, ETH_ALEN);
		memcpy(again, addr, ETH_ALEN);
		anonymize_mac(anon, made[i]);
		anonymize_mac(other, again);
		assert_int_equal(made[i][0] & 3, addr[0] & 3);
		same += !memcmp(made[i], addr, 3) + !memcmp(made[i], again, 3);
	}
	assert_in_range(same, 0, 10); /* in 2^24 each, by chance */
	qsort(made, MANY, ETH_ALEN, compare_macs);
	for (int i = 1; i < MANY; i++)
		assert_memory_not_equal(made[i - 1], made[i], ETH_ALEN);
	free(made);
	anonymize_free(anon);
	anonymize_free(other);
}

static void test_nobodys_macs(void **state)
{
	static const uint8_t nobodys[][ETH_ALEN] = {{0}, {255, 255, 255, 255, 255, 255}};
	struct anonymize *anon = anon_of(key);

	(void)state;
	for (size_t i = 0; i < COUNT(nobodys); i++) {
		uint8_t addr[ETH_ALEN];

		memcpy(addr, nobodys[i], ETH_ALEN);
		anonymize_mac(anon, addr);
		assert_memory_equal(addr, nobodys[i], ETH_ALEN);
	}
	anonymize_free(anon);
}

static uint32_t address4(struct anonymize *anon, const char *text)
{
	uint32_t addr;

	assert_int_equal(inet_pton(AF_INET, text, &addr), 1);
	if (anon)
		anonymize_ip4(anon, &addr);
	return addr;
}

/* What is not known stays so; what is no IP is not looked at. */
static void test_flow_keys(void **state)
{
	static const struct {
		uint16_t ethertype;
		uint8_t proto, marks;
		const char *src, *dst;
		int changed; /* 1: src, 2: dst */
	} cases[] = {
		{ETH_P_IP, 6, 0, "10.1.2.3", "10.1.2.4", 3},
		{ETH_P_IP, 0, 0, "0.0.0.0", "255.255.255.255", 3},
		{ETH_P_ARP, 0, 0, "10.1.2.3", "0.0.0.0", 3},
		{ETH_P_RARP, 0, 0, "10.1.2.3", "10.1.2.4", 3},
		{ETH_P_RARP, 0, 0, "0.0.0.0", "0.0.0.0", 0},
		{ETH_P_IP, 6, FLOW_MARK_FOLDED, "0.0.0.0", "10.1.2.4", 2},
		{ETH_P_IP, 6, FLOW_MARK_FOLDED, "10.1.2.3", "0.0.0.0", 1},
		{ETH_P_IP, 0, FLOW_MARK_SHORT, "0.0.0.0", "0.0.0.0", 0},
		{ETH_P_IP, 6, FLOW_MARK_SHORT, "0.0.0.0", "10.1.2.4", 3},
		{FLOW_ETH_LLC, 0, 0, "0.0.0.0", "0.0.0.0", 0},
		{0, 0, FLOW_MARK_CATCHALL, "0.0.0.0", "0.0.0.0", 0},
	};
	struct anonymize *anon = anon_of(key);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct flow_key got = {.ethertype = cases[i].ethertype,
				       .proto = cases[i].proto,
				       .marks = cases[i].marks,
				       .sport = 7,
				       .tunnel_id = 9},
				wanted = got;

		got.src[0] = address4(NULL, cases[i].src);
		got.dst[0] = address4(NULL, cases[i].dst);
		wanted.src[0] = address4(cases[i].changed & 1 ? anon : NULL, cases[i].src);
		wanted.dst[0] = address4(cases[i].changed & 2 ? anon : NULL, cases[i].dst);
		anonymize_flow_key(anon, &got);
		assert_memory_equal(&got, &wanted, sizeof(got));
	}
	anonymize_free(anon);
}

/* Inside IPv4, outside IPv6; and outside nothing. */
static void test_records(void **state)
{
	struct anonymize *anon = anon_of(key);
	struct flow_record rec = {.key = {.ethertype = ETH_P_IP}, .outer_ethertype = ETH_P_IPV6};
	char text[INET6_ADDRSTRLEN];

	(void)state;
	rec.key.src[0] = address4(NULL, "10.185.25.118");
	rec.key.dst[0] = address4(NULL, "64.39.15.238");
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", rec.outer_src), 1);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::2", rec.outer_dst), 1);
	anonymize_record(anon, &rec);
	assert_string_equal(inet_ntop(AF_INET, rec.key.src, text, sizeof(text)), "117.161.29.118");
	assert_string_equal(inet_ntop(AF_INET, rec.key.dst, text, sizeof(text)), "0.219.7.41");
	assert_string_equal(inet_ntop(AF_INET6, rec.outer_src, text, sizeof(text)),
			    "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e");
	assert_string_equal(inet_ntop(AF_INET6, rec.outer_dst, text, sizeof(text)),
			    "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c");
	rec = (struct flow_record){.key = {.ethertype = ETH_P_LLDP}};
	anonymize_record(anon, &rec);
	assert_int_equal(rec.key.src[0] | rec.outer_src[0] | rec.outer_dst[3], 0);
	anonymize_free(anon);
}

#define DIGITS "0123456789abcdefABCDEF9876543210"

static const struct key_case {
	const char *name;
	const char *bytes;
	size_t size;
	mode_t mode;
	int err;
	const char *says;
} key_cases[] = {
	{"raw", DIGITS, 32, 0600, 0, NULL},
	{"hex", DIGITS DIGITS "\n", 65, 0600, 0, NULL},
	{"stricter", DIGITS, 32, 0400, 0, NULL},
	{"group", DIGITS, 32, 0640, -EPERM, "/group': mode 0640: others may read it"},
	{"everyone", DIGITS, 32, 0644, -EPERM, "/everyone': mode 0644"},
	{"write", DIGITS, 32, 0602, -EPERM, "/write': mode 0602"},
	{"setuid", DIGITS, 32, 04644, -EPERM, "/setuid': mode 4644"},
	{"empty", "", 0, 0600, -EINVAL, "/empty': 0 bytes that are not a key"},
	{"31", DIGITS, 31, 0600, -EINVAL, "/31': 31 bytes"},
	{"33", DIGITS "\n", 33, 0600, -EINVAL, "/33': 33 bytes"},
	{"no newline", DIGITS DIGITS, 64, 0600, -EINVAL, "64 bytes that are not a key"},
	{"two newlines", DIGITS DIGITS "\n\n", 66, 0600, -EINVAL, "more than 65 bytes"},
	{"not hex", DIGITS "g123456789abcdefABCDEF9876543210\n", 65, 0600, -EINVAL, "65 bytes"},
	{"NUL", DIGITS DIGITS, 65, 0600, -EINVAL, "65 bytes that are not a key"},
};

static void write_key(const char *path, const struct key_case *c)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(c->bytes, 1, c->size, file), c->size);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, c->mode), 0);
}

static void test_key_files(void **state)
{
	struct keyfile_error error = {""};
	uint8_t got[ANONYMIZE_KEY_SIZE], untouched[ANONYMIZE_KEY_SIZE];

	(void)state;
	memset(untouched, 0xa5, sizeof(untouched));
	for (size_t i = 0; i < COUNT(key_cases); i++) {
		const struct key_case *c = &key_cases[i];
		const char *path = in_dir(c->name);

		write_key(path, c);
		memset(got, 0xa5, sizeof(got));
		assert_int_equal(keyfile_read(path, got, &error), c->err);
		if (!c->err)
			continue;
		if (!strstr(error.text, c->says) || strncmp(error.text, "anonymize key '/", 16))
			fail_msg("%s: said '%s', not '%s'", c->name, error.text, c->says);
		assert_memory_equal(got, untouched, sizeof(got));
	}
	assert_int_equal(keyfile_read(in_dir("raw"), got, &error), 0);
	assert_memory_equal(got, DIGITS, 32);
	assert_int_equal(keyfile_read(in_dir("hex"), got, &error), 0);
	assert_memory_equal(got, "\x01\x23\x45\x67\x89\xab\xcd\xef\xab\xcd\xef\x98\x76\x54\x32\x10",
			    16);
	assert_memory_equal(got + 16, got, 16);
}

/* Names that are no plain files: nothing waits for a writer, or for ever. */
static void test_key_not_a_file(void **state)
{
	static const struct {
		const char *path;
		int err;
		const char *says;
	} cases[] = {
		{"/nonexistent/key", -ENOENT, "anonymize key '/nonexistent/key': No such file"},
		{"/", -EINVAL, "anonymize key '/': not a plain file"},
		{"/dev/zero", -EINVAL, "anonymize key '/dev/zero': not a plain file"},
		{"", -ENOENT, "anonymize key '': No such file"},
	};
	struct keyfile_error error;
	uint8_t got[ANONYMIZE_KEY_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(keyfile_read(cases[i].path, got, &error), cases[i].err);
		assert_non_null(strstr(error.text, cases[i].says));
	}
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(keyfile_read(in_dir("fifo"), got, &error), -EINVAL);
}

/* Of another user: not even root takes it. */
static void test_key_owner(void **state)
{
	struct keyfile_error error;
	uint8_t got[ANONYMIZE_KEY_SIZE];
	const char *path = in_dir("owned");

	(void)state;
	if (geteuid())
		skip();
	write_key(path, &key_cases[0]);
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_int_equal(keyfile_read(path, got, &error), -EACCES);
	assert_non_null(strstr(error.text, "belongs to user 65534, neither to the caller (0)"));
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(keyfile_read(path, got, &error), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published),  cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_remembered), cmocka_unit_test(test_permutation),
		cmocka_unit_test(test_macs),	   cmocka_unit_test(test_nobodys_macs),
		cmocka_unit_test(test_flow_keys),  cmocka_unit_test(test_records),
		cmocka_unit_test(test_key_files),  cmocka_unit_test(test_key_not_a_file),
		cmocka_unit_test(test_key_owner),
	};

	return cmocka_run_group_tests_name("anonymize", tests, dir_setup, dir_teardown);
}
