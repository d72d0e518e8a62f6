-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- What stands behind schema.sql, after the last version of the tables: views with text, for any SQLite client.
-- Words in capitals with an argument are put in by define.awk when all is compiled in: each @ in what
-- stands between "define" and "end" is the argument, @1 and @2 the first and the second of two.
-- views
-- define TIME(ms)
strftime('%Y-%m-%dT%H:%M:%fZ', (@) / 1000.0, 'unixepoch')
-- end
-- define DIR(dir)
CASE @ WHEN 0 THEN 'ingress' ELSE 'egress' END
-- end
-- define ADDRESS4(address)
printf('%d.%d.%d.%d', (@ >> 24) & 255, (@ >> 16) & 255, (@ >> 8) & 255, @ & 255)
-- end
-- IPv6 as RFC 5952 has it, but that IPv4-mapped ones are hexadecimal: groups without leading zeros between colons, then
-- the first of the longest runs of two zeros and more is cut out.
-- define ADDRESS(address)
CASE typeof(@)
WHEN 'integer' THEN ADDRESS4(@)
WHEN 'blob' THEN (
	SELECT CASE WHEN instr(s, ':0:0:') THEN (
		SELECT ltrim(substr(s, 1, instr(s, z) - 1), ':') || '::' ||
			rtrim(substr(s, instr(s, z) + length(z)), ':')
		FROM (SELECT ':0:0:0:0:0:0:0:0:' AS z UNION ALL SELECT ':0:0:0:0:0:0:0:' UNION ALL
			SELECT ':0:0:0:0:0:0:' UNION ALL SELECT ':0:0:0:0:0:' UNION ALL
			SELECT ':0:0:0:0:' UNION ALL SELECT ':0:0:0:' UNION ALL SELECT ':0:0:')
		WHERE instr(s, z) LIMIT 1)
	ELSE trim(s, ':') END
	FROM (SELECT replace(replace(replace(
		lower(':' || substr(h, 1, 4) || ':' || substr(h, 5, 4) || ':' || substr(h, 9, 4) || ':' ||
			substr(h, 13, 4) || ':' || substr(h, 17, 4) || ':' || substr(h, 21, 4) || ':' ||
			substr(h, 25, 4) || ':' || substr(h, 29, 4) || ':'),
		':0', ':'), ':0', ':'), ':0', ':') AS s
		FROM (SELECT hex(@) AS h LIMIT 1) LIMIT 1))
END
-- end
-- define ADDRESS_FULL(address)
CASE typeof(@)
WHEN 'integer' THEN ADDRESS4(@)
WHEN 'blob' THEN lower(printf('%s:%s:%s:%s:%s:%s:%s:%s',
	substr(hex(@), 1, 4), substr(hex(@), 5, 4), substr(hex(@), 9, 4), substr(hex(@), 13, 4),
	substr(hex(@), 17, 4), substr(hex(@), 21, 4), substr(hex(@), 25, 4), substr(hex(@), 29, 4)))
END
-- end
-- define ETHERTYPE_NAME(ethertype)
CASE @ WHEN 2048 THEN 'ipv4' WHEN 34525 THEN 'ipv6' WHEN 2054 THEN 'arp' WHEN 32821 THEN 'rarp' WHEN 4 THEN 'llc'
WHEN 35020 THEN 'lldp' WHEN 33024 THEN 'vlan' WHEN 0 THEN NULL ELSE printf('0x%04x', @) END
-- end
-- define ETHERTYPE(key)
ETHERTYPE_NAME(coalesce(@.ethertype, CASE typeof(@.src) WHEN 'integer' THEN 2048 WHEN 'blob' THEN 34525 END))
-- end
-- define MARKS(marks)
nullif(substr(CASE WHEN @ & 1 THEN ',fragment' ELSE '' END || CASE WHEN @ & 2 THEN ',short' ELSE '' END ||
	CASE WHEN @ & 4 THEN ',deep' ELSE '' END || CASE WHEN @ & 8 THEN ',folded' ELSE '' END ||
	CASE WHEN @ & 16 THEN ',catchall' ELSE '' END || CASE WHEN @ & 32 THEN ',stag' ELSE '' END ||
	CASE WHEN @ & 64 THEN ',mirrored' ELSE '' END || CASE WHEN @ & 128 THEN ',vlan-unknown' ELSE '' END, 2), '')
-- end
-- define TUNNEL(kind)
CASE @ WHEN 1 THEN 'mpls' WHEN 2 THEN 'pppoe' WHEN 3 THEN 'vxlan' WHEN 4 THEN 'geneve' WHEN 5 THEN 'gre'
WHEN 6 THEN 'nvgre' WHEN 7 THEN 'erspan' WHEN 8 THEN 'ipip' WHEN 9 THEN '6in4' WHEN 10 THEN '4in6' WHEN 11 THEN '6in6'
WHEN 12 THEN 'gtpu' WHEN 13 THEN 'esp' WHEN 14 THEN 'ah' WHEN 15 THEN 'pbb' WHEN 16 THEN 'fabricpath' END
-- end
-- What flowctl calls a key that has no address or port of its own.
-- define STAND_IN(ethertype, marks)
CASE WHEN (@2) & 16 THEN '(no detail)' WHEN (@2) & 8 THEN '(folded)'
WHEN @1 IN (0, 2048, 34525) THEN '(cut short)' ELSE '(' || ETHERTYPE_NAME(@1) || ')' END
-- end
-- The key of a service or an IP protocol, packed as schema/talker.h says, is one.
-- define HAS_PROTO(what)
(@ >> 33 = 0 AND NOT (@ >> 25) & 254)
-- end
-- define SERVICE_STAND_IN(what)
STAND_IN(((@ >> 33) + 2048 - 2 * ((@ >> 33) & 2048)), @ >> 25)
-- end
-- define PROTO(proto)
CASE @ WHEN 1 THEN 'icmp' WHEN 2 THEN 'igmp' WHEN 4 THEN 'ipip' WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' WHEN 33 THEN 'dccp'
WHEN 41 THEN 'ipv6' WHEN 47 THEN 'gre' WHEN 50 THEN 'esp' WHEN 51 THEN 'ah' WHEN 58 THEN 'icmp6' WHEN 88 THEN 'eigrp'
WHEN 89 THEN 'ospf' WHEN 103 THEN 'pim' WHEN 112 THEN 'vrrp' WHEN 115 THEN 'l2tp' WHEN 132 THEN 'sctp'
WHEN 136 THEN 'udplite' ELSE 'proto ' || @ END
-- end
-- Who sent a folded flow's packets is unknown, and all of an IP header that was cut short itself.
-- define NONE(address)
(@ = 0 OR @ = x'00000000000000000000000000000000')
-- end
-- define KNOWN(address)
(f.proto IS NOT NULL AND NOT (f.marks & 10 AND NONE(@) AND
	(f.marks & 8 OR f.proto = 0 AND NONE(f.src) AND NONE(f.dst))))
-- end

-- Table flow, each value of a record in a column of its own, as table flow was up to version 4.
-- tcp_flags: initiator's | responder's << 8 | SYN seen << 16, 17
DROP VIEW IF EXISTS flow_plain;
CREATE VIEW flow_plain AS
SELECT
	id, duration_ms, iface, how & 1 AS dir,
	CASE WHEN l2 >> 42 THEN (l2 >> 26) & 65535 END AS ethertype,
	CASE WHEN l2 & 4096 THEN l2 & 4095 END AS vlan,
	CASE WHEN l2 & 33554432 THEN (l2 >> 13) & 4095 END AS cvlan,
	how >> 4 AS marks, proto, src, dst, sport, dport,
	packets, bytes, bytes - l2_bytes - 14 * packets AS ip_bytes,
	rev_packets, rev_bytes, rev_bytes - rev_l2_bytes - 14 * rev_packets AS rev_ip_bytes,
	(tcp_flags & 31) | ((tcp_flags & 992) << 3) | ((tcp_flags & 3072) << 6) |
		((tcp_flags >> 6) & 64) | ((tcp_flags & 8192) << 1) |
		((tcp_flags >> 7) & 128) | (tcp_flags & 32768) |
		((tcp_flags >> 11) & 32) | ((tcp_flags >> 4) & 8192) AS tcp_flags,
	(how >> 1) & 7 AS end_reason
FROM flow;

DROP VIEW IF EXISTS flow_text;
CREATE VIEW flow_text AS
SELECT
	TIME((f.id >> 20) - f.duration_ms) AS start,
	TIME(f.id >> 20) AS end,
	i.name AS iface,
	DIR(f.dir) AS dir,
	f.ethertype, f.vlan, f.cvlan, f.proto,
	ADDRESS_FULL(f.src) AS src,
	ADDRESS_FULL(f.dst) AS dst,
	f.sport, f.dport, f.packets, f.bytes, f.ip_bytes, f.rev_packets, f.rev_bytes, f.rev_ip_bytes,
	f.tcp_flags & 255 AS tcp_flags, (f.tcp_flags >> 8) & 255 AS rev_tcp_flags,
	f.marks, f.end_reason,
	TUNNEL(t.kind) AS tunnel,
	CASE t.kind WHEN 1 THEN t.tunnel_id & 1048575 ELSE t.tunnel_id END AS tunnel_id,
	ADDRESS_FULL(t.outer_src) AS outer_src,
	ADDRESS_FULL(t.outer_dst) AS outer_dst,
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
FROM flow_plain f LEFT JOIN interface i ON i.id = f.iface LEFT JOIN flow_tunnel t ON t.flow = f.id
	LEFT JOIN flow_tcp c ON c.flow = f.id LEFT JOIN flow_rtt r ON r.flow = f.id
	LEFT JOIN flow_socket s ON s.flow = f.id LEFT JOIN word w ON w.id = s.process;

DROP VIEW IF EXISTS event_text;
CREATE VIEW event_text AS
SELECT
	TIME((e.id >> 20) - e.duration_ms) AS start,
	TIME(e.id >> 20) AS end,
	CASE e.what WHEN 0 THEN 'drop' WHEN 1 THEN 'retransmit' WHEN 2 THEN 'reset-sent'
	WHEN 3 THEN 'reset-received' END AS what,
	coalesce(d.text, i.name) AS device,
	DIR(e.dir) AS dir,
	e.ethertype, e.vlan, e.cvlan, e.proto,
	ADDRESS_FULL(e.src) AS src,
	ADDRESS_FULL(e.dst) AS dst,
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
	DIR(s.dir) AS dir,
	s.ethertype, s.vlan, s.cvlan, s.proto,
	ADDRESS_FULL(s.src) AS src,
	ADDRESS_FULL(s.dst) AS dst,
	s.sport, s.dport, s.marks,
	TUNNEL(s.tunnel_kind) AS tunnel,
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

-- Of a table beside flow, read only where it is asked for: joins would be made by every sum.
-- define BESIDE(table, expression)
(SELECT @2 FROM @1 WHERE flow = f.id)
-- end
-- define OF_TCP(column)
CASE WHEN f.tcp_flags NOT NULL THEN coalesce(BESIDE(flow_tcp, @), 0) END
-- end

-- Records: the fields of flowctl flows --json, and their times as numbers.
DROP VIEW IF EXISTS flows;
CREATE VIEW flows AS
SELECT
	f.id, (f.id >> 20) - f.duration_ms AS start_ms, f.id >> 20 AS end_ms,
	TIME((f.id >> 20) - f.duration_ms) AS start, TIME(f.id >> 20) AS end, f.duration_ms,
	(SELECT name FROM interface i WHERE i.id = f.iface) AS iface, DIR(f.dir) AS dir,
	coalesce((SELECT host FROM interface i WHERE i.id = f.iface), (SELECT value FROM meta WHERE key = 'host')) AS host,
	ETHERTYPE(f) AS ethertype, f.vlan, f.cvlan, f.proto,
	CASE WHEN KNOWN(f.src) THEN ADDRESS(f.src) END AS src,
	CASE WHEN KNOWN(f.dst) THEN ADDRESS(f.dst) END AS dst,
	CASE WHEN KNOWN(f.src) THEN f.sport END AS sport, CASE WHEN KNOWN(f.dst) THEN f.dport END AS dport,
	CASE WHEN f.ethertype IN (2054, 32821) THEN ADDRESS(f.src) END AS arp_spa,
	CASE WHEN f.ethertype IN (2054, 32821) THEN ADDRESS(f.dst) END AS arp_tpa,
	f.packets, f.rev_packets, f.bytes, f.rev_bytes, f.ip_bytes, f.rev_ip_bytes,
	f.tcp_flags & 255 AS tcp_flags, (f.tcp_flags >> 8) & 255 AS rev_tcp_flags, MARKS(f.marks) AS marks,
	CASE f.end_reason WHEN 1 THEN 'idle' WHEN 2 THEN 'active' WHEN 3 THEN 'end' WHEN 4 THEN 'forced'
	WHEN 5 THEN 'resources' END AS end_reason,
	TUNNEL(BESIDE(flow_tunnel, kind)) AS tunnel,
	BESIDE(flow_tunnel, CASE kind WHEN 1 THEN tunnel_id & 1048575 ELSE tunnel_id END) AS tunnel_id,
	CASE WHEN f.rev_packets | f.rev_bytes THEN
		BESIDE(flow_tunnel, CASE kind WHEN 1 THEN rev_tunnel_id & 1048575 ELSE rev_tunnel_id END)
	END AS rev_tunnel_id,
	BESIDE(flow_tunnel, ADDRESS(outer_src)) AS outer_src, BESIDE(flow_tunnel, ADDRESS(outer_dst)) AS outer_dst,
	OF_TCP(retransmits) AS retransmits, OF_TCP(rev_retransmits) AS rev_retransmits,
	OF_TCP(retransmitted_bytes) AS retransmitted_bytes, OF_TCP(rev_retransmitted_bytes) AS rev_retransmitted_bytes,
	OF_TCP(out_of_order) AS out_of_order, OF_TCP(rev_out_of_order) AS rev_out_of_order,
	OF_TCP(dup_acks) AS dup_acks, OF_TCP(rev_dup_acks) AS rev_dup_acks,
	OF_TCP(zero_windows) AS zero_windows, OF_TCP(rev_zero_windows) AS rev_zero_windows,
	OF_TCP(resets) AS resets, OF_TCP(rev_resets) AS rev_resets,
	OF_TCP(keep_alives) AS keep_alives, OF_TCP(rev_keep_alives) AS rev_keep_alives,
	OF_TCP(syn_repeats) AS syn_repeats, OF_TCP(rev_syn_repeats) AS rev_syn_repeats,
	OF_TCP(retransmits_kernel) AS retransmits_kernel, OF_TCP(rev_retransmits_kernel) AS rev_retransmits_kernel,
	coalesce(BESIDE(flow_tcp, drops), 0) AS drops, coalesce(BESIDE(flow_tcp, rev_drops), 0) AS rev_drops,
	coalesce(BESIDE(flow_tcp, drop_bytes), 0) AS drop_bytes, coalesce(BESIDE(flow_tcp, rev_drop_bytes), 0) AS rev_drop_bytes,
	BESIDE(flow_rtt, handshake_us) AS handshake_us, BESIDE(flow_rtt, rev_handshake_us) AS rev_handshake_us,
	BESIDE(flow_rtt, rtt_sum_us / rtt_count) AS rtt_us, BESIDE(flow_rtt, rev_rtt_sum_us / rev_rtt_count) AS rev_rtt_us,
	BESIDE(flow_rtt, rtt_min_us) AS rtt_min_us, BESIDE(flow_rtt, rev_rtt_min_us) AS rev_rtt_min_us,
	BESIDE(flow_rtt, rtt_max_us) AS rtt_max_us, BESIDE(flow_rtt, rev_rtt_max_us) AS rev_rtt_max_us,
	BESIDE(flow_rtt, rtt_count) AS rtt_samples, BESIDE(flow_rtt, rev_rtt_count) AS rev_rtt_samples,
	BESIDE(flow_socket, (SELECT text FROM word w WHERE w.id = process)) AS process,
	nullif(BESIDE(flow_socket, pid), 0) AS pid,
	nullif(BESIDE(flow_socket, srtt_us), 0) AS srtt_us,
	nullif(BESIDE(flow_socket, min_rtt_us), 0) AS min_rtt_us,
	nullif(BESIDE(flow_socket, cwnd), 0) AS cwnd,
	nullif(BESIDE(flow_socket, delivery_rate), 0) AS delivery_rate
FROM flow_plain f;

-- What the kernel dropped.
DROP VIEW IF EXISTS drops;
CREATE VIEW drops AS
SELECT
	f.id, (f.id >> 20) - f.duration_ms AS start_ms, f.id >> 20 AS end_ms,
	TIME((f.id >> 20) - f.duration_ms) AS start, TIME(f.id >> 20) AS end,
	coalesce(d.text, i.name) AS iface, DIR(f.dir) AS dir, ETHERTYPE(f) AS ethertype, f.vlan, f.cvlan, f.proto,
	CASE WHEN KNOWN(f.src) THEN ADDRESS(f.src) END AS src,
	CASE WHEN KNOWN(f.dst) THEN ADDRESS(f.dst) END AS dst,
	CASE WHEN KNOWN(f.src) THEN f.sport END AS sport, CASE WHEN KNOWN(f.dst) THEN f.dport END AS dport,
	r.text AS reason, p.text AS place, f.packets, f.bytes, f.skbs, f.folded
FROM event f LEFT JOIN interface i ON i.id = f.iface LEFT JOIN word d ON d.id = f.device
	LEFT JOIN word r ON r.id = f.reason LEFT JOIN word p ON p.id = f.place
WHERE f.what = 0;

-- Sums by minute and by hour.
DROP VIEW IF EXISTS talkers;
CREATE VIEW talkers AS
SELECT
	id, per, (id >> 28) * 60000 AS start_ms, TIME((id >> 28) * 60000) AS start,
	CASE (id >> 24) & 15 WHEN 0 THEN 'host' WHEN 1 THEN 'pair' WHEN 2 THEN 'service' WHEN 3 THEN 'proto'
	WHEN 4 THEN 'iface' WHEN 5 THEN 'vlan' END AS kind,
	id & 16777215 AS rank,
	CASE WHEN id & 16777215 THEN CASE (id >> 24) & 15
		WHEN 0 THEN CASE WHEN w THEN STAND_IN(w & 65535, w >> 16) ELSE ADDRESS(src) END
		WHEN 1 THEN CASE WHEN NOT w THEN ADDRESS(src) || ' - ' || ADDRESS(dst)
			WHEN (w >> 16) & 26 = 8 AND dst NOT NULL THEN '(folded) - ' || ADDRESS(dst)
			ELSE STAND_IN(w & 65535, w >> 16) END
		WHEN 2 THEN CASE WHEN HAS_PROTO(w) THEN PROTO(((w >> 16) & 255)) || CASE WHEN w & 16777216 THEN '/' || (w & 65535)
			WHEN w & 33554432 THEN ' fragments' ELSE '' END ELSE SERVICE_STAND_IN(w) END
		WHEN 3 THEN CASE WHEN HAS_PROTO(w) THEN PROTO(((w >> 16) & 255)) ELSE SERVICE_STAND_IN(w) END
		WHEN 4 THEN coalesce((SELECT name FROM interface i WHERE i.id = w), '(not counted)')
		WHEN 5 THEN CASE WHEN (w >> 32) & 16 THEN '(no detail)' WHEN w & 268435456 THEN (w & 4095) || '.' || ((w >> 16) & 4095)
			WHEN w & 4096 THEN '' || (w & 4095) WHEN w >> 32 THEN '(unknown)' ELSE '(untagged)' END
	END ELSE '(other)' END AS key,
	ADDRESS(src) AS src, ADDRESS(dst) AS dst,
	CASE WHEN id & 16777215 AND (id >> 24) & 15 IN (2, 3) AND HAS_PROTO(w) THEN (w >> 16) & 255 END AS proto,
	CASE WHEN (id >> 24) & 15 = 2 AND w & 16777216 THEN w & 65535 END AS port,
	flows, packets, rev_packets, bytes, rev_bytes,
	bytes - l2_bytes - 14 * packets AS ip_bytes, rev_bytes - rev_l2_bytes - 14 * rev_packets AS rev_ip_bytes,
	retransmits, rev_retransmits, drops, rev_drops, rtt_sum_us / rtt_count AS rtt_us, rtt_count AS rtt_samples,
	TIME((id >> 28) * 60000 - first_ms) AS first, TIME((id >> 28) * 60000 + last_ms) AS last
FROM (SELECT 'minute' AS per, *, coalesce(what, 0) AS w FROM talker_minute UNION ALL
	SELECT 'hour', *, coalesce(what, 0) FROM talker_hour);

-- The ledger, a row a minute, with what was held before, and whether it balances: the fields of flowctl ledger --json.
-- unaccounted is as of the end of the minute.
DROP VIEW IF EXISTS books;
CREATE VIEW books AS
SELECT
	l.minute_ms, TIME(l.minute_ms) AS time, i.name AS iface, DIR(l.dir) AS dir,
	coalesce(b.held_packets, 0) AS opening_packets, coalesce(b.held_bytes, 0) AS opening_bytes,
	l.seen_packets, l.seen_bytes, l.recorded_packets, l.recorded_bytes, l.held_packets, l.held_bytes,
	l.short_packets, l.short_bytes, l.deep_packets, l.deep_bytes, l.folded_packets, l.folded_bytes,
	l.catchall_packets, l.catchall_bytes, l.nic_packets, l.nic_bytes, l.unaccounted_packets, l.unaccounted_bytes,
	coalesce(b.held_packets, 0) + l.seen_packets - l.recorded_packets - l.held_packets AS off_packets,
	coalesce(b.held_bytes, 0) + l.seen_bytes - l.recorded_bytes - l.held_bytes AS off_bytes,
	CASE WHEN coalesce(b.held_packets, 0) + l.seen_packets = l.recorded_packets + l.held_packets AND
		coalesce(b.held_bytes, 0) + l.seen_bytes = l.recorded_bytes + l.held_bytes AND
		coalesce(b.unaccounted_packets, 0) = l.unaccounted_packets AND
		coalesce(b.unaccounted_bytes, 0) = l.unaccounted_bytes THEN 'balanced' ELSE 'off' END AS books
FROM ledger l LEFT JOIN interface i ON i.id = l.iface LEFT JOIN ledger b ON b.iface = l.iface AND b.dir = l.dir AND
	b.minute_ms = (SELECT a.minute_ms FROM ledger a WHERE a.minute_ms < l.minute_ms AND a.iface = l.iface AND
		a.dir = l.dir ORDER BY a.minute_ms DESC LIMIT 1);
