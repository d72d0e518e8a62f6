-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- The ledger database. Times are UTC milliseconds, those of samples nanoseconds. IPv4 addresses are INTEGER (the 32 bits, signed),
-- IPv6 addresses 16-byte BLOB. user_version is DB_VERSION of db.h; migrations append below a line
-- "-- version N". Views give text to any SQLite client; those under "-- views" are made anew after
-- every migration.

-- version 1
CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value
) WITHOUT ROWID;
-- instance, socket, boot_id, generation (of the maps), last_sweep, ring_pos, sequence,
-- event_generation (drained last), counters (flowd/counters.h), sample_pos (as ring_pos, of the ring of
-- samples), sample_bytes (what table sample takes, by db_sample_bytes of schema/db_sample.h)

-- An incarnation of an interface: the same name made anew is a new row.
CREATE TABLE interface (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	ifindex INTEGER NOT NULL,
	netns INTEGER NOT NULL,           -- cookie of the network namespace
	ifnum INTEGER NOT NULL,           -- in keys of the flow map of this generation
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

-- views
DROP VIEW IF EXISTS flow_text;
CREATE VIEW flow_text AS
SELECT
	strftime('%Y-%m-%dT%H:%M:%fZ', ((f.id >> 20) - f.duration_ms) / 1000.0, 'unixepoch') AS start,
	strftime('%Y-%m-%dT%H:%M:%fZ', (f.id >> 20) / 1000.0, 'unixepoch') AS end,
	i.name AS iface,
	CASE f.dir WHEN 0 THEN 'ingress' ELSE 'egress' END AS dir,
	f.ethertype, f.vlan, f.cvlan, f.proto,
	CASE typeof(f.src)
	WHEN 'integer' THEN printf('%d.%d.%d.%d', (f.src >> 24) & 255, (f.src >> 16) & 255,
		(f.src >> 8) & 255, f.src & 255)
	WHEN 'blob' THEN lower(printf('%s:%s:%s:%s:%s:%s:%s:%s',
		substr(hex(f.src), 1, 4), substr(hex(f.src), 5, 4), substr(hex(f.src), 9, 4),
		substr(hex(f.src), 13, 4), substr(hex(f.src), 17, 4), substr(hex(f.src), 21, 4),
		substr(hex(f.src), 25, 4), substr(hex(f.src), 29, 4)))
	END AS src,
	CASE typeof(f.dst)
	WHEN 'integer' THEN printf('%d.%d.%d.%d', (f.dst >> 24) & 255, (f.dst >> 16) & 255,
		(f.dst >> 8) & 255, f.dst & 255)
	WHEN 'blob' THEN lower(printf('%s:%s:%s:%s:%s:%s:%s:%s',
		substr(hex(f.dst), 1, 4), substr(hex(f.dst), 5, 4), substr(hex(f.dst), 9, 4),
		substr(hex(f.dst), 13, 4), substr(hex(f.dst), 17, 4), substr(hex(f.dst), 21, 4),
		substr(hex(f.dst), 25, 4), substr(hex(f.dst), 29, 4)))
	END AS dst,
	f.sport, f.dport, f.packets, f.bytes, f.ip_bytes, f.rev_packets, f.rev_bytes, f.rev_ip_bytes,
	f.tcp_flags & 255 AS tcp_flags, (f.tcp_flags >> 8) & 255 AS rev_tcp_flags,
	f.marks, f.end_reason,
	CASE t.kind WHEN 1 THEN 'mpls' WHEN 2 THEN 'pppoe' WHEN 3 THEN 'vxlan' WHEN 4 THEN 'geneve'
	WHEN 5 THEN 'gre' WHEN 6 THEN 'nvgre' WHEN 7 THEN 'erspan' WHEN 8 THEN 'ipip'
	WHEN 9 THEN '6in4' WHEN 10 THEN '4in6' WHEN 11 THEN '6in6' WHEN 12 THEN 'gtpu'
	WHEN 13 THEN 'esp' WHEN 14 THEN 'ah'
	WHEN 15 THEN 'pbb' WHEN 16 THEN 'fabricpath' END AS tunnel,
	CASE t.kind WHEN 1 THEN t.tunnel_id & 1048575 ELSE t.tunnel_id END AS tunnel_id,
	CASE typeof(t.outer_src)
	WHEN 'integer' THEN printf('%d.%d.%d.%d', (t.outer_src >> 24) & 255, (t.outer_src >> 16) & 255,
		(t.outer_src >> 8) & 255, t.outer_src & 255)
	WHEN 'blob' THEN lower(printf('%s:%s:%s:%s:%s:%s:%s:%s',
		substr(hex(t.outer_src), 1, 4), substr(hex(t.outer_src), 5, 4), substr(hex(t.outer_src), 9, 4),
		substr(hex(t.outer_src), 13, 4), substr(hex(t.outer_src), 17, 4), substr(hex(t.outer_src), 21, 4),
		substr(hex(t.outer_src), 25, 4), substr(hex(t.outer_src), 29, 4)))
	END AS outer_src,
	CASE typeof(t.outer_dst)
	WHEN 'integer' THEN printf('%d.%d.%d.%d', (t.outer_dst >> 24) & 255, (t.outer_dst >> 16) & 255,
		(t.outer_dst >> 8) & 255, t.outer_dst & 255)
	WHEN 'blob' THEN lower(printf('%s:%s:%s:%s:%s:%s:%s:%s',
		substr(hex(t.outer_dst), 1, 4), substr(hex(t.outer_dst), 5, 4), substr(hex(t.outer_dst), 9, 4),
		substr(hex(t.outer_dst), 13, 4), substr(hex(t.outer_dst), 17, 4), substr(hex(t.outer_dst), 21, 4),
		substr(hex(t.outer_dst), 25, 4), substr(hex(t.outer_dst), 29, 4)))
	END AS outer_dst,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.retransmits, 0) END AS retransmits,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.retransmitted_bytes, 0) END AS retransmitted_bytes,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.out_of_order, 0) END AS out_of_order,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.dup_acks, 0) END AS dup_acks,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.zero_windows, 0) END AS zero_windows,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.resets, 0) END AS resets,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.keep_alives, 0) END AS keep_alives,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.syn_repeats, 0) END AS syn_repeats,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.retransmits_kernel, 0) END AS retransmits_kernel,
	coalesce(c.drops, 0) AS drops, coalesce(c.drop_bytes, 0) AS drop_bytes,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.rev_retransmits, 0) END AS rev_retransmits,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.rev_retransmitted_bytes, 0) END AS rev_retransmitted_bytes,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.rev_out_of_order, 0) END AS rev_out_of_order,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.rev_dup_acks, 0) END AS rev_dup_acks,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.rev_zero_windows, 0) END AS rev_zero_windows,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.rev_resets, 0) END AS rev_resets,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.rev_keep_alives, 0) END AS rev_keep_alives,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.rev_syn_repeats, 0) END AS rev_syn_repeats,
	CASE WHEN f.tcp_flags NOT NULL THEN coalesce(c.rev_retransmits_kernel, 0) END AS rev_retransmits_kernel,
	coalesce(c.rev_drops, 0) AS rev_drops, coalesce(c.rev_drop_bytes, 0) AS rev_drop_bytes,
	r.handshake_us, r.rtt_sum_us / r.rtt_count AS rtt_us, r.rtt_min_us, r.rtt_max_us,
	r.rtt_count AS rtt_samples,
	r.rev_handshake_us, r.rev_rtt_sum_us / r.rev_rtt_count AS rev_rtt_us, r.rev_rtt_min_us, r.rev_rtt_max_us,
	r.rev_rtt_count AS rev_rtt_samples,
	w.text AS process, s.pid, s.srtt_us, s.min_rtt_us, s.cwnd, s.delivery_rate
FROM flow f LEFT JOIN interface i ON i.id = f.iface LEFT JOIN flow_tunnel t ON t.flow = f.id
	LEFT JOIN flow_tcp c ON c.flow = f.id LEFT JOIN flow_rtt r ON r.flow = f.id
	LEFT JOIN flow_socket s ON s.flow = f.id LEFT JOIN word w ON w.id = s.process;

DROP VIEW IF EXISTS event_text;
CREATE VIEW event_text AS
SELECT
	strftime('%Y-%m-%dT%H:%M:%fZ', ((e.id >> 20) - e.duration_ms) / 1000.0, 'unixepoch') AS start,
	strftime('%Y-%m-%dT%H:%M:%fZ', (e.id >> 20) / 1000.0, 'unixepoch') AS end,
	CASE e.what WHEN 0 THEN 'drop' WHEN 1 THEN 'retransmit' WHEN 2 THEN 'reset-sent'
	WHEN 3 THEN 'reset-received' END AS what,
	coalesce(d.text, i.name) AS device,
	CASE e.dir WHEN 0 THEN 'ingress' ELSE 'egress' END AS dir,
	e.ethertype, e.vlan, e.cvlan, e.proto,
	CASE typeof(e.src)
	WHEN 'integer' THEN printf('%d.%d.%d.%d', (e.src >> 24) & 255, (e.src >> 16) & 255,
		(e.src >> 8) & 255, e.src & 255)
	WHEN 'blob' THEN lower(printf('%s:%s:%s:%s:%s:%s:%s:%s',
		substr(hex(e.src), 1, 4), substr(hex(e.src), 5, 4), substr(hex(e.src), 9, 4),
		substr(hex(e.src), 13, 4), substr(hex(e.src), 17, 4), substr(hex(e.src), 21, 4),
		substr(hex(e.src), 25, 4), substr(hex(e.src), 29, 4)))
	END AS src,
	CASE typeof(e.dst)
	WHEN 'integer' THEN printf('%d.%d.%d.%d', (e.dst >> 24) & 255, (e.dst >> 16) & 255,
		(e.dst >> 8) & 255, e.dst & 255)
	WHEN 'blob' THEN lower(printf('%s:%s:%s:%s:%s:%s:%s:%s',
		substr(hex(e.dst), 1, 4), substr(hex(e.dst), 5, 4), substr(hex(e.dst), 9, 4),
		substr(hex(e.dst), 13, 4), substr(hex(e.dst), 17, 4), substr(hex(e.dst), 21, 4),
		substr(hex(e.dst), 25, 4), substr(hex(e.dst), 29, 4)))
	END AS dst,
	e.sport, e.dport, e.marks, r.text AS reason, p.text AS place, e.packets, e.bytes, e.skbs, e.folded
FROM event e LEFT JOIN interface i ON i.id = e.iface LEFT JOIN word d ON d.id = e.device
	LEFT JOIN word r ON r.id = e.reason LEFT JOIN word p ON p.id = e.place;

DROP VIEW IF EXISTS counter_text;
CREATE VIEW counter_text AS
SELECT
	strftime('%Y-%m-%dT%H:%MZ', c.minute_ms / 1000, 'unixepoch') AS minute,
	c.minute_ms, i.name AS iface, s.text AS source, n.text AS name, c.value
FROM counter c LEFT JOIN interface i ON i.id = c.iface LEFT JOIN word s ON s.id = c.source
	LEFT JOIN word n ON n.id = c.name;

DROP VIEW IF EXISTS sample_text;
CREATE VIEW sample_text AS
SELECT
	strftime('%Y-%m-%dT%H:%M:%S', s.id / 1000000000, 'unixepoch') ||
		printf('.%09dZ', s.id % 1000000000) AS time,
	coalesce(d.text, i.name) AS device,
	CASE s.dir WHEN 0 THEN 'ingress' ELSE 'egress' END AS dir,
	s.ethertype, s.vlan, s.cvlan, s.proto,
	CASE typeof(s.src)
	WHEN 'integer' THEN printf('%d.%d.%d.%d', (s.src >> 24) & 255, (s.src >> 16) & 255,
		(s.src >> 8) & 255, s.src & 255)
	WHEN 'blob' THEN lower(printf('%s:%s:%s:%s:%s:%s:%s:%s',
		substr(hex(s.src), 1, 4), substr(hex(s.src), 5, 4), substr(hex(s.src), 9, 4),
		substr(hex(s.src), 13, 4), substr(hex(s.src), 17, 4), substr(hex(s.src), 21, 4),
		substr(hex(s.src), 25, 4), substr(hex(s.src), 29, 4)))
	END AS src,
	CASE typeof(s.dst)
	WHEN 'integer' THEN printf('%d.%d.%d.%d', (s.dst >> 24) & 255, (s.dst >> 16) & 255,
		(s.dst >> 8) & 255, s.dst & 255)
	WHEN 'blob' THEN lower(printf('%s:%s:%s:%s:%s:%s:%s:%s',
		substr(hex(s.dst), 1, 4), substr(hex(s.dst), 5, 4), substr(hex(s.dst), 9, 4),
		substr(hex(s.dst), 13, 4), substr(hex(s.dst), 17, 4), substr(hex(s.dst), 21, 4),
		substr(hex(s.dst), 25, 4), substr(hex(s.dst), 29, 4)))
	END AS dst,
	s.sport, s.dport, s.marks,
	CASE s.tunnel_kind WHEN 1 THEN 'mpls' WHEN 2 THEN 'pppoe' WHEN 3 THEN 'vxlan' WHEN 4 THEN 'geneve'
	WHEN 5 THEN 'gre' WHEN 6 THEN 'nvgre' WHEN 7 THEN 'erspan' WHEN 8 THEN 'ipip'
	WHEN 9 THEN '6in4' WHEN 10 THEN '4in6' WHEN 11 THEN '6in6' WHEN 12 THEN 'gtpu'
	WHEN 13 THEN 'esp' WHEN 14 THEN 'ah'
	WHEN 15 THEN 'pbb' WHEN 16 THEN 'fabricpath' END AS tunnel,
	CASE s.tunnel_kind WHEN 1 THEN s.tunnel_id & 1048575 ELSE s.tunnel_id END AS tunnel_id,
	CASE s.link WHEN 1 THEN 'ethernet' WHEN 101 THEN 'raw' END AS link,
	s.length, length(s.frame) AS captured, s.packets, s.gso_size, s.rate,
	substr(CASE WHEN s.why & 1 THEN ',rate' ELSE '' END || CASE WHEN s.why & 2 THEN ',first' ELSE '' END ||
		CASE WHEN s.why & 4 THEN ',reset' ELSE '' END || CASE WHEN s.why & 8 THEN ',retransmit' ELSE '' END ||
		CASE WHEN s.why & 16 THEN ',zero-window' ELSE '' END ||
		CASE WHEN s.why & 32 THEN ',malformed' ELSE '' END ||
		CASE WHEN s.why & 64 THEN ',drop' ELSE '' END, 2) AS why,
	r.text AS reason, p.text AS place
FROM sample s LEFT JOIN interface i ON i.id = s.iface LEFT JOIN word d ON d.id = s.device
	LEFT JOIN word r ON r.id = s.reason LEFT JOIN word p ON p.id = s.place;
