/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_record.h: what flowd makes of slots, for sinks and flowctl; and keys and records turned round
 * and split. A record is what a conversation did on an interface between two exports (a biflow, RFC 5103).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flow.h"

enum end_reason {		      /* RFC 5102 section 5.11.3 flowEndReason */
		  END_ACTIVE_NOW = 0, /* not ended: the unexported part of a live flow */
		  END_IDLE = 1,
		  END_ACTIVE = 2,
		  END_FLOW = 3,
		  END_FORCED = 4,
		  END_RESOURCES = 5,
};

/* One direction of a record. */
struct flow_half {
	uint64_t packets;
	uint64_t bytes;
	uint64_t ip_bytes;
	uint8_t tcp_flags;
	uint8_t tcp_syn;
	uint8_t pad[6];
};

/* What went wrong in one direction, and how far its receiver is. All 0 where nothing was seen. */
struct half_health {
	struct flow_health_count
		count; /* round trips: of this direction's packets and their answers */
	uint64_t drop_bytes;
	uint32_t rtt_min_us;
	uint32_t rtt_max_us;
	uint32_t handshake_us;	     /* from this direction's SYN, or SYN with ACK, to its answer */
	uint32_t retransmits_kernel; /* segments, by the kernel of this host */
	uint32_t drops;		     /* packets, by this host */
	uint32_t pad;
};

/* What the kernel knew of this host's end of a connection when it closed; has: 0 where it did not. */
struct flow_socket {
	uint64_t delivery_rate; /* bytes a second */
	uint64_t bytes_acked;
	uint64_t bytes_received;
	uint32_t pid; /* 0: unknown */
	uint32_t srtt_us;
	uint32_t min_rtt_us;
	uint32_t cwnd;
	uint32_t retransmits;
	uint32_t delivered;
	uint32_t lost;
	char process[16];
	uint8_t has;
	uint8_t side; /* half whose packets this host sent */
	uint8_t pad[2];
};

/* key is the initiator's direction; key.ifnum has no meaning here, `iface` does. */
struct flow_record {
	int64_t start_ms; /* UTC */
	int64_t end_ms;
	struct flow_key key;
	struct flow_half half[2]; /* initiator's, reverse */
	uint32_t iface;		  /* interface.id of the database */
	uint32_t rev_tunnel_id;	  /* key.tunnel_id of the reverse direction */
	__be32 outer_src[4];	  /* endpoints of the innermost tunnel, the initiator's first */
	__be32 outer_dst[4];
	uint16_t outer_ethertype; /* of these, 0: not in a tunnel, or no longer known */
	uint8_t end_reason;
	uint8_t has_health;	      /* health[] is not all 0 */
	struct half_health health[2]; /* initiator's, reverse */
	struct flow_socket socket;
};

_Static_assert(sizeof(struct flow_record) == 416, "goes over the control socket as it is");

/* What `by` counts, more in `to`, or less. */
void flow_health_add(struct flow_health_count *to, const struct flow_health_count *by);
void flow_health_subtract(struct flow_health_count *to, const struct flow_health_count *by);

/* True for IPv4 and IPv6 keys: src and dst are IP addresses and proto is meant. */
bool flow_key_is_ip(const struct flow_key *key);

/* Around the packets is a tunnel with endpoints of its own, not only a label or a security header. */
bool flow_key_in_tunnel(const struct flow_key *key);

/*
 * The key of the other direction on the same interface: addresses and ports swapped, direction
 * turned, ICMP request and reply types, ARP operations and outer endpoints exchanged.
 */
void flow_key_reverse(const struct flow_key *key, struct flow_key *ret_key);

/*
 * What a key has in common with that of the other direction: without tags, which one side may not
 * have seen (FLOW_MARK_VLAN_UNKNOWN), and without a label, TEID or SPI, which is of one direction.
 */
void flow_key_common(const struct flow_key *key, struct flow_key *ret_key);

/* The same tags, or unknown ones on either side. */
bool flow_key_same_tags(const struct flow_key *a, const struct flow_key *b);

/* The key of one direction of a record; which: 0 initiator's, 1 reverse. */
void flow_record_key(const struct flow_record *rec, int which, struct flow_key *ret_key);

/*
 * One direction of a biflow as a record of its own; which: 0 initiator's, 1 reverse. Its health is
 * health[0]; the socket stays with both, its side 1 where this host received the direction's packets.
 */
void flow_record_split(const struct flow_record *rec, int which, struct flow_record *ret_rec);
