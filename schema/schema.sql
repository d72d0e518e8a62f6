-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- The ledger database. Times are UTC milliseconds, those of samples nanoseconds. IPv4 addresses are INTEGER (the 32 bits, signed),
-- IPv6 addresses 16-byte BLOB. user_version is DB_VERSION of db.h; migrations append below a line
-- "-- version N". The views of views.sql give text to any SQLite client; they are made anew after every migration.

-- version 1
CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value
) WITHOUT ROWID;
-- instance, socket, boot_id, generation (of the maps), last_sweep, ring_pos, sequence,
-- event_generation (drained last), counters (flowd/counters.h), sample_pos (as ring_pos, of the ring of
-- samples), sample_bytes (what table sample takes, by db_sample_bytes of schema/db_sample.h),
-- reader (below)

-- An incarnation of an interface: the same name made anew is a new row.
CREATE TABLE interface (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	ifindex INTEGER NOT NULL,
	netns INTEGER NOT NULL,           -- cookie of the network namespace
	ifnum INTEGER NOT NULL,           -- in keys of the flow map of this generation; negative: was, and is no more
	generation INTEGER NOT NULL,
	ingress TEXT,                     -- how it is counted: xdp-native, xdp-generic, tcx, clsact
	egress TEXT,
	first_ms INTEGER NOT NULL,
	last_ms INTEGER                   -- detached or gone; NULL: counted now
);

-- A biflow (RFC 5103): the initiator's direction first, the reverse beside it.
CREATE TABLE flow (
	id INTEGER PRIMARY KEY,           -- end_ms << 20 | n
	duration_ms INTEGER NOT NULL,     -- end - start
	iface INTEGER NOT NULL,           -- interface.id
	dir INTEGER NOT NULL,             -- of the initiator's packets: 0 ingress, 1 egress
	ethertype INTEGER,                -- NULL: IPv4 or IPv6, as the address's type tells
	vlan INTEGER,                     -- outer tag's id, NULL: untagged
	cvlan INTEGER,                    -- inner tag's id
	marks INTEGER NOT NULL,           -- enum flow_marks
	proto INTEGER,                    -- IP protocol, NULL: not IP
	src, dst,
	sport INTEGER, dport INTEGER,     -- ICMP: type and code; ARP: operation; LLC: DSAP << 8 | SSAP
	packets INTEGER NOT NULL,
	bytes INTEGER NOT NULL,           -- of frames, without FCS
	ip_bytes INTEGER NOT NULL,
	rev_packets INTEGER NOT NULL,
	rev_bytes INTEGER NOT NULL,
	rev_ip_bytes INTEGER NOT NULL,
	tcp_flags INTEGER,                -- initiator's | responder's << 8 | SYN seen << 16, 17; NULL: not TCP
	end_reason INTEGER NOT NULL       -- RFC 5102 flowEndReason: 1 idle 2 active 3 end 4 forced 5 lack of resources
);

-- The books, a row a minute: opening held + seen = recorded + held + unaccounted.
CREATE TABLE ledger (
	minute_ms INTEGER NOT NULL,
	iface INTEGER NOT NULL,
	dir INTEGER NOT NULL,
	seen_packets INTEGER NOT NULL,     -- by the hook's own counter
	seen_bytes INTEGER NOT NULL,
	recorded_packets INTEGER NOT NULL, -- written to flow rows
	recorded_bytes INTEGER NOT NULL,
	held_packets INTEGER NOT NULL,     -- in the flow map and not yet recorded, at the end
	held_bytes INTEGER NOT NULL,
	short_packets INTEGER NOT NULL,    -- of those seen: headers cut short
	short_bytes INTEGER NOT NULL,
	deep_packets INTEGER NOT NULL,     -- of those seen: nested too deep
	deep_bytes INTEGER NOT NULL,
	folded_packets INTEGER NOT NULL,   -- of those seen: under a folded key, no room
	folded_bytes INTEGER NOT NULL,
	catchall_packets INTEGER NOT NULL, -- of those seen: in the interface's catch-all
	catchall_bytes INTEGER NOT NULL,
	unaccounted_packets INTEGER NOT NULL, -- what does not balance, as of the end of the minute
	unaccounted_bytes INTEGER NOT NULL,
	PRIMARY KEY (minute_ms, iface, dir)
) WITHOUT ROWID;

-- The same books since the maps were made, from which the next flowd goes on.
CREATE TABLE books (
	iface INTEGER NOT NULL,
	dir INTEGER NOT NULL,
	seen_packets INTEGER NOT NULL,
	seen_bytes INTEGER NOT NULL,
	recorded_packets INTEGER NOT NULL,
	recorded_bytes INTEGER NOT NULL,
	PRIMARY KEY (iface, dir)
) WITHOUT ROWID;

-- version 2
-- What is around the packets of a flow; most flows have no row here. kind: 1 mpls, 2 pppoe, 3 vxlan,
-- 4 geneve, 5 gre, 6 nvgre, 7 erspan, 8 ipip, 9 6in4, 10 4in6, 11 6in6, 12 gtpu, 13 esp, 14 ah,
-- 15 pbb, 16 fabricpath.
CREATE TABLE flow_tunnel (
	flow INTEGER PRIMARY KEY,         -- flow.id
	kind INTEGER NOT NULL,
	tunnel_id INTEGER NOT NULL,       -- VNI, key, TEID, SPI ...; mpls: top label | entries << 20
	rev_tunnel_id INTEGER NOT NULL,   -- of the reverse direction
	outer_src, outer_dst              -- tunnel endpoints, the initiator's side first
);

-- version 3
-- The NIC's own counters: in the ledger what they gained while the hooks saw seen_packets (NULL: unknown),
-- in books both counters as of one moment, from which the next flowd goes on.
ALTER TABLE ledger ADD COLUMN nic_packets INTEGER;
ALTER TABLE ledger ADD COLUMN nic_bytes INTEGER;
ALTER TABLE books ADD COLUMN nic_packets INTEGER;
ALTER TABLE books ADD COLUMN nic_bytes INTEGER;
ALTER TABLE books ADD COLUMN nic_seen_packets INTEGER;
ALTER TABLE books ADD COLUMN nic_seen_bytes INTEGER;

-- What went wrong in a TCP flow, as this monitor saw it, and what this host's kernel says of its packets
-- (of any protocol): _kernel and drops. Only flows in which something is not 0 have a row.
CREATE TABLE flow_tcp (
	flow INTEGER PRIMARY KEY,         -- flow.id
	retransmits INTEGER NOT NULL,     -- segments; man 5 flow says which
	retransmitted_bytes INTEGER NOT NULL, -- of payload
	out_of_order INTEGER NOT NULL,
	dup_acks INTEGER NOT NULL,
	zero_windows INTEGER NOT NULL,
	resets INTEGER NOT NULL,
	keep_alives INTEGER NOT NULL,
	syn_repeats INTEGER NOT NULL,
	retransmits_kernel INTEGER NOT NULL,
	drops INTEGER NOT NULL,           -- packets
	drop_bytes INTEGER NOT NULL,      -- of frames
	rev_retransmits INTEGER NOT NULL,
	rev_retransmitted_bytes INTEGER NOT NULL,
	rev_out_of_order INTEGER NOT NULL,
	rev_dup_acks INTEGER NOT NULL,
	rev_zero_windows INTEGER NOT NULL,
	rev_resets INTEGER NOT NULL,
	rev_keep_alives INTEGER NOT NULL,
	rev_syn_repeats INTEGER NOT NULL,
	rev_retransmits_kernel INTEGER NOT NULL,
	rev_drops INTEGER NOT NULL,
	rev_drop_bytes INTEGER NOT NULL
);

-- Round trips: of a direction, from its packets at this monitor to their answers. NULL: none was seen.
CREATE TABLE flow_rtt (
	flow INTEGER PRIMARY KEY,         -- flow.id
	handshake_us INTEGER,             -- from SYN, or SYN with ACK, to its answer
	rtt_count INTEGER,
	rtt_sum_us INTEGER,
	rtt_min_us INTEGER,
	rtt_max_us INTEGER,
	rev_handshake_us INTEGER,
	rev_rtt_count INTEGER,
	rev_rtt_sum_us INTEGER,
	rev_rtt_min_us INTEGER,
	rev_rtt_max_us INTEGER
);

-- Texts that come again and again: reasons, places, devices, processes, names of counters.
CREATE TABLE word (
	id INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
);

-- What the kernel knew of this host's end of a connection when it closed. NULL: unknown.
CREATE TABLE flow_socket (
	flow INTEGER PRIMARY KEY,         -- flow.id
	side INTEGER NOT NULL,            -- 0: this host is the initiator, 1: the responder
	pid INTEGER,
	process INTEGER,                  -- word.id
	srtt_us INTEGER,
	min_rtt_us INTEGER,
	cwnd INTEGER,                     -- segments
	retransmits INTEGER NOT NULL,     -- segments, as are the next two
	delivered INTEGER NOT NULL,
	lost INTEGER NOT NULL,
	bytes_acked INTEGER NOT NULL,
	bytes_received INTEGER NOT NULL,
	delivery_rate INTEGER             -- bytes a second
);

-- What the kernel says of a flow's packets: dropped, sent again, answered by a reset.
CREATE TABLE event (
	id INTEGER PRIMARY KEY,           -- end_ms << 20 | n
	duration_ms INTEGER NOT NULL,     -- of the interval in which they were counted
	what INTEGER NOT NULL,            -- 0 drop, 1 retransmit, 2 reset sent, 3 reset received
	iface INTEGER,                    -- interface.id, NULL: of none that is counted
	device INTEGER,                   -- word.id: name of the interface, NULL: none
	dir INTEGER NOT NULL,             -- these, to dport, as in table flow
	ethertype INTEGER,
	vlan INTEGER,
	cvlan INTEGER,
	marks INTEGER NOT NULL,
	proto INTEGER,
	src, dst,
	sport INTEGER, dport INTEGER,
	reason INTEGER,                   -- word.id: of a drop why, of a retransmit the kind
	place INTEGER,                    -- word.id: where in the kernel, symbol+offset
	packets INTEGER NOT NULL,
	bytes INTEGER NOT NULL,           -- of frames
	skbs INTEGER NOT NULL,            -- as the kernel's own counters count
	folded INTEGER NOT NULL           -- 1: of flows that found no room, not of the one named
);

-- What counters beside the packets' path gained in a minute. source: link, ethtool, qdisc, softnet.
CREATE TABLE counter (
	minute_ms INTEGER NOT NULL,
	iface INTEGER NOT NULL,           -- interface.id, 0: of the host
	source INTEGER NOT NULL,          -- word.id
	name INTEGER NOT NULL,            -- word.id
	value INTEGER NOT NULL,
	PRIMARY KEY (minute_ms, iface, source, name)
) WITHOUT ROWID;

-- version 4
-- Packets that were kept, whole or their beginning. The bytes come last: whoever does not ask for them
-- does not read the pages that long ones run over to.
CREATE TABLE sample (
	id INTEGER PRIMARY KEY,           -- UTC in ns, or the next that was free
	iface INTEGER,                    -- interface.id, NULL: of none that is counted
	device INTEGER,                   -- word.id: name of the interface, NULL: none
	dir INTEGER NOT NULL,
	link INTEGER NOT NULL,            -- LINKTYPE_ of the bytes: 1 Ethernet, 101 raw IP
	length INTEGER NOT NULL,          -- of the frame
	packets INTEGER NOT NULL,         -- on the wire
	gso_size INTEGER,                 -- payload of each but the last; NULL: one packet
	rate INTEGER,                     -- 1 in that many was in force; NULL: none
	why INTEGER NOT NULL,             -- 1 rate | 2 first of its flow | 4 reset | 8 retransmit | 16 zero window | 32 malformed | 64 drop
	ethertype INTEGER,                -- this and the next eight as in table event
	vlan INTEGER,
	cvlan INTEGER,
	marks INTEGER NOT NULL,
	proto INTEGER,
	src, dst,
	sport INTEGER, dport INTEGER,
	tunnel_kind INTEGER,              -- kind of table flow_tunnel, NULL: none
	tunnel_id INTEGER,
	reason INTEGER,                   -- word.id: why it was dropped
	place INTEGER,                    -- word.id: where in the kernel, symbol+offset
	frame BLOB NOT NULL               -- its first bytes
);

-- version 5
-- The oldest version whose readers understand the file.
INSERT OR REPLACE INTO meta (key, value) VALUES ('reader', 5);

-- Sums of flows by what they have in common, a bucket a minute and a bucket an hour; a flow is in that of its end. The
-- keys of a bucket that count for most, the largest first, and what is left of it in one row. Kinds: 0 host, 1 pair of
-- hosts, 2 service, 3 IP protocol, 4 interface, 5 VLAN. Unlike flow these have no row in the buckets from
-- meta.rollup_minute_ms and meta.rollup_hour_ms on: they are written when they are over.
CREATE TABLE talker_minute (
	id INTEGER PRIMARY KEY,           -- bucket's begin in minutes << 28 | kind << 24 | rank, 0: what is left
	src, dst,                         -- address of a host, both of a pair
	what INTEGER,                     -- the rest of the key, packed as schema/talker.h says
	flows INTEGER,
	packets INTEGER,                  -- sent by the host, from src to dst, client to server, initiator to responder
	bytes INTEGER,
	l2_bytes INTEGER DEFAULT 0,       -- bytes - those of IP packets - 14 * packets
	rev_packets INTEGER,              -- the other way
	rev_bytes INTEGER,
	rev_l2_bytes INTEGER DEFAULT 0,
	retransmits INTEGER DEFAULT 0,
	rev_retransmits INTEGER DEFAULT 0,
	drops INTEGER DEFAULT 0,
	rev_drops INTEGER DEFAULT 0,
	rtt_count INTEGER DEFAULT 0,      -- of both directions, as is the sum
	rtt_sum_us INTEGER DEFAULT 0,
	first_ms INTEGER,                 -- bucket's begin - earliest start
	last_ms INTEGER                   -- latest end - bucket's begin
);

CREATE TABLE talker_hour (
	id INTEGER PRIMARY KEY,           -- as in talker_minute, and so is the rest
	src, dst,
	what INTEGER,
	flows INTEGER,
	packets INTEGER,
	bytes INTEGER,
	l2_bytes INTEGER DEFAULT 0,
	rev_packets INTEGER,
	rev_bytes INTEGER,
	rev_l2_bytes INTEGER DEFAULT 0,
	retransmits INTEGER DEFAULT 0,
	rev_retransmits INTEGER DEFAULT 0,
	drops INTEGER DEFAULT 0,
	rev_drops INTEGER DEFAULT 0,
	rtt_count INTEGER DEFAULT 0,
	rtt_sum_us INTEGER DEFAULT 0,
	first_ms INTEGER,
	last_ms INTEGER
);

-- Of a bucket and kind of which something is left: how far its rows may be from the truth. Packets and bytes are of
-- both directions.
CREATE TABLE talker_minute_tail (
	id INTEGER PRIMARY KEY,           -- bucket's begin in minutes << 4 | kind
	keys INTEGER NOT NULL,            -- that have no row of their own, at most
	missed_flows INTEGER NOT NULL,    -- the most that a key with a row may lack in it
	missed_packets INTEGER NOT NULL,
	missed_bytes INTEGER NOT NULL,
	missed_retransmits INTEGER NOT NULL,
	missed_drops INTEGER NOT NULL,
	largest_flows INTEGER NOT NULL,   -- the most that a key without a row may have
	largest_packets INTEGER NOT NULL,
	largest_bytes INTEGER NOT NULL,
	largest_retransmits INTEGER NOT NULL,
	largest_drops INTEGER NOT NULL
);

CREATE TABLE talker_hour_tail (
	id INTEGER PRIMARY KEY,           -- as in talker_minute_tail, and so is the rest
	keys INTEGER NOT NULL,
	missed_flows INTEGER NOT NULL,
	missed_packets INTEGER NOT NULL,
	missed_bytes INTEGER NOT NULL,
	missed_retransmits INTEGER NOT NULL,
	missed_drops INTEGER NOT NULL,
	largest_flows INTEGER NOT NULL,
	largest_packets INTEGER NOT NULL,
	largest_bytes INTEGER NOT NULL,
	largest_retransmits INTEGER NOT NULL,
	largest_drops INTEGER NOT NULL
);
-- meta: rollup_minute_ms, rollup_hour_ms (begin of the first bucket that is not written; absent: 0), rollup_keys (kept
-- of a bucket and kind), commit (grows by one with each transaction of flowd)

-- What the rows of the ledger said that are not kept any more: their sums, and how the books stood after the
-- last of them. nic_more: nic - seen, where that is known.
CREATE TABLE ledger_past (
	iface INTEGER NOT NULL,
	dir INTEGER NOT NULL,
	minute_ms INTEGER NOT NULL,       -- of the last
	held_packets INTEGER NOT NULL,
	held_bytes INTEGER NOT NULL,
	unaccounted_packets INTEGER NOT NULL,
	unaccounted_bytes INTEGER NOT NULL,
	seen_packets INTEGER NOT NULL,
	seen_bytes INTEGER NOT NULL,
	recorded_packets INTEGER NOT NULL,
	recorded_bytes INTEGER NOT NULL,
	short_packets INTEGER NOT NULL,
	short_bytes INTEGER NOT NULL,
	deep_packets INTEGER NOT NULL,
	deep_bytes INTEGER NOT NULL,
	folded_packets INTEGER NOT NULL,
	folded_bytes INTEGER NOT NULL,
	catchall_packets INTEGER NOT NULL,
	catchall_bytes INTEGER NOT NULL,
	nic_more_packets INTEGER NOT NULL,
	nic_more_bytes INTEGER NOT NULL,
	PRIMARY KEY (iface, dir)
) WITHOUT ROWID;
-- meta: retain_flow_ms, retain_minute_ms, retain_hour_ms, retain_size, retain_free (limits in force, 0: none),
-- flow_since_ms, minute_since_ms, hour_since_ms (records, minutes and hours, books with them, from then on are all
-- there; absent: none is gone), retain_clock_ms (flowd/retain_clock.h)

-- Fewer bytes a row: what is the same in most rows has few bits of a column, or none. View flow_plain has it
-- column by column.
CREATE TABLE flow_5 (
	id INTEGER PRIMARY KEY,           -- end_ms << 20 | n
	duration_ms INTEGER NOT NULL,     -- end - start
	iface INTEGER NOT NULL,           -- interface.id
	how INTEGER NOT NULL,             -- dir | end_reason << 1 | marks << 4
	l2 INTEGER,                       -- vlan | cvlan << 13 | ethertype << 26, NULL: none of them; each with a bit above
	                                  -- its own where it is there: 4096 of a tag, 65536 of an EtherType
	proto INTEGER,                    -- IP protocol, NULL: not IP
	src, dst,
	sport INTEGER, dport INTEGER,     -- ICMP: type and code; ARP: operation; LLC: DSAP << 8 | SSAP
	packets INTEGER NOT NULL,
	bytes INTEGER NOT NULL,           -- of frames, without FCS
	l2_bytes INTEGER NOT NULL,        -- bytes - ip_bytes - 14 * packets
	rev_packets INTEGER NOT NULL,
	rev_bytes INTEGER NOT NULL,
	rev_l2_bytes INTEGER NOT NULL,
	tcp_flags INTEGER                 -- of the usual ones first, see flow_plain; NULL: not TCP
);
-- Readers of an older file make this for themselves, to have table flow as it is now. A value that no row of ours has becomes one that no
-- row of ours has.
CREATE TEMP VIEW flow AS
SELECT
	id, duration_ms, iface,
	CASE WHEN dir BETWEEN 0 AND 1 AND end_reason BETWEEN 0 AND 7 AND marks BETWEEN 0 AND 255
	THEN dir | (end_reason << 1) | (marks << 4) ELSE -1 END AS how,
	CASE WHEN coalesce(vlan, 0) BETWEEN 0 AND 4095 AND coalesce(cvlan, 0) BETWEEN 0 AND 4095 AND
		coalesce(ethertype, 0) BETWEEN 0 AND 65535
	THEN nullif(coalesce(vlan | 4096, 0) | (coalesce(cvlan | 4096, 0) << 13) |
		(coalesce(ethertype | 65536, 0) << 26), 0) ELSE -1 END AS l2,
	proto, src, dst, sport, dport, packets, bytes, bytes - ip_bytes - 14 * packets AS l2_bytes,
	rev_packets, rev_bytes, rev_bytes - rev_ip_bytes - 14 * rev_packets AS rev_l2_bytes,
	CASE WHEN coalesce(tcp_flags, 0) BETWEEN 0 AND 262143
	THEN (tcp_flags & 31) | ((tcp_flags >> 3) & 992) | ((tcp_flags >> 6) & 3072) |
		((tcp_flags & 64) << 6) | ((tcp_flags & 16384) >> 1) |
		((tcp_flags & 128) << 7) | (tcp_flags & 32768) |
		((tcp_flags & 32) << 11) | ((tcp_flags & 8192) << 4) ELSE -1 END AS tcp_flags
FROM main.flow;
INSERT INTO flow_5 SELECT * FROM temp.flow ORDER BY id;
DROP VIEW temp.flow;
DROP TABLE flow;
PRAGMA legacy_alter_table = ON; -- views of the old table do not matter: ours are made anew
ALTER TABLE flow_5 RENAME TO flow;
ALTER TABLE books RENAME TO books_sum; -- the name is that of a view now
PRAGMA legacy_alter_table = OFF;
-- Of a database that flowctl merge made of several hosts': whose interface it is, whose name is HOST:NAME then. NULL: of
-- the host that the database is of (meta host).
ALTER TABLE interface ADD COLUMN host TEXT;
-- meta: clock_back (FROM TO ..., UTC ms: minutes of the ledger that came again, as the clock was set back)
-- meta: host (whose database it is), merged (UTC ms: flowctl merge made it; no flowd writes to it)
