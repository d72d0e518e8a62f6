/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * capture.c: captures for benches, the same each time, and on standard output what is in one: packets, bytes of
 * frames, bytes of IP packets, conversations.
 *
 *   capture KIND PACKETS SECONDS FILE [SNAPLEN]
 *
 * `mix`   conversations as heavy-tailed as those of a busy uplink: 35 % a question and an answer by UDP, 5 %
 *	   UDP and 60 % TCP of a length by Pareto's law (shape 1.1, of 4 to 20,000 data packets); some 33 packets
 *	   each, 740 bytes a frame. One in four is IPv6, every other TCP has timestamps, one data segment in 500
 *	   comes twice.
 * `small` ten packets each: TCP with handshake and end, one in three UDP, one in eight IPv6; they last a few
 *	   seconds.
 * `many`  as `small`, with gaps so long that a twentieth of all conversations runs at once.
 * `long`  as `small`, of a thousand packets each.
 *
 * TCP's numbers are what they would be: data by segments of 1,448 or 1,460 bytes, an ACK for every second one.
 * Clients' addresses are random, servers' 5,000, ports 443 and 53. No checksum of TCP or UDP is right.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAP 96U
#define SNAP_MAX 1600U
#define START_S 1700000000U
#define SERVERS 5000U
#define PARETO 1.1
#define DATA_LEAST 4.0
#define DATA_MOST 20000.0
#define REPEAT 500U	 /* data segments for one that is sent again */
#define GAP_NS 20000000U /* between packets of a conversation of the mix */
#define NS 1000000000ULL

enum { FIN = 1, SYN = 2, ACK = 16 };

/* A conversation: what it sent, and when it sends next. */
struct talk {
	uint64_t next_ns;
	uint64_t gap_ns;
	uint32_t number;
	uint32_t turn;	/* packets that went */
	uint32_t turns; /* packets in all */
	uint32_t seq[2];
	bool udp, v6, stamped;
	uint8_t again; /* the next one is the last one once more */
};

struct packet {
	uint32_t len; /* of the frame */
	uint32_t payload;
	uint8_t flags;
	bool back; /* from the server */
};

struct capture {
	const char *kind;
	FILE *file;
	uint32_t snap;
	uint64_t packets; /* wanted */
	uint64_t span_ns;
	struct talk *heap; /* the soonest first */
	uint32_t running, room;
	uint64_t begun;		/* conversations */
	uint64_t begun_packets; /* of those */
	uint64_t written, bytes, ip_bytes;
	uint64_t random;
};

static void die(const char *what)
{
	fprintf(stderr, "capture: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint32_t mix(uint32_t n)
{
	n = (n ^ n >> 16) * 0x7feb352dU;
	n = (n ^ n >> 15) * 0x846ca68bU;
	return n ^ n >> 16;
}

static uint32_t draw(struct capture *c)
{
	c->random = c->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return mix((uint32_t)(c->random >> 32));
}

/* Above 0, up to 1. */
static double draw_part(struct capture *c)
{
	return (draw(c) + 1.0) / 4294967296.0;
}

/* --- who talks, and when -------------------------------------------------------------------------- */

static uint32_t data_packets(struct capture *c)
{
	double n = DATA_LEAST * pow(draw_part(c), -1 / PARETO);

	return (uint32_t)(n < DATA_MOST ? n : DATA_MOST);
}

static void plan_mix(struct capture *c, struct talk *talk)
{
	uint32_t what = draw(c) % 100;

	talk->udp = what < 40;
	talk->turns = what < 35 ? 2 : data_packets(c) + (what < 40 ? 0 : 6);
	talk->v6 = draw(c) % 4 == 0;
	talk->stamped = draw(c) % 2;
	talk->gap_ns = GAP_NS;
	if (talk->gap_ns * talk->turns > c->span_ns / 4)
		talk->gap_ns = c->span_ns / 4 / talk->turns;
}

static void plan_small(struct capture *c, struct talk *talk)
{
	talk->turns = strcmp(c->kind, "long") ? 10 : 1000;
	talk->udp = talk->number % 3 == 0;
	talk->v6 = talk->number % 8 == 7;
	talk->gap_ns = strcmp(c->kind, "many") ? 3 * NS / talk->turns : c->span_ns / 200;
}

/* Packets of a conversation come at uniform distances of a half to one and a half of its gap. */
static void wait_a_while(struct capture *c, struct talk *talk)
{
	talk->next_ns += talk->gap_ns / 2 + (uint64_t)((double)talk->gap_ns * draw_part(c));
}

static void swap(struct talk *a, struct talk *b)
{
	struct talk old = *a;

	*a = *b;
	*b = old;
}

static void sift_down(struct capture *c)
{
	for (uint32_t at = 0;;) {
		uint32_t least = 2 * at + 1;

		if (least >= c->running)
			return;
		if (least + 1 < c->running && c->heap[least + 1].next_ns < c->heap[least].next_ns)
			least++;
		if (c->heap[at].next_ns <= c->heap[least].next_ns)
			return;
		swap(&c->heap[at], &c->heap[least]);
		at = least;
	}
}

static void push(struct capture *c, const struct talk *talk)
{
	uint32_t at = c->running++;

	if (at >= c->room) {
		c->room = c->room ? 2 * c->room : 1024;
		c->heap = reallocarray(c->heap, c->room, sizeof(*c->heap));
		if (!c->heap)
			die("memory");
	}
	c->heap[at] = *talk;
	for (; at && c->heap[(at - 1) / 2].next_ns > c->heap[at].next_ns; at = (at - 1) / 2)
		swap(&c->heap[(at - 1) / 2], &c->heap[at]);
}

/* The next conversation begins when its share of the packets is due. */
static uint64_t next_begin(const struct capture *c)
{
	return (uint64_t)((double)c->begun_packets / (double)c->packets * (double)c->span_ns);
}

static void begin_talk(struct capture *c)
{
	struct talk talk = {.number = (uint32_t)c->begun++};

	talk.next_ns = next_begin(c);
	if (!strcmp(c->kind, "mix"))
		plan_mix(c, &talk);
	else
		plan_small(c, &talk);
	if (c->begun_packets + talk.turns > c->packets)
		talk.turns = (uint32_t)(c->packets - c->begun_packets);
	c->begun_packets += talk.turns;
	talk.seq[0] = draw(c);
	talk.seq[1] = draw(c);
	push(c, &talk);
}

/* --- frames --------------------------------------------------------------------------------------- */

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static void put_sum(uint8_t *ip)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~(sum + (sum >> 16)) & 0xffff);
}

/* A third of the conversations goes to a twenty-seventh of the servers. */
static uint32_t server_of(uint32_t number)
{
	double part = (double)mix(~number) / 4294967296.0;

	return (uint32_t)(SERVERS * part * part * part);
}

/* The IP header; where the transport goes. */
static uint8_t *put_ip(uint8_t *ip, const struct talk *talk, const struct packet *p)
{
	uint32_t client = 0x0a000000U | (mix(talk->number) & 0xffffff);
	uint32_t server = 0xc0a80000U | server_of(talk->number);
	uint8_t proto = talk->udp ? 17 : 6;

	if (talk->v6) {
		put32(ip, 0x60000000U);
		put16(ip + 4, p->len - 54);
		ip[6] = proto;
		ip[7] = 64;
		put32(ip + 8, 0x20010db8U);
		put32(ip + 20, p->back ? server : client);
		put32(ip + 24, 0x20010db8U);
		put32(ip + 36, p->back ? client : server);
		return ip + 40;
	}
	ip[0] = 0x45;
	put16(ip + 2, p->len - 14);
	ip[8] = 64;
	ip[9] = proto;
	put32(ip + 12, p->back ? server : client);
	put32(ip + 16, p->back ? client : server);
	put_sum(ip);
	return ip + 20;
}

static void put_tcp(uint8_t *l4, const struct talk *talk, const struct packet *p, uint64_t ns)
{
	uint32_t stamp = (uint32_t)(ns / 1000000) + 1;

	put32(l4 + 4, talk->seq[p->back]);
	if (p->flags & ACK)
		put32(l4 + 8, talk->seq[!p->back]);
	l4[12] = talk->stamped ? 0x80 : 0x50;
	l4[13] = p->flags;
	put16(l4 + 14, 65000);
	if (!talk->stamped)
		return;
	put32(l4 + 20, 0x0101080aU);
	put32(l4 + 24, stamp);
	put32(l4 + 28, p->flags & ACK ? stamp - 1 : 0);
}

static void put_frame(uint8_t *frame, const struct talk *talk, const struct packet *p, uint64_t ns)
{
	uint32_t client = 32768 + (mix(talk->number) >> 17), server = talk->udp ? 53 : 443;
	uint8_t *l4;

	memset(frame, 0, SNAP);
	frame[5] = p->back ? 1 : 2;
	frame[11] = p->back ? 2 : 1;
	put16(frame + 12, talk->v6 ? 0x86dd : 0x0800);
	l4 = put_ip(frame + 14, talk, p);
	put16(l4, p->back ? server : client);
	put16(l4 + 2, p->back ? client : server);
	if (talk->udp)
		put16(l4 + 4, p->payload + 8);
	else
		put_tcp(l4, talk, p, ns);
}

/* Begin and end of TCP; else two segments from the server and the client's ACK in turns. */
static void plan_tcp(const struct talk *talk, struct packet *p)
{
	uint32_t turn = talk->turn, left = talk->turns - turn;

	p->flags = ACK;
	if (turn < 3 || left <= 3) {
		p->back = turn < 3 ? turn == 1 : left == 2;
		p->flags = turn == 0 ? SYN : turn == 1 ? SYN | ACK : ACK;
		if (turn >= 3 && left > 1)
			p->flags |= FIN;
	} else if (turn == 3) {
		p->payload = 400;
	} else {
		p->back = turn % 3 != 0;
		p->payload = !p->back ? 0 : talk->stamped ? 1448 : 1460;
	}
}

static void plan_udp(const struct talk *talk, struct packet *p)
{
	p->back = talk->turns > 2 ? talk->turn % 4 != 0 : talk->turn & 1;
	p->payload = p->back ? 100 + mix(talk->number + talk->turn) % 1100 : 30;
}

static void write_packet(struct capture *c, struct talk *talk)
{
	struct packet p = {.flags = 0};
	uint8_t frame[SNAP_MAX] = {0};
	uint64_t ns = talk->next_ns;
	uint32_t record[4], header;

	if (talk->udp)
		plan_udp(talk, &p);
	else
		plan_tcp(talk, &p);
	header = (talk->v6 ? 40 : 20) + (talk->udp ? 8 : talk->stamped ? 32 : 20);
	p.len = 14 + header + p.payload;
	put_frame(frame, talk, &p, ns);
	record[0] = START_S + (uint32_t)(ns / NS);
	record[1] = (uint32_t)(ns % NS);
	record[2] = p.len < c->snap ? p.len : c->snap;
	record[3] = p.len;
	fwrite(record, sizeof(record), 1, c->file);
	fwrite(frame, record[2], 1, c->file);
	c->written++;
	c->bytes += p.len;
	c->ip_bytes += p.len - 14;
	talk->again = !talk->again && p.payload > 1000 && !talk->udp && draw(c) % REPEAT == 0;
	if (!talk->again)
		talk->seq[p.back] += p.payload + ((p.flags & (SYN | FIN)) ? 1 : 0);
}

static void run(struct capture *c)
{
	while (c->written < c->packets) {
		struct talk *first = c->heap;

		if (c->begun_packets < c->packets &&
		    (!c->running || next_begin(c) <= first->next_ns)) {
			begin_talk(c);
			continue;
		}
		if (!c->running) /* segments that came twice are more than was planned */
			return;
		write_packet(c, first);
		if (!first->again)
			first->turn++;
		wait_a_while(c, first);
		if (first->turn >= first->turns)
			*first = c->heap[--c->running];
		sift_down(c);
	}
}

int main(int argc, char **argv)
{
	struct capture c = {.snap = argc > 5 ? (uint32_t)atoi(argv[5]) : SNAP};
	uint32_t head[6] = {0xa1b23c4dU, 2 | 4 << 16, 0, 0, 0, 1};

	if (argc < 5 || argc > 6 || c.snap < SNAP || c.snap > SNAP_MAX) {
		fprintf(stderr,
			"usage: capture mix|small|many|long PACKETS SECONDS FILE [SNAPLEN]\n");
		return 2;
	}
	c.kind = argv[1];
	c.packets = (uint64_t)atoll(argv[2]);
	c.span_ns = (uint64_t)atoll(argv[3]) * NS;
	c.file = fopen(argv[4], "we");
	if (!c.file)
		die(argv[4]);
	head[4] = c.snap;
	fwrite(head, sizeof(head), 1, c.file);
	run(&c);
	if (fclose(c.file))
		die(argv[4]);
	free(c.heap);
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", c.written, c.bytes, c.ip_bytes,
	       c.begun);
	return 0;
}
