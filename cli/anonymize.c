/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * anonymize.c: Crypto-PAn, remembered.
 *
 * Bit i of an address is turned by a function of the i bits before it: the first bit of what the cipher
 * makes of these and, behind them, of a secret pad. So the bits that are turned in a prefix are the same in
 * all addresses that begin with it, and they are remembered for some lengths of prefix; what is behind
 * the longest known one goes through the cipher in one call.
 */
#include "cli/anonymize.h"

#include <endian.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <nettle/aes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "schema/flow_record.h"

#define BITS 128
#define CELLS_SHIFT 15 /* of each of the tables below, 48 bytes a cell */
#define CELLS (1U << CELLS_SHIFT)
#define MAC_HALF 23 /* bits */
#define MAC_ROUNDS 8
#define MAC_CELLS_SHIFT 10
#define MAC_CELLS (1U << MAC_CELLS_SHIFT)

/* The bits that are turned in a prefix. IPv4 addresses are in the upper 32 bits of both. */
struct memo {
	unsigned __int128 prefix;
	unsigned __int128 turned;
	uint32_t what; /* version of IP << 8 | bits of the prefix; 0: free */
};

struct mac_memo {
	uint8_t mac[ETH_ALEN]; /* all 0: free */
	uint8_t made[ETH_ALEN];
};

struct anonymize {
	struct aes128_ctx cipher;
	struct aes128_ctx mac_cipher;
	unsigned __int128 pad;
	struct memo *addresses; /* CELLS of each, by hash: the last one stays */
	struct memo *prefixes;
	struct mac_memo macs[MAC_CELLS]; /* by hash, too */
};

/* Lengths of prefixes that are remembered; the last is the whole address. */
struct lengths {
	uint32_t version;
	int count;
	uint8_t bits[4];
};

static const struct lengths lengths4 = {4, 3, {16, 24, 32}};
static const struct lengths lengths6 = {6, 4, {32, 48, 64, 128}};

/* The first `bits` of 128. */
static unsigned __int128 first_bits(unsigned int bits)
{
	return bits ? ~(unsigned __int128)0 << (BITS - bits) : 0;
}

static unsigned __int128 load(const uint8_t *bytes)
{
	uint64_t half[2];

	memcpy(half, bytes, sizeof(half));
	return (unsigned __int128)be64toh(half[0]) << 64 | be64toh(half[1]);
}

static void store(unsigned __int128 value, uint8_t *bytes)
{
	uint64_t half[2] = {htobe64((uint64_t)(value >> 64)), htobe64((uint64_t)value)};

	memcpy(bytes, half, sizeof(half));
}

/* Of the bits from number `from` to before `to` those that are turned, in their places. */
static unsigned __int128 turned_bits(const struct anonymize *anon, unsigned __int128 addr,
				     unsigned int from, unsigned int to)
{
	uint8_t block[BITS * AES_BLOCK_SIZE];
	unsigned __int128 turned = 0;

	for (unsigned int i = from; i < to; i++) {
		unsigned __int128 known = first_bits(i);

		store((addr & known) | (anon->pad & ~known), block + (i - from) * AES_BLOCK_SIZE);
	}
	aes128_encrypt(&anon->cipher, (to - from) * AES_BLOCK_SIZE, block, block);
	for (unsigned int i = from; i < to; i++)
		turned |= (unsigned __int128)(block[(i - from) * AES_BLOCK_SIZE] >> 7)
			  << (BITS - 1 - i);
	return turned;
}

static struct memo *find(const struct anonymize *anon, const struct lengths *lengths, int which,
			 unsigned __int128 prefix)
{
	uint64_t hash = (uint64_t)(prefix >> 64) ^ (uint64_t)prefix * 0x9e3779b97f4a7c15U;
	bool is_whole = which == lengths->count - 1;

	hash = (hash ^ hash >> 32 ^ lengths->bits[which]) * 0xff51afd7ed558ccdU;
	return (is_whole ? anon->addresses : anon->prefixes) + (hash >> (64 - CELLS_SHIFT));
}

/* The bits of the longest prefix that is remembered, 0: none is; what is turned in it. */
static unsigned int recall(const struct anonymize *anon, const struct lengths *lengths,
			   unsigned __int128 addr, unsigned __int128 *ret_turned)
{
	for (int which = lengths->count - 1; which >= 0; which--) {
		unsigned __int128 prefix = addr & first_bits(lengths->bits[which]);
		const struct memo *memo = find(anon, lengths, which, prefix);

		if (memo->what != (lengths->version << 8 | lengths->bits[which]) ||
		    memo->prefix != prefix)
			continue;
		*ret_turned = memo->turned;
		return lengths->bits[which];
	}
	*ret_turned = 0;
	return 0;
}

/* Of the whole address those that are turned. */
static unsigned __int128 turned_in(struct anonymize *anon, const struct lengths *lengths,
				   unsigned __int128 addr)
{
	unsigned int whole = lengths->bits[lengths->count - 1];
	unsigned __int128 turned;
	unsigned int from = recall(anon, lengths, addr, &turned);

	if (from == whole)
		return turned;
	turned |= turned_bits(anon, addr, from, whole);
	for (int which = lengths->count - 1; which >= 0 && lengths->bits[which] > from; which--) {
		unsigned __int128 mask = first_bits(lengths->bits[which]), prefix = addr & mask;

		*find(anon, lengths, which, prefix) =
			(struct memo){.prefix = prefix,
				      .turned = turned & mask,
				      .what = lengths->version << 8 | lengths->bits[which]};
	}
	return turned;
}

/* What is not a Crypto-PAn input has a key of its own. */
static void set_mac_key(struct anonymize *anon)
{
	uint8_t block[AES_BLOCK_SIZE] = "wireledger: MAC";

	aes128_encrypt(&anon->cipher, sizeof(block), block, block);
	aes128_set_encrypt_key(&anon->mac_cipher, block);
	explicit_bzero(block, sizeof(block));
}

int anonymize_new(const uint8_t key[ANONYMIZE_KEY_SIZE], struct anonymize **ret_anon)
{
	struct anonymize *anon = calloc(1, sizeof(*anon));
	uint8_t pad[AES_BLOCK_SIZE];

	if (!anon)
		return -ENOMEM;
	anon->addresses = calloc(CELLS, sizeof(*anon->addresses));
	anon->prefixes = calloc(CELLS, sizeof(*anon->prefixes));
	if (!anon->addresses || !anon->prefixes) {
		anonymize_free(anon);
		return -ENOMEM;
	}
	aes128_set_encrypt_key(&anon->cipher, key);
	aes128_encrypt(&anon->cipher, sizeof(pad), pad, key + AES128_KEY_SIZE);
	anon->pad = load(pad);
	explicit_bzero(pad, sizeof(pad));
	set_mac_key(anon);
	*ret_anon = anon;
	return 0;
}

void anonymize_free(struct anonymize *anon)
{
	if (!anon)
		return;
	free(anon->addresses);
	free(anon->prefixes);
	explicit_bzero(anon, sizeof(*anon));
	free(anon);
}

void anonymize_ip4(struct anonymize *anon, void *addr)
{
	unsigned __int128 word;
	uint32_t value;

	memcpy(&value, addr, sizeof(value));
	word = (unsigned __int128)be32toh(value) << (BITS - 32);
	word ^= turned_in(anon, &lengths4, word);
	value = htobe32((uint32_t)(word >> (BITS - 32)));
	memcpy(addr, &value, sizeof(value));
}

void anonymize_ip6(struct anonymize *anon, void *addr)
{
	unsigned __int128 word = load(addr);

	store(word ^ turned_in(anon, &lengths6, word), addr);
}

static bool is_nobodys(const uint8_t *mac)
{
	static const uint8_t broadcast[ETH_ALEN] = {255, 255, 255, 255, 255, 255}, none[ETH_ALEN];

	return !memcmp(mac, broadcast, ETH_ALEN) || !memcmp(mac, none, ETH_ALEN);
}

/* One round's function; `kept` are the bits that stay. */
static uint32_t mix_half(const struct anonymize *anon, int round, uint8_t kept, uint32_t half)
{
	uint8_t block[AES_BLOCK_SIZE] = {(uint8_t)round, kept, (uint8_t)(half >> 16),
					 (uint8_t)(half >> 8), (uint8_t)half};

	aes128_encrypt(&anon->mac_cipher, sizeof(block), block, block);
	return (uint32_t)block[0] << 15 | (uint32_t)block[1] << 7 | block[2] >> 1;
}

/* A Feistel network (Luby and Rackoff 1988) of two halves of 23 bits. */
static void permute_mac(const struct anonymize *anon, uint8_t *mac)
{
	uint32_t mask = (1U << MAC_HALF) - 1, left, right;
	uint64_t bits = mac[0] >> 2;
	uint8_t kept = mac[0] & 3;

	for (int i = 1; i < ETH_ALEN; i++)
		bits = bits << 8 | mac[i];
	left = (uint32_t)(bits >> MAC_HALF);
	right = (uint32_t)bits & mask;
	for (int round = 0; round < MAC_ROUNDS; round++) {
		uint32_t mixed = left ^ mix_half(anon, round, kept, right);

		left = right;
		right = mixed;
	}
	bits = (uint64_t)left << MAC_HALF | right;
	for (int i = ETH_ALEN - 1; i > 0; i--, bits >>= 8)
		mac[i] = (uint8_t)bits;
	mac[0] = (uint8_t)(bits << 2) | kept;
}

static struct mac_memo *find_mac(struct anonymize *anon, const uint8_t *mac)
{
	uint64_t hash = 0;

	memcpy(&hash, mac, ETH_ALEN);
	return &anon->macs[hash * 0x9e3779b97f4a7c15U >> (64 - MAC_CELLS_SHIFT)];
}

void anonymize_mac(struct anonymize *anon, void *addr)
{
	struct mac_memo *memo = find_mac(anon, addr);

	if (is_nobodys(addr))
		return;
	if (memcmp(memo->mac, addr, ETH_ALEN)) {
		memcpy(memo->mac, addr, ETH_ALEN);
		memcpy(memo->made, addr, ETH_ALEN);
		do /* what became nobody's goes on: so it remains a permutation */
			permute_mac(anon, memo->made);
		while (is_nobodys(memo->made));
	}
	memcpy(addr, memo->made, ETH_ALEN);
}

static bool is_zero(const __be32 *addr)
{
	return !(addr[0] | addr[1] | addr[2] | addr[3]);
}

/*
 * Who sent a folded flow, all of an IP header that was cut short, ARP of other addresses than IPv4's, or
 * without any.
 */
static bool is_unknown(const struct flow_key *key, const __be32 *addr)
{
	bool is_bare = !flow_key_is_ip(key) || ((key->marks & FLOW_MARK_SHORT) && !key->proto);

	return is_zero(addr) && ((key->marks & FLOW_MARK_FOLDED) ||
				 (is_bare && is_zero(key->src) && is_zero(key->dst)));
}

static void anonymize_address(struct anonymize *anon, uint16_t ethertype, __be32 *addr)
{
	if (ethertype == ETH_P_IPV6)
		anonymize_ip6(anon, addr);
	else
		anonymize_ip4(anon, addr);
}

void anonymize_flow_key(struct anonymize *anon, struct flow_key *key)
{
	bool src, dst;

	if (!flow_key_is_ip(key) && key->ethertype != ETH_P_ARP && key->ethertype != ETH_P_RARP)
		return;
	src = !is_unknown(key, key->src);
	dst = !is_unknown(key, key->dst);
	if (src)
		anonymize_address(anon, key->ethertype, key->src);
	if (dst)
		anonymize_address(anon, key->ethertype, key->dst);
}

void anonymize_record(struct anonymize *anon, struct flow_record *rec)
{
	anonymize_flow_key(anon, &rec->key);
	if (!rec->outer_ethertype)
		return;
	anonymize_address(anon, rec->outer_ethertype, rec->outer_src);
	anonymize_address(anon, rec->outer_ethertype, rec->outer_dst);
}
