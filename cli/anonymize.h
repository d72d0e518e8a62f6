/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * anonymize.h: addresses that name nobody. Pure.
 *
 * IP addresses by Crypto-PAn (Xu, Fan, Ammar, Moon: Prefix-Preserving IP Address Anonymization, ICNP
 * 2002) with AES-128: two addresses that share their first n bits, and no more, still do so after it. The
 * same key gives the same addresses as other programs do, IPv6 as yacryptopan, libanon and the like.
 *
 * MAC addresses by a permutation of their other 46 bits: the bits for group and locally administered
 * stay, and so do broadcast and all zeros. Nothing of a vendor's prefix is kept.
 */
#pragma once

#include <stdint.h>

#define ANONYMIZE_KEY_SIZE 32 /* of the cipher 16, of what it pads with 16 */

struct anonymize;
struct flow_key;
struct flow_record;

/* 0 or -ENOMEM. What was asked for is remembered in 3 MB, so that it is not const. */
int anonymize_new(const uint8_t key[ANONYMIZE_KEY_SIZE], struct anonymize **ret_anon);
void anonymize_free(struct anonymize *anon);

/* Addresses as on the wire, in their place, which may be anywhere. */
void anonymize_ip4(struct anonymize *anon, void *addr);
void anonymize_ip6(struct anonymize *anon, void *addr);
void anonymize_mac(struct anonymize *anon, void *addr);

/*
 * Of IP, ARP and RARP; other keys have no addresses. An address that is not known, as in a folded flow,
 * stays 0.
 */
void anonymize_flow_key(struct anonymize *anon, struct flow_key *key);

/* With the endpoints of its tunnel. */
void anonymize_record(struct anonymize *anon, struct flow_record *rec);
