/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_filter.c: libFuzzer target: a filter over the record of a frame against libpcap over the
 * frame. Where filter_match gives an answer it is libpcap's, but for what filter_known.h knows.
 *
 *   make fuzz && build/fuzz/fuzz_filter --write-seeds=DIR
 *
 * Input: a byte that is below the number of expressions: that one, and a frame. Else the number of
 * bytes of an expression, those, and a frame.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/filter.h"
#include "filter_known.h"
#include "vectors.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_FIRST 128 /* from here on the first byte begins an expression */

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

/* libpcap asks for names; nobody shall be asked for them here. */
int getaddrinfo(const char *restrict node, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict ret_info)
{
	int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct addrinfo numeric = {.ai_family = PF_UNSPEC};

	*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	if (hints)
		numeric = *hints;
	numeric.ai_flags |= AI_NUMERICHOST;
	return next ? next(node, service, &numeric, ret_info) : EAI_NONAME;
}

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

static void parse(const uint8_t *frame, size_t size, struct flow_facts *facts)
{
	struct pkt_meta meta = {.len = (uint32_t)size, .reach = (uint32_t)size};
	struct flow_wrap wrap;

	parse_packet(frame, &meta, facts, &wrap);
}

static void compare(const char *expression, struct pair *pair, const uint8_t *frame, size_t size)
{
	struct flow_record rec = {.half = {{.packets = 1}, {.packets = 0}}};
	uint64_t undecided = filter_undecided(pair->filter);
	struct filter_error error;
	struct flow_facts facts;
	int got, want;

	parse(frame, size, &facts);
	rec.key = facts.key;
	rec.half[0].tcp_flags = facts.tcp_flags;
	got = filter_match(pair->filter, &rec, 0);
	if (got == -ENODATA) {
		filter_explain(pair->filter, &error);
		return;
	}
	filter_match(pair->filter, &rec, 1);
	if (facts.verdict != VERDICT_FLOW || filter_undecided(pair->filter) != undecided)
		return;
	if (filter_known(frame, (uint32_t)size, &pair->program))
		return;
	want = bpf_filter(pair->program.bf_insns, frame, (u_int)size, (u_int)size) != 0;
	if (got == want)
		return;
	fprintf(stderr, "'%s': got %d, libpcap says %d\n", expression, got, want);
	abort();
}

/* What flowd does not see itself: marks of records, and NICs that take tags off. */
static void mark(struct pair *pair, const uint8_t *frame, size_t size)
{
	static const uint8_t marks[] = {FLOW_MARK_FOLDED, FLOW_MARK_CATCHALL,
					FLOW_MARK_VLAN_UNKNOWN};
	struct flow_record rec = {.half = {{.packets = 1}, {.packets = 1}}};
	struct flow_facts facts;

	parse(frame, size, &facts);
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
	compare(expression, pair, frame, size);
	mark(pair, frame, size);
	free(frame);
}

static void run_text(const uint8_t *data, size_t size, size_t len)
{
	char text[256] = "";
	struct pair pair;

	if (len > size)
		len = size;
	memcpy(text, data, len);
	compile(text, &pair);
	if (pair.filter)
		run(text, &pair, data + len, size - len);
	release(&pair);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (*data >= TEXT_FIRST)
		run_text(data + 1, size - 1, *data - TEXT_FIRST);
	else if (*data < COUNT(expressions) && pairs[*data].filter)
		run(expressions[*data], &pairs[*data], data + 1, size - 1);
	return 0;
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
	if (number % 2 || len >= 128)
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

	_Static_assert(COUNT(expressions) <= TEXT_FIRST, "a byte tells which");
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
