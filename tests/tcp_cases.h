/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp_cases.h: connections, segment by segment, and what goes wrong in them: the table of test_tcp.c.
 * A begins at 1000 and B at 5000; times are microseconds.
 */
#pragma once

#include "tcp_feed.h"

#define CASE_SEQ 1000
#define CASE_SEGMENTS 40

struct tcp_case {
	const char *name;
	struct segment list[CASE_SEGMENTS];
	uint32_t count;
	bool alone;
	uint32_t initial_us[2]; /* 0: not looked at */
	struct flow_health_count want[2];
};

/* clang-format off: a table, and the macros that keep it one */
#define SEG(side_, us, flags_, seq_, ack_, len_, window_, mss_)                      \
	{                                                                            \
		.side = side_, .ns = (us)*1000ULL, .flags = (flags_), .seq = (seq_), \
		.ack = (ack_), .len = (len_), .window = (window_), .mss = (mss_)     \
	}
/* Data, or an acknowledgement; with another window; with other flags; as a GSO packet. */
#define A(us, seq, ack, len) SEG(0, us, ACK, seq, ack, len, 500, 0)
#define B(us, seq, ack, len) SEG(1, us, ACK, seq, ack, len, 500, 0)
#define AW(us, seq, ack, len, window) SEG(0, us, ACK, seq, ack, len, window, 0)
#define BW(us, seq, ack, len, window) SEG(1, us, ACK, seq, ack, len, window, 0)
#define AF(us, flags, seq, ack, len) SEG(0, us, flags, seq, ack, len, 500, 0)
#define BF(us, flags, seq, ack, len) SEG(1, us, flags, seq, ack, len, 500, 0)
#define AG(us, seq, ack, len, mss) SEG(0, us, ACK, seq, ack, len, 500, mss)
/* A round trip of 10 ms; it takes until then. */
#define OPEN AF(0, SYN, 999, 0, 0), BF(5000, SYN | ACK, 4999, 1000, 0), A(10000, 1000, 5000, 0)
/* In the middle of a connection; the initial round trip is not known. */
#define MIDDLE A(0, 1000, 5000, 100), B(100, 5000, 1100, 0)
#define CASE(title, ...)                      \
	.name = title, .list = {__VA_ARGS__}, \
	.count = sizeof((const struct segment[]){__VA_ARGS__}) / sizeof(struct segment)
#define WANT_A(...) .want[0] = {__VA_ARGS__}
#define WANT_B(...) .want[1] = {__VA_ARGS__}
#define TWICE(n, bytes) .retransmits = (n), .retransmitted_bytes = (bytes)

static const struct tcp_case tcp_cases[] = {
	{CASE("in order, both ways", OPEN, A(11000, 1000, 5000, 100), B(12000, 5000, 1100, 200),
	      A(13000, 1100, 5200, 100), B(14000, 5200, 1200, 0),
	      AF(15000, FIN | ACK, 1200, 5200, 0), BF(16000, FIN | ACK, 5200, 1201, 0),
	      A(17000, 1201, 5201, 0)),
	 .initial_us = {10000}},
	{CASE("bare ACKs that follow data", MIDDLE, B(200, 5000, 1100, 50), B(300, 5050, 1100, 50),
	      A(400, 1100, 5100, 0))},
	/* --- retransmissions --- */
	{CASE("after a timeout", OPEN, A(11000, 1000, 5000, 100), A(220000, 1000, 5000, 100),
	      B(225000, 5000, 1100, 0)),
	 WANT_A(TWICE(1, 100))},
	{CASE("after a timeout, of which the newest", MIDDLE, A(200, 1100, 5000, 100),
	      A(1000, 1100, 5000, 100)),
	 WANT_A(TWICE(1, 100))},
	{CASE("fast, at the second duplicate ACK", OPEN, A(11000, 1000, 5000, 100),
	      A(11100, 1100, 5000, 100), A(11200, 1200, 5000, 100), A(11300, 1300, 5000, 100),
	      B(12000, 5000, 1100, 0), B(12100, 5000, 1100, 0), B(12200, 5000, 1100, 0),
	      A(12300, 1100, 5000, 100)),
	 WANT_A(TWICE(1, 100)), WANT_B(.dup_acks = 2)},
	{CASE("not fast: one duplicate ACK", OPEN, A(11000, 1000, 5000, 100),
	      A(11100, 1100, 5000, 100), A(11200, 1200, 5000, 100), B(12000, 5000, 1100, 0),
	      B(12100, 5000, 1100, 0), A(12300, 1100, 5000, 100)),
	 WANT_A(.out_of_order = 1), WANT_B(.dup_acks = 1)},
	{CASE("not fast: another segment than was asked for", OPEN, A(11000, 1000, 5000, 100),
	      A(11100, 1100, 5000, 100), A(11200, 1200, 5000, 100), A(11300, 1300, 5000, 100),
	      B(12000, 5000, 1100, 0), B(12100, 5000, 1100, 0), B(12200, 5000, 1100, 0),
	      A(12300, 1200, 5000, 100)),
	 WANT_A(.out_of_order = 1), WANT_B(.dup_acks = 2)},
	{CASE("not fast after 20 ms; out of order within a round trip of 60", AF(0, SYN, 999, 0, 0),
	      BF(30000, SYN | ACK, 4999, 1000, 0), A(60000, 1000, 5000, 0),
	      A(61000, 1000, 5000, 100), A(61100, 1100, 5000, 100), A(61200, 1200, 5000, 100),
	      B(61500, 5000, 1100, 0), B(61600, 5000, 1100, 0), B(61700, 5000, 1100, 0),
	      A(81700, 1100, 5000, 100)),
	 WANT_A(.out_of_order = 1), WANT_B(.dup_acks = 2), .initial_us = {60000}},
	{CASE("fast just before 20 ms", AF(0, SYN, 999, 0, 0), BF(30000, SYN | ACK, 4999, 1000, 0),
	      A(60000, 1000, 5000, 0), A(61000, 1000, 5000, 100), A(61100, 1100, 5000, 100),
	      A(61200, 1200, 5000, 100), B(61500, 5000, 1100, 0), B(61600, 5000, 1100, 0),
	      B(61700, 5000, 1100, 0), A(81600, 1100, 5000, 100)),
	 WANT_A(TWICE(1, 100)), WANT_B(.dup_acks = 2)},
	{CASE("not fast: who asked has begun again", MIDDLE, A(200, 1100, 5000, 100),
	      A(300, 1200, 5000, 100), B(400, 5000, 1100, 0), B(500, 5000, 1100, 0),
	      BF(600, SYN, 800000, 0, 0), A(700, 1100, 5000, 100)),
	 WANT_A(.out_of_order = 1), WANT_B(.dup_acks = 2)},
	{CASE("an acknowledgement of new data ends the duplicates", OPEN, A(11000, 1000, 5000, 100),
	      A(11100, 1100, 5000, 100), A(11200, 1200, 5000, 100), B(12000, 5000, 1100, 0),
	      B(12100, 5000, 1100, 0), B(12200, 5000, 1100, 0), B(12300, 5000, 1200, 0),
	      B(12400, 5000, 1200, 0), A(12500, 1200, 5000, 50)),
	 WANT_A(.out_of_order = 1), WANT_B(.dup_acks = 3)},
	{CASE("spurious: acknowledged already, though soon", OPEN, A(11000, 1000, 5000, 100),
	      A(11100, 1100, 5000, 100), B(12000, 5000, 1100, 0), A(12100, 1000, 5000, 100)),
	 WANT_A(TWICE(1, 100))},
	{CASE("not spurious: acknowledged in part", OPEN, A(11000, 1000, 5000, 100),
	      A(11100, 1100, 5000, 100), B(12000, 5000, 1099, 0), A(12100, 1000, 5000, 100)),
	 WANT_A(.out_of_order = 1)},
	{CASE("of one way alone: nobody acknowledged it", A(0, 1000, 5000, 100),
	      A(100, 1100, 5000, 100), B(200, 5000, 1200, 0), A(300, 1000, 5000, 100)),
	 .alone = true, WANT_A(.out_of_order = 1)},
	{CASE("repeated with more behind it", MIDDLE, A(200, 1100, 5000, 100),
	      A(500000, 1100, 5000, 250)),
	 WANT_A(TWICE(1, 100))},
	{CASE("partly again: 40 of 100", MIDDLE, A(10000, 1060, 5000, 100)), WANT_A(TWICE(1, 40))},
	{CASE("repeated with less, thrice", MIDDLE, A(200, 1100, 5000, 300),
	      A(300000, 1100, 5000, 100), A(600000, 1200, 5000, 100), A(900000, 1300, 5000, 100)),
	 WANT_A(TWICE(3, 300))},
	/* --- out of order --- */
	{CASE("two changed over within the initial round trip", OPEN, A(11000, 1000, 5000, 100),
	      A(11100, 1200, 5000, 100), A(20900, 1100, 5000, 100), A(20950, 1300, 5000, 100)),
	 WANT_A(.out_of_order = 1)},
	{CASE("the same after it: a retransmission", OPEN, A(11000, 1000, 5000, 100),
	      A(11100, 1200, 5000, 100), A(21200, 1100, 5000, 100), A(21300, 1300, 5000, 100)),
	 WANT_A(TWICE(1, 100))},
	{CASE("within 3 ms where no handshake was seen", MIDDLE, A(200, 1200, 5000, 100),
	      A(3100, 1100, 5000, 100)),
	 WANT_A(.out_of_order = 1)},
	{CASE("the same after 3 ms", MIDDLE, A(200, 1200, 5000, 100), A(3300, 1100, 5000, 100)),
	 WANT_A(TWICE(1, 100))},
	{CASE("the other side's by the same round trip", OPEN, B(11000, 5000, 1000, 100),
	      B(11100, 5200, 1000, 100), B(20900, 5100, 1000, 100)),
	 WANT_B(.out_of_order = 1)},
	{CASE("the newest is none", MIDDLE, A(200, 1100, 5000, 100), A(300, 1100, 5000, 100)),
	 WANT_A(TWICE(1, 100))},
	{CASE("three from the end to the beginning", MIDDLE, A(200, 1300, 5000, 100),
	      A(300, 1200, 5000, 100), A(400, 1100, 5000, 100)),
	 WANT_A(.out_of_order = 2)},
	{CASE("a hole, and what fills it after a second", MIDDLE, A(200, 1200, 5000, 100),
	      A(1500000, 1100, 5000, 100)),
	 WANT_A(TWICE(1, 100))},
	{CASE("a second later, of a round trip of two", AF(0, SYN, 999, 0, 0),
	      BF(1000000, SYN | ACK, 4999, 1000, 0), A(2000000, 1000, 5000, 100),
	      A(2000100, 1200, 5000, 100), A(3100000, 1100, 5000, 100)),
	 WANT_A(TWICE(1, 100)), .initial_us = {2000000}},
	{CASE("the clock steps back", MIDDLE, A(900, 1200, 5000, 100), A(200, 1100, 5000, 100)),
	 WANT_A(.out_of_order = 1)},
	/* --- keep-alives and closed windows --- */
	{CASE("keep-alive of no byte, and its ACK", MIDDLE, A(7000000, 1099, 5000, 0),
	      B(7000100, 5000, 1100, 0), A(14000000, 1099, 5000, 0), B(14000100, 5000, 1100, 0)),
	 WANT_A(.keep_alives = 2)},
	{CASE("keep-alive of one byte, and its ACK", MIDDLE, A(7000000, 1099, 5000, 1),
	      B(7000100, 5000, 1100, 0), A(8000000, 1100, 5000, 10)),
	 WANT_A(.keep_alives = 1)},
	{CASE("keep-alives after a duplicate ACK", MIDDLE, B(200, 5000, 1100, 0),
	      A(7000000, 1099, 5000, 0), B(7000100, 5000, 1100, 0), A(14000000, 1099, 5000, 0),
	      B(14000100, 5000, 1100, 0)),
	 WANT_A(.keep_alives = 2), WANT_B(.dup_acks = 1)},
	{CASE("a packet after the keep-alive: its ACK is a duplicate", MIDDLE,
	      A(7000000, 1099, 5000, 0), A(7000050, 1100, 5000, 100), B(7000100, 5000, 1100, 0)),
	 WANT_A(.keep_alives = 1), WANT_B(.dup_acks = 1)},
	{CASE("two bytes back, or two bytes: no keep-alive", MIDDLE, A(7000000, 1098, 5000, 1),
	      A(8000000, 1098, 5000, 2)),
	 WANT_A(TWICE(2, 3))},
	{CASE("a closed window, said three times", MIDDLE, BW(200, 5000, 1100, 0, 0),
	      BW(300, 5000, 1100, 0, 0), BW(400, 5000, 1100, 10, 0), B(500, 5010, 1100, 0)),
	 WANT_B(.zero_windows = 3)},
	{CASE("SYN, FIN and RST have no window to speak of", SEG(0, 0, SYN, 999, 0, 0, 0, 0),
	      SEG(1, 10, SYN | ACK, 4999, 1000, 0, 0, 0), A(20, 1000, 5000, 0),
	      SEG(0, 30, FIN | ACK, 1000, 5000, 0, 0, 0),
	      SEG(1, 40, RST | ACK, 5000, 1001, 0, 0, 0)),
	 WANT_B(.resets = 1)},
	{CASE("a closed window probed by a byte, twice, then opened", MIDDLE,
	      BW(200, 5000, 1100, 0, 0), A(300000, 1100, 5000, 1), BW(300100, 5000, 1100, 0, 0),
	      A(900000, 1100, 5000, 1), BW(900100, 5000, 1100, 0, 0), B(950000, 5000, 1100, 0),
	      A(950100, 1100, 5000, 100), A(950200, 1200, 5000, 100), B(950300, 5000, 1300, 0)),
	 WANT_A(.keep_alives = 1), WANT_B(.zero_windows = 3)},
	{CASE("a window that grows is no duplicate ACK", MIDDLE, BW(200, 5000, 1100, 0, 501),
	      BW(300, 5000, 1100, 0, 502), BW(400, 5000, 1100, 0, 502)),
	 WANT_B(.dup_acks = 1)},
	{CASE("an ACK with data is no duplicate", MIDDLE, B(200, 5000, 1100, 100),
	      B(300, 5100, 1100, 0)),
	 WANT_B(.dup_acks = 1)},
	/* --- beginning and end --- */
	{CASE("SYN again", AF(0, SYN, 999, 0, 0), AF(1000000, SYN, 999, 0, 0),
	      AF(3000000, SYN, 999, 0, 0), BF(3005000, SYN | ACK, 4999, 1000, 0),
	      A(3020000, 1000, 5000, 0)),
	 WANT_A(TWICE(2, 0), .syn_repeats = 2), .initial_us = {20000}},
	{CASE("SYN again at once", AF(0, SYN, 999, 0, 0), AF(50, SYN, 999, 0, 0)),
	 WANT_A(TWICE(1, 0), .syn_repeats = 1)},
	{CASE("SYN with ACK again", AF(0, SYN, 999, 0, 0), BF(5000, SYN | ACK, 4999, 1000, 0),
	      BF(1005000, SYN | ACK, 4999, 1000, 0), A(1010000, 1000, 5000, 0)),
	 WANT_B(TWICE(1, 0), .syn_repeats = 1), .initial_us = {1010000}},
	{CASE("SYN with data; again without it", AF(0, SYN, 999, 0, 100),
	      AF(1000000, SYN, 999, 0, 0), BF(1005000, SYN | ACK, 4999, 1000, 0),
	      A(1010000, 1000, 5000, 100), B(1020000, 5000, 1100, 0)),
	 WANT_A(TWICE(2, 100), .syn_repeats = 1), .initial_us = {10000}},
	{CASE("SYN with ACK again, after data", AF(0, SYN, 999, 0, 100),
	      BF(5000, SYN | ACK, 4999, 1100, 0), B(5100, 5000, 1100, 1400),
	      BF(1005000, SYN | ACK, 4999, 1100, 0)),
	 WANT_B(TWICE(1, 0), .syn_repeats = 1)},
	{CASE("FIN again", MIDDLE, AF(200, FIN | ACK, 1100, 5000, 0),
	      AF(300200, FIN | ACK, 1100, 5000, 0), AF(300300, FIN | ACK, 1100, 5000, 0)),
	 WANT_A(TWICE(2, 0))},
	{CASE("data with FIN again", MIDDLE, AF(200, FIN | ACK, 1100, 5000, 50),
	      AF(300200, FIN | ACK, 1100, 5000, 50)),
	 WANT_A(TWICE(1, 50))},
	{CASE("data with FIN again at once", MIDDLE, AF(200, FIN | ACK, 1100, 5000, 50),
	      AF(300, FIN | ACK, 1100, 5000, 50)),
	 WANT_A(TWICE(1, 50))},
	{CASE("RST, each one", MIDDLE, BF(200, RST, 5000, 0, 0), BF(300, RST | ACK, 5000, 1100, 0)),
	 WANT_B(.resets = 2)},
	{CASE("refused", AF(0, SYN, 999, 0, 0), SEG(1, 100, RST | ACK, 0, 1000, 0, 0, 0)),
	 WANT_B(.resets = 1)},
	{CASE("the ports again, with other numbers", OPEN, A(11000, 1000, 5000, 100),
	      BF(12000, RST, 5000, 0, 0), AF(20000000, SYN, 700000, 0, 0),
	      BF(20002000, SYN | ACK, 900000, 700001, 0), A(20004000, 700001, 900001, 0),
	      A(20005000, 700001, 900001, 100), A(20005100, 700201, 900001, 100),
	      A(20009300, 700101, 900001, 100), B(20010000, 900001, 700301, 0)),
	 WANT_A(TWICE(1, 100)), WANT_B(.resets = 1), .initial_us = {4000}},
	{CASE("the ports again, with lower numbers", MIDDLE, A(200, 1100000, 5000, 100),
	      AF(20000000, SYN, 900, 0, 0), A(20001000, 901, 5000, 100)),
	 .initial_us = {1000}},
	{CASE("sent again after minutes of ACKs alone", MIDDLE, A(60000000, 1100, 5000, 0),
	      A(120000000, 1100, 5000, 0), A(180000000, 1100, 5001, 0), A(200000000, 1100, 5002, 0),
	      A(200000100, 1000, 5002, 99)),
	 WANT_A(TWICE(1, 99), .dup_acks = 2)},
	{CASE("a handshake of three minutes", AF(0, SYN, 999, 0, 0),
	      BF(5000, SYN | ACK, 4999, 1000, 0), A(180000000, 1000, 5000, 0)),
	 .initial_us = {4294967}},
	{CASE("a handshake as long as the ticks last", AF(0, SYN, 999, 0, 0),
	      BF(5000, SYN | ACK, 4999, 1000, 0), A(274878000, 1000, 5000, 0)),
	 .initial_us = {4294967}},
	{CASE("SYN as far back as it may be, and further", MIDDLE, A(200, 17384, 5000, 1),
	      AF(300, SYN, 1000, 0, 0), AF(400, SYN, 999, 0, 0), A(500, 1000, 5000, 100)),
	 WANT_A(.out_of_order = 1, .syn_repeats = 1)},
	{CASE("both begin at once", AF(0, SYN, 999, 0, 0), BF(100, SYN, 4999, 0, 0),
	      AF(200, SYN | ACK, 999, 5000, 0), BF(300, SYN | ACK, 4999, 1000, 0)),
	 WANT_A(TWICE(1, 0), .syn_repeats = 1), WANT_B(TWICE(1, 0), .syn_repeats = 1)},
	{CASE("data acknowledged before it was captured", MIDDLE, B(200, 5000, 1300, 0),
	      A(300, 1100, 5000, 100), A(400, 1200, 5000, 100))},
	{CASE("what a probe's byte began, acknowledged before it was captured", MIDDLE,
	      B(200, 5000, 1300, 0), A(300, 1099, 5000, 201)),
	 WANT_A(TWICE(1, 1))},
	/* --- GSO --- */
	{CASE("GSO, all of it again", MIDDLE, AG(200, 1100, 5000, 500, 100),
	      AG(300000, 1100, 5000, 500, 100)),
	 WANT_A(TWICE(5, 500))},
	{CASE("GSO, three of five again", MIDDLE, AG(200, 1100, 5000, 300, 100),
	      AG(300000, 1100, 5000, 500, 100)),
	 WANT_A(TWICE(3, 300))},
	{CASE("GSO, two and a half of five again", MIDDLE, AG(200, 1100, 5000, 250, 100),
	      AG(300000, 1100, 5000, 500, 100)),
	 WANT_A(TWICE(3, 250))},
	{CASE("GSO, the last one short, all again", MIDDLE, AG(200, 1100, 5000, 450, 100),
	      AG(300000, 1100, 5000, 450, 100)),
	 WANT_A(TWICE(5, 450))},
	{CASE("GSO out of a hole", MIDDLE, AG(200, 1400, 5000, 300, 100),
	      AG(300, 1100, 5000, 300, 100)),
	 WANT_A(.out_of_order = 3)},
	{CASE("GSO, two acknowledged, one asked for, one out of order, the newest", MIDDLE,
	      AG(200, 1100, 5000, 500, 100), B(300, 5000, 1300, 0), B(400, 5000, 1300, 0),
	      B(500, 5000, 1300, 0), AG(600, 1100, 5000, 500, 100)),
	 WANT_A(TWICE(4, 400), .out_of_order = 1), WANT_B(.dup_acks = 2)},
	{CASE("GSO, one acknowledged, the rest soon, the last one short", MIDDLE,
	      AG(200, 1100, 5000, 350, 100), B(300, 5000, 1200, 0), AG(600, 1100, 5000, 600, 100)),
	 WANT_A(TWICE(1, 100), .out_of_order = 3)},
	{CASE("GSO, one acknowledged, the newest short", MIDDLE, AG(200, 1100, 5000, 350, 100),
	      B(300, 5000, 1200, 0), AG(600, 1100, 5000, 350, 100)),
	 WANT_A(TWICE(2, 150), .out_of_order = 2)},
	{CASE("GSO with FIN, again", MIDDLE, SEG(0, 200, FIN | ACK, 1100, 5000, 300, 500, 100),
	      SEG(0, 500000, FIN | ACK, 1100, 5000, 300, 500, 100)),
	 WANT_A(TWICE(3, 300))},
	{CASE("GSO with a closed window", MIDDLE, SEG(0, 200, ACK, 1100, 5000, 300, 0, 100)),
	 WANT_A(.zero_windows = 3)},
	{CASE("GSO with a closed window and FIN", MIDDLE,
	      SEG(0, 200, FIN | ACK, 1100, 5000, 300, 0, 100)),
	 WANT_A(.zero_windows = 2)},
};
/* clang-format on */

#define TCP_CASES (sizeof(tcp_cases) / sizeof(tcp_cases[0]))
