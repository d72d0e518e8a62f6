/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * model_world.c: account.bpf.h a step at a time, over cache.h as it is; see model_world.h.
 *
 *   CPU n:  seen ─ find ─┬ health ─ packets ─ bytes                 each ─ is a point where the
 *                        └ reserve ─ submit ─ seq,birth ─ key ─ seq  sweeper or another CPU may run
 */
#include "tests/model_world.h"

#include <assert.h>
#include <linux/if_ether.h>
#include <string.h>

#include "schema/cache.h"
#include "schema/fields.h"
#include "schema/tcp.h"

#define FIN 0x01
#define SYN 0x02
#define ACK 0x10

enum stage { IDLE, HIT_PACKETS, HIT_BYTES, RESERVED, SUBMITTED, CLAIMED, KEYED };

static struct cpu {
	enum stage stage;
	uint32_t left; /* steps that it rests: interrupted */
	uint32_t index, way, tag, epoch;
	uint64_t created, record;
	struct flow_key key;
	uint64_t bytes;
	uint8_t flags;
	bool again; /* it is a retransmission */
} cpu[MODEL_CPUS];

struct world world;
static uint64_t rng;

/* splitmix64 */
uint64_t rnd(void)
{
	uint64_t z = rng += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

bool one_in(uint32_t n)
{
	return rnd() % n == 0;
}

struct sum *sum_of(struct table *table, const struct flow_key *key)
{
	for (size_t i = 0; i < table->count; i++) {
		if (cache_key_equal(&table->sum[i].key, key))
			return &table->sum[i];
	}
	assert(table->count < MODEL_KEYS);
	table->sum[table->count] = (struct sum){.key = *key};
	return &table->sum[table->count++];
}

void sum_add(struct table *table, const struct flow_key *key, uint64_t packets, uint64_t bytes)
{
	struct sum *s;

	if (!packets && !bytes)
		return;
	s = sum_of(table, key);
	s->packets += packets;
	s->bytes += bytes;
}

/* Fours: a flow; its reverse, out; its reverse, in (a mirror port); its own key, out (loopback). */
static void make_flows(void)
{
	for (uint32_t i = 0; i < MODEL_FLOWS; i++) {
		struct flow_key *k = &world.flow[i], *first = &world.flow[i - i % 4];

		if (i % 4 == 0)
			*k = (struct flow_key){.src = {0x0a000001 + (i / 4 << 24)},
					       .dst = {0x0a000002},
					       .sport = (__be16)(1000 + i / 4),
					       .dport = 443,
					       .ethertype = ETH_P_IP,
					       .proto = i / 4 % 3 ? 6 : 17,
					       .ifnum = (__u16)(1 + i % 8 / 4)};
		else if (i % 4 < 3)
			flow_key_reverse(first, k);
		else
			*k = *first;
		if (i % 4)
			k->dir = i % 4 == 2 ? FLOW_INGRESS : FLOW_EGRESS;
	}
}

void world_new(const struct mode *mode, uint64_t seed)
{
	memset(&world, 0, sizeof(world));
	memset(cpu, 0, sizeof(cpu));
	rng = seed;
	world.mode = *mode;
	world.load = 1 + (uint32_t)(rnd() % 4);
	world.now_ns = 1000 * S;
	world.db = &world.database[0];
	world.database[1].last_sweep = rnd() % 4; /* it was another map's */
	world.control.generation = rnd() >> 1;
	for (int i = 0; i < FLOW_SEED_WORDS; i++)
		world.control.seed[i] = rnd() | 1;
	make_flows();
}

static uint32_t number_of(const struct cpu *c)
{
	return (uint32_t)(c - cpu);
}

static struct flow_slot *its_slot(const struct cpu *c)
{
	return &world.slots[c->index].slot[c->way];
}

/* health_look: before the packet is counted */
static void look(struct cpu *c)
{
	c->again = !c->key.marks && one_in(6);
	if (!c->again)
		return;
	world.health[c->index].health[c->way].count.retransmits++;
	its_slot(c)->tcp_state |= TCP_HEALTH;
}

static void finish(struct cpu *c)
{
	sum_add(&world.truth, &c->key, 1, c->bytes);
	sum_of(&world.truth, &c->key)->again += c->again;
	c->stage = IDLE;
}

static void hit_packets(struct cpu *c)
{
	its_slot(c)->packets++;
	c->stage = HIT_BYTES;
}

/* account_hit and the first half of account_add */
static void hit(struct cpu *c)
{
	struct flow_slot *slot = its_slot(c);
	uint32_t *used = &world.slots[c->index].used[c->way];

	if (cache_turned(*used, c->epoch)) {
		if (cache_exported(slot, &world.marks[c->index].mark[c->way])) {
			slot->first_ns = world.now_ns;
			slot->tcp_flags = 0;
			slot->tcp_syn = 0;
		}
		*used = c->epoch << 2 | FLOW_KNOWN_LONG;
	} else if (!(*used & 3)) {
		*used |= FLOW_KNOWN_AGAIN;
	}
	look(c);
	if (world.mode.tear)
		c->stage = HIT_PACKETS;
	else
		hit_packets(c);
}

static void hit_bytes(struct cpu *c)
{
	struct flow_slot *slot = its_slot(c);

	slot->bytes += c->bytes;
	slot->ip_bytes += c->bytes;
	slot->last_ns = world.now_ns;
	slot->tcp_flags |= c->flags;
	slot->tcp_syn |= c->flags == SYN;
	finish(c);
}

/* bpf_ringbuf_reserve */
static bool reserve(struct cpu *c)
{
	uint64_t room = world.mode.ring_records * (uint64_t)MODEL_RECORD;

	if (world.ring_producer + MODEL_RECORD - world.ring_consumer > room)
		return false;
	c->record = world.ring_producer / MODEL_RECORD % world.mode.ring_records;
	world.ring[c->record].busy = true;
	world.ring_producer += MODEL_RECORD;
	c->stage = RESERVED;
	return true;
}

static void submit(struct cpu *c)
{
	world.ring[c->record].record =
		(struct flow_evicted){.index = c->index * FLOW_WAYS + c->way,
				      .slot = *its_slot(c),
				      .health = world.health[c->index].health[c->way]};
	world.ring[c->record].busy = false;
	c->stage = SUBMITTED;
}

/* account_clean */
static bool clean_way(struct cpu *c)
{
	for (c->way = 0; c->way < FLOW_WAYS; c->way++) {
		if (cache_clean(its_slot(c), &world.marks[c->index].mark[c->way]))
			return true;
	}
	return false;
}

/* account_make up to the claim. False: no room. */
static bool make(struct cpu *c)
{
	struct flow_set *set = &world.slots[c->index];

	c->way = cache_place(set, c->tag, world.control.epoch) & (FLOW_WAYS - 1);
	c->stage = SUBMITTED;
	if (!set->tag[c->way] || cache_clean(its_slot(c), &world.marks[c->index].mark[c->way]))
		return true;
	return reserve(c) || clean_way(c);
}

/* account_slot */
static bool enter(struct cpu *c, uint32_t base, uint32_t sets)
{
	struct cache_hash hash = cache_hash(&c->key, world.control.seed);

	c->index = number_of(c) * MODEL_CPU_SETS + base + (hash.set & (sets - 1));
	c->tag = hash.tag;
	c->way = cache_find(&world.slots[c->index], &c->key, hash.tag);
	if (c->way >= FLOW_WAYS)
		return make(c);
	hit(c);
	return true;
}

/* account_catchall */
static void catchall(struct cpu *c)
{
	struct flow_key key = {
		.ifnum = c->key.ifnum, .dir = c->key.dir, .marks = FLOW_MARK_CATCHALL};

	c->index = (number_of(c) + 1) * MODEL_CPU_SETS - 1;
	c->way = key.ifnum * 2U + key.dir;
	c->key = key;
	c->tag = 1;
	if (world.slots[c->index].tag[c->way])
		hit(c);
	else
		c->stage = SUBMITTED;
}

/* account_fold */
static enum flow_verdict fold(struct cpu *c)
{
	memset(c->key.src, 0, sizeof(c->key.src));
	c->key.sport = 0;
	c->key.marks |= FLOW_MARK_FOLDED;
	if (enter(c, MODEL_SETS, MODEL_FOLDED))
		return VERDICT_FOLDED;
	catchall(c);
	return VERDICT_CATCHALL;
}

static void packet(struct cpu *c)
{
	struct flow_ledger *books;
	enum flow_verdict verdict;

	c->key = world.flow[rnd() % (one_in(4) ? 4 : MODEL_FLOWS)]; /* a few keys are busy */
	c->bytes = 60 + rnd() % 1400;
	c->flags = ACK;
	if (c->key.proto == 6 && one_in(8))
		c->flags = one_in(2) ? FIN | ACK : SYN;
	c->epoch = world.control.epoch;
	books = &world.ledger[(number_of(c) * FLOW_IFACES + c->key.ifnum) * 2 + c->key.dir];
	books->seen.packets++;
	books->seen.bytes += c->bytes;
	if (enter(c, 0, MODEL_SETS))
		return;
	verdict = fold(c);
	books->verdict[verdict].packets++;
	books->verdict[verdict].bytes += c->bytes;
}

/* account_claim, in three: the number of the life, the key with its counters, the end */
static void claim_life(struct cpu *c)
{
	its_slot(c)->seq++;
	its_slot(c)->birth++;
	c->stage = CLAIMED;
}

static void claim_key(struct cpu *c)
{
	struct flow_slot *slot = its_slot(c);

	slot->key = c->key;
	slot->tcp_state = 0;
	memset(&world.health[c->index].health[c->way], 0, sizeof(struct flow_health));
	look(c);
	slot->packets = 1;
	slot->bytes = c->bytes;
	slot->ip_bytes = c->bytes;
	slot->first_ns = slot->last_ns = world.now_ns;
	slot->tcp_flags = c->flags;
	slot->tcp_syn = c->flags == SYN;
	c->stage = KEYED;
}

static void claim_end(struct cpu *c)
{
	struct flow_set *set = &world.slots[c->index];

	its_slot(c)->seq++;
	set->tag[c->way] = c->tag;
	set->used[c->way] = cache_used(c->epoch);
	c->created++;
	finish(c);
}

static void cpu_step(struct cpu *c, bool fresh)
{
	static void (*const step[])(struct cpu * c) = {
		[IDLE] = packet,     [HIT_PACKETS] = hit_packets, [HIT_BYTES] = hit_bytes,
		[RESERVED] = submit, [SUBMITTED] = claim_life,	  [CLAIMED] = claim_key,
		[KEYED] = claim_end,
	};

	if (c->stage != IDLE || fresh)
		step[c->stage](c);
}

/* Where the mode does not have busy records or torn counters, those two steps are one. */
void traffic(bool fresh)
{
	struct cpu *c = &cpu[rnd() % MODEL_CPUS];

	if (world.quiet)
		return;
	if (c->left) {
		c->left--;
		return;
	}
	cpu_step(c, fresh);
	if ((c->stage == RESERVED && !world.mode.busy) ||
	    (c->stage == HIT_BYTES && !world.mode.tear))
		cpu_step(c, fresh);
	if (c->stage == RESERVED && one_in(8))
		c->left = (uint32_t)(rnd() % 400);
}

void traffic_rest(void)
{
	for (struct cpu *c = cpu; c < cpu + MODEL_CPUS; c++) {
		c->left = 0;
		while (c->stage != IDLE)
			cpu_step(c, false);
	}
}
