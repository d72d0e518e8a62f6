/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_filter.c: libFuzzer target: a filter over the record of a frame against libpcap over the
 * frame; over the record of a tunnel's inner headers against libpcap over the inner packet. Where
 * filter_match gives an answer it is libpcap's, but for what filter_known.h knows; also of frames
 * cut short or nested too deep, unless filter_undecided counts them.
 *
 *   make fuzz && build/fuzz/fuzz_filter --write-seeds=DIR
 *
 * Input: a byte, then a frame in the end
 *   0 to 95     the expression of that number
 *   96 to 127   so many bytes (less 96) from which fuzz_filter_grammar.h makes an expression
 *   128 to 255  so many bytes (less 128) of an expression as a text
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/filter.h"
#include "filter_known.h"
#include "filter_names.h"
#include "fuzz_filter_grammar.h"
#include "vectors.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GRAMMAR_FIRST 96 /* from here on the first byte begins an expression */
#define TEXT_FIRST 128
#define AGAIN 10 /* until a filter has its tree */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* clang-format off */
static const char *const expressions[] = {
	"ip", "ip6", "arp", "rarp", "not ip", "tcp", "udp", "icmp", "icmp6", "sctp", "esp", "ah",
	"host 10.1.0.1", "src host 10.1.0.1", "dst net 10.0.0.0/8", "ip6 host 2001:db8::1",
	"not net 2001:db8::/32", "port 5201", "src port 40000", "not port 5201", "portrange 5000-5300",
	"tcp dst port 5201", "udp portrange 1-1023", "tcp[tcpflags] & tcp-syn != 0", "tcp[13] & 0xc0 != 0",
	"icmp[icmptype] == icmp-echo", "icmp6[icmp6type] == 135", "icmp[0:2] = 0x0303",
	"ip proto 89", "ip6 proto 17", "proto 132", "ip[9] >= 50", "ip6[6] == 58", "ip[12:4] = 0x0a010001",
	"ip[6:2] & 0x1fff != 0", "udp[0:2] > 39999", "tcp[2:2] % 100 = 1", "ip protochain 17",
	"ip6 protochain 6", "vlan", "vlan 100", "not vlan", "vlan and vlan", "vlan 100 and udp",
	"vlan and ip6", "udp or (vlan and udp)", "vlan 200 and vlan 300 and tcp port 5201",
	"ether[12:2] = 0x88a8", "llc", "stp", "not llc", "ether[12:2] <= 1500", "arp[6:2] = 1", "vlan and arp",
	"arp src host 10.1.0.1", "mpls", "mpls 16", "not mpls", "mpls and mpls", "mpls and ip",
	"mpls 16 and host 10.1.0.1", "mpls and udp port 5201", "mpls and mpls and mpls and ip6 and tcp",
	"vlan 5 and mpls 16", "mpls and not host 10.1.0.1", "mpls 100 and mpls 200", "mpls or host 10.1.0.1",
	"pppoes", "pppoes 7", "pppoes and ip", "pppoes 7 and host 10.1.0.1", "pppoes and udp port 5201",
	"pppoes and mpls", "vlan and pppoes and ip6", "pppoes and not ip", "esp and ip[20:4] = 0x9c401451",
	"ah and ip[24:4] = 0x100", "ip[8] > 64 or udp", "greater 100", "ether host 2:0:0:0:0:1",
	"ip multicast", "ip6 multicast", "ether proto 0x88e7", "ether[14:4] & 0xffffff = 0x123456",
};
/* clang-format on */

struct pair {
	struct filter *filter; /* NULL: not an expression */
	struct bpf_program program;
};

static struct pair pairs[COUNT(expressions)];
static pcap_t *pcap;

static void compile(const char *expression, struct pair *ret_pair)
{
	struct filter_error error;
	struct pair pair = {.filter = NULL};
	int err = filter_compile(expression, &pair.filter, &error);

	if (err && err != -EINVAL && err != -ENOMEM)
		abort();
	if (err)
		pair.filter = NULL;
	else if (pcap_compile(pcap, &pair.program, expression, 1, PCAP_NETMASK_UNKNOWN))
		abort();
	*ret_pair = pair;
}

static void release(struct pair *pair)
{
	if (!pair->filter)
		return;
	filter_free(pair->filter);
	pcap_freecode(&pair->program);
}

static void parse(const uint8_t *frame, size_t size, bool inner, struct flow_facts *facts)
{
	struct pkt_meta meta = {.len = (uint32_t)size, .reach = (uint32_t)size, .inner = inner};
	struct flow_wrap wrap;

	parse_packet(frame, &meta, facts, &wrap);
}

static void compare(const char *expression, struct pair *pair, const struct flow_facts *facts,
		    const uint8_t *frame, size_t size)
{
	struct flow_record rec = {.key = facts->key,
				  .half = {{.packets = 1, .tcp_flags = facts->tcp_flags}}};
	uint64_t undecided = filter_undecided(pair->filter);
	int got = filter_match(pair->filter, &rec, 0), want;
	uint64_t left_out = filter_undecided(pair->filter) - undecided;
	struct filter_error error;

	for (int i = 0; i < AGAIN; i++) {
		undecided = filter_undecided(pair->filter);
		if (filter_match(pair->filter, &rec, 0) != got ||
		    filter_undecided(pair->filter) - undecided != left_out) {
			fprintf(stderr, "'%s': got %d first, and another answer later\n",
				expression, got);
			abort();
		}
	}

	if (got == -ENODATA) {
		filter_explain(pair->filter, &error);
		return;
	}
	if (left_out || filter_known(frame, (uint32_t)size, &pair->program))
		return;
	want = bpf_filter(pair->program.bf_insns, frame, (u_int)size, (u_int)size) != 0;
	if (got == want)
		return;
	fprintf(stderr, "'%s': got %d, libpcap says %d\n", expression, got, want);
	abort();
}

static void compare_outer(const char *expression, struct pair *pair, const uint8_t *frame,
			  size_t size)
{
	struct flow_facts facts;

	parse(frame, size, false, &facts);
	compare(expression, pair, &facts, frame, size);
}

/* The inner IP packet as a frame of its own. */
static void compare_inner(const char *expression, struct pair *pair, const uint8_t *frame,
			  size_t size)
{
	struct flow_facts facts;
	uint8_t *inner;
	size_t len;

	parse(frame, size, true, &facts);
	if (!flow_key_in_tunnel(&facts.key) || !flow_key_is_ip(&facts.key) || facts.key.vlan ||
	    !facts.l3_off || facts.l3_off > size)
		return;
	len = size - facts.l3_off;
	inner = calloc(1, len + 14);
	if (!inner)
		return;
	inner[12] = (uint8_t)(facts.key.ethertype >> 8);
	inner[13] = (uint8_t)facts.key.ethertype;
	memcpy(inner + 14, frame + facts.l3_off, len);
	compare(expression, pair, &facts, inner, len + 14);
	free(inner);
}

/* What flowd does not see itself: marks of records, and NICs that take tags off. */
static void mark(struct pair *pair, const uint8_t *frame, size_t size)
{
	static const uint8_t marks[] = {FLOW_MARK_FOLDED, FLOW_MARK_CATCHALL,
					FLOW_MARK_VLAN_UNKNOWN};
	struct flow_record rec = {.half = {{.packets = 1}, {.packets = 1}}};
	struct flow_facts facts;

	parse(frame, size, false, &facts);
	rec.key = facts.key;
	rec.rev_tunnel_id = ~facts.key.tunnel_id;
	for (size_t i = 0; i < sizeof(marks); i++) {
		rec.key.marks = facts.key.marks | marks[i];
		filter_match(pair->filter, &rec, 0);
		filter_match(pair->filter, &rec, 1);
	}
}

static void run(const char *expression, struct pair *pair, const uint8_t *data, size_t size)
{
	uint8_t *frame = malloc(size ? size : 1); /* of the exact size, for the sanitizer */

	if (!frame)
		return;
	memcpy(frame, data, size);
	compare_outer(expression, pair, frame, size);
	compare_inner(expression, pair, frame, size);
	mark(pair, frame, size);
	free(frame);
}

/* An expression that the input itself made. */
static void run_made(const char *text, const uint8_t *data, size_t size)
{
	struct pair pair;

	compile(text, &pair);
	if (pair.filter)
		run(text, &pair, data, size);
	release(&pair);
}

static void run_text(const uint8_t *data, size_t size, size_t len)
{
	char text[256] = "";

	if (len > size)
		len = size;
	memcpy(text, data, len);
	run_made(text, data + len, size - len);
}

static void run_grammar(const uint8_t *data, size_t size, size_t len)
{
	char text[GRAMMAR_TEXT];

	if (len > size)
		len = size;
	grammar_make(data, len, text);
	run_made(text, data + len, size - len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (*data >= TEXT_FIRST)
		run_text(data + 1, size - 1, *data - TEXT_FIRST);
	else if (*data >= GRAMMAR_FIRST)
		run_grammar(data + 1, size - 1, *data - GRAMMAR_FIRST);
	else if (*data < COUNT(expressions) && pairs[*data].filter)
		run(expressions[*data], &pairs[*data], data + 1, size - 1);
	return 0;
}

/* 12 bytes for the grammar, by a multiplication that spreads the number. */
static void write_grammar(FILE *file, size_t number)
{
	uint64_t state = number;

	fputc(GRAMMAR_FIRST + 12, file);
	for (int i = 0; i < 12; i++) {
		state = (state + 1) * 6364136223846793005ULL; /* Knuth, MMIX */
		fputc((int)(state >> 56), file);
	}
}

static void write_seed(const char *dir, size_t number, const char *expression,
		       const struct vector *v)
{
	size_t len = strlen(expression);
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%05zu", dir, number);
	file = fopen(path, "wb");
	if (!file)
		exit(1);
	if (number % 3 == 0)
		write_grammar(file, number);
	else if (number % 3 == 1 || len >= 128)
		fputc((int)(number / 2 % COUNT(expressions)), file);
	else
		fprintf(file, "%c%s", (int)(TEXT_FIRST + len), expression);
	fwrite(v->frame, 1, v->size, file);
	if (fclose(file))
		exit(1);
}

/* Each vector with some of the expressions, by number and as a text. */
static void write_seeds(const char *dir)
{
	size_t number = 0;

	for (size_t i = 0; i < VECTORS; i++) {
		for (size_t j = 0; j < COUNT(expressions); j += 4, number++)
			write_seed(dir, number, expressions[(number / 2) % COUNT(expressions)],
				   &vectors[i]);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *option = "--write-seeds=";

	_Static_assert(COUNT(expressions) <= GRAMMAR_FIRST, "a byte tells which");
	if (*argc > 1 && !strncmp((*argv)[1], option, strlen(option))) {
		write_seeds((*argv)[1] + strlen(option));
		exit(0);
	}
	pcap = pcap_open_dead(DLT_EN10MB, 262144);
	for (size_t i = 0; i < COUNT(expressions); i++) {
		compile(expressions[i], &pairs[i]);
		if (!pairs[i].filter) {
			fprintf(stderr, "'%s': does not compile\n", expressions[i]);
			exit(1);
		}
	}
	return 0;
}
