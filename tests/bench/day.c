/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* day.c: see day.h. Random numbers are SplitMix64's, one sequence for the whole day. */
#include "day.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/event.h"

#define INSIDE 20000
#define OUTSIDE 80000
#define ZIPF 1.1
#define RING 32	    /* seconds between a record's end and its export, at most */
#define SLOPE 0.5   /* of the daily curve, around 1 */
#define CREST 0.625 /* of the day: 15:00 */
#define ENDED_SWEEPS 2
#define ACTIVE_MS 60000
#define FRAME_MAX 1514
#define FRAME_ACK 66
#define ELEPHANT_MIN 400.0
#define ELEPHANT_MAX 400000.0
#define ELEPHANT_SHAPE 1.1
#define ROOM 1000 /* that elephants leave to mice, so that these do not get over ten a record */
#define EPHEMERAL 32768
#define EPHEMERAL_PORTS 28232
#define TWO_32 4294967296.0

enum kind {
	KIND_ANSWER, /* a question, an answer */
	KIND_STREAM, /* TCP with a handshake, or QUIC: both ways */
	KIND_SCAN,   /* one way, nobody answers */
	KIND_ECHO,   /* ICMP */
};

struct service {
	uint32_t share; /* of 10,000 records */
	enum kind kind;
	uint8_t proto;
	uint16_t port; /* 0: any below EPHEMERAL */
	uint16_t mean; /* packets of the initiator, of a stream */
	bool inside;   /* the server is */
};

static const struct service services[] = {
	{1200, KIND_ANSWER, IPPROTO_UDP, 53, 1, true},
	{150, KIND_ANSWER, IPPROTO_UDP, 123, 1, false},
	{200, KIND_ECHO, IPPROTO_ICMP, 0, 2, true},
	{1200, KIND_SCAN, IPPROTO_TCP, 0, 1, true},
	{400, KIND_SCAN, IPPROTO_TCP, 23, 1, true},
	{400, KIND_SCAN, IPPROTO_TCP, 445, 1, true},
	{1000, KIND_SCAN, IPPROTO_UDP, 0, 1, true},
	{3000, KIND_STREAM, IPPROTO_TCP, 443, 5, false},
	{600, KIND_STREAM, IPPROTO_UDP, 443, 5, false},
	{450, KIND_STREAM, IPPROTO_TCP, 80, 4, false},
	{120, KIND_STREAM, IPPROTO_TCP, 22, 9, true},
	{150, KIND_STREAM, IPPROTO_TCP, 25, 6, false},
	{120, KIND_STREAM, IPPROTO_TCP, 993, 5, false},
	{110, KIND_STREAM, IPPROTO_TCP, 8443, 5, true},
	{210, KIND_STREAM, IPPROTO_TCP, 8080, 4, true},
	{90, KIND_STREAM, IPPROTO_TCP, 3306, 6, true},
	{110, KIND_STREAM, IPPROTO_TCP, 5432, 6, true},
	{90, KIND_STREAM, IPPROTO_TCP, 3389, 8, true},
	{80, KIND_STREAM, IPPROTO_UDP, 27015, 7, false},
	{170, KIND_STREAM, IPPROTO_TCP, 6881, 6, false},
	{150, KIND_STREAM, IPPROTO_UDP, 6881, 3, false},
};

#define SERVICES (sizeof(services) / sizeof(services[0]))

/* Of one rank in n: by one draw, with the rank or its alias (Walker 1977, Vose 1991). */
struct alias {
	uint32_t n;
	uint32_t *limit; /* of 32 bits: below it the rank itself */
	uint32_t *other;
};

struct day {
	uint64_t random;
	uint64_t records, made;
	uint64_t packets;  /* of those made */
	uint64_t elephant; /* packets of the next one */
	uint32_t sweep, sweeps;
	struct alias inside, outside;
	struct sink_batch ring[RING]; /* records, by the sweep that exports them */
};

static uint64_t draw(struct day *day)
{
	uint64_t z = day->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* 0 to n - 1 */
static uint32_t below(struct day *day, uint32_t n)
{
	return (uint32_t)((draw(day) >> 32) * n >> 32);
}

static void alias_free(struct alias *alias)
{
	free(alias->limit);
	free(alias->other);
}

/* Give each rank that has less than its share the rest of one that has more. */
static void alias_fill(struct alias *alias, double *share, uint32_t *small, uint32_t *large)
{
	uint32_t smalls = 0, larges = 0;

	for (uint32_t i = 0; i < alias->n; i++) {
		if (share[i] < 1)
			small[smalls++] = i;
		else
			large[larges++] = i;
		alias->limit[i] = UINT32_MAX;
		alias->other[i] = i;
	}
	while (smalls && larges) {
		uint32_t less = small[--smalls], more = large[larges - 1];

		alias->limit[less] = (uint32_t)(share[less] * (TWO_32 - 1));
		alias->other[less] = more;
		share[more] -= 1 - share[less];
		if (share[more] < 1)
			small[smalls++] = large[--larges];
	}
}

static int alias_init(struct alias *alias, uint32_t n)
{
	double *share = calloc(n, sizeof(*share)), sum = 0;
	uint32_t *small = calloc(n, sizeof(*small)), *large = calloc(n, sizeof(*large));
	int err = -ENOMEM;

	alias->n = n;
	alias->limit = calloc(n, sizeof(*alias->limit));
	alias->other = calloc(n, sizeof(*alias->other));
	if (share && small && large && alias->limit && alias->other) {
		for (uint32_t i = 0; i < n; i++)
			sum += share[i] = pow(i + 1, -ZIPF);
		for (uint32_t i = 0; i < n; i++)
			share[i] *= n / sum;
		alias_fill(alias, share, small, large);
		err = 0;
	}
	free(share);
	free(small);
	free(large);
	return err;
}

static uint32_t alias_draw(struct day *day, const struct alias *alias)
{
	uint64_t x = draw(day);
	uint32_t rank = (uint32_t)((x >> 32) * alias->n >> 32);

	return (uint32_t)x < alias->limit[rank] ? rank : alias->other[rank];
}

/* Heavy hosts are anywhere in their networks: rank times an odd number, modulo a power of two. */
static void address(bool v6, bool inside, uint32_t rank, __be32 addr[4])
{
	if (v6) {
		addr[0] = htonl(inside ? 0x20010db8
				       : 0x2a000000 | (rank * 2654435761U >> 16 & 0xffff));
		addr[1] = htonl(inside ? rank % 200 : rank);
		addr[2] = htonl(rank % 3 ? 0 : 0x021122ff);
		addr[3] = htonl(rank % 3 ? rank + 1 : 0xfe000000 | rank);
	} else if (inside) {
		addr[0] = htonl(0x0a100000 | ((rank * 40503U + 0x102a) & 0xffff));
	} else {
		addr[0] = htonl(0x2011c000 + (rank * 2654435761U >> 5));
	}
}

/* Records that have ended before that sweep of the day. */
static uint64_t made_before(const struct day *day, uint32_t sweep)
{
	double x = (double)sweep / day->sweeps, turn = 2 * M_PI;
	double part = x + SLOPE / turn * (sin(turn * (x - CREST)) + sin(turn * CREST));

	return sweep >= day->sweeps ? day->records : (uint64_t)(part * (double)day->records);
}

static const struct service *pick_service(struct day *day)
{
	uint32_t at = below(day, 10000), i = 0;

	while (i + 1 < SERVICES && at >= services[i].share)
		at -= services[i++].share;
	return &services[i];
}

static void set_half(struct flow_half *half, uint64_t packets, uint64_t bytes, uint32_t tag)
{
	half->packets = packets;
	half->ip_bytes = bytes - ETH_HLEN * packets;
	half->bytes = bytes + tag * packets;
}

/* 0 to three times the mean, small ones more often. */
static uint32_t around(struct day *day, uint32_t mean)
{
	return 1 + (uint32_t)((uint64_t)below(day, 3 * mean) * (below(day, 3 * mean) + 1) /
			      (3 * mean) * 4 / 3);
}

/* The next elephant's packets, when so many are missing to ten a record. 0: not yet. */
static uint64_t elephant(struct day *day)
{
	uint64_t wanted = (day->made + 1) * DAY_PACKETS, size = day->elephant;
	double u = (double)(draw(day) >> 32) / TWO_32;

	if (day->packets + size + ROOM > wanted)
		return 0;
	day->elephant =
		(uint64_t)fmin(ELEPHANT_MIN * pow(1 - u, -1 / ELEPHANT_SHAPE), ELEPHANT_MAX);
	return size;
}

static void fill_stream(struct day *day, const struct service *service, struct flow_record *rec)
{
	const uint32_t tag = rec->key.vlan ? 4 : 0;
	uint64_t large = service->proto == IPPROTO_TCP ? elephant(day) : 0;
	uint64_t there = around(day, service->mean), back = there + below(day, service->mean);
	uint32_t up = FRAME_ACK + below(day, 200), down = 300 + below(day, 900);
	int64_t lasted = 20 + below(day, 400) * (int64_t)there;

	if (large) {
		there = large / 3;
		back = large - there;
		up = FRAME_ACK;
		down = FRAME_MAX;
		lasted = 5000 + below(day, ACTIVE_MS);
	}
	if (lasted >= ACTIVE_MS) {
		lasted = ACTIVE_MS - 1 - below(day, 1000);
		rec->end_reason = END_ACTIVE;
	} else {
		rec->end_reason = service->proto == IPPROTO_TCP ? END_FLOW : END_IDLE;
	}
	if (large && draw(day) % 4 == 0) { /* sent by the client */
		uint64_t turned = there;

		there = back;
		back = turned;
		up = FRAME_MAX;
		down = FRAME_ACK;
	}
	rec->start_ms = rec->end_ms - lasted;
	set_half(&rec->half[0], there, there * up, tag);
	set_half(&rec->half[1], back, back * down, tag);
}

static void fill_sizes(struct day *day, const struct service *service, struct flow_record *rec)
{
	const uint32_t tag = rec->key.vlan ? 4 : 0;
	uint64_t packets = service->kind == KIND_ECHO ? 1 + below(day, 3) : 1;

	switch (service->kind) {
	case KIND_STREAM:
		fill_stream(day, service, rec);
		return;
	case KIND_SCAN:
		packets += below(day, 8) == 0;
		break;
	case KIND_ANSWER:
	case KIND_ECHO:
		set_half(&rec->half[1], packets, packets * (98 + below(day, 200)), tag);
		break;
	}
	rec->end_reason = END_IDLE;
	rec->start_ms = rec->end_ms - below(day, 60) - (int64_t)(packets - 1) * 1000;
	set_half(&rec->half[0], packets, packets * (60 + below(day, 40)), tag);
}

static void fill_tcp(struct day *day, struct flow_record *rec)
{
	bool answered = rec->half[1].packets;

	if (rec->key.proto != IPPROTO_TCP)
		return;
	rec->half[0].tcp_flags = answered ? 0x1b : 0x02;
	rec->half[1].tcp_flags = answered ? 0x1b - (rec->end_reason == END_ACTIVE) : 0;
	rec->half[0].tcp_syn = 1;
	if (answered && below(day, 50) == 0) {
		struct flow_health_count *count = &rec->health[below(day, 2)].count;

		rec->has_health = 1;
		count->retransmits = 1 + below(day, 4);
		count->retransmitted_bytes = count->retransmits * 1448ULL;
	}
}

static void fill_key(struct day *day, const struct service *service, struct flow_record *rec)
{
	bool v6 = below(day, 10) == 0, out = !service->inside;
	uint32_t at = below(day, 10), src, dst;
	struct flow_key *key = &rec->key;

	rec->iface = at < 7 ? 1 : at < 9 ? 2 : 3;
	key->vlan = rec->iface == 3 ? (__u16)(FLOW_VLAN_TAGGED | (100 + below(day, 8))) : 0;
	key->ethertype = v6 ? ETH_P_IPV6 : ETH_P_IP;
	key->proto = service->proto;
	key->dir = out ? FLOW_EGRESS : FLOW_INGRESS;
	/* those outside ask a server inside, or (names, databases) those inside do */
	out = out || service->kind == KIND_ANSWER || draw(day) % 2;
	src = alias_draw(day, out ? &day->inside : &day->outside);
	dst = alias_draw(day, service->inside ? &day->inside : &day->outside);
	address(v6, out, src, key->src);
	/* nobody talks to itself */
	address(v6, service->inside, out == service->inside && src == dst ? dst + 1 : dst,
		key->dst);
	if (service->kind == KIND_ECHO) {
		key->proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		key->sport = htons(v6 ? 128 : 8);
		return;
	}
	key->sport = htons((uint16_t)(EPHEMERAL + below(day, EPHEMERAL_PORTS)));
	key->dport = htons(service->port ? service->port : (uint16_t)(1 + below(day, 20000)));
}

static void add_drop(struct day *day, struct flow_record *rec)
{
	struct half_health *health = &rec->health[0];

	if (below(day, 1000))
		return;
	rec->has_health = 1;
	health->drops = 1;
	health->drop_bytes = rec->half[0].bytes / rec->half[0].packets;
}

static void make_record(struct day *day, int64_t end_ms, struct flow_record *rec)
{
	const struct service *service = pick_service(day);

	memset(rec, 0, sizeof(*rec));
	rec->end_ms = end_ms;
	fill_key(day, service, rec);
	fill_sizes(day, service, rec);
	if (day->made + 1 == day->records && day->packets < day->records * DAY_PACKETS) {
		uint64_t rest = day->records * DAY_PACKETS - day->packets;

		set_half(&rec->half[0], rest, rest * FRAME_MAX, rec->key.vlan ? 4 : 0);
		set_half(&rec->half[1], 0, 0, 0);
	}
	fill_tcp(day, rec);
	add_drop(day, rec);
	day->made++;
	day->packets += rec->half[0].packets + rec->half[1].packets;
}

/* What ends in this sweep's time goes to those that will export it. */
static int make_sweep(struct day *day)
{
	uint64_t end = made_before(day, day->sweep + 1);
	int err = 0;

	while (!err && day->made < end) {
		int64_t ms = DAY_START_MS + (int64_t)day->sweep * DAY_SWEEP_MS +
			     below(day, DAY_SWEEP_MS);
		struct flow_record rec;
		uint32_t later;

		make_record(day, ms, &rec);
		later = rec.end_reason == END_IDLE   ? DAY_IDLE_MS / DAY_SWEEP_MS
			: rec.end_reason == END_FLOW ? ENDED_SWEEPS
						     : 0;
		err = sink_batch_add_record(&day->ring[(day->sweep + later) % RING], &rec);
	}
	return err;
}

/* Both directions of what was recorded, in the minute of the sweep. */
static int add_books(struct sink_batch *batch, uint32_t sweep)
{
	struct sink_books book[DAY_IFACES * 2] = {0};
	int err = 0;

	for (size_t i = 0; i < batch->records; i++) {
		const struct flow_record *rec = &batch->record[i];

		for (int half = 0; half < 2; half++) {
			int dir = rec->key.dir ^ half;
			struct sink_books *b = &book[(rec->iface - 1) * 2 + (uint32_t)dir];

			b->seen.packets += rec->half[half].packets;
			b->seen.bytes += rec->half[half].bytes;
		}
	}
	for (uint32_t i = 0; !err && i < DAY_IFACES * 2; i++) {
		int64_t now_ms = DAY_START_MS + (int64_t)sweep * DAY_SWEEP_MS;

		book[i].iface = i / 2 + 1;
		book[i].dir = i % 2;
		book[i].minute_ms = now_ms - now_ms % 60000;
		book[i].recorded = book[i].seen;
		if (book[i].seen.packets)
			err = sink_batch_add_book(batch, &book[i]);
	}
	return err;
}

static int add_events(struct sink_batch *batch)
{
	int err = 0;

	for (size_t i = 0; !err && i < batch->records; i++) {
		const struct flow_record *rec = &batch->record[i];
		struct event_record event = {.start_ms = rec->end_ms - DAY_SWEEP_MS,
					     .end_ms = rec->end_ms,
					     .key = rec->key,
					     .iface = rec->iface,
					     .what = EVENT_DROP};

		if (!rec->health[0].drops)
			continue;
		event.packets = event.skbs = rec->health[0].drops;
		event.bytes = rec->health[0].drop_bytes;
		snprintf(event.reason, sizeof(event.reason), "%s",
			 rec->key.proto == IPPROTO_UDP ? "SOCKET_RCVBUFF" : "NETFILTER_DROP");
		snprintf(event.place, sizeof(event.place), "%s",
			 rec->key.proto == IPPROTO_UDP ? "__udp_enqueue_schedule_skb+0x1c0"
						       : "nf_hook_slow+0xa1");
		err = sink_batch_add_event(batch, &event);
	}
	return err;
}

int day_sweep(struct day *day, struct sink_batch *batch, bool *ret_more)
{
	struct sink_batch *due = &day->ring[day->sweep % RING];
	int err = day->sweep < day->sweeps ? make_sweep(day) : 0;

	for (size_t i = 0; !err && i < due->records; i++)
		err = sink_batch_add_record(batch, &due->record[i]);
	sink_batch_reset(due);
	if (!err)
		err = add_books(batch, day->sweep);
	if (!err)
		err = add_events(batch);
	*ret_more = ++day->sweep < day->sweeps + RING;
	return err;
}

struct day *day_new(uint64_t records, uint64_t seed, uint32_t seconds)
{
	struct day *day = calloc(1, sizeof(*day));

	if (!day)
		return NULL;
	day->records = records;
	day->random = seed;
	day->sweeps = seconds * (1000 / DAY_SWEEP_MS);
	day->elephant = (uint64_t)ELEPHANT_MIN;
	if (!alias_init(&day->inside, INSIDE) && !alias_init(&day->outside, OUTSIDE))
		return day;
	day_free(day);
	return NULL;
}

void day_free(struct day *day)
{
	if (!day)
		return;
	alias_free(&day->inside);
	alias_free(&day->outside);
	for (int i = 0; i < RING; i++)
		sink_batch_free(&day->ring[i]);
	free(day);
}
