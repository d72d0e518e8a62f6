/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_flow_model.h: what fuzz_flow.c holds against the cache and the table of conversations: a list of
 * keys, searched from its start, with what was fed of each, what the cache handed over, and what
 * records had. In a header, for the Makefile takes each tests/fuzz_*.c for a target.
 *
 *   fed ── cache ──► pending ── expire ──► recorded      equal sums per exact key
 *
 * A half's key is not in a record (tags are merged), but its number is, and model_gain() knew its key.
 * The rules are those of flow(5), in the plainest words: no due times are kept, no lists of what is
 * new, no hash.
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/expire.h"
#include "schema/cache.h"
#include "schema/fields.h"
#include "schema/tunnel.h"

#define MODEL_KEYS 256
#define MODEL_REFS (2 * MODEL_KEYS)
#define MODEL_IFACES 4
#define MODEL_FIN 0x01
#define MODEL_RST 0x04
#define MODEL_FRAGMENT_NS 30000000000ULL

struct sums {
	uint64_t packets;
	uint64_t bytes;
	uint64_t ip_bytes;
};

/* What the cache must not lose beside the sums. */
struct sight {
	uint64_t first_ns, last_ns;
	uint8_t flags, syn;
};

struct model_key {
	struct flow_key key;
	struct sums fed;     /* to the cache */
	struct sums pending; /* handed over, in no record yet */
	struct sums recorded;
	struct sight seen, told; /* fed, and handed over, since they were equal */
	uint64_t first_ns;	 /* of pending */
	uint64_t latest_ns;	 /* since the half is there */
	uint32_t ref;		 /* of the half, EXPIRE_NONE: there is none */
	uint32_t born;
	int role;	    /* in the records so far: 0 initiator, 1 responder, -1 there is none */
	uint8_t flags, syn; /* of pending */
	uint8_t ended, opened; /* since the half is there */
};

struct model_conv {
	uint64_t closed_ns;
	uint64_t cut_ns; /* the last record's, no later gain begins before */
	bool closed;
	bool evicted;
};

/* A first fragment's; the id has the identification for ports. */
struct model_datagram {
	struct flow_key id;
	struct flow_key key;
	uint64_t ns;
};

struct model_pair {
	uint32_t outer;
	struct flow_key ends;
};

struct model {
	const struct expire_conf *conf;
	struct expire *expire;
	uint64_t now_ns; /* what expire was told last */
	bool back;	 /* a packet was older than the clock */
	bool ending;	 /* all is exported, due or not */
	bool refused;	 /* a record was not taken: what was due then may be late */
	uint32_t keys;
	uint32_t pairings;
	uint32_t shown; /* by expire_each */
	struct model_key key[MODEL_KEYS];
	struct model_key *of_ref[MODEL_REFS];
	struct model_conv conv[MODEL_KEYS];
	uint32_t datagrams, pairs;
	struct model_datagram datagram[MODEL_KEYS];
	struct model_pair pair[MODEL_KEYS];
	struct sums fed[MODEL_IFACES][2], got[MODEL_IFACES][2];
};

#define CHECK(cond, ...)                                                           \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond); \
			fprintf(stderr, __VA_ARGS__);                              \
			fputc('\n', stderr);                                       \
			abort();                                                   \
		}                                                                  \
	} while (0)

static inline void sums_add(struct sums *a, uint64_t packets, uint64_t bytes, uint64_t ip_bytes)
{
	a->packets += packets;
	a->bytes += bytes;
	a->ip_bytes += ip_bytes;
}

static inline bool sums_any(const struct sums *a)
{
	return (a->packets | a->bytes | a->ip_bytes) != 0;
}

static inline bool sums_are(const struct sums *a, uint64_t packets, uint64_t bytes,
			    uint64_t ip_bytes)
{
	return a->packets == packets && a->bytes == bytes && a->ip_bytes == ip_bytes;
}

static inline struct model_key *model_key(struct model *m, const struct flow_key *key)
{
	struct model_key *k = m->key;

	while (k < m->key + m->keys && memcmp(&k->key, key, sizeof(*key)))
		k++;
	if (k == m->key + m->keys) {
		CHECK(m->keys++ < MODEL_KEYS, "the model is too small");
		*k = (struct model_key){.key = *key,
					.seen.first_ns = UINT64_MAX,
					.told.first_ns = UINT64_MAX,
					.first_ns = UINT64_MAX,
					.ref = EXPIRE_NONE,
					.role = -1};
	}
	return k;
}

static inline void sight_add(struct sight *s, const struct expire_delta *d)
{
	s->first_ns = d->first_ns < s->first_ns ? d->first_ns : s->first_ns;
	s->last_ns = d->last_ns > s->last_ns ? d->last_ns : s->last_ns;
	s->flags |= d->tcp_flags;
	s->syn |= d->tcp_syn;
}

static inline void model_fed(struct model *m, const struct flow_key *key,
			     const struct expire_delta *d)
{
	struct model_key *k = model_key(m, key);

	sums_add(&k->fed, d->packets, d->bytes, d->ip_bytes);
	sums_add(&m->fed[key->ifnum][key->dir], d->packets, d->bytes, d->ip_bytes);
	sight_add(&k->seen, d);
}

static inline struct model_key *model_mate(struct model *m, const struct model_key *k)
{
	return m->of_ref[k->ref ^ 1];
}

/* Without tags, and without a label, TEID or SPI: those are of one direction, flow(5). */
static inline void model_common(const struct flow_key *key, struct flow_key *ret)
{
	static const uint8_t one_way[] = {FLOW_TUNNEL_MPLS, FLOW_TUNNEL_GTPU, FLOW_TUNNEL_ESP,
					  FLOW_TUNNEL_AH, FLOW_TUNNEL_FABRICPATH};

	*ret = *key;
	ret->vlan = ret->cvlan = 0;
	ret->marks &= (uint8_t) ~(FLOW_MARK_STAG | FLOW_MARK_VLAN_UNKNOWN);
	if (key->tunnel_kind && memchr(one_way, key->tunnel_kind, sizeof(one_way)))
		ret->tunnel_id = 0;
}

/* Each is the reverse of the other, both in a way of their own or (mirrored) both in the same. */
static inline bool model_mates(const struct flow_key *a, const struct flow_key *b, bool mirrored)
{
	struct flow_key reverse, x, y;

	for (int turn = 0; turn < 2; turn++) {
		flow_key_reverse(turn ? a : b, &reverse);
		if (mirrored)
			reverse.dir = a->dir;
		model_common(&reverse, &x);
		model_common(turn ? b : a, &y);
		if (memcmp(&x, &y, sizeof(x)) || !flow_key_same_tags(&reverse, turn ? b : a))
			return false;
	}
	return (a->dir == b->dir) == mirrored;
}

/* No two conversations of one direction each that should be one. `age`: in expire_pair()s. */
static inline void model_lone(struct model *m, const struct model_key *k, bool mirrored,
			      uint32_t age)
{
	for (struct model_key *other = m->key; other < m->key + m->keys; other++) {
		if (other != k && other->ref != EXPIRE_NONE && !model_mate(m, other) &&
		    other->born + age <= m->pairings)
			CHECK(!model_mates(&k->key, &other->key, mirrored),
			      "halves %u and %u did not pair", k->ref, other->ref);
	}
}

static inline uint64_t model_last(struct model *m, const struct model_key *k)
{
	const struct model_key *mate = model_mate(m, k);

	return mate && mate->latest_ns > k->latest_ns ? mate->latest_ns : k->latest_ns;
}

/* Both sides ended, either reset, or the only one ended; since when stays, as long as it is so. */
static inline void model_close(struct model *m, const struct model_key *k, bool anew)
{
	struct model_conv *conv = &m->conv[k->ref / 2];
	const struct model_key *mate = model_mate(m, k);
	uint8_t all = k->ended & (mate ? mate->ended : 0xff);
	uint8_t any = k->ended | (mate ? mate->ended : 0);
	bool tcp = flow_key_is_ip(&k->key) && k->key.proto == IPPROTO_TCP;
	bool closed = tcp && ((any & MODEL_RST) || (all & MODEL_FIN));

	if (closed && (!conv->closed || anew))
		conv->closed_ns = model_last(m, k);
	conv->closed = closed;
}

/* The key's first gain since its half was gone: in a conversation of its own, or beside its reverse. */
static inline void model_enter(struct model *m, struct model_key *k, uint32_t ref)
{
	CHECK(ref < MODEL_REFS && !m->of_ref[ref], "half %u is another key's", ref);
	k->ref = ref;
	m->of_ref[ref] = k;
	k->latest_ns = 0;
	k->role = -1;
	k->ended = k->opened = 0;
	k->born = m->pairings;
	if (model_mate(m, k))
		CHECK(model_mates(&k->key, &model_mate(m, k)->key, false),
		      "paired with a stranger");
	else
		model_lone(m, k, false, 0);
}

static inline void model_gain(struct model *m, uint32_t ref, const struct flow_key *key,
			      const struct expire_delta *delta)
{
	struct model_key *k = model_key(m, key);
	uint64_t first = delta->first_ns;

	if (k->ref == EXPIRE_NONE)
		model_enter(m, k, ref);
	CHECK(k->ref == ref && m->of_ref[ref] == k, "gain went to half %u, not %u", ref, k->ref);
	m->conv[ref / 2].evicted |= delta->evicted;
	if (!(delta->packets | delta->bytes | delta->ip_bytes))
		return;
	sight_add(&k->told, delta);
	sums_add(&k->pending, delta->packets, delta->bytes, delta->ip_bytes);
	first = first < m->conv[ref / 2].cut_ns ? m->conv[ref / 2].cut_ns : first;
	first = first > delta->last_ns ? delta->last_ns : first;
	k->first_ns = first < k->first_ns ? first : k->first_ns;
	if (delta->last_ns > k->latest_ns)
		k->latest_ns = delta->last_ns;
	k->flags |= delta->tcp_flags;
	k->syn |= delta->tcp_syn;
	k->opened |= delta->tcp_syn;
	k->ended |= delta->tcp_flags & (MODEL_FIN | MODEL_RST);
	model_close(m, k, false);
}

static inline void model_moved(struct model *m, uint32_t old_ref, uint32_t new_ref)
{
	struct model_key *k = m->of_ref[old_ref], *mate = m->of_ref[new_ref ^ 1];

	CHECK(k && mate && !m->of_ref[new_ref] && !m->of_ref[old_ref ^ 1], "moved %u to %u",
	      old_ref, new_ref);
	CHECK(model_mates(&k->key, &mate->key, true), "moved to a stranger");
	m->of_ref[old_ref] = NULL;
	m->of_ref[new_ref] = k;
	k->ref = new_ref;
	if (k->role == 0)
		mate->role = 1;
	else if (mate->role == 0)
		k->role = 1;
	m->conv[new_ref / 2].evicted |= m->conv[old_ref / 2].evicted;
	if (m->conv[old_ref / 2].cut_ns > m->conv[new_ref / 2].cut_ns)
		m->conv[new_ref / 2].cut_ns = m->conv[old_ref / 2].cut_ns;
	memset(&m->conv[old_ref / 2], 0, sizeof(m->conv[0]));
	model_close(m, k, true);
}

/* After expire_pair(): whoever is old enough to have looked for its mirrored half had none. */
static inline void model_paired(struct model *m)
{
	m->pairings++;
	for (struct model_key *k = m->key; k < m->key + m->keys; k++) {
		if (k->ref != EXPIRE_NONE && !model_mate(m, k) && k->born + 2 <= m->pairings)
			model_lone(m, k, true, 2);
	}
}

/* What of the key was fed and not handed over; it never is more than that. */
static inline bool model_holds(const struct model_key *k)
{
	struct sums sums = k->pending;

	sums_add(&sums, k->recorded.packets, k->recorded.bytes, k->recorded.ip_bytes);
	CHECK(sums.packets <= k->fed.packets && sums.bytes <= k->fed.bytes &&
		      sums.ip_bytes <= k->fed.ip_bytes,
	      "more than was fed");
	return !sums_are(&k->fed, sums.packets, sums.bytes, sums.ip_bytes);
}

/* The cache holds nothing of the key. */
static inline void model_settle(struct model_key *k)
{
	CHECK(!model_holds(k), "the cache did not hand over what it got");
	CHECK(k->seen.first_ns == k->told.first_ns && k->seen.last_ns == k->told.last_ns,
	      "the cache has other times");
	CHECK(k->seen.flags == k->told.flags && k->seen.syn == k->told.syn,
	      "the cache has other flags");
	k->seen = k->told = (struct sight){.first_ns = UINT64_MAX};
}

/* After a sweep of the cache: it keeps back only what it will be asked for, and no end of TCP. */
static inline void model_swept(struct model *m)
{
	for (struct model_key *k = m->key; k < m->key + m->keys; k++) {
		bool ends = flow_key_is_ip(&k->key) && k->key.proto == IPPROTO_TCP &&
			    (k->seen.flags & ~k->told.flags & (MODEL_FIN | MODEL_RST));

		if (k->ref == EXPIRE_NONE || ends || !model_holds(k))
			model_settle(k);
	}
}

static inline bool model_same_ends(const struct flow_key *a, const struct flow_key *b, bool turned)
{
	return !memcmp(a->src, turned ? b->dst : b->src, sizeof(a->src)) &&
	       !memcmp(a->dst, turned ? b->src : b->dst, sizeof(a->dst)) &&
	       a->ethertype == b->ethertype;
}

/* One number for both ways between two endpoints, another for any others. */
static inline void model_outer(struct model *m, const struct flow_key *ends, uint32_t outer)
{
	int order = memcmp(ends->src, ends->dst, sizeof(ends->src));
	bool known = false;

	CHECK((outer & 3) == (order < 0	  ? FLOW_OUTER_FORWARD
			      : order > 0 ? FLOW_OUTER_BACKWARD
					  : FLOW_OUTER_EQUAL),
	      "way of outer %u", outer);
	for (const struct model_pair *p = m->pair; p < m->pair + m->pairs; p++) {
		bool same = model_same_ends(&p->ends, ends, false);

		known |= same;
		CHECK((p->outer == outer) == same, "outer %u, %u", p->outer, outer);
		CHECK((p->outer >> 2 == outer >> 2) ==
			      (same || model_same_ends(&p->ends, ends, true)),
		      "outer %u, %u of the pair", p->outer, outer);
	}
	if (!known)
		m->pair[m->pairs++] = (struct model_pair){outer, *ends};
}

/* The endpoints that were fed under the number. */
static inline void model_ends(const struct model *m, uint32_t outer, const struct flow_record *row)
{
	static const struct model_pair none;
	const struct model_pair *p = m->pair;

	while (p < m->pair + m->pairs && p->outer != outer)
		p++;
	CHECK(p < m->pair + m->pairs || !outer, "outer %u of nobody", outer);
	p = outer ? p : &none;
	CHECK(!memcmp(row->outer_src, p->ends.src, sizeof(row->outer_src)) &&
		      !memcmp(row->outer_dst, p->ends.dst, sizeof(row->outer_dst)) &&
		      row->outer_ethertype == p->ends.ethertype,
	      "endpoints of outer %u", outer);
}

/* RFC 791 section 3.2, RFC 8200 section 4.5; tags, interface and tunnel must be the same, too. */
static inline struct model_datagram *model_datagram(struct model *m, const struct flow_facts *f,
						    const struct flow_wrap *wrap)
{
	const struct flow_key *from = f->into & PARSE_INTO_FRAG ? &wrap->first : &f->key;
	struct model_datagram *d = m->datagram;
	struct flow_key id = {
		.ethertype = from->ethertype,
		.proto = from->ethertype == ETH_P_IP ? from->proto : 0,
		.ifnum = from->ifnum,
		.dir = from->dir,
		.vlan = from->vlan,
		.cvlan = from->cvlan,
		.marks = from->marks & FLOW_MARK_STAG,
		.outer = from->outer,
		.sport = (__be16)f->frag_id,
		.dport = (__be16)(f->frag_id >> 16),
	};

	memcpy(id.src, from->src, sizeof(id.src));
	memcpy(id.dst, from->dst, sizeof(id.dst));
	/* a later fragment does not show which SPI it has */
	if (from->tunnel_kind != FLOW_TUNNEL_ESP && from->tunnel_kind != FLOW_TUNNEL_AH) {
		id.tunnel_kind = from->tunnel_kind;
		id.tunnel_id = from->tunnel_id;
	}
	while (d < m->datagram + m->datagrams && memcmp(&d->id, &id, sizeof(id)))
		d++;
	d->id = id;
	return d;
}

/* Changes the key to that of the first fragment, if there was one, within 30 seconds. */
static inline void model_fragment(struct model *m, const struct flow_facts *f,
				  const struct flow_wrap *wrap, uint64_t ns, struct flow_key *key)
{
	struct model_datagram *d = model_datagram(m, f, wrap);
	bool known = d < m->datagram + m->datagrams;

	if (f->frag != PARSE_FIRST) {
		if (known && ns < d->ns + MODEL_FRAGMENT_NS && d->ns < ns + MODEL_FRAGMENT_NS)
			*key = d->key;
		return;
	}
	if (f->verdict == VERDICT_SHORT && !key->sport && !key->dport)
		return; /* too short to tell */
	m->datagrams += !known;
	d->key = *key;
	d->ns = ns;
}
