/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_label.c: MPLS stacks, PPPoE sessions and frames in frames, from key back to header. Pure.
 *
 *   MPLS   | label 20, TC ?3, S=0, TTL ?8 | label ?20 ... S=0 | ... S=1 | IP, or what is not IP |
 *   PPPoE  | 11 00 session, length ?16 | 0021, 0057, or another PPP protocol | IP, or not |
 *
 *   PBB    | 88e7, flags ?8, I-SID 24 | what is not looked into
 *
 * What is not IP is known by what it is not: so `mpls and host` needs no byte that is not kept.
 */
#include "cli/filter_put.h"
#include "schema/fields.h"
#include "schema/label.h"

#include <linux/if_ether.h>

/* RFC 3032 section 2.1. The first entry's label is kept, of the others where the stack ends. */
static void build_entry(struct filter_header *h, uint32_t number, uint32_t label, bool bottom_known,
			bool bottom)
{
	uint8_t bits = number ? 0 : 0xff, s = bottom_known ? 1 : 0;

	if (number)
		label = 0;
	put8(h, h->len, (uint8_t)(label >> 12), bits);
	put8(h, h->len + 1, (uint8_t)(label >> 4), bits);
	put8(h, h->len + 2, (uint8_t)((label & 0xf) << 4 | (s && bottom)),
	     (uint8_t)((bits & 0xf0) | s));
	h->len += 4;
}

/* RFC 4928: the first nibble behind the stack tells IP, and so what is not IP. */
static void build_mpls(const struct flow_key *key, struct filter_header *h)
{
	uint32_t entries = key->tunnel_id >> FLOW_MPLS_SHIFT;
	bool cut = (key->marks & FLOW_MARK_SHORT) && !flow_key_is_ip(key);

	if (entries > PARSE_LABELS)
		entries = PARSE_LABELS;
	for (uint32_t i = 0; i < entries; i++) {
		bool last = i + 1 == entries;
		bool deep = (key->marks & FLOW_MARK_DEEP) && !flow_key_is_ip(key);

		build_entry(h, i, key->tunnel_id & FLOW_MPLS_LABEL, !last || !cut, last && !deep);
	}
	h->net_off = h->len;
	h->closed = !flow_key_is_ip(key);
	if (h->closed && !h->lossy)
		h->never = (struct filter_never){
			h->len++, 1, 0xf0, {0x40, 0x60, 0x40, 0x60, 0x40, 0x60}};
}

/*
 * RFC 2516 section 4, RFC 1661 section 2. 0x0806 and 0x8035 are no PPP protocols, but libpcap asks
 * for them in `pppoes and host`.
 */
static void build_pppoe(const struct flow_key *key, struct filter_header *h)
{
	bool mpls = key->ethertype == ETH_P_MPLS_UC || key->ethertype == ETH_P_MPLS_MC;

	put16(h, h->len, 0x1100, 0xffff);
	put16(h, h->len + 2, (uint16_t)key->tunnel_id, 0xffff);
	if (key->ethertype == ETH_P_IP)
		put16(h, h->len + 6, 0x0021, 0xffff);
	else if (key->ethertype == ETH_P_IPV6)
		put16(h, h->len + 6, 0x0057, 0xffff);
	else if (mpls)
		put16(h, h->len + 6, key->ethertype == ETH_P_MPLS_UC ? 0x0281 : 0x0283, 0xffff);
	else if (!h->lossy) /* cut short: which it was is not known */
		h->never = (struct filter_never){
			h->len + 6, 2, 0xffff, {0x0021, 0x0057, 0x0281, 0x0283, 0x0806, 0x8035}};
	if (mpls) /* the labels gave way to the session */
		h->lossy = true;
	h->len += 8;
	h->net_off = h->len;
	h->closed = !flow_key_is_ip(key);
}

static uint16_t label_type(const struct flow_key *key)
{
	if (key->tunnel_kind == FLOW_TUNNEL_PPPOE)
		return ETH_P_PPP_SES;
	return key->ethertype == ETH_P_MPLS_MC ? ETH_P_MPLS_MC : ETH_P_MPLS_UC;
}

bool filter_label_build(const struct flow_key *key, struct filter_header *h)
{
	bool label = key->tunnel_kind == FLOW_TUNNEL_MPLS || key->tunnel_kind == FLOW_TUNNEL_PPPOE;

	if (!label) {
		/* no session, by its code; or labels inside a tunnel: which, is lost */
		if (key->ethertype == ETH_P_PPP_SES || key->ethertype == ETH_P_MPLS_UC ||
		    key->ethertype == ETH_P_MPLS_MC)
			h->lossy = true;
		return false;
	}
	put16(h, h->len, label_type(key), 0xffff);
	h->len += 2;
	h->label = key->tunnel_kind;
	h->label_off = h->len;
	if (key->tunnel_kind == FLOW_TUNNEL_PPPOE)
		build_pppoe(key, h);
	else
		build_mpls(key, h);
	return true;
}

/*
 * A frame in a frame (IEEE 802.1ah, FabricPath): tcpdump does not look into it, so it has the outer
 * EtherType and the label. Where it has tags, on which of the frames they were is not known: the
 * first EtherType is a tag's or the label's, and none of those that filters ask for.
 */
bool filter_label_ethernet(const struct flow_key *key, struct filter_header *h)
{
	bool pbb = key->tunnel_kind == FLOW_TUNNEL_PBB;

	if (!pbb && key->tunnel_kind != FLOW_TUNNEL_FABRICPATH)
		return false;
	h->closed = true;
	h->label = key->tunnel_kind;
	h->label_off = h->len + 2;
	if (key->vlan) {
		h->lossy = true;
		h->never = (struct filter_never){
			h->len, 2, 0xffff, {0x0800, 0x86dd, 0x0806, 0x8035, 0x8847, 0x8864}};
	} else if (pbb) {
		put16(h, h->len, PARSE_PBB, 0xffff);
		put16(h, h->len + 2, key->tunnel_id >> 16 & 0xff, 0x00ff);
		put16(h, h->len + 4, (uint16_t)key->tunnel_id, 0xffff);
	} else {
		put16(h, h->len, PARSE_FABRICPATH, 0xffff);
		put16(h, h->len + 2, (uint16_t)(key->tunnel_id << 6), 0xffc0);
	}
	h->len += pbb ? 6 : 4;
	h->net_off = h->len;
	return true;
}
