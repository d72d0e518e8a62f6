/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_pack.h: columns of table flow that hold several values, in few bits as a rule.
 *
 *   how        | marks : 4..11 | end_reason : 1..3 | dir : 0 |
 *   l2         | 1 EtherType : 26..42 | 1 cvlan : 13..25 | 1 vlan : 0..12 |   NULL: none of them
 *   l2_bytes   of frames what is not IP, without 14 of each Ethernet header; wraps around
 *   tcp_flags  both directions, the initiator's first: low five flags : 0..4, 5..9; then a bit of each:
 *              SYN without ACK : 10, 11, ECE : 12, 13, CWR : 14, 15, URG : 16, 17
 *
 * The 1 in front of a value of l2 says that it is there. An EtherType is there where the addresses do
 * not tell it: of all but IPv4 and IPv6.
 */
#pragma once

#include <linux/if_ether.h>
#include <stdint.h>

#include "flow_record.h"

#define DB_HOW_MAX 0xfff
#define DB_L2_MAX ((1LL << 43) - 1)
#define DB_TCP_FLAGS_MAX 0x3ffff

#define DB_END_SHIFT 1
#define DB_MARKS_SHIFT 4
#define DB_CVLAN_SHIFT 13
#define DB_ETHERTYPE_SHIFT 26
#define DB_ETHERTYPE_THERE 0x10000
#define DB_TAG 0x1fff /* FLOW_VLAN_TAGGED and the id */

static inline int64_t db_pack_how(const struct flow_record *rec)
{
	return (rec->key.dir & 1) | (rec->end_reason & 7) << DB_END_SHIFT |
	       rec->key.marks << DB_MARKS_SHIFT;
}

static inline void db_unpack_how(uint64_t how, struct flow_record *rec)
{
	rec->key.dir = how & 1;
	rec->end_reason = how >> DB_END_SHIFT & 7;
	rec->key.marks = (uint8_t)(how >> DB_MARKS_SHIFT);
}

/* 0 where the row has NULL. */
static inline int64_t db_pack_l2(const struct flow_key *key)
{
	int64_t type = flow_key_is_ip(key) ? 0 : DB_ETHERTYPE_THERE | key->ethertype;

	return key->vlan | (int64_t)key->cvlan << DB_CVLAN_SHIFT | type << DB_ETHERTYPE_SHIFT;
}

/* Tags; and returns the EtherType, or -1 where the addresses tell it. */
static inline int32_t db_unpack_l2(uint64_t l2, struct flow_key *key)
{
	uint32_t type = (uint32_t)(l2 >> DB_ETHERTYPE_SHIFT);

	key->vlan = l2 & FLOW_VLAN_TAGGED ? l2 & DB_TAG : 0;
	key->cvlan = l2 >> DB_CVLAN_SHIFT & FLOW_VLAN_TAGGED ? l2 >> DB_CVLAN_SHIFT & DB_TAG : 0;
	return type & DB_ETHERTYPE_THERE ? (int32_t)(type & 0xffff) : -1;
}

static inline int64_t db_pack_l2_bytes(const struct flow_half *half)
{
	return (int64_t)(half->bytes - half->ip_bytes - ETH_HLEN * half->packets);
}

/* ip_bytes, where the other two are set. */
static inline uint64_t db_unpack_ip_bytes(const struct flow_half *half, int64_t l2_bytes)
{
	return half->bytes - (uint64_t)l2_bytes - ETH_HLEN * half->packets;
}

/* Bits of one direction, as of the initiator's; the low five flags apart. */
static inline int64_t db_pack_flag_pairs(const struct flow_half *half)
{
	uint32_t flags = half->tcp_flags;

	return !!half->tcp_syn << 10 | (flags & 0x40) << 6 | (flags & 0x80) << 7 |
	       (flags & 0x20) << 11;
}

static inline int64_t db_pack_tcp_flags(const struct flow_half half[2])
{
	return (half[0].tcp_flags & 0x1f) | (half[1].tcp_flags & 0x1f) << 5 |
	       db_pack_flag_pairs(&half[0]) | db_pack_flag_pairs(&half[1]) << 1;
}

static inline void db_unpack_tcp_flags(uint64_t packed, struct flow_half half[2])
{
	for (int i = 0; i < 2; i++) {
		uint64_t pairs = packed >> i;

		half[i].tcp_flags = (uint8_t)((packed >> 5 * i & 0x1f) | (pairs >> 6 & 0x40) |
					      (pairs >> 7 & 0x80) | (pairs >> 11 & 0x20));
		half[i].tcp_syn = pairs >> 10 & 1;
	}
}
