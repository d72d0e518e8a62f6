/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_reason.c: names of reasons out of BTF made here, and of places out of a kallsyms made here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flowd/place.h"
#include "flowd/reason.h"
#include "schema/event.h"

static void assert_reason(const struct reasons *reasons, uint32_t what, uint32_t reason,
			  const char *want)
{
	char name[48];

	reason_name(reasons, what, reason, name, sizeof(name));
	assert_string_equal(name, want);
}

static void test_reasons(void **state)
{
	struct btf *btf = btf__new_empty();
	struct reasons *reasons;

	(void)state;
	assert_true(btf__add_enum(btf, "skb_drop_reason", 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, "SKB_NOT_DROPPED_YET", 0), 0);
	assert_int_equal(btf__add_enum_value(btf, "SKB_DROP_REASON_NO_SOCKET", 3), 0);
	assert_int_equal(btf__add_enum_value(btf, "SKB_DROP_REASON_SUBSYS_MASK", -65536), 0);
	reasons = reasons_from(btf);
	assert_non_null(reasons);
	assert_reason(reasons, EVENT_DROP, 0, "SKB_NOT_DROPPED_YET");
	assert_reason(reasons, EVENT_DROP, 3, "NO_SOCKET");
	assert_reason(reasons, EVENT_DROP, 4, "4");
	assert_reason(reasons, EVENT_DROP, 0x20005, "2:5");
	assert_reason(reasons, EVENT_RETRANSMIT, EVENT_RETRANSMIT_SYN_ACK, "syn-ack");
	assert_reason(reasons, EVENT_RETRANSMIT, 99, "");
	assert_reason(reasons, EVENT_RESET_SENT, 3, "");
	reasons_free(reasons);
	btf__free(btf);
}

static void test_no_btf(void **state)
{
	struct reasons *reasons = reasons_from(NULL);

	(void)state;
	assert_non_null(reasons);
	assert_reason(reasons, EVENT_DROP, 3, "3");
	reasons_free(reasons);
}

static void write_symbols(char *path, const char *text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void assert_place(const struct places *places, uint64_t address, const char *want)
{
	char name[64];

	place_name(places, address, name, sizeof(name));
	assert_string_equal(name, want);
}

/* Out of order, with data symbols and modules, as the kernel writes it. */
static void test_places(void **state)
{
	char path[] = "/tmp/test_place.XXXXXX";
	uint64_t address[] = {0xffffffff81000510, 0xffffffff81000510, 0,
			      0xffffffffc0000020, 0xffffffff81000110, 0xffffffff81000fff};
	uint64_t more[] = {0xffffffff81000210, 0xfffffffff0000000};
	struct places *places;

	(void)state;
	write_symbols(
		path,
		"ffffffff81000500 T ip_rcv\n"
		"ffffffff81000508 d some_data\n"
		"ffffffff81000100 t kfree_it\n"
		"ffffffff81000200 W weak_one\n"
		"ffffffffc0000000 t nft_do\t[nf_tables]\n"
		"ffffffffc0000018 t a_name_that_is_longer_than_what_a_record_has_room_for\t[m]\n");
	places = places_open(path);
	assert_non_null(places);
	assert_int_equal(places_learn(places, address, 6), 0);
	assert_place(places, 0xffffffff81000510, "ip_rcv+0x10");
	assert_place(places, 0xffffffff81000110, "kfree_it+0x10");
	assert_place(places, 0xffffffff81000fff, "ip_rcv+0xaff");
	assert_place(places, 0xffffffffc0000020,
		     "a_name_that_is_longer_than_what_a_record_has+0x8");
	assert_place(places, 0xffffffff81000210, "");
	assert_int_equal(places_learn(places, more, 2), 0);
	assert_place(places, 0xffffffff81000210, "weak_one+0x10");
	assert_place(places, 0xffffffff81000510, "ip_rcv+0x10");
	assert_place(places, 0xfffffffff0000000, ""); /* too far from any */
	assert_place(places, 0, "");
	places_free(places);
	unlink(path);
}

/* kernel.kptr_restrict shows zeros. */
static void test_hidden(void **state)
{
	char path[] = "/tmp/test_place.XXXXXX";
	uint64_t address = 0xffffffff81000510;
	struct places *places;

	(void)state;
	write_symbols(path, "0000000000000000 T ip_rcv\n0000000000000000 T ip6_rcv\n");
	places = places_open(path);
	assert_int_equal(places_learn(places, &address, 1), 0);
	assert_place(places, address, "");
	places_free(places);
	unlink(path);
	places = places_open("/nonexistent/kallsyms");
	assert_int_equal(places_learn(places, &address, 1), 0);
	assert_place(places, address, "");
	places_free(places);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_no_btf),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
