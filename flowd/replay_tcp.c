/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* replay_tcp.c: see replay_tcp.h. */
#include "flowd/replay_tcp.h"

#include "schema/fields.h"
#include "schema/rtt.h"

static struct flow_slot *find(const struct replay_cache *cache, const struct flow_key *key,
			      uint32_t *ret_number)
{
	struct cache_hash hash = cache_hash(key, cache->seed);
	uint32_t index = hash.set & (cache->sets - 1);
	uint32_t way = cache_find(&cache->set[index], key, hash.tag);

	*ret_number = index * FLOW_WAYS + way;
	return way < FLOW_WAYS ? &cache->set[index].slot[way] : NULL;
}

/* The other direction's slot: in a capture nearly always of the same way. */
static void find_peer(const struct replay_cache *cache, const struct flow_key *key,
		      struct tcp_peer *ret_peer)
{
	struct flow_key reverse;
	uint32_t number;

	flow_key_reverse(key, &reverse);
	reverse.dir = key->dir;
	ret_peer->slot = find(cache, &reverse, &number);
	if (!ret_peer->slot) {
		reverse.dir = !key->dir;
		ret_peer->slot = find(cache, &reverse, &number);
	}
	if (ret_peer->slot)
		ret_peer->initial_ns =
			cache->health[number / FLOW_WAYS].health[number % FLOW_WAYS].initial_ns;
}

/* The packet asks for an answer of that token. */
static void ask(struct replay_cache *cache, const struct flow_facts *f, enum rtt_kind kind,
		uint32_t token, uint64_t ns)
{
	struct rtt_place place = rtt_place(f, kind, 0, cache->seed);
	struct flow_wait *wait = &cache->wait[place.index];

	if (kind != RTT_STAMP || !rtt_waits(wait, place, ns))
		rtt_ask(wait, place, token, ns);
}

/* The packet may be the answer to it. */
static void answer(struct replay_cache *cache, uint32_t number, const struct flow_facts *f,
		   enum rtt_kind kind, uint32_t token, uint64_t ns)
{
	struct rtt_place place = rtt_place(f, kind, 1, cache->seed);
	uint64_t since = rtt_answer(&cache->wait[place.index], place, token);

	if (since)
		rtt_count(&cache->set[number / FLOW_WAYS].slot[number % FLOW_WAYS],
			  &cache->health[number / FLOW_WAYS].health[number % FLOW_WAYS], since, ns,
			  kind == RTT_HANDSHAKE);
}

static void look(struct replay_cache *cache, uint32_t number, const struct flow_facts *f,
		 uint64_t ns)
{
	struct flow_slot *slot = &cache->set[number / FLOW_WAYS].slot[number % FLOW_WAYS];
	struct flow_health *health = &cache->health[number / FLOW_WAYS].health[number % FLOW_WAYS];
	bool first = slot->tcp_state & TCP_HANDSHAKE, syn = f->tcp_flags & TCP_FLAG_SYN;
	struct tcp_peer peer = {.slot = NULL};

	if (tcp_wants_peer(slot, f))
		find_peer(cache, &f->key, &peer);
	tcp_look(slot, health, &peer, f, ns);
	slot->tcp_state &= (uint8_t)~TCP_TIMED;
	if ((f->tcp_flags & TCP_FLAG_ACK) && (first || syn))
		answer(cache, number, f, RTT_HANDSHAKE, f->ack, ns);
	if (syn)
		ask(cache, f, RTT_HANDSHAKE, f->seq + 1, ns);
}

static void look_stamps(struct replay_cache *cache, uint32_t number, const struct flow_facts *f,
			uint64_t ns)
{
	struct flow_slot *slot = &cache->set[number / FLOW_WAYS].slot[number % FLOW_WAYS];

	if (slot->tcp_tsecr != (uint16_t)f->tsecr)
		answer(cache, number, f, RTT_STAMP, f->tsecr, ns);
	if (slot->tcp_tsval != (uint16_t)f->tsval && f->payload)
		ask(cache, f, RTT_STAMP, f->tsval, ns);
	slot->tcp_tsecr = (uint16_t)f->tsecr;
	slot->tcp_tsval = (uint16_t)f->tsval;
}

void replay_tcp(struct replay_cache *cache, uint32_t number, const struct flow_facts *f,
		uint64_t ns)
{
	struct flow_slot *slot = &cache->set[number / FLOW_WAYS].slot[number % FLOW_WAYS];

	if ((f->segment & PARSE_SEGMENT_TCP) && !tcp_plain(slot, f, ns))
		look(cache, number, f, ns);
	if (f->segment & PARSE_SEGMENT_STAMPED)
		look_stamps(cache, number, f, ns);
	else if (f->segment & PARSE_SEGMENT_ECHO)
		ask(cache, f, RTT_ECHO, f->seq, ns);
	else if (f->segment & PARSE_SEGMENT_REPLY)
		answer(cache, number, f, RTT_ECHO, f->seq, ns);
}
