/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_counters.c: counters of the kernel: which are asked for, how their texts and messages are
 * read, what they gained over resets, restarts and failed commits, and NIC against hook.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/gen_stats.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/counter_ethtool.h"
#include "flowd/counter_netlink.h"
#include "flowd/counter_softnet.h"
#include "flowd/counters.h"
#include "flowd/sink.h"

#define NOW 1795264440000 /* a full minute */

static struct counter_sample sample;
static struct counters counters;
static struct sink_batch batch;
static const uint32_t ids[FLOW_IFACES] = {[3] = 30, [4] = 40};

static int set_up(void **state)
{
	(void)state;
	memset(&counters, 0, sizeof(counters));
	counters_load(&counters, 7, NULL);
	counter_sample_reset(&sample);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	counters_free(&counters);
	counter_sample_free(&sample);
	sink_batch_free(&batch);
	return 0;
}

static void test_names(void **state)
{
	static const char *const wanted[] = {
		"rx_queue_0_xdp_drops", "rx_dropped",	    "port.rx_discards",
		"rx_no_buffer_count",	"rx_nobuf",	    "rx_missed",
		"rx_fifo_errors",	"rx_out_of_buffer", "RxCrcErrors",
		"rx_overrun",		"tx_queue_3_err",   "  drv dropped rx total",
		"rx_no_dma_resources",	"tx0_timeouts",	    "bw_in_allowance_exceeded",
		"alloc_rx_buff_failed", "  ring full",
	};
	static const char *const others[] = {
		"rx_packets",
		"tx_deferred_ok",
		"interrupts",
		"tx_bytes",
		"rx_dropped_bytes",
		"",
		"rx_xdp_redirect",
		"tx_transmissions",
		"rx_pp_recycle_ring_full",
		"tx_full_duplex_pkts",
		"peer_ifindex",
		"rx_queue_0_xdp_packets",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (!counter_ethtool_wanted(wanted[i]))
			fail_msg("'%s' is not wanted", wanted[i]);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (counter_ethtool_wanted(others[i]))
			fail_msg("'%s' is wanted", others[i]);
	}
}

static uint64_t value_of(const char *name)
{
	for (size_t i = 0; i < sample.values; i++) {
		if (!strcmp(sample.value[i].name, name))
			return sample.value[i].value;
	}
	fail_msg("no '%s'", name);
	return 0;
}

static void test_sample_names(void **state)
{
	(void)state;
	counter_sample_add(&sample, 3, COUNTER_ETHTOOL, "  pkts rx err ", 1);
	counter_sample_add(&sample, 3, COUNTER_ETHTOOL, "a\nb\x80", 2);
	counter_sample_add(&sample, 3, COUNTER_ETHTOOL, "pkts rx err", 4);
	counter_sample_add(&sample, 4, COUNTER_ETHTOOL, "pkts rx err", 8);
	assert_int_equal(sample.values, 3);
	assert_int_equal(value_of("pkts rx err"), 5);
	assert_int_equal(value_of("a?b?"), 2);
	assert_int_equal(sample.value[2].ifnum, 4);
}

static void test_softnet(void **state)
{
	(void)state;
	/* CPU 1 is offline; the fields are of Linux 6.1 */
	counter_softnet_parse(
		&sample,
		"0000beef 00000001 00000002 00000000 00000000 00000000 00000000 00000000 00000000 "
		"00000003 00000004 00000000 00000000 00000000 00000000\n"
		"0000beef 0000000a ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 "
		"00000000 00000000 00000000 00000002 00000000 00000000\n");
	assert_int_equal(sample.values, 8);
	assert_int_equal(value_of("cpu0 dropped"), 1);
	assert_int_equal(value_of("cpu0 time_squeeze"), 2);
	assert_int_equal(value_of("cpu0 received_rps"), 3);
	assert_int_equal(value_of("cpu0 flow_limit"), 4);
	assert_int_equal(value_of("cpu2 dropped"), 10);
	assert_int_equal(value_of("cpu2 time_squeeze"), 0xffffffff);
}

static void test_softnet_other(void **state)
{
	(void)state;
	/* an older kernel's: no CPU, and no flow limit */
	counter_softnet_parse(&sample, "1 2 3 0 0 0 0 0 0 4\n1 5 6 0 0 0 0 0 0 7");
	assert_int_equal(sample.values, 6);
	assert_int_equal(value_of("cpu1 dropped"), 5);
	counter_sample_reset(&sample);
	counter_softnet_parse(&sample, "");
	counter_softnet_parse(&sample, "\n1 2 3\n");
	counter_softnet_parse(&sample, "1 2 x\n");
	assert_int_equal(sample.values, 0);
	counter_softnet_parse(&sample, "1 2 3 0 0 0 0 0 0 4 5 6 7 8 9 a b c d e f\n9 8");
	assert_int_equal(value_of("cpu7 dropped"), 2);
	assert_int_equal(value_of("cpu1 dropped"), 8);
}

/* A message of RTM_NEWQDISC as the kernel makes it: tcmsg, kind, and stats with the queue's. */
static size_t make_queue(void *buf, int ifindex, uint32_t handle, uint32_t drops)
{
	struct tcmsg *tc = buf;
	struct rtattr *kind = (void *)((char *)buf + NLMSG_ALIGN(sizeof(*tc)));
	struct rtattr *stats, *queue;
	struct gnet_stats_queue counts = {.drops = drops, .overlimits = 5, .requeues = 6};

	*tc = (struct tcmsg){.tcm_ifindex = ifindex, .tcm_handle = handle};
	*kind = (struct rtattr){RTA_LENGTH(4), TCA_KIND};
	memcpy(RTA_DATA(kind), "tbf", 4);
	stats = (void *)((char *)kind + RTA_SPACE(4));
	*stats = (struct rtattr){RTA_LENGTH(RTA_SPACE(sizeof(counts))), TCA_STATS2};
	queue = RTA_DATA(stats);
	*queue = (struct rtattr){RTA_LENGTH(sizeof(counts)), TCA_STATS_QUEUE};
	memcpy(RTA_DATA(queue), &counts, sizeof(counts));
	return (size_t)((char *)stats - (char *)buf) + RTA_LENGTH(RTA_SPACE(sizeof(counts)));
}

static void test_queue(void **state)
{
	_Alignas(8) char buf[256] = {0};
	size_t size = make_queue(buf, 12, 0x80010000, 9);

	(void)state;
	sample.target[0] = (struct counter_target){11, 3};
	sample.target[1] = (struct counter_target){12, 4};
	sample.targets = 2;
	counter_qdisc_add(&sample, buf, size);
	assert_int_equal(sample.values, 3);
	assert_int_equal(sample.value[0].ifnum, 4);
	assert_int_equal(value_of("tbf 8001: drops"), 9);
	assert_int_equal(value_of("tbf 8001: overlimits"), 5);
	assert_int_equal(value_of("tbf 8001: requeues"), 6);
	make_queue(buf, 13, 0x80010000, 9); /* another's */
	counter_qdisc_add(&sample, buf, size);
	assert_int_equal(sample.values, 3);
	for (size_t cut = 0; cut < size; cut++) { /* at the end of memory, for the sanitizer */
		char *exact = malloc(cut ? cut : 1);

		make_queue(buf, 12, 0x80020000, 1);
		memcpy(exact, buf, cut);
		if (cut >= sizeof(struct tcmsg))
			counter_qdisc_add(&sample, exact, cut);
		free(exact);
	}
	assert_int_equal(sample.values, 3);
}

/* A sample of one counter. */
static void take(enum counter_source source, const char *name, uint64_t value)
{
	uint32_t ifnum = source == COUNTER_SOFTNET ? 0 : 3;

	counter_sample_reset(&sample);
	if (name)
		counter_sample_add(&sample, ifnum, source, name, value);
	sample.done = 1U << source;
	counters_take(&counters, &sample, NOW);
}

/* What is in no batch yet; it goes into one. */
static uint64_t exported(void)
{
	uint64_t sum = 0;

	sink_batch_reset(&batch);
	counters_export(&counters, ids, &batch, NOW + 59999);
	for (size_t i = 0; i < batch.counters; i++) {
		assert_int_equal(batch.counter[i].minute_ms, NOW);
		sum += batch.counter[i].value;
	}
	return sum;
}

static void test_gains(void **state)
{
	(void)state;
	take(COUNTER_LINK, "rx_dropped", 1000);
	assert_int_equal(exported(), 0); /* before flowd counted */
	assert_non_null(batch.counter_values);
	take(COUNTER_LINK, "rx_dropped", 1000);
	assert_int_equal(exported(), 0);
	assert_null(batch.counter_values); /* nothing to write */
	take(COUNTER_LINK, "rx_dropped", 1010);
	take(COUNTER_LINK, "rx_dropped", 1025);
	assert_int_equal(exported(), 25);
	assert_int_equal(batch.counters, 1);
	assert_int_equal(batch.counter[0].iface, 30);
	assert_string_equal(batch.counter[0].source, "link");
	assert_string_equal(batch.counter[0].name, "rx_dropped");
	take(COUNTER_SOFTNET, "cpu1 dropped", 5);
	take(COUNTER_SOFTNET, "cpu1 dropped", 6);
	assert_int_equal(exported(), 1);
	assert_int_equal(batch.counter[0].iface, 0);
}

static void test_resets(void **state)
{
	(void)state;
	take(COUNTER_ETHTOOL, "rx_drops", 1000);
	take(COUNTER_ETHTOOL, "rx_drops", 7); /* a driver loaded again */
	assert_int_equal(exported(), 0);
	take(COUNTER_ETHTOOL, "rx_drops", 9);
	assert_int_equal(exported(), 2);
	take(COUNTER_ETHTOOL, "rx_drops", 0);
	take(COUNTER_ETHTOOL, NULL, 0); /* gone for a while */
	take(COUNTER_ETHTOOL, "rx_drops", 4);
	assert_int_equal(exported(), 4);
	take(COUNTER_ETHTOOL, "rx_queue_9_drops", 1234567); /* a name that was not there */
	assert_int_equal(exported(), 0);
}

static void test_new_queue(void **state)
{
	(void)state;
	take(COUNTER_QDISC, "tbf 8001: drops", 50);
	take(COUNTER_QDISC, "tbf 8002: drops", 8); /* made since */
	assert_int_equal(exported(), 8);
	take(COUNTER_QDISC, "tbf 8002: drops", 10);
	take(COUNTER_QDISC, NULL, 0);
	take(COUNTER_QDISC, "tbf 8002: drops", 3); /* made anew under the same name */
	assert_int_equal(exported(), 5);
	counters_settle(&counters);
	for (int i = 0; i < 1000; i++)
		take(COUNTER_QDISC, NULL, 0);
	assert_int_equal(counters.count, 0); /* not kept for ever */
}

static bool add_up(void *arg, const struct counter_record *record)
{
	*(uint64_t *)arg += record->value;
	return true;
}

static uint64_t live(void)
{
	uint64_t sum = 0;

	counters_live(&counters, ids, NOW, add_up, &sum);
	return sum;
}

/* Live and stored are all of it at any time. */
static void test_once(void **state)
{
	(void)state;
	take(COUNTER_LINK, "rx_dropped", 0);
	take(COUNTER_LINK, "rx_dropped", 10);
	assert_int_equal(live(), 10);
	assert_int_equal(exported(), 10);
	take(COUNTER_LINK, "rx_dropped", 15);
	assert_int_equal(live(), 15); /* the batch is in flight */
	counters_settle(&counters);
	assert_int_equal(live(), 5);
	assert_int_equal(exported(), 5);
	counters_settle(&counters);
	assert_int_equal(live(), 0);
}

/* A number that becomes another interface's begins anew, once all gains are committed. */
static void test_forget(void **state)
{
	(void)state;
	take(COUNTER_LINK, "rx_dropped", 0);
	take(COUNTER_LINK, "rx_dropped", 10);
	take(COUNTER_SOFTNET, "cpu1 dropped", 5);
	assert_false(counters_forget(&counters, 3));
	assert_int_equal(exported(), 10);
	assert_false(counters_forget(&counters, 3));
	counters_settle(&counters);
	assert_true(counters_forget(&counters, 3));
	assert_int_equal(counters.count, 1);
	take(COUNTER_LINK, "rx_dropped", 100);
	take(COUNTER_LINK, "rx_dropped", 107);
	assert_int_equal(exported(), 7);
}

/* Killed with a batch in flight: a successor knows the values of the one before it. */
static void succeed(uint64_t generation, char *text)
{
	counters_free(&counters);
	counters_load(&counters, generation, text);
	free(text);
}

static void test_successor(void **state)
{
	char *text;

	(void)state;
	take(COUNTER_LINK, "rx_dropped", 100);
	take(COUNTER_QDISC, "tbf 8001: drops", 4);
	take(COUNTER_LINK, "rx_dropped", 110);
	assert_int_equal(exported(), 10);
	text = strdup(batch.counter_values);
	take(COUNTER_LINK, "rx_dropped", 130);
	assert_int_equal(exported(), 20); /* lost with its transaction */
	succeed(7, strdup(text));
	take(COUNTER_LINK, "rx_dropped", 150);
	assert_int_equal(exported(), 40);
	take(COUNTER_LINK, "rx_missed_errors", 3); /* 0 then, as it was not there; but seen late */
	take(COUNTER_QDISC, "tbf 8001: drops", 6);
	assert_int_equal(exported(), 2);
	succeed(7, strdup(text));
	take(COUNTER_LINK, "rx_missed_errors", 3); /* in the first sample */
	assert_int_equal(exported(), 3);
	succeed(8, text); /* other maps: nobody counted between */
	take(COUNTER_LINK, "rx_dropped", 500);
	assert_int_equal(exported(), 0);
}

static void test_bad_text(void **state)
{
	static const char *const texts[] = {"",
					    "1",
					    "2 7\n3 0 5 a\n",
					    "1 7",
					    "1 7\n\n",
					    "1 7\nx\n999 0 1 a\n3 9 1 a\n3 0 x a\n3 0 4\n",
					    "1 7\n3 0 18446744073709551616 a\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		counters_free(&counters);
		counters_load(&counters, 7, texts[i]);
		take(COUNTER_ETHTOOL, "rx_err", 0);
		assert_int_equal(exported(), 0);
	}
}

static void test_recent(void **state)
{
	struct counter *counter;

	(void)state;
	take(COUNTER_LINK, "rx_dropped", 0);
	take(COUNTER_LINK, "rx_dropped", 10);
	counter = &counters.counter[0];
	assert_int_equal(counter_recent(counter, NOW), 10);
	counter_sample_reset(&sample);
	counter_sample_add(&sample, 3, COUNTER_LINK, "rx_dropped", 15);
	counters_take(&counters, &sample, NOW + 30000);
	assert_int_equal(counter_recent(counter, NOW + 30000), 15);
	assert_int_equal(counter_recent(counter, NOW + 59999), 15);
	assert_int_equal(counter_recent(counter, NOW + 60000), 5);
	assert_int_equal(counter_recent(counter, NOW + 90000), 0);
	assert_int_equal(counter_recent(counter, NOW - 1000000), 0); /* the clock was set back */
}

static void read_nic(struct nic_book *book, uint64_t nic, uint64_t low, uint64_t high)
{
	const struct nic_reading reading = {
		.nic = {nic, nic * 100}, .low = {low, low * 100}, .high = {high, high * 100}};

	nic_read(book, &reading);
}

static void test_nic(void **state)
{
	struct nic_book book = {0};

	(void)state;
	read_nic(&book, 5000, 100, 100);
	assert_int_equal(book.packets, 0);
	read_nic(&book, 5010, 105, 112); /* between */
	assert_int_equal(book.packets, 0);
	read_nic(&book, 5040, 130, 130); /* ten were not seen */
	assert_int_equal(book.packets, 10);
	assert_int_equal(book.bytes, 1000);
	assert_true(nic_unbooked(&book));
	nic_booked(&book);
	assert_false(nic_unbooked(&book));
	read_nic(&book, 5040, 133, 133); /* three in flight: seen, and not yet counted */
	assert_int_equal(book.packets, 7);
	read_nic(&book, 5043, 133, 133);
	assert_int_equal(book.packets, 10);
	read_nic(&book, 2, 140, 140); /* reset */
	assert_int_equal(book.packets, 10);
	read_nic(&book, 12, 150, 150);
	assert_int_equal(book.packets, 10);
	read_nic(&book, 12, 170, 170); /* a super-packet's segments */
	assert_int_equal(book.packets, -10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_sample_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_softnet, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_softnet_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_queue, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gains, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_resets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_new_queue, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forget, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_successor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_recent, set_up, tear_down),
		cmocka_unit_test(test_nic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
