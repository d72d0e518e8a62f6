/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * talker.h: what a record is summed under, for the tables talker_minute and talker_hour and for
 * flowctl's groups. A key is a struct flow_key of which all else is 0; `outer` holds the interface's
 * id, of interfaces, and `vlan` is 1 where a service has a port. What has no such part (no address,
 * no port) has a key of its EtherType and marks, so that sums stay complete.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flow_record.h"

enum talker_kind {
	TALKER_HOST,	/* an address; a record counts to both its ends, once where they are one */
	TALKER_PAIR,	/* two addresses, the lower (by memcmp) as src */
	TALKER_SERVICE, /* IP protocol and the server's port */
	TALKER_PROTO,	/* IP protocol */
	TALKER_IFACE,	/* interface.id */
	TALKER_VLAN,	/* outer and inner tag */
	TALKER_KINDS,
};

/* Names of the kinds, in their order. */
extern const char *const talker_kind_name[TALKER_KINDS];

/*
 * A key of a record. Its own direction is what a host sends, what goes from a pair's src to dst, from
 * client to server, and of the others the initiator's.
 */
struct talker_part {
	struct flow_key key;
	bool turned; /* the initiator's half is the reverse one of the key */
};

/* The keys of that kind: how many, 1 or 2. */
int talker_keys(const struct flow_record *rec, enum talker_kind kind, struct talker_part part[2]);

/*
 * The server is who did not send the SYN. Where none was seen, or both sent one, it is the end with
 * the lower port: one that is registered is below those that clients are given.
 */
#define TALKER_PORT_CLIENT 32768 /* ports that clients are given: from here on */

/* Addresses are meant: of IP, and not cut short before they were reached. */
bool talker_has_addresses(const struct flow_key *key);

/* So are ports. */
bool talker_has_ports(const struct flow_key *key);

/* Key of what has no address or port of its own. */
void talker_stand_in(const struct flow_key *key, struct flow_key *ret_key);

/* Key of an end of this direction: 0 its source, 1 its destination. It is in src. */
void talker_end(const struct flow_key *key, int end, struct flow_key *ret_key);

/* Key of the IP protocol, with ETH_P_IP for either family. */
void talker_proto(const struct flow_key *key, struct flow_key *ret_key);

/* --- in columns ----------------------------------------------------------------------------------- */

/*
 * A key is stored as src, dst and `what`: addresses as in table flow, the first `talker_addresses()`
 * (0 to 2) of them, the others NULL; and what the rest of the key is packed to, 0 being NULL:
 *
 *   host, pair      | marks : 16..23 | EtherType : 0..15 |  0 where there are addresses and no marks
 *   service, proto  | EtherType ^ 0x0800 : 33..48 | marks : 25..32 | has port : 24 | protocol : 16..23 | port : 0..15 |
 *   iface           interface.id
 *   vlan            | marks : 32..39 | inner tag : 16..31 | outer tag : 0..15 |  as struct flow_key has them
 */
int talker_addresses(enum talker_kind kind, const struct flow_key *key);
uint64_t talker_pack(enum talker_kind kind, const struct flow_key *key);

/* Back: src and dst of *key are set, all else is 0. `ethertype`: of the addresses, 0 without. */
void talker_unpack(enum talker_kind kind, uint16_t ethertype, uint64_t what, struct flow_key *key);

/* --- rows ----------------------------------------------------------------------------------------- */

#define TALKER_MINUTE_MS 60000LL
#define TALKER_HOUR_MS 3600000LL
#define TALKER_KIND_SHIFT 24 /* of a row's id */
#define TALKER_BUCKET_SHIFT 28
#define TALKER_RANK_MAX ((1 << TALKER_KIND_SHIFT) - 1)
#define TALKER_TAIL_SHIFT \
	4 /* of the id of talker_minute_tail and talker_hour_tail, below it the kind */

#define TALKER_COLUMNS                                                                  \
	"id, src, dst, what, flows, packets, bytes, l2_bytes, rev_packets, rev_bytes, " \
	"rev_l2_bytes, retransmits, rev_retransmits, drops, rev_drops, rtt_count, "     \
	"rtt_sum_us, first_ms, last_ms"

/* The number of the minute in which a bucket begins, and its first row (the tail) of that kind. */
static inline int64_t talker_minute_of(int64_t ms)
{
	return ms >= 0 ? ms / TALKER_MINUTE_MS : -((TALKER_MINUTE_MS - 1 - ms) / TALKER_MINUTE_MS);
}

static inline int64_t talker_id(int64_t minute, enum talker_kind kind)
{
	return minute * (1LL << TALKER_BUCKET_SHIFT) + ((int64_t)kind << TALKER_KIND_SHIFT);
}

static inline int64_t talker_tail_id(int64_t minute, enum talker_kind kind)
{
	return minute * (1LL << TALKER_TAIL_SHIFT) + (int64_t)kind;
}
