-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value
) WITHOUT ROWID;
INSERT INTO meta VALUES('counters',replace('1 6713607894680565360\n0\n1\n1 0 7 rx_dropped\n1 0 22 rx_otherhost_dropped\n0 3 1790 cpu0 time_squeeze\n0 3 1610 cpu1 time_squeeze\n0 3 9415 cpu1 received_rps\n','\n',char(10)));
INSERT INTO meta VALUES('event_generation',2);
INSERT INTO meta VALUES('generation',6713607894680565360);
INSERT INTO meta VALUES('instance','golden12595');
INSERT INTO meta VALUES('last_sweep',10);
INSERT INTO meta VALUES('ring_pos',0);
INSERT INTO meta VALUES('sample_bytes',1870);
INSERT INTO meta VALUES('sample_pos',2464);
INSERT INTO meta VALUES('sequence',38);
INSERT INTO meta VALUES('socket','/run/wireledger/golden12595.sock');
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
INSERT INTO interface VALUES(1,'vb',2,66544,1,6713607894680565360,'xdp-native','tcx',1795331849674,1795331861345);
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
INSERT INTO flow VALUES(1882541892422336512,0,1,0,NULL,100,NULL,0,6,X'20010db8000100040000000000000001',X'20010db8000100040000000000000002',40000,443,1,98,80,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541892422336513,0,1,0,NULL,1,2,32,17,167842561,167842562,40001,53,1,87,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541892422336514,0,1,0,32821,NULL,NULL,0,NULL,167845633,167845634,3,NULL,1,60,0,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541892422336515,0,1,0,NULL,200,100,32,6,X'20010db80001000a0000000000000001',X'20010db80001000a0000000000000002',40000,443,1,102,80,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541892422336516,0,1,0,NULL,NULL,NULL,0,17,167837953,167837954,40001,53,1,71,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541892422336517,0,1,0,NULL,1,2,0,17,167841025,167841026,40001,53,1,79,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541892422336518,0,1,0,NULL,7,8,0,6,X'20010db8000100100000000000000001',X'20010db8000100100000000000000002',40000,443,1,102,80,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541892422336519,0,1,0,NULL,9,NULL,0,17,167844097,167844098,40001,53,1,83,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541892422336520,0,1,0,34997,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,1,60,0,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541892422336521,0,1,0,NULL,4095,NULL,0,17,167839489,167839490,40001,53,1,75,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541892422336522,0,1,0,4,NULL,NULL,0,NULL,NULL,NULL,43690,NULL,1,60,0,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541892422336523,0,1,0,33024,1,2,4,NULL,NULL,NULL,NULL,NULL,1,114,0,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541892422336524,0,1,0,2054,6,NULL,0,NULL,167844865,167844866,1,NULL,1,60,0,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541892929847309,0,1,0,NULL,NULL,NULL,0,17,167903489,167903490,40001,53,1,75,61,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541892929847310,0,1,0,NULL,NULL,NULL,0,60,167905537,167905538,0,0,1,58,44,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541892929847311,0,1,0,NULL,NULL,NULL,0,6,X'20010db8000200110000000000000001',X'20010db8000200110000000000000002',40000,443,1,102,88,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541892938235920,0,1,0,NULL,NULL,NULL,0,6,X'20010db8000200190000000000000001',X'20010db8000200190000000000000002',40000,443,1,134,120,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541892938235921,0,1,0,NULL,NULL,NULL,4,60,X'20010db8000200210000000000000001',X'20010db8000200210000000000000002',0,0,1,187,173,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541893558992917,0,1,0,NULL,NULL,NULL,0,17,168174081,168174082,40001,53,1,121,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541893558992918,0,1,0,NULL,NULL,NULL,0,17,168186113,168186114,40001,53,1,373,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541893558992919,0,1,0,NULL,NULL,NULL,0,17,168165889,168165890,40001,53,1,121,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541893558992920,0,1,0,NULL,NULL,NULL,0,17,168169985,168169986,40001,53,1,99,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541893558992921,0,1,0,2054,NULL,NULL,0,NULL,168182273,168182274,1,NULL,1,92,0,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541893558992922,0,1,0,NULL,NULL,NULL,0,6,168196865,168196866,1000,80,1,90,40,0,0,0,18,1);
INSERT INTO flow VALUES(1882541893558992923,0,1,0,NULL,NULL,NULL,0,6,X'20010db8000600320000000000000001',X'20010db8000600320000000000000002',40000,443,1,134,80,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541893558992924,0,1,0,NULL,9,NULL,0,6,168190209,168190210,40000,443,1,120,60,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541893558992925,0,1,0,NULL,NULL,NULL,0,17,X'20010db8000600710000000000000001',X'20010db8000600710000000000000002',40001,53,1,147,77,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541894070698002,0,1,0,NULL,NULL,NULL,0,6,X'20010db80003000b0000000000000001',X'20010db80003000b0000000000000002',1000,80,1,74,60,0,0,0,255,3);
INSERT INTO flow VALUES(1882541894070698003,0,1,0,NULL,NULL,NULL,0,6,167969281,167969282,1000,80,1,54,40,0,0,0,1,3);
INSERT INTO flow VALUES(1882541894070698014,0,1,0,NULL,NULL,NULL,0,132,X'20010db80003001d0000000000000001',X'20010db80003001d0000000000000002',40003,36412,1,70,56,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541894070698015,0,1,0,NULL,NULL,NULL,0,6,167969025,167969026,40000,80,1,54,40,0,0,0,65538,1);
INSERT INTO flow VALUES(1882541894070698016,0,1,0,NULL,NULL,NULL,0,17,167973889,167973890,40001,53,1,71,57,0,0,0,NULL,1);
INSERT INTO flow VALUES(1882541894599180308,0,1,1,NULL,NULL,NULL,0,6,167837698,167837697,39314,7000,18,21196,20944,5,338,268,70427,3);
INSERT INTO flow VALUES(1882541895031193633,4,1,1,NULL,NULL,NULL,0,6,X'fd000001000000000000000000000002',X'fd000001000000000000000000000001',41956,7000,19,21642,21376,5,438,368,70427,3);
INSERT INTO flow VALUES(1882541895584841762,0,1,1,NULL,NULL,NULL,0,6,167837698,167837697,37410,7001,1,74,60,1,54,40,70658,3);
INSERT INTO flow VALUES(1882541898088841251,2036,1,1,NULL,NULL,NULL,0,6,167837698,167837705,40882,7000,3,222,180,0,0,0,65538,4);
INSERT INTO flow VALUES(1882541898982228004,0,1,0,NULL,NULL,NULL,0,17,167837697,167837698,41229,7002,1,142,128,0,0,0,NULL,4);
INSERT INTO flow VALUES(1882541898982228005,0,1,1,NULL,NULL,NULL,0,1,167837698,167837697,3,3,1,170,156,0,0,0,NULL,4);
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
	unaccounted_bytes INTEGER NOT NULL, nic_packets INTEGER, nic_bytes INTEGER,
	PRIMARY KEY (minute_ms, iface, dir)
) WITHOUT ROWID;
INSERT INTO ledger VALUES(1795331820000,1,0,44,4199,44,4199,0,0,0,0,2,301,0,0,0,0,0,0,44,3583);
INSERT INTO ledger VALUES(1795331820000,1,1,42,43304,42,43304,0,0,0,0,0,0,0,0,0,0,0,0,19,41546);
CREATE TABLE books (
	iface INTEGER NOT NULL,
	dir INTEGER NOT NULL,
	seen_packets INTEGER NOT NULL,
	seen_bytes INTEGER NOT NULL,
	recorded_packets INTEGER NOT NULL,
	recorded_bytes INTEGER NOT NULL, nic_packets INTEGER, nic_bytes INTEGER, nic_seen_packets INTEGER, nic_seen_bytes INTEGER,
	PRIMARY KEY (iface, dir)
) WITHOUT ROWID;
INSERT INTO books VALUES(1,0,44,4199,44,4199,44,3583,44,4199);
INSERT INTO books VALUES(1,1,42,43304,42,43304,19,41546,42,43304);
CREATE TABLE flow_tunnel (
	flow INTEGER PRIMARY KEY,         -- flow.id
	kind INTEGER NOT NULL,
	tunnel_id INTEGER NOT NULL,       -- VNI, key, TEID, SPI ...; mpls: top label | entries << 20
	rev_tunnel_id INTEGER NOT NULL,   -- of the reverse direction
	outer_src, outer_dst              -- tunnel endpoints, the initiator's side first
);
INSERT INTO flow_tunnel VALUES(1882541893558992917,7,100,0,168173825,168173826);
INSERT INTO flow_tunnel VALUES(1882541893558992918,4,15,0,168185857,168185858);
INSERT INTO flow_tunnel VALUES(1882541893558992919,3,42,0,168165633,168165634);
INSERT INTO flow_tunnel VALUES(1882541893558992920,5,7,0,168169729,168169730);
INSERT INTO flow_tunnel VALUES(1882541893558992921,3,7,0,168182017,168182018);
INSERT INTO flow_tunnel VALUES(1882541893558992922,12,501,0,168196609,168196610);
INSERT INTO flow_tunnel VALUES(1882541893558992923,12,2,0,168177921,168177922);
INSERT INTO flow_tunnel VALUES(1882541893558992924,6,8192,0,168189953,168189954);
INSERT INTO flow_tunnel VALUES(1882541893558992925,12,4,0,X'20010db8000600700000000000000001',X'20010db8000600700000000000000002');
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
INSERT INTO flow_tcp VALUES(1882541892422336512,0,0,0,0,0,0,0,0,0,1,94,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541892422336516,0,0,0,0,0,0,0,0,0,1,71,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541892422336520,0,0,0,0,0,0,0,0,0,1,60,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541892422336521,0,0,0,0,0,0,0,0,0,1,71,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541892929847309,0,0,0,0,0,0,0,0,0,1,75,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541892929847310,0,0,0,0,0,0,0,0,0,1,58,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541892929847311,0,0,0,0,0,0,0,0,0,1,102,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541894070698002,0,0,0,0,0,1,0,0,0,1,74,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541894070698003,0,0,0,0,0,0,0,0,0,1,54,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541894070698014,0,0,0,0,0,0,0,0,0,1,70,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541894070698015,0,0,0,0,0,0,0,0,0,1,54,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541894070698016,0,0,0,0,0,0,0,0,0,1,71,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541895584841762,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541898088841251,2,0,0,0,0,0,0,2,2,0,0,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO flow_tcp VALUES(1882541898982228004,0,0,0,0,0,0,0,0,0,1,142,0,0,0,0,0,0,0,0,0,0,0);
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
INSERT INTO flow_rtt VALUES(1882541894599180308,47,1,47,47,47,22,1,22,22,22);
INSERT INTO flow_rtt VALUES(1882541895031193633,37,2,67,30,37,17,1,17,17,17);
CREATE TABLE word (
	id INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
);
INSERT INTO word VALUES(1,'vb');
INSERT INTO word VALUES(2,'link');
INSERT INTO word VALUES(3,'rx_dropped');
INSERT INTO word VALUES(4,'rx_otherhost_dropped');
INSERT INTO word VALUES(5,'python3');
INSERT INTO word VALUES(6,'UNHANDLED_PROTO');
INSERT INTO word VALUES(7,'__netif_receive_skb_core.constprop.0+0x7e6');
INSERT INTO word VALUES(8,'NOT_SPECIFIED');
INSERT INTO word VALUES(9,'llc_rcv+0x1e5');
INSERT INTO word VALUES(10,'OTHERHOST');
INSERT INTO word VALUES(11,'ip_rcv_core+0x22c');
INSERT INTO word VALUES(12,'ip6_rcv_core+0x415');
INSERT INTO word VALUES(13,'syn');
INSERT INTO word VALUES(14,'NO_SOCKET');
INSERT INTO word VALUES(15,'__udp4_lib_rcv+0x4bc');
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
INSERT INTO flow_socket VALUES(1882541894599180308,0,13660,5,69,13,25,0,16,0,20002,1,15242105);
INSERT INTO flow_socket VALUES(1882541895031193633,0,13723,5,57,12,26,0,17,0,20002,1,21313432);
INSERT INTO flow_socket VALUES(1882541895584841762,0,13814,5,NULL,NULL,10,0,0,0,0,0,NULL);
INSERT INTO flow_socket VALUES(1882541898088841251,0,13897,5,NULL,NULL,1,2,0,2,0,0,NULL);
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
INSERT INTO event VALUES(1882541895391903744,5021,0,1,1,0,33024,NULL,NULL,2,NULL,NULL,NULL,NULL,NULL,6,7,3,283,3,0);
INSERT INTO event VALUES(1882541895391903745,5021,0,1,1,0,4,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,8,9,2,139,2,0);
INSERT INTO event VALUES(1882541895391903746,5021,0,1,1,0,37120,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,6,7,1,102,1,0);
INSERT INTO event VALUES(1882541895391903747,5021,0,1,1,0,32821,NULL,NULL,0,NULL,0,0,NULL,NULL,6,7,1,60,1,0);
INSERT INTO event VALUES(1882541895391903748,5021,0,1,1,0,34984,NULL,NULL,2,NULL,NULL,NULL,NULL,NULL,6,7,1,83,1,0);
INSERT INTO event VALUES(1882541895391903749,5021,0,1,1,0,34997,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,6,7,1,60,1,0);
INSERT INTO event VALUES(1882541895391903750,5021,0,1,1,0,NULL,NULL,NULL,0,17,167837953,167837954,40001,53,10,11,1,71,1,0);
INSERT INTO event VALUES(1882541895391903751,5021,0,1,1,0,NULL,NULL,NULL,0,17,167839489,167839490,40001,53,10,11,1,71,1,0);
INSERT INTO event VALUES(1882541895391903752,5021,0,1,1,0,NULL,NULL,NULL,0,17,167903489,167903490,40001,53,10,11,1,75,1,0);
INSERT INTO event VALUES(1882541895391903753,5021,0,1,1,0,NULL,NULL,NULL,0,60,167905537,167905538,0,0,10,11,1,58,1,0);
INSERT INTO event VALUES(1882541895391903754,5021,0,1,1,0,NULL,NULL,NULL,0,6,167969025,167969026,40000,80,10,11,1,54,1,0);
INSERT INTO event VALUES(1882541895391903755,5021,0,1,1,0,NULL,NULL,NULL,0,6,167969281,167969282,1000,80,10,11,1,54,1,0);
INSERT INTO event VALUES(1882541895391903756,5021,0,1,1,0,NULL,NULL,NULL,0,17,167973889,167973890,40001,53,10,11,1,71,1,0);
INSERT INTO event VALUES(1882541895391903757,5021,0,1,1,0,NULL,NULL,NULL,0,17,168165633,168165634,50000,4789,10,11,1,121,1,0);
INSERT INTO event VALUES(1882541895391903758,5021,0,1,1,0,NULL,NULL,NULL,0,47,168169729,168169730,0,0,10,11,1,99,1,0);
INSERT INTO event VALUES(1882541895391903759,5021,0,1,1,0,NULL,NULL,NULL,0,47,168173825,168173826,0,0,10,11,1,121,1,0);
INSERT INTO event VALUES(1882541895391903760,5021,0,1,1,0,NULL,NULL,NULL,0,17,168177921,168177922,50000,2152,10,11,1,134,1,0);
INSERT INTO event VALUES(1882541895391903761,5021,0,1,1,0,NULL,NULL,NULL,0,17,168182017,168182018,50000,4789,10,11,1,92,1,0);
INSERT INTO event VALUES(1882541895391903762,5021,0,1,1,0,NULL,NULL,NULL,0,17,168185857,168185858,50000,6081,10,11,1,373,1,0);
INSERT INTO event VALUES(1882541895391903763,5021,0,1,1,0,NULL,NULL,NULL,0,47,168189953,168189954,0,0,10,11,1,120,1,0);
INSERT INTO event VALUES(1882541895391903764,5021,0,1,1,0,NULL,NULL,NULL,0,17,168196609,168196610,2152,2152,10,11,1,90,1,0);
INSERT INTO event VALUES(1882541895391903765,5021,0,1,1,0,NULL,NULL,NULL,0,6,X'20010db8000100040000000000000001',X'20010db8000100040000000000000002',40000,443,10,12,1,94,1,0);
INSERT INTO event VALUES(1882541895391903766,5021,0,1,1,0,NULL,NULL,NULL,0,6,X'20010db8000200110000000000000001',X'20010db8000200110000000000000002',40000,443,10,12,1,102,1,0);
INSERT INTO event VALUES(1882541895391903767,5021,0,1,1,0,NULL,NULL,NULL,0,139,X'20010db8000200190000000000000001',X'20010db8000200190000000000000002',0,0,10,12,1,134,1,0);
INSERT INTO event VALUES(1882541895391903768,5021,0,1,1,0,NULL,NULL,NULL,2,60,X'20010db8000200210000000000000001',X'20010db8000200210000000000000002',0,0,10,12,1,187,1,0);
INSERT INTO event VALUES(1882541895391903769,5021,0,1,1,0,NULL,NULL,NULL,0,6,X'20010db80003000b0000000000000001',X'20010db80003000b0000000000000002',1000,80,10,12,1,74,1,0);
INSERT INTO event VALUES(1882541895391903770,5021,0,1,1,0,NULL,NULL,NULL,0,132,X'20010db80003001d0000000000000001',X'20010db80003001d0000000000000002',40003,36412,10,12,1,70,1,0);
INSERT INTO event VALUES(1882541895391903771,5021,0,1,1,0,NULL,NULL,NULL,0,17,X'20010db8000600700000000000000001',X'20010db8000600700000000000000002',50001,2152,10,12,1,147,1,0);
INSERT INTO event VALUES(1882541900637929472,5003,1,1,1,1,NULL,NULL,NULL,0,6,167837698,167837705,40882,7000,13,NULL,2,132,2,0);
INSERT INTO event VALUES(1882541900637929473,5003,3,1,1,0,NULL,NULL,NULL,0,6,167837697,167837698,7001,37410,NULL,NULL,1,0,1,0);
INSERT INTO event VALUES(1882541900637929474,5003,0,1,1,0,NULL,NULL,NULL,0,17,167837697,167837698,41229,7002,14,15,1,142,1,0);
CREATE TABLE counter (
	minute_ms INTEGER NOT NULL,
	iface INTEGER NOT NULL,           -- interface.id, 0: of the host
	source INTEGER NOT NULL,          -- word.id
	name INTEGER NOT NULL,            -- word.id
	value INTEGER NOT NULL,
	PRIMARY KEY (minute_ms, iface, source, name)
) WITHOUT ROWID;
INSERT INTO counter VALUES(1795331820000,1,2,3,7);
INSERT INTO counter VALUES(1795331820000,1,2,4,22);
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
INSERT INTO sample VALUES(1795331852851000011,1,1,0,1,102,1,NULL,NULL,2,NULL,NULL,NULL,0,6,X'20010db8000200110000000000000001',X'20010db8000200110000000000000002',40000,443,NULL,NULL,NULL,NULL,X'02000000000202000000000186dd6000000000302c4020010db800020011000000000000000120010db800020011000000000000000206000000000000099c4001bb000003e800000000a00220002a810000020405b40402080a000000010000000001030307');
INSERT INTO sample VALUES(1795331853937611239,1,1,0,1,54,1,NULL,NULL,2,NULL,NULL,NULL,0,6,167969025,167969026,40000,80,NULL,NULL,NULL,NULL,X'02000000000202000000000108004500002800010000400664c70a0301010a0301029c400050000003e80000000050022000d9610000');
INSERT INTO sample VALUES(1795331853937656213,1,1,0,1,54,1,NULL,NULL,2,NULL,NULL,NULL,0,6,167969281,167969282,1000,80,NULL,NULL,NULL,NULL,X'02000000000202000000000108004500002800010000400662c70a0302010a03020203e80050000003e800000000500120006fbb0000');
INSERT INTO sample VALUES(1795331853937680358,1,1,0,1,74,1,NULL,NULL,2,NULL,NULL,NULL,0,6,X'20010db80003000b0000000000000001',X'20010db80003000b0000000000000002',1000,80,NULL,NULL,NULL,NULL,X'02000000000202000000000186dd600000000014064020010db80003000b000000000000000120010db80003000b000000000000000203e80050000003e8000007d050ff200023650000');
INSERT INTO sample VALUES(1795331854442737352,1,1,1,1,74,1,NULL,NULL,2,NULL,NULL,NULL,0,6,167837698,167837697,39314,7000,NULL,NULL,NULL,NULL,X'020000000a01020000000a0208004500003c65b540004006c1020a0100020a01000199921b58751f154c00000000a002faf014330000020405b40402080ad577db98000000000103030a');
INSERT INTO sample VALUES(1795331854442783778,1,1,0,1,74,1,NULL,NULL,2,NULL,NULL,NULL,0,6,167837697,167837698,7000,39314,NULL,NULL,NULL,NULL,X'020000000a02020000000a0108004500003c00004000400626b80a0100010a0100021b589992fd61ed0d751f154da012fe8814330000020405b40402080a4819f227d577db980103030a');
INSERT INTO sample VALUES(1795331854443080022,1,1,0,1,66,1,NULL,NULL,2,NULL,NULL,NULL,0,6,167837697,167837698,7000,39314,NULL,NULL,NULL,NULL,X'020000000a02020000000a01080045000034671c40004006bfa30a0100010a0100021b589992fd61ed0e751f636e80110060142b00000101080a4819f228d577db98');
INSERT INTO sample VALUES(1795331854443116991,1,1,1,1,66,1,NULL,NULL,2,NULL,NULL,NULL,0,6,167837698,167837697,39314,7000,NULL,NULL,NULL,NULL,X'020000000a01020000000a0208004500003465c640004006c0f90a0100020a01000199921b58751f636efd61ed0f8010003f142b00000101080ad577db994819f228');
INSERT INTO sample VALUES(1795331854850491087,1,1,1,1,94,1,NULL,NULL,2,NULL,NULL,NULL,0,6,X'fd000001000000000000000000000002',X'fd000001000000000000000000000001',41956,7000,NULL,NULL,NULL,NULL,X'020000000a01020000000a0286dd6001971d00280640fd000001000000000000000000000002fd000001000000000000000000000001a3e41b58fd36bdc500000000a002fd20fa340000020405a00402080a44fdc0fa000000000103030a');
INSERT INTO sample VALUES(1795331854850527464,1,1,0,1,94,1,NULL,NULL,2,NULL,NULL,NULL,0,6,X'fd000001000000000000000000000001',X'fd000001000000000000000000000002',7000,41956,NULL,NULL,NULL,NULL,X'020000000a02020000000a0186dd60047c2900280640fd000001000000000000000000000001fd0000010000000000000000000000021b58a3e48cbf6b66fd36bdc6a012fb04fa340000020405a00402080a6ba1822c44fdc0fa0103030a');
INSERT INTO sample VALUES(1795331855382875323,1,1,1,1,74,1,NULL,NULL,2,NULL,NULL,NULL,0,6,167837698,167837697,37410,7001,NULL,NULL,NULL,NULL,X'020000000a01020000000a0208004500003c70fa40004006b5bd0a0100020a01000192221b597931b19800000000a002faf014330000020405b40402080a46e43262000000000103030a');
INSERT INTO sample VALUES(1795331855382921510,1,1,0,1,54,1,NULL,NULL,2,NULL,NULL,NULL,0,6,167837697,167837698,7001,37410,NULL,NULL,NULL,NULL,X'020000000a02020000000a0108004500002800004000400626cc0a0100010a0100021b599222000000007931b19950140000c3850000');
INSERT INTO sample VALUES(1795331855735957444,1,1,1,1,74,1,NULL,NULL,2,NULL,NULL,NULL,0,6,167837698,167837705,40882,7000,NULL,NULL,NULL,NULL,X'020000000a01020000000a0208004500003c4a1a40004006dc950a0100020a0100099fb21b581e8b6dc900000000a002faf0143b0000020405b40402080a22858fad000000000103030a');
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
CREATE VIEW counter_text AS
SELECT
	strftime('%Y-%m-%dT%H:%MZ', c.minute_ms / 1000, 'unixepoch') AS minute,
	c.minute_ms, i.name AS iface, s.text AS source, n.text AS name, c.value
FROM counter c LEFT JOIN interface i ON i.id = c.iface LEFT JOIN word s ON s.id = c.source
	LEFT JOIN word n ON n.id = c.name;
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
COMMIT;
PRAGMA application_id = 1464616007;
PRAGMA user_version = 4;
