/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* replay_tcp.c: see replay_tcp.h. */
#include "flowd/replay_tcp.h"

#include "schema/fields.h"

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
	const struct flow_slot *slot;
	struct flow_key reverse;
	uint32_t number;

	flow_key_reverse(key, &reverse);
	reverse.dir = key->dir;
	slot = find(cache, &reverse, &number);
	if (!slot) {
		reverse.dir = !key->dir;
		slot = find(cache, &reverse, &number);
	}
	if (slot)
		tcp_join(ret_peer, slot,
			 &cache->health[number / FLOW_WAYS].health[number % FLOW_WAYS]);
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

void replay_tcp_look(struct replay_cache *cache, uint32_t number, const struct flow_facts *f,
		     uint64_t ns)
{
	struct flow_slot *slot = &cache->set[number / FLOW_WAYS].slot[number % FLOW_WAYS];
	struct flow_health *health = &cache->health[number / FLOW_WAYS].health[number % FLOW_WAYS];
	bool first = slot->tcp_state & TCP_HANDSHAKE, syn = f->tcp_flags & TCP_FLAG_SYN;
	struct tcp_peer peer = {.state = 0};

	if (tcp_wants_peer(slot, f))
		find_peer(cache, &f->key, &peer);
	tcp_look(slot, health, &peer, f, ns);
	slot->tcp_state &= (uint8_t) ~(TCP_TIMED | TCP_TROUBLE); /* its only clock is a full one */
	if ((f->tcp_flags & TCP_FLAG_ACK) && (first || syn))
		answer(cache, number, f, RTT_HANDSHAKE, f->ack, ns);
	if (syn)
		ask(cache, f, RTT_HANDSHAKE, f->seq + 1, ns);
}

void replay_tcp_stamp(struct replay_cache *cache, uint32_t number, const struct flow_facts *f,
		      uint32_t wants, uint64_t ns)
{
	bool stamped = f->segment & PARSE_SEGMENT_STAMPED;
	enum rtt_kind kind = stamped ? RTT_STAMP : RTT_ECHO;

	if (wants & RTT_WANTS_ANSWER)
		answer(cache, number, f, kind, stamped ? f->tsecr : f->seq, ns);
	if (wants & RTT_WANTS_ASK)
		ask(cache, f, kind, stamped ? f->tsval : f->seq, ns);
}
