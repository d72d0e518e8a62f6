/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* filter.c: compile by libpcap, build the headers, run, and say what was missing. */
#include "cli/filter.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/filter_header.h"
#include "cli/filter_tree.h"
#include "cli/filter_vm.h"
#include "cli/filter_ways.h"
#include "cli/filter_word.h"
#include "cli/tags.h"

#define SNAPLEN 262144	   /* tcpdump's */
#define TYPE_OFF 12	   /* of the first EtherType */
#define NEXT_HEADER_OFF 20 /* of IPv6 without tags and labels */

#define SHAPE_BITS 7 /* of the number of shapes whose headers are kept */
#define TREE_AFTER 8 /* headers of a shape */

struct shaped {
	struct filter_shape shape;
	bool set;
	bool has_tree;
	uint32_t changes;
	struct filter_header header;
	struct filter_tree tree;
};

struct filter {
	struct bpf_program program;
	char *expression;
	uint64_t undecided;
	uint64_t vlan_undecided;
	bool asks_tags;
	bool asks_ah; /* of IPv6 */
	bool same_ways;
	uint32_t from;			    /* of the last -ENODATA */
	const struct filter_header *header; /* of the last record */
	const struct filter_tree *tree;	    /* of its shape; NULL: none yet */
	struct filter_header other;	    /* of one without a shape */
	struct shaped shaped[1 << SHAPE_BITS];
};

/* What is wrong with the expression; and where there is an option for what it asks, that one. */
static int fail(const char *expression, const char *what, struct filter_error *ret_error)
{
	const struct filter_word *word = filter_word_find(expression);
	int len = snprintf(ret_error->text, sizeof(ret_error->text), "filter '%.200s': %.100s",
			   expression, what);
	char *end = ret_error->text + len;
	size_t room = sizeof(ret_error->text) - (size_t)len;

	if (word && word->tunnel)
		snprintf(end, room,
			 "; --tunnel %s or --tunnel %s:ID asks for what is around the packets of "
			 "records of inner headers, '%s' for records of outer ones",
			 word->tunnel, word->tunnel, word->outer);
	else if (word)
		snprintf(end, room, "; %s asks for that", word->option);
	return -EINVAL;
}

static int compile(struct filter *filter, struct filter_error *ret_error)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, SNAPLEN);
	int err = 0;

	if (!pcap)
		return -ENOMEM;
	if (pcap_compile(pcap, &filter->program, filter->expression, 1, PCAP_NETMASK_UNKNOWN))
		err = fail(filter->expression, pcap_geterr(pcap), ret_error);
	else if (filter_word_find(filter->expression))
		err = fail(filter->expression, "looks into a tunnel", ret_error);
	pcap_close(pcap);
	return err;
}

/* A load of the packet, and a number that what it gives is compared with. */
struct asked {
	bool (*loads)(const struct bpf_insn *in);
	bool (*is)(uint32_t value);
};

static bool loads_type(const struct bpf_insn *in)
{
	return in->code == (BPF_LD | BPF_H | BPF_ABS) && in->k == TYPE_OFF;
}

static bool is_tag(uint32_t type)
{
	return type == ETH_P_8021Q || type == ETH_P_8021AD || type == ETH_P_QINQ1;
}

/* Tags and labels before IPv6 are of 4 bytes, or 8. */
static bool loads_next_header(const struct bpf_insn *in)
{
	return in->code == (BPF_LD | BPF_B | BPF_ABS) && in->k >= NEXT_HEADER_OFF &&
	       (in->k - NEXT_HEADER_OFF) % 4 == 0;
}

static bool is_ah(uint32_t proto)
{
	return proto == IPPROTO_AH;
}

static const struct asked tags = {loads_type, is_tag}, ah = {loads_next_header, is_ah};

static bool writes_a(const struct bpf_insn *in)
{
	uint32_t class = BPF_CLASS(in->code);

	return class == BPF_LD || class == BPF_ALU ||
	       (class == BPF_MISC && BPF_MISCOP(in->code) == BPF_TXA);
}

/*
 * Such a load is compared with such a number. `holds` has a cell an instruction: the accumulator
 * may be what was loaded there. Jumps go forward, but for those of protochain, which end a loop
 * that has compared it already.
 */
static bool find_asked(const struct bpf_program *program, const struct asked *asked, bool *holds)
{
	for (uint32_t i = 0; i < program->bf_len; i++) {
		const struct bpf_insn *in = &program->bf_insns[i];
		bool held = asked->loads(in) || (holds[i] && !writes_a(in));

		if (BPF_CLASS(in->code) != BPF_JMP) {
			holds[i + 1] |= held && BPF_CLASS(in->code) != BPF_RET;
			continue;
		}
		if (BPF_OP(in->code) == BPF_JA)
			continue;
		if (held && BPF_OP(in->code) == BPF_JEQ && asked->is(in->k))
			return true;
		holds[i + 1 + in->jt] |= held;
		holds[i + 1 + in->jf] |= held;
	}
	return false;
}

static int look_for(const struct filter *filter, const struct asked *asked, bool *ret_asks)
{
	bool *holds = calloc(filter->program.bf_len + 257U, sizeof(*holds));

	if (!holds)
		return -ENOMEM;
	*ret_asks = find_asked(&filter->program, asked, holds);
	free(holds);
	return 0;
}

int filter_compile(const char *expression, struct filter **ret_filter,
		   struct filter_error *ret_error)
{
	struct filter *filter = calloc(1, sizeof(*filter));
	int err;

	if (!filter || asprintf(&filter->expression, "%s", expression) < 0) {
		free(filter);
		return -ENOMEM;
	}
	filter->same_ways = filter_ways_same(expression);
	err = compile(filter, ret_error);
	err = err ? err : look_for(filter, &tags, &filter->asks_tags);
	err = err ? err : look_for(filter, &ah, &filter->asks_ah);
	if (err) {
		filter_free(filter);
		return err;
	}
	*ret_filter = filter;
	return 0;
}

void filter_free(struct filter *filter)
{
	if (!filter)
		return;
	pcap_freecode(&filter->program);
	free(filter->expression);
	free(filter);
}

int filter_copy(const struct filter *filter, struct filter **ret_filter)
{
	struct filter *copy = calloc(1, sizeof(*copy));
	size_t size = filter->program.bf_len * sizeof(*filter->program.bf_insns);

	if (!copy)
		return -ENOMEM;
	copy->asks_tags = filter->asks_tags;
	copy->asks_ah = filter->asks_ah;
	copy->same_ways = filter->same_ways;
	copy->expression = strdup(filter->expression);
	copy->program.bf_insns =
		malloc(size ? size : 1); /* as libpcap has them, which frees them */
	if (!copy->expression || !copy->program.bf_insns) {
		filter_free(copy);
		return -ENOMEM;
	}
	copy->program.bf_len = filter->program.bf_len;
	memcpy(copy->program.bf_insns, filter->program.bf_insns, size);
	*ret_filter = copy;
	return 0;
}

void filter_add_undecided(struct filter *filter, const struct filter *other)
{
	filter->undecided += other->undecided;
	filter->vlan_undecided += other->vlan_undecided;
}

static uint32_t place_of(const struct filter_shape *shape)
{
	uint64_t word[2];

	_Static_assert(sizeof(*shape) == sizeof(word), "no more than that");
	memcpy(word, shape, sizeof(word));
	return (uint32_t)((word[0] * 0x9e3779b97f4a7c15ULL + word[1] * 0xc2b2ae3d27d4eb4fULL) >>
			  (64 - SHAPE_BITS));
}

static const struct filter_header *build(struct filter *filter, const struct flow_key *key,
					 uint8_t tcp_flags, int lost)
{
	struct filter_shape shape;
	struct shaped *shaped;

	filter->tree = NULL;
	if (!filter_header_shape(key, &shape) || lost >= 0) {
		filter_header_build(key, tcp_flags, lost == 0, lost == 1, &filter->other);
		return &filter->other;
	}
	shaped = &filter->shaped[place_of(&shape)];
	if (shaped->set && !memcmp(&shaped->shape, &shape, sizeof(shape))) {
		filter_header_change(key, tcp_flags, &shaped->header);
		if (++shaped->changes == TREE_AFTER)
			shaped->has_tree = filter_tree_grow(
				filter->program.bf_insns, filter->program.bf_len, &shaped->header,
				key->ethertype, key->proto, &shaped->tree);
		filter->tree = shaped->has_tree ? &shaped->tree : NULL;
	} else {
		filter_header_build(key, tcp_flags, false, false, &shaped->header);
		shaped->shape = shape;
		shaped->set = true;
		shaped->has_tree = false;
		shaped->changes = 0;
	}
	return &shaped->header;
}

static enum filter_outcome run_as(struct filter *filter, const struct flow_key *key,
				  uint8_t tcp_flags, int lost)
{
	const struct bpf_insn *insns = filter->program.bf_insns;
	enum filter_outcome outcome = FILTER_UNKNOWN;

	filter->header = build(filter, key, tcp_flags, lost);
	if (filter->tree)
		outcome = filter_tree_run(filter->tree, filter->header);
	if (outcome == FILTER_UNKNOWN)
		outcome = filter_vm_quick(insns, filter->program.bf_len, filter->header);
	if (outcome != FILTER_UNKNOWN)
		return outcome;
	return filter_vm_run(insns, filter->program.bf_len, filter->header, &filter->from);
}

/* The key's protocol is what is behind an authentication header (RFC 4302) of IPv6. */
static bool is_behind_ah(const struct flow_key *key)
{
	const unsigned other =
		FLOW_MARK_FRAGMENT | FLOW_MARK_SHORT | FLOW_MARK_DEEP | FLOW_MARK_CATCHALL;

	return key->ethertype == ETH_P_IPV6 && key->tunnel_kind == FLOW_TUNNEL_AH &&
	       !(key->marks & other);
}

/*
 * Extension headers are seen through, but that of AH is in the record: a filter that asks for it
 * finds it in front, unless it goes on behind it (protochain).
 */
static enum filter_outcome run(struct filter *filter, const struct flow_key *key, uint8_t tcp_flags,
			       int lost)
{
	if (filter->asks_ah && is_behind_ah(key)) {
		struct flow_key front = *key;
		enum filter_outcome outcome;

		front.proto = IPPROTO_AH;
		outcome = run_as(filter, &front, tcp_flags, lost);
		if (outcome != FILTER_UNKNOWN)
			return outcome;
	}
	return run_as(filter, key, tcp_flags, lost);
}

/*
 * Would a tag that the NIC took off make a difference? It takes off one, of either kind: the kernel
 * has room for no more beside the bytes.
 */
static bool hangs_on_tag(struct filter *filter, const struct flow_key *untagged, uint8_t tcp_flags,
			 int lost, enum filter_outcome outcome)
{
	struct flow_key key = *untagged;

	if (!(key.marks & FLOW_MARK_VLAN_UNKNOWN) || key.vlan || !filter->asks_tags ||
	    outcome == FILTER_UNKNOWN)
		return false;
	key.vlan = FLOW_VLAN_TAGGED;
	if (run(filter, &key, tcp_flags, lost) != outcome)
		return true;
	key.marks |= FLOW_MARK_STAG;
	return run(filter, &key, tcp_flags, lost) != outcome;
}

int filter_match(struct filter *filter, const struct flow_record *rec, int which)
{
	int lost = rec->key.marks & FLOW_MARK_FOLDED ? which : -1;
	uint8_t tcp_flags = rec->half[which].tcp_flags;
	enum filter_outcome outcome;
	struct flow_key key;

	flow_record_key(rec, which, &key);
	tags_of_direction(&key);
	outcome = run(filter, &key, tcp_flags, lost);
	if (hangs_on_tag(filter, &key, tcp_flags, lost, outcome)) {
		filter->vlan_undecided += rec->half[which].packets;
		return 0;
	}
	if (outcome != FILTER_UNKNOWN)
		return outcome == FILTER_ACCEPT;
	if (!filter->header->lossy)
		return -ENODATA;
	filter->undecided += rec->half[which].packets;
	return 0;
}

bool filter_same_ways(const struct filter *filter, const struct flow_record *rec)
{
	const struct flow_key *key = &rec->key;

	return filter->same_ways && flow_key_is_ip(key) && key->tunnel_kind == FLOW_TUNNEL_NONE &&
	       !(key->marks | key->vlan | key->cvlan);
}

/* Loads from here on are of no byte: SKF_AD_OFF, SKF_NET_OFF (linux/filter.h). */
#define FILTER_FROM_KERNEL 0xffe00000U

void filter_explain(const struct filter *filter, struct filter_error *ret_error)
{
	char what[160];

	if (filter->from == FILTER_FROM_LENGTH)
		snprintf(what, sizeof(what), "a flow record does not keep the length of a packet");
	else if (filter->from == FILTER_FROM_WORK)
		snprintf(what, sizeof(what),
			 "too long to follow through what a flow record does not keep");
	else if (filter->from >= FILTER_FROM_KERNEL)
		snprintf(
			what, sizeof(what),
			"a flow record does not keep what the kernel tells beside a packet (of its "
			"direction and interface, --dir and --iface ask)");
	else
		snprintf(what, sizeof(what),
			 "a flow record does not keep the byte at offset %u (%s)", filter->from,
			 filter_header_name(filter->header, filter->from));
	snprintf(ret_error->text, sizeof(ret_error->text), "filter '%.300s': %s",
		 filter->expression, what);
}

uint64_t filter_undecided(const struct filter *filter)
{
	return filter->undecided;
}

uint64_t filter_vlan_undecided(const struct filter *filter)
{
	return filter->vlan_undecided;
}
