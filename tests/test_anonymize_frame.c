// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_anonymize_frame.c: frames that name nobody: those made for it (anonymize_cases.h), those of
 * vectors.h, and the captures of tests/corpus, each cut at every byte. Runs in the top folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <pcap/pcap.h>
#include <stdio.h>

#include "anonymize_cases.h"
#include "anonymize_check.h"
#include "anonymize_known.h"

#define FRAME_MAX 65536

static struct anonymize *anon;

static int make_anon(void **state)
{
	(void)state;
	return anonymize_new(known_sets[0].key, &anon);
}

static int free_anon(void **state)
{
	(void)state;
	anonymize_free(anon);
	return 0;
}

static bool has(const struct made *made, const void *bytes, size_t size)
{
	return memmem(made->bytes, made->captured, bytes, size);
}

static uint32_t link_of(const struct anonymize_case *c)
{
	return c->link ? c->link : ANONYMIZE_ETHERNET;
}

static struct made made_of_case(const char *name)
{
	for (size_t i = 0; i < ANONYMIZE_CASES; i++) {
		const struct anonymize_case *c = &anonymize_cases[i];

		if (!strcmp(c->name, name))
			return made_of(anon, link_of(c), c->frame, c->size, c->size);
	}
	fail_msg("no case '%s'", name);
	return (struct made){NULL, 0};
}

/* 1 where it was wrong. */
static int check_at(const struct anonymize_case *c, uint32_t captured)
{
	struct made made = made_of(anon, link_of(c), c->frame, captured, c->size);
	const char *wrong = check_frame(anon, link_of(c), c->frame, captured, c->size);

	if (!wrong && has(&made, "\xa7\xb3", 2))
		wrong = "an address is left";
	if (!wrong && has(&made, "\x5a\x5a", 2))
		wrong = "payload is left";
	if (!wrong && (captured == c->size ? made.captured != c->kept : made.captured > c->kept))
		wrong = "not cut where it should be";
	if (wrong)
		print_error("case '%s' of %u bytes, %u kept: %s\n", c->name, captured,
			    made.captured, wrong);
	free(made.bytes);
	return wrong != NULL;
}

static void test_cases(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ANONYMIZE_CASES; i++) {
		for (uint32_t n = 0; n <= anonymize_cases[i].size; n++)
			wrong += check_at(&anonymize_cases[i], n);
	}
	assert_int_equal(wrong, 0);
}

/* The sum of all 16-bit words is right: with a pseudo header of `l3`, where that is not 0. */
static bool is_right(const uint8_t *bytes, uint32_t from, uint32_t end, uint32_t l3, uint8_t proto)
{
	uint32_t sum = 0, first = bytes[l3] >> 4 == 6 ? 8 : 12, last = first == 8 ? 40 : 20;

	for (uint32_t i = from; i < end; i++)
		sum += (i - from) & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	for (uint32_t i = first; proto && i < last; i++)
		sum += i & 1 ? bytes[l3 + i] : (uint32_t)bytes[l3 + i] << 8;
	if (proto)
		sum += proto + end - from;
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

/* Right where all is there; else none. */
static void test_sums(void **state)
{
	static const struct {
		const char *name;
		uint32_t at; /* of the sum */
		uint32_t from, l3;
		uint8_t proto; /* of the pseudo header, 0: none */
		int wanted;    /* -1: right */
	} sums[] = {
		{"tcp4, payload", 24, 14, 0, 0, -1}, /* of IPv4 */
		{"tcp4, payload", 50, 34, 14, 6, 0},
		{"tcp4, padded", 50, 34, 14, 6, -1},
		{"udp4, payload", 40, 34, 14, 17, 0},
		{"udp6, payload", 60, 54, 14, 17, 0xffff},
		{"udp6, nothing in it", 60, 54, 14, 17, -1},
		{"udp-lite", 40, 34, 14, 136, 0xffff},
		{"dccp", 40, 34, 14, 33, 0},
		{"icmp echo", 36, 34, 0, 0, 0},
		{"icmp unreachable, quoting udp", 36, 34, 0, 0, 0},
		{"icmp unreachable, quoting 8 bytes of tcp", 36, 34, 0, 0, -1},
		{"igmp 2", 36, 34, 0, 0, 0},
		{"neighbour solicitation", 56, 54, 14, 58, -1},
		{"redirect of ipv6", 56, 54, 14, 58, 0},
		{"routing of type 0", 110, 94, 14, 6, 0},
		{"routing of type 2", 94, 78, 14, 6, -1},
		{"home address", 94, 78, 14, 6, -1},
		{"vxlan", 40, 34, 14, 17, 0},
		{"vxlan, a neighbour inside", 40, 34, 14, 17, -1},
		{"vxlan, a neighbour inside", 106, 104, 64, 58, -1},
		{"geneve with options", 60, 54, 14, 17, 0xffff},
		{"gre with a sum of all", 38, 34, 0, 0, -1},
		{"gre with a sum of all", 78, 62, 42, 6, -1},
		{"ip in ip in ip", 110, 94, 54, 6, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		struct made made = made_of_case(sums[i].name);
		uint32_t end = sums[i].at == 24 ? 34 : made.captured;
		int sum = made.bytes[sums[i].at] << 8 | made.bytes[sums[i].at + 1];
		bool right = is_right(made.bytes, sums[i].from, end, sums[i].l3, sums[i].proto);

		if (sums[i].wanted < 0 ? !right : sum != sums[i].wanted)
			fail_msg("%s: sum at %u is %#x", sums[i].name, sums[i].at,
				 (unsigned int)sum);
		free(made.bytes);
	}
}

/* No sum stays none: UDP over IPv4, and over IPv6 as RFC 6935 allows for tunnels. */
static void test_no_sum(void **state)
{
	uint8_t bytes[] = {ME(0x86dd), IN6(17, INUDP(53, Z8))};
	uint32_t captured = sizeof(bytes);

	(void)state;
	bytes[60] = bytes[61] = 0;
	anonymize_frame(anon, ANONYMIZE_ETHERNET, bytes, &captured, sizeof(bytes));
	assert_int_equal(captured, 62);
	assert_int_equal(bytes[60] | bytes[61], 0);
}

/* The same address is the same in all places; a prefix is that of its addresses. */
static void test_places(void **state)
{
	uint8_t mac[] = {MAC(9)}, ip6[] = {M6(7)}, ip4[] = {M4(7)}, prefix[16] = {0};
	struct made made = made_of_case("neighbour solicitation");

	(void)state;
	anonymize_mac(anon, mac);
	anonymize_ip6(anon, ip6);
	anonymize_ip4(anon, ip4);
	assert_memory_equal(made.bytes + 62, ip6, 16);
	assert_memory_equal(made.bytes + 80, mac, 6);
	free(made.bytes);
	made = made_of_case("router advertisement");
	memcpy(prefix, ip6, 6);
	assert_memory_equal(made.bytes + 70 + 16, prefix, 6);
	assert_memory_equal(made.bytes + 70 + 24, prefix + 8, 8);
	assert_memory_equal(made.bytes + 118 + 8, prefix, 8);
	assert_memory_equal(made.bytes + 112, mac, 6);
	free(made.bytes);
	made = made_of_case("icmp redirect");
	assert_memory_equal(made.bytes + 38, ip4, 4);
	assert_memory_equal(made.bytes + 26, made.bytes + 54, 8);
	free(made.bytes);
	made = made_of_case("igmp 2");
	assert_memory_equal(made.bytes + 38, ip4, 4);
	free(made.bytes);
}

/* What is kept of options, and that the rest is padding. */
static void test_options(void **state)
{
	static const uint8_t tcp[] = {2, 4, 5, 0xb4, 30, 8, 0x30, 1, Z4, 34, 6, Z4, 1, 1};
	static const uint8_t ip[] = {7, 11, 12, Z8,  68, 12, 13, 1,   Z8, 1, 1, 1,
				     1, 1,  1,	148, 4,	 0,  0,	 131, 7,  4, Z4};
	static const uint8_t home[] = {6, 2, 1, 2, 0, 0, 1, 16, Z16};
	struct made made = made_of_case("tcp options: MPTCP ADD_ADDR, fast open");

	(void)state;
	assert_memory_equal(made.bytes + 54, tcp, sizeof(tcp));
	free(made.bytes);
	made = made_of_case("ipv4 options");
	assert_memory_equal(made.bytes + 34, ip, sizeof(ip));
	free(made.bytes);
	made = made_of_case("home address");
	assert_memory_equal(made.bytes + 54, home, sizeof(home));
	free(made.bytes);
}

/* Of those with a link of their own or none, as frames are stored; a tag beside the bytes is not there. */
static int check_vector(const struct vector *v)
{
	static const uint8_t originals[][6] = {
		{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, {10, 1, 0, 1}, {10, 1, 0, 2},
		{192, 0, 2, 1},	    {192, 0, 2, 2},	{8, 0, 0, 1},  {0x20, 1, 0xd, 0xb8},
	};
	uint32_t link = v->l3_proto ? ANONYMIZE_RAW : ANONYMIZE_ETHERNET, wrong = 0;
	uint8_t *frame = calloc(1, FRAME_MAX);

	assert_non_null(frame);
	memcpy(frame, v->frame, v->size);
	for (uint32_t n = 0; n <= v->size; n++) {
		struct made made = made_of(anon, link, frame, n, vector_len(v));
		const char *error = check_frame(anon, link, frame, n, vector_len(v));

		for (size_t i = 0; !error && i < sizeof(originals) / sizeof(originals[0]); i++) {
			if (has(&made, originals[i], i < 2 ? 6 : 4))
				error = "an address is left";
		}
		if (error)
			print_error("vector '%s' of %u bytes: %s\n", v->name, n, error);
		wrong += error != NULL;
		free(made.bytes);
	}
	free(frame);
	return (int)wrong;
}

static void test_vectors(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < VECTORS; i++)
		wrong += check_vector(&vectors[i]);
	assert_int_equal(wrong, 0);
}

/* What the frame is between and who sent it: nothing of these may be left. */
struct originals {
	uint8_t addr[16][16];
	uint32_t size[16];
	uint32_t count;
};

static void add_original(struct originals *to, const void *addr, uint32_t size)
{
	const uint8_t *bytes = addr;

	/* All ones, all zeros, and other such: nobody's, and they stand in masks, padding and the like. */
	if (to->count == 16 || !memcmp(bytes, bytes + 1, size - 1))
		return;
	memcpy(to->addr[to->count], addr, size);
	to->size[to->count++] = size;
}

static void add_key(struct originals *to, const struct flow_key *key)
{
	uint32_t size = key->ethertype == ETH_P_IPV6 ? 16 : 4;

	add_original(to, key->src, size);
	add_original(to, key->dst, size);
}

static void originals_of(uint32_t link, const uint8_t *bytes, uint32_t captured, uint32_t length,
			 struct originals *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (link == ANONYMIZE_ETHERNET && captured >= 14) {
		add_original(ret, bytes, 6);
		add_original(ret, bytes + 6, 6);
	}
	for (uint32_t inner = 0; inner < 2; inner++) {
		struct parsed parsed = parsed_of(link, bytes, captured, length, inner);

		add_key(ret, &parsed.f.key);
		if (parsed.f.tunnels)
			add_key(ret, &parsed.wrap.outer);
	}
}

static const char *check_captured(uint32_t link, const uint8_t *bytes,
				  const struct pcap_pkthdr *head)
{
	const char *wrong = check_frame(anon, link, bytes, head->caplen, head->len);
	struct made made = made_of(anon, link, bytes, head->caplen, head->len);
	struct originals originals;

	originals_of(link, bytes, head->caplen, head->len, &originals);
	for (uint32_t i = 0; !wrong && i < originals.count; i++) {
		if (has(&made, originals.addr[i], originals.size[i]))
			wrong = "an address is left";
	}
	free(made.bytes);
	return wrong;
}

/* How many of its frames were wrong. */
static int check_capture(const char *path, int *ret_frames)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, error);
	struct pcap_pkthdr *head;
	const uint8_t *bytes;
	int wrong = 0, number = 0;
	uint32_t link;

	if (!pcap) /* those that flowd has to refuse, too */
		return 0;
	link = pcap_datalink(pcap) == DLT_EN10MB ? ANONYMIZE_ETHERNET
	       : pcap_datalink(pcap) == DLT_RAW	 ? ANONYMIZE_RAW
						 : 113;
	while (pcap_next_ex(pcap, &head, &bytes) == 1) {
		const char *what = check_captured(link, bytes, head);

		number++;
		if (what)
			print_error("%s: frame %d: %s\n", path, number, what);
		wrong += what != NULL;
	}
	pcap_close(pcap);
	*ret_frames += number;
	return wrong;
}

static int check_folder(const char *folder, int *ret_frames)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[512];
	int wrong = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (len < 5 || strcmp(entry->d_name + len - 5, ".pcap"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		wrong += check_capture(path, ret_frames);
	}
	closedir(dir);
	return wrong;
}

static void test_corpus(void **state)
{
	int frames = 0;

	(void)state;
	assert_int_equal(check_folder("tests/corpus", &frames), 0);
	assert_true(frames > 1000);
	print_message("%d frames\n", frames);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),	cmocka_unit_test(test_sums),
		cmocka_unit_test(test_no_sum),	cmocka_unit_test(test_places),
		cmocka_unit_test(test_options), cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_corpus),
	};
	int frames = 0;

	if (argc < 2)
		return cmocka_run_group_tests_name("anonymize_frame", tests, make_anon, free_anon);
	if (make_anon(NULL))
		return 1;
	return check_folder(argv[1], &frames) != 0;
}
