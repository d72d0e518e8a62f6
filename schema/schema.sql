-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- The ledger database. Times are UTC milliseconds. IPv4 addresses are INTEGER (the 32 bits, signed),
-- IPv6 addresses 16-byte BLOB. user_version is DB_VERSION of db.h; migrations append below a line
-- "-- version N". Views give text to any SQLite client.

-- version 1
CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value
) WITHOUT ROWID;
-- instance, socket, boot_id, generation (of the maps), last_sweep, ring_pos, sequence,
-- counters (flowd/counters.h)

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
	f.marks, f.end_reason
FROM flow f LEFT JOIN interface i ON i.id = f.iface;

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

DROP VIEW flow_text;
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
	END AS outer_dst
FROM flow f LEFT JOIN interface i ON i.id = f.iface LEFT JOIN flow_tunnel t ON t.flow = f.id;

-- version 3
-- The NIC's own counters: in the ledger what they gained while the hooks saw seen_packets (NULL: unknown),
-- in books both counters as of one moment, from which the next flowd goes on.
ALTER TABLE ledger ADD COLUMN nic_packets INTEGER;
ALTER TABLE ledger ADD COLUMN nic_bytes INTEGER;
ALTER TABLE books ADD COLUMN nic_packets INTEGER;
ALTER TABLE books ADD COLUMN nic_bytes INTEGER;
ALTER TABLE books ADD COLUMN nic_seen_packets INTEGER;
ALTER TABLE books ADD COLUMN nic_seen_bytes INTEGER;

-- Texts that come again and again: reasons, places, devices, processes, names of counters.
CREATE TABLE word (
	id INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
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

CREATE VIEW counter_text AS
SELECT
	strftime('%Y-%m-%dT%H:%MZ', c.minute_ms / 1000, 'unixepoch') AS minute,
	i.name AS iface, s.text AS source, n.text AS name, c.value
FROM counter c LEFT JOIN interface i ON i.id = c.iface LEFT JOIN word s ON s.id = c.source
	LEFT JOIN word n ON n.id = c.name;
