/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_flow_record.h: what fuzz_flow_model.h knows against each record: sums, flags, keys, times, who
 * began, why it ended; and after each pass against the table: nothing that is left is due.
 */
#pragma once

#include "fuzz_flow_model.h"

static inline void check_tags(const struct expire_record *rec, struct model_key *const *half)
{
	const struct flow_key *a = &half[0]->key, *b = half[1] ? &half[1]->key : a;
	const struct flow_key *known = (a->marks & FLOW_MARK_VLAN_UNKNOWN) && !a->vlan ? b : a;

	CHECK(rec->key.vlan == known->vlan && rec->key.cvlan == known->cvlan, "tags of nobody");
	CHECK((rec->key.marks & FLOW_MARK_STAG) == (known->marks & FLOW_MARK_STAG), "TPID");
	CHECK((rec->key.marks & FLOW_MARK_VLAN_UNKNOWN) ==
		      ((a->marks | b->marks) & FLOW_MARK_VLAN_UNKNOWN),
	      "unknown tags are not said to be");
	CHECK(!(rec->key.marks & FLOW_MARK_MIRRORED) == (a == b || a->dir != b->dir), "mirrored");
}

/* What readers of the database make of the record are the keys of its halves. */
static inline void check_keys(struct model *m, const struct expire_record *rec,
			      struct model_key *const *half, bool count)
{
	struct flow_record row = {.key = rec->key, .rev_tunnel_id = rec->rev_tunnel_id};
	struct flow_key key, x, y;

	check_tags(rec, half);
	CHECK(rec->rev_tunnel_id == (half[1] ? half[1]->key.tunnel_id : 0), "reverse tunnel id");
	for (int i = 0; i < 2 && half[i]; i++) {
		flow_record_key(&row, i, &key);
		if (count)
			sums_add(&m->got[key.ifnum][key.dir], rec->half[i].packets,
				 rec->half[i].bytes, rec->half[i].ip_bytes);
		key.marks &= (uint8_t)~FLOW_MARK_MIRRORED;
		CHECK(key.tunnel_id == half[i]->key.tunnel_id, "tunnel id of half %d", i);
		model_common(&key, &x);
		model_common(&half[i]->key, &y);
		CHECK(!memcmp(&x, &y, sizeof(x)), "key of half %d", i);
		CHECK((key.marks & FLOW_MARK_VLAN_UNKNOWN) ||
			      !memcmp(&key, &half[i]->key, sizeof(key)),
		      "exact key of half %d", i);
	}
}

static inline void check_times(const struct model *m, const struct expire_record *rec,
			       struct model_key *const *half)
{
	uint64_t lo = UINT64_MAX, hi = 0;

	for (int i = 0; i < 2 && half[i]; i++) {
		if (!sums_any(&half[i]->pending))
			continue;
		lo = half[i]->first_ns < lo ? half[i]->first_ns : lo;
		hi = half[i]->latest_ns > hi ? half[i]->latest_ns : hi;
	}
	CHECK(rec->start_ns <= rec->end_ns, "ends before it starts");
	CHECK(rec->start_ns == lo && rec->end_ns == hi, "not the times of its packets");
	CHECK(m->back || m->refused ||
		      rec->end_ns - rec->start_ns <= m->conf->active_ns + 2 * m->conf->sweep_ns,
	      "active timeout passed over");
}

/* Once said, who began stays; else it is who sent the only SYN, in an earlier record too. */
static inline void check_initiator(struct model_key *const *half)
{
	CHECK(half[0]->role != 1 && (!half[1] || half[1]->role != 0), "initiator changed");
	if (!half[1] || half[0]->role == 0 || half[1]->role == 1 ||
	    !(half[0]->pending.packets && half[1]->pending.packets))
		return;
	CHECK(half[0]->opened || !half[1]->opened, "the initiator did not send the SYN");
}

static inline bool model_any(struct model *m, const struct model_key *k)
{
	const struct model_key *mate = model_mate(m, k);

	return sums_any(&k->pending) || (mate && sums_any(&mate->pending));
}

/* Its mirrored half may be there: nobody has looked. */
static inline bool model_waits(struct model *m, const struct model_key *k)
{
	return !model_mate(m, k) && m->pairings - k->born < 2;
}

/* Why the conversation of the key is due, END_ACTIVE_NOW: it is not. */
static inline enum end_reason model_reason(struct model *m, const struct model_key *k)
{
	const struct model_conv *conv = &m->conv[k->ref / 2];
	const struct model_key *mate = model_mate(m, k);
	uint64_t start = mate && mate->first_ns < k->first_ns ? mate->first_ns : k->first_ns;
	enum end_reason reason = END_ACTIVE_NOW;
	uint64_t when = UINT64_MAX;

	if (conv->evicted)
		return END_RESOURCES;
	if (m->ending)
		return conv->closed ? END_FLOW : END_FORCED;
	if (model_waits(m, k))
		return END_ACTIVE_NOW;
	if (conv->closed) {
		/* the sweep nearest to the linger's end */
		uint64_t end = conv->closed_ns + m->conf->linger_ns, half = m->conf->sweep_ns / 2;

		when = end < half ? 0 : end - half;
		reason = END_FLOW;
	}
	if (model_last(m, k) + m->conf->idle_ns < when) {
		when = model_last(m, k) + m->conf->idle_ns;
		reason = END_IDLE;
	}
	/* a sweep before the end would have cut it */
	if (start != UINT64_MAX && start + m->conf->active_ns + m->conf->sweep_ns <= when) {
		when = start + m->conf->active_ns;
		reason = END_ACTIVE;
	}
	if (m->now_ns >= when)
		return reason;
	if (start != UINT64_MAX && m->now_ns >= start + m->conf->active_ns)
		return END_ACTIVE;
	return END_ACTIVE_NOW;
}

static inline bool model_slots(struct model *m, const struct model_key *k)
{
	return *expire_slots(m->expire, k->ref) != EXPIRE_NONE ||
	       (model_mate(m, k) && *expire_slots(m->expire, k->ref ^ 1) != EXPIRE_NONE);
}

/* An evicted conversation stays while it has another slot. */
static inline bool model_goes(struct model *m, const struct model_key *k, enum end_reason reason)
{
	return reason != END_ACTIVE && (reason != END_RESOURCES || !model_slots(m, k));
}

static inline void check_reason(struct model *m, const struct expire_record *rec,
				const struct model_key *k)
{
	enum end_reason reason = model_reason(m, k);

	CHECK(rec->reason == reason, "reason %d, not %d", (int)rec->reason, (int)reason);
	CHECK(rec->gone == model_goes(m, k, reason), "gone: %d", rec->gone);
}

static inline void model_cut(struct model *m, const struct expire_record *rec,
			     struct model_key *const *half)
{
	m->conv[rec->ref[0] / 2].evicted = false;
	m->conv[rec->ref[0] / 2].cut_ns = m->ending ? model_last(m, half[0]) : m->now_ns;
	if (rec->gone)
		memset(&m->conv[rec->ref[0] / 2], 0, sizeof(m->conv[0]));
	for (int i = 0; i < 2 && half[i]; i++) {
		sums_add(&half[i]->recorded, rec->half[i].packets, rec->half[i].bytes,
			 rec->half[i].ip_bytes);
		memset(&half[i]->pending, 0, sizeof(half[i]->pending));
		half[i]->first_ns = UINT64_MAX;
		half[i]->flags = half[i]->syn = 0;
		if (rec->end_ns)
			half[i]->role = i;
		if (rec->gone) {
			m->of_ref[half[i]->ref] = NULL;
			half[i]->ref = EXPIRE_NONE;
		}
	}
}

/* live: from expire_each(), which changes nothing. */
static inline void model_record(struct model *m, const struct expire_record *rec, bool live)
{
	static const struct sums none;
	bool any = false;
	struct model_key *half[2] = {m->of_ref[rec->ref[0]], m->of_ref[rec->ref[0] ^ 1]};

	CHECK(half[0], "record of half %u, which is nobody's", rec->ref[0]);
	CHECK(rec->ref[1] == (half[1] ? rec->ref[0] ^ 1 : EXPIRE_NONE), "its other half");
	for (int i = 0; i < 2; i++) {
		const struct sums *sums = half[i] ? &half[i]->pending : &none;

		CHECK(sums_are(sums, rec->half[i].packets, rec->half[i].bytes,
			       rec->half[i].ip_bytes),
		      "sums of half %d", i);
		any |= sums_any(sums);
		CHECK(rec->half[i].tcp_flags == (half[i] ? half[i]->flags : 0) &&
			      rec->half[i].tcp_syn == (half[i] ? half[i]->syn : 0),
		      "TCP flags of half %d", i);
	}
	if (any) {
		check_keys(m, rec, half, !live);
		check_times(m, rec, half);
		check_initiator(half);
	} else {
		CHECK(rec->gone && !rec->end_ns, "an empty record");
	}
	if (!live) {
		model_settle(half[0]);
		if (half[1])
			model_settle(half[1]);
		check_reason(m, rec, half[0]);
		model_cut(m, rec, half);
	}
}

static inline bool model_show(void *arg, const struct expire_record *rec)
{
	struct model *m = arg;

	m->shown++;
	CHECK(rec->reason == END_ACTIVE_NOW && !rec->gone, "ended, but shown as live");
	model_record(m, rec, true);
	return true;
}

/* Every conversation is there, and shown where it has something to show. */
static inline void model_list(struct model *m)
{
	uint32_t convs = 0, full = 0;

	for (struct model_key *k = m->key; k < m->key + m->keys; k++) {
		if (k->ref == EXPIRE_NONE || (k->ref & 1))
			continue;
		convs++;
		full += model_any(m, k);
	}
	CHECK(convs == expire_count(m->expire), "%zu conversations, not %u",
	      expire_count(m->expire), convs);
	m->shown = 0;
	expire_each(m->expire, model_show, m);
	CHECK(m->shown == full, "%u conversations shown, not %u", m->shown, full);
}

/* The cache holds packets since longer than the active timeout. */
static inline bool model_late(struct model *m, const struct model_key *k)
{
	return model_holds(k) && k->told.first_ns == UINT64_MAX && !m->back && !m->refused &&
	       !model_waits(m, k) && m->now_ns >= k->seen.first_ns + m->conf->active_ns;
}

/* After expire_due() or expire_all(). all: none was refused, so nothing that is left is due. */
static inline void model_due(struct model *m, bool all)
{
	for (struct model_key *k = m->key; k < m->key + m->keys; k++) {
		struct model_conv *conv = &m->conv[k->ref / 2 % MODEL_KEYS];

		if (k->ref == EXPIRE_NONE)
			continue;
		CHECK(k->ref % 2 == 0 || model_mate(m, k), "half %u has no first side", k->ref);
		if (conv->evicted && !model_any(m, k) && model_slots(m, k)) {
			conv->evicted = false; /* it stays, and there was nothing to record */
			conv->cut_ns = m->ending ? model_last(m, k) : m->now_ns;
		}
		if (all && m->ending)
			CHECK(!model_any(m, k), "half %u is not recorded", k->ref);
		else if (all && conv->cut_ns != m->now_ns) /* one record a time */
			CHECK(model_reason(m, k) == END_ACTIVE_NOW && !model_late(m, k),
			      "half %u is due: %d", k->ref, (int)model_reason(m, k));
	}
	model_list(m);
}

static inline void model_end(const struct model *m)
{
	CHECK(!expire_count(m->expire), "conversations after the end");
	for (const struct model_key *k = m->key; k < m->key + m->keys; k++)
		CHECK(sums_are(&k->fed, k->recorded.packets, k->recorded.bytes,
			       k->recorded.ip_bytes),
		      "key %ld: not recorded as it was fed", (long)(k - m->key));
	CHECK(!memcmp(m->fed, m->got, sizeof(m->fed)), "sums of interfaces");
}
