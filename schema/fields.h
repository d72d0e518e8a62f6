/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fields.h: the flow record, and each of its fields named once.
 *
 * A record is what a conversation did on an interface between two exports (a biflow, RFC 5103).
 * Sinks, outputs, queries and man pages walk fields[]; nothing else spells a field's name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
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

/*
 * What the kernel said of a flow's packets in an interval: a row of table event. Counts of one flow,
 * reason and place; folded: of flows that found no room, whose key is 0 but for ifnum and dir.
 */
struct event_record {
	int64_t start_ms; /* UTC: of the interval in which it was counted */
	int64_t end_ms;
	struct flow_key key; /* ifnum has no meaning here */
	uint64_t packets;
	uint64_t bytes;
	uint64_t skbs;
	uint32_t iface; /* interface.id; 0: of an interface that is not counted, or none */
	uint8_t what;	/* enum event_what */
	uint8_t folded;
	uint8_t pad[2];
	char reason[48]; /* without SKB_DROP_REASON_; of retransmits the kind; empty: none */
	char place[64];	 /* symbol+offset; empty: none */
	char device[16]; /* name of the interface; empty: none */
};

/*
 * What a counter of the kernel beside the packets' path gained in a minute: a row of table counter.
 * source: link (rtnl stats64), ethtool, qdisc, softnet.
 */
struct counter_record {
	int64_t minute_ms;
	uint64_t value;
	uint32_t iface; /* interface.id; 0: of the host */
	uint32_t pad;
	char source[8];
	char name[48];
};

_Static_assert(sizeof(struct event_record) == 232 && sizeof(struct counter_record) == 80,
	       "go over the control socket as they are");

enum field_kind {
	FIELD_TIME,   /* UTC ms: RFC 3339 in JSON */
	FIELD_TEXT,   /* a name or an address, see field_text */
	FIELD_NUMBER, /* unsigned, see field_number */
};

struct field {
	const char *name;   /* in JSON, CSV and --fields */
	const char *title;  /* of a text column */
	const char *unit;   /* "ms", "bytes", ... or NULL */
	const char *column; /* of table flow, NULL where derived */
	const char *help;
	uint16_t ipfix; /* information element (RFC 5102, IANA), 0: none */
	uint8_t kind;
	uint8_t reverse; /* the name has the prefix rev_ and the value is half[1]'s */
	/* False where the record has no such value (JSON null, CSV empty). One of the two is set. */
	bool (*number)(const struct flow_record *rec, uint64_t *ret_value);
	bool (*text)(const struct flow_record *rec, char *buf, size_t size);
};

/* In the order of output; ends with a NULL name. The interface's name is the caller's to add. */
extern const struct field fields[];

/* The field of that name, or NULL. */
const struct field *field_find(const char *name);

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

/* enum flow_tunnel of a name as in field `tunnel`, or -ENOENT. */
int flow_tunnel_find(const char *name);

/* The id as shown: of MPLS the label alone. */
uint32_t flow_tunnel_id(uint8_t kind, uint32_t tunnel_id);

/* One direction of a biflow as a record of its own; which: 0 initiator's, 1 reverse. */
void flow_record_split(const struct flow_record *rec, int which, struct flow_record *ret_rec);
