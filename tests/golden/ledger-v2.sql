-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value
) WITHOUT ROWID;
INSERT INTO meta VALUES('generation',5792854255202214715);
INSERT INTO meta VALUES('instance','golden5513');
INSERT INTO meta VALUES('last_sweep',9);
INSERT INTO meta VALUES('ring_pos',0);
INSERT INTO meta VALUES('sequence',38);
INSERT INTO meta VALUES('socket','/run/wireledger/golden5513.sock');
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
INSERT INTO interface VALUES(1,'vb',2,66495,1,5792854255202214715,'xdp-native','tcx',1795331818698,1795331830792);
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
INSERT INTO flow VALUES(1882541859547381760,0,1,0,NULL,100,NULL,0,6,X'20010db8000100040000000000000001',X'20010db8000100040000000000000002',40000,443,1,98,80,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541859547381761,0,1,0,NULL,200,100,32,6,X'20010db80001000a0000000000000001',X'20010db80001000a0000000000000002',40000,443,1,102,80,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541859547381762,0,1,0,NULL,1,2,0,17,167841025,167841026,40001,53,1,79,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541859547381763,0,1,0,NULL,7,8,0,6,X'20010db8000100100000000000000001',X'20010db8000100100000000000000002',40000,443,1,102,80,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541859547381764,0,1,0,34997,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,1,60,0,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541859547381765,0,1,0,2054,6,NULL,0,NULL,167844865,167844866,1,NULL,1,60,0,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541859547381766,0,1,0,NULL,NULL,NULL,0,17,167837953,167837954,40001,53,1,71,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541859547381767,0,1,0,NULL,1,2,32,17,167842561,167842562,40001,53,1,87,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541859547381768,0,1,0,32821,NULL,NULL,0,NULL,167845633,167845634,3,NULL,1,60,0,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541859547381769,0,1,0,NULL,9,NULL,0,17,167844097,167844098,40001,53,1,83,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541859547381770,0,1,0,33024,1,2,4,NULL,NULL,NULL,NULL,NULL,1,114,0,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541859547381771,0,1,0,NULL,4095,NULL,0,17,167839489,167839490,40001,53,1,75,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541859547381772,0,1,0,4,NULL,NULL,0,NULL,NULL,NULL,43690,NULL,1,60,0,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541860197498893,0,1,0,NULL,NULL,NULL,0,6,X'20010db8000200190000000000000001',X'20010db8000200190000000000000002',40000,443,1,134,120,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541860197498894,0,1,0,NULL,NULL,NULL,0,17,167903489,167903490,40001,53,1,75,61,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541860197498895,0,1,0,NULL,NULL,NULL,0,6,X'20010db8000200110000000000000001',X'20010db8000200110000000000000002',40000,443,1,102,88,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541860197498896,0,1,0,NULL,NULL,NULL,4,60,X'20010db8000200210000000000000001',X'20010db8000200210000000000000002',0,0,1,187,173,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541860197498897,0,1,0,NULL,NULL,NULL,0,60,167905537,167905538,0,0,1,58,44,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541860897947668,0,1,0,NULL,NULL,NULL,0,17,168186113,168186114,40001,53,1,373,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541860897947669,0,1,0,NULL,NULL,NULL,0,6,168196865,168196866,1000,80,1,90,40,0,0,0,18,1);
INSERT INTO flow VALUES(1882541860897947670,0,1,0,2054,NULL,NULL,0,NULL,168182273,168182274,1,NULL,1,92,0,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541860897947671,0,1,0,NULL,9,NULL,0,6,168190209,168190210,40000,443,1,120,60,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541860897947672,0,1,0,NULL,NULL,NULL,0,17,168165889,168165890,40001,53,1,121,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541860897947673,0,1,0,NULL,NULL,NULL,0,17,168174081,168174082,40001,53,1,121,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541860897947674,0,1,0,NULL,NULL,NULL,0,17,168169985,168169986,40001,53,1,99,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541860897947675,0,1,0,NULL,NULL,NULL,0,6,X'20010db8000600320000000000000001',X'20010db8000600320000000000000002',40000,443,1,134,80,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541860897947676,0,1,0,NULL,NULL,NULL,0,17,X'20010db8000600710000000000000001',X'20010db8000600710000000000000002',40001,53,1,147,77,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541861472567314,0,1,0,NULL,NULL,NULL,0,6,167969281,167969282,1000,80,1,54,40,0,0,0,1,3);
INSERT INTO flow VALUES(1882541861472567315,0,1,0,NULL,NULL,NULL,0,6,X'20010db80003000b0000000000000001',X'20010db80003000b0000000000000002',1000,80,1,74,60,0,0,0,255,3);
INSERT INTO flow VALUES(1882541861472567327,0,1,0,NULL,NULL,NULL,0,17,167973889,167973890,40001,53,1,71,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541861472567328,0,1,0,NULL,NULL,NULL,0,132,X'20010db80003001d0000000000000001',X'20010db80003001d0000000000000002',40003,36412,1,70,56,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541861472567329,0,1,0,NULL,NULL,NULL,0,6,167969025,167969026,40000,80,1,54,40,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541862168821789,4,1,1,NULL,NULL,NULL,0,6,167837698,167837697,48308,7000,18,21196,20944,5,338,268,70427,3);
INSERT INTO flow VALUES(1882541862785384478,4,1,1,NULL,NULL,NULL,0,6,X'fd000001000000000000000000000002',X'fd000001000000000000000000000001',50868,7000,19,21642,21376,5,438,368,70427,3);
INSERT INTO flow VALUES(1882541863347421218,0,1,1,NULL,NULL,NULL,0,6,167837698,167837697,54200,7001,1,74,60,1,54,40,70658,3);
INSERT INTO flow VALUES(1882541865977249827,2044,1,1,NULL,NULL,NULL,0,6,167837698,167837705,37694,7000,3,222,180,0,0,0,65538,4);
INSERT INTO flow VALUES(1882541867084546084,0,1,1,NULL,NULL,NULL,0,1,167837698,167837697,3,3,1,170,156,0,0,0,NULL,4);
INSERT INTO flow VALUES(1882541867084546085,0,1,0,NULL,NULL,NULL,0,17,167837697,167837698,51222,7002,1,142,128,0,0,0,NULL,4);
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
INSERT INTO ledger VALUES(1795331820000,1,0,44,4199,44,4199,0,0,0,0,2,301,0,0,0,0,0,0);
INSERT INTO ledger VALUES(1795331820000,1,1,42,43304,42,43304,0,0,0,0,0,0,0,0,0,0,0,0);
CREATE TABLE books (
	iface INTEGER NOT NULL,
	dir INTEGER NOT NULL,
	seen_packets INTEGER NOT NULL,
	seen_bytes INTEGER NOT NULL,
	recorded_packets INTEGER NOT NULL,
	recorded_bytes INTEGER NOT NULL,
	PRIMARY KEY (iface, dir)
) WITHOUT ROWID;
INSERT INTO books VALUES(1,0,44,4199,44,4199);
INSERT INTO books VALUES(1,1,42,43304,42,43304);
CREATE TABLE flow_tunnel (
	flow INTEGER PRIMARY KEY,         -- flow.id
	kind INTEGER NOT NULL,
	tunnel_id INTEGER NOT NULL,       -- VNI, key, TEID, SPI ...; mpls: top label | entries << 20
	rev_tunnel_id INTEGER NOT NULL,   -- of the reverse direction
	outer_src, outer_dst              -- tunnel endpoints, the initiator's side first
);
INSERT INTO flow_tunnel VALUES(1882541860897947668,4,15,0,168185857,168185858);
INSERT INTO flow_tunnel VALUES(1882541860897947669,12,501,0,168196609,168196610);
INSERT INTO flow_tunnel VALUES(1882541860897947670,3,7,0,168182017,168182018);
INSERT INTO flow_tunnel VALUES(1882541860897947671,6,8192,0,168189953,168189954);
INSERT INTO flow_tunnel VALUES(1882541860897947672,3,42,0,168165633,168165634);
INSERT INTO flow_tunnel VALUES(1882541860897947673,7,100,0,168173825,168173826);
INSERT INTO flow_tunnel VALUES(1882541860897947674,5,7,0,168169729,168169730);
INSERT INTO flow_tunnel VALUES(1882541860897947675,12,2,0,168177921,168177922);
INSERT INTO flow_tunnel VALUES(1882541860897947676,12,4,0,X'20010db8000600700000000000000001',X'20010db8000600700000000000000002');
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
COMMIT;
PRAGMA application_id = 1464616007;
PRAGMA user_version = 2;
