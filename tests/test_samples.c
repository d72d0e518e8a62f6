/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_samples.c: what packets are sampled by: its texts, changes of it, and how it gets into the
 * programs' maps, which are memory here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/sample_job.h"
#include "flowd/sample_rules.h"
#include "schema/sample_record.h"

#define CELLS (SAMPLE_FILTERS + 1)

/* --- texts ------------------------------------------------------------------------------------- */

static void test_rates(void **state)
{
	static const char *const wrong[] = {"",	     "1",    "1/", "1/0", "2/3",   "1/16777217",
					    "1/-1",  "1/1 ", "on", "OFF", "1/0x1", "1/99999999999",
					    " 1/10", "off "};
	char text[SAMPLE_TEXT_MAX];
	uint32_t rate = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(sample_rate_parse(wrong[i], &rate), -EINVAL);
	assert_int_equal(rate, 7);
	assert_int_equal(sample_rate_parse("1/1", &rate), 0);
	assert_int_equal(rate, 1);
	assert_int_equal(sample_rate_parse("1/16777216", &rate), 0);
	sample_rate_text(rate, text);
	assert_string_equal(text, "1/16777216");
	assert_int_equal(sample_rate_parse("off", &rate), 0);
	sample_rate_text(rate, text);
	assert_string_equal(text, "off");
}

static void test_triggers(void **state)
{
	static const char *const wrong[] = {
		"",	",",	"reset,", "reset,,malformed", "RST", "none,reset",
		"drop", "rate", "first",  "reset malformed"};
	uint32_t triggers = 0, all = 0;
	char text[SAMPLE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(sample_triggers_parse(wrong[i], &triggers), -EINVAL);
	assert_int_equal(sample_triggers_parse("malformed,reset,reset", &triggers), 0);
	assert_int_equal(triggers, SAMPLE_RESET | SAMPLE_MALFORMED);
	sample_why_text(SAMPLE_TRIGGERS, text);
	assert_string_equal(text, "reset,retransmit,zero-window,malformed");
	assert_int_equal(sample_triggers_parse(text, &all), 0);
	assert_int_equal(all, SAMPLE_TRIGGERS);
	sample_why_text(0, text);
	assert_string_equal(text, "none");
	assert_int_equal(sample_triggers_parse(text, &all), 0);
	assert_int_equal(all, 0);
	sample_why_text(~0U, text); /* the longest */
	assert_string_equal(text, "rate,first,reset,retransmit,zero-window,malformed,drop");
}

static void test_why(void **state)
{
	static const char *const wrong[] = {
		"",
		"!",
		"none",
		"rate,",
		",rate",
		"rat",
		"rates",
		"rate,!drop",
		"!!drop",
		" rate",
		"!rate,first,reset,retransmit,zero-window,malformed,drop"};
	uint32_t why = 0;

	(void)state;
	assert_int_equal(sample_why_parse("rate", &why), 0);
	assert_int_equal(why, SAMPLE_RATE);
	assert_int_equal(sample_why_parse("drop,first,drop", &why), 0);
	assert_int_equal(why, SAMPLE_DROP | SAMPLE_FIRST);
	assert_int_equal(sample_why_parse("!drop", &why), 0);
	assert_int_equal(why, SAMPLE_TRIGGERS | SAMPLE_RATE | SAMPLE_FIRST);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(sample_why_parse(wrong[i], &why), -EINVAL);
}

static void test_switch(void **state)
{
	bool on = false;

	(void)state;
	assert_true(!sample_switch_parse("yes", &on) && on);
	assert_true(!sample_switch_parse("off", &on) && !on);
	assert_true(!sample_switch_parse("on", &on) && on);
	assert_true(!sample_switch_parse("no", &on) && !on);
	assert_int_equal(sample_switch_parse("1", &on), -EINVAL);
	assert_int_equal(sample_switch_parse("", &on), -EINVAL);
}

static void test_numbers(void **state)
{
	uint32_t n = 0;

	(void)state;
	assert_int_equal(sample_number_parse("64", 64, 9216, &n), 0);
	assert_int_equal(n, 64);
	assert_int_equal(sample_number_parse("63", 64, 9216, &n), -ERANGE);
	assert_int_equal(sample_number_parse("9217", 64, 9216, &n), -ERANGE);
	assert_int_equal(sample_number_parse("99999999999999999999999", 0, UINT32_MAX, &n),
			 -ERANGE);
	assert_int_equal(sample_number_parse("4294967295", 0, UINT32_MAX, &n), 0);
	assert_int_equal(sample_number_parse("", 0, 9, &n), -EINVAL);
	assert_int_equal(sample_number_parse("+1", 0, 9, &n), -EINVAL);
	assert_int_equal(sample_number_parse("1x", 0, 9, &n), -EINVAL);
}

static void test_escape(void **state)
{
	char all[256], escaped[1024], wrong[][4] = {"%", "%4", "%g0", "%0g", "%00"};

	(void)state;
	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	assert_int_equal(sample_escape(all, escaped, sizeof(escaped)), 0);
	for (const char *c = escaped; *c; c++)
		assert_true(*c > ' ' && *c < 0x7f);
	assert_int_equal(sample_unescape(escaped), 0);
	assert_string_equal(escaped, all);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(sample_unescape(wrong[i]), -EINVAL);
	assert_int_equal(sample_escape("a b", escaped, 5), -E2BIG);
	assert_int_equal(sample_escape("a b", escaped, 6), 0);
	assert_string_equal(escaped, "a%20b");
}

/* --- changes ----------------------------------------------------------------------------------- */

static int parse(const char *request, struct sample_change *change, char *error)
{
	char text[20000];

	snprintf(text, sizeof(text), "%s", request);
	error[0] = '\0';
	return sample_change_parse(text, change, error);
}

static void test_change(void **state)
{
	struct sample_settings now = {.rate = 5, .first = 6, .snaplen = 128, .filter = "udp"};
	char error[SAMPLE_ERROR_MAX];
	struct sample_change change;

	(void)state;
	assert_int_equal(parse("iface=eth0 iface=a%20b rate=1/1000  first=3", &change, error), 0);
	assert_int_equal(change.has, SAMPLE_SET_RATE | SAMPLE_SET_FIRST);
	assert_true(sample_change_is_of(&change, "eth0") && sample_change_is_of(&change, "a b"));
	assert_false(sample_change_is_of(&change, "eth1"));
	sample_change_apply(&change, &now);
	assert_true(now.rate == 1000 && now.first == 3 && now.snaplen == 128);
	assert_string_equal(now.filter, "udp");
	assert_int_equal(
		parse("filter=tcp%20port%20443 triggers=reset snaplen=9216", &change, error), 0);
	assert_true(sample_change_is_of(&change, "eth1"));
	sample_change_apply(&change, &now);
	assert_string_equal(now.filter, "tcp port 443");
	assert_true(now.triggers == SAMPLE_RESET && now.snaplen == 9216 && now.rate == 1000);
	assert_int_equal(parse("filter=none", &change, error), 0);
	sample_change_apply(&change, &now);
	assert_string_equal(now.filter, "");
	assert_int_equal(parse("filter=%20%09", &change, error), 0);
	assert_string_equal(change.to.filter, "");
}

static void test_wrong_changes(void **state)
{
	static const struct {
		const char *request, *error;
	} wrong[] = {
		{"", "setting '': there is none"},
		{"iface=eth0", "setting '': there is none"},
		{"rate=1/1000 color=blue", "setting 'color': unknown"},
		{"rate", "setting 'rate': not KEY=VALUE"},
		{"rate=", "rate '': not off or 1/N"},
		{"rate=1/0", "rate '1/0': not off or 1/N"},
		{"first=1000001", "first '1000001': not a number from 0 to 1000000"},
		{"triggers=drop", "triggers 'drop': not none or a list of reset"},
		{"snaplen=63", "snaplen '63': not a number from 64 to 9216"},
		{"filter=%zz", "filter '%zz': not percent-encoded"},
		{"drops=maybe", "drops 'maybe': not yes or no"},
		{"iface=eth0 drops=yes", "iface 'eth0': drops are sampled on all"},
		{"iface= rate=off", "iface '': not the name of an interface"},
		{"iface=0123456789abcdef rate=off", "iface '0123456789abcdef': not the name"},
	};
	char error[SAMPLE_ERROR_MAX], text[20000] = "filter=";
	struct sample_change change;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(parse(wrong[i].request, &change, error), -EINVAL);
		if (strncmp(error, wrong[i].error, strlen(wrong[i].error)) != 0)
			fail_msg("'%s': '%s', not '%s'", wrong[i].request, error, wrong[i].error);
	}
	memset(text + strlen(text), 'x', 4095);
	assert_int_equal(parse(text, &change, error), 0);
	strcat(text, "x");
	assert_int_equal(parse(text, &change, error), -EINVAL);
	assert_non_null(strstr(error, "of 4096 bytes or more"));
	text[0] = '\0';
	for (int i = 0; i < 65; i++)
		sprintf(text + strlen(text), "iface=e%d ", i);
	strcat(text, "rate=off");
	assert_int_equal(parse(text, &change, error), -EINVAL);
}

/* --- filters ----------------------------------------------------------------------------------- */

static void test_compile(void **state)
{
	/* Ethernet, IPv4, TCP from port 443 */
	uint8_t frame[60] = {[12] = 8, [14] = 0x45, [23] = 6, [34] = 1, [35] = 187};
	struct sample_filter *filter = NULL;
	char error[SAMPLE_ERROR_MAX], text[2000] = "port 1";

	(void)state;
	assert_int_equal(sample_compile("tcp src port 443", SAMPLE_LINK_ETHERNET, &filter, error),
			 0);
	assert_true(sample_compile_passes(filter, frame, 60, 60));
	assert_false(sample_compile_passes(filter, frame, 60, 30)); /* cut before it */
	frame[35]++;
	assert_false(sample_compile_passes(filter, frame, 60, 60));
	frame[35]--;
	free(filter);
	assert_int_equal(sample_compile("tcp src port 443", SAMPLE_LINK_IP, &filter, error), 0);
	assert_true(sample_compile_passes(filter, frame + 14, 46, 46));
	assert_false(sample_compile_passes(filter, frame, 60, 60));
	free(filter);
	assert_int_equal(sample_compile("tcp por 443", SAMPLE_LINK_ETHERNET, &filter, error),
			 -EINVAL);
	assert_string_equal(error,
			    "filter 'tcp por 443': can't parse filter expression: syntax error");
	assert_int_equal(sample_compile("ether host 1:2:3:4:5:6", SAMPLE_LINK_IP, &filter, error),
			 -EINVAL);
	assert_int_equal(sample_compile_check("ether host 1:2:3:4:5:6", error), 0);
	assert_int_equal(sample_compile_check("nonsense and", error), -EINVAL);
	for (int i = 0; i < 100; i++)
		sprintf(text + strlen(text), " or port %d", i);
	strcat(text, " or");
	assert_int_equal(sample_compile(text, SAMPLE_LINK_ETHERNET, &filter, error), -EINVAL);
	assert_true(strlen(error) < 400);
}

static void test_too_long(void **state)
{
	struct sample_filter *filter = NULL;
	char error[SAMPLE_ERROR_MAX], text[40000] = "";

	(void)state;
	for (int i = 0; i < 1450; i++) /* a load and a comparison each, or more */
		sprintf(text + strlen(text), "%sudp[%d:2]=%d", i ? " or " : "", i, i * 7 % 997);
	assert_int_equal(sample_compile(text, SAMPLE_LINK_ETHERNET, &filter, error), -E2BIG);
	assert_non_null(strstr(error, " instructions, more than 4096"));
	assert_null(filter);
}

/* --- rules ------------------------------------------------------------------------------------- */

static struct sample_conf conf[FLOW_IFACES];
static struct sample_filter filters[CELLS];
static uint32_t generation;

static struct sample_cells fresh_cells(void)
{
	struct sample_cells cells = {
		.conf = conf, .filters = filters, .count = CELLS, .generation = &generation};

	memset(conf, 0, sizeof(conf));
	memset(filters, 0, sizeof(filters));
	generation = 0;
	sample_cells_open(&cells, 0);
	return cells;
}

static struct sample_rules fresh_rules(bool in_kernel)
{
	struct sample_rules rules = {.cells = fresh_cells(), .in_kernel = in_kernel};

	assert_int_equal(sample_rules_add(&rules, "eth0", 1, SAMPLE_LINK_ETHERNET), 0);
	assert_int_equal(sample_rules_add(&rules, "eth1", 2, SAMPLE_LINK_ETHERNET), 0);
	assert_int_equal(sample_rules_add(&rules, "tun0", 7, SAMPLE_LINK_IP), 0);
	return rules;
}

/* As sample_ask.c does. */
static int change_rules(struct sample_rules *rules, const char *request, uint64_t now_ns,
			char *error)
{
	struct sample_compiled set = {NULL, NULL};
	struct sample_change change;
	uint32_t links = 0;
	int err = parse(request, &change, error);

	err = err ? err : sample_rules_links(rules, &change, &links, error);
	if (!err && links)
		err = sample_compile_set(change.to.filter, links, &set, error);
	err = err ? err : sample_rules_apply(rules, &change, &set, now_ns, error);
	sample_compile_free(&set);
	return err;
}

static void test_rules(void **state)
{
	struct sample_rules rules = fresh_rules(true);
	char error[SAMPLE_ERROR_MAX];

	(void)state;
	assert_int_equal(change_rules(&rules, "rate=1/100 first=2", 1, error), 0);
	assert_true(conf[1].rate == 100 && conf[2].rate == 100 && conf[7].first == 2);
	assert_int_equal(conf[1].snaplen, SAMPLE_SNAPLEN);
	assert_int_equal(change_rules(&rules, "iface=eth1 rate=off triggers=reset", 1, error), 0);
	assert_true(conf[1].rate == 100 && conf[2].rate == 0 && conf[2].triggers == SAMPLE_RESET);
	assert_int_equal(conf[2].first, 2);
	assert_int_equal(change_rules(&rules, "filter=udp", 1, error), 0);
	assert_int_equal(conf[1].filter, conf[2].filter);
	assert_int_not_equal(conf[1].filter, conf[7].filter); /* another link */
	assert_string_equal(sample_rules_find(&rules, 7)->now.filter, "udp");
	assert_null(sample_rules_find(&rules, 3));
	assert_null(rules.rule[0].here);
	/* what is wrong changes nothing */
	assert_int_equal(generation, 3);
	assert_int_equal(change_rules(&rules, "rate=1/5 filter=vlan%20and", 1, error), -EINVAL);
	assert_int_equal(
		change_rules(&rules, "rate=1/5 filter=ether%20host%201:2:3:4:5:6", 1, error),
		-EINVAL); /* not of tun0 */
	assert_int_equal(change_rules(&rules, "iface=eth2 rate=1/5", 1, error), -ENODEV);
	assert_string_equal(error, "interface 'eth2': not counted; known: eth0, eth1, tun0");
	assert_int_equal(generation, 3);
	assert_int_equal(rules.rule[0].now.rate, 100);
	assert_int_equal(
		change_rules(&rules, "iface=eth0 filter=ether%20host%201:2:3:4:5:6", 1, error), 0);
	sample_rules_free(&rules);
}

static void test_rules_full(void **state)
{
	struct sample_rules rules = {.cells = fresh_cells(), .in_kernel = true};
	char error[SAMPLE_ERROR_MAX], text[64];

	(void)state;
	for (uint32_t i = 1; i <= SAMPLE_FILTERS + 1; i++) {
		snprintf(text, sizeof(text), "e%u", i);
		assert_int_equal(sample_rules_add(&rules, text, i, SAMPLE_LINK_ETHERNET), 0);
		snprintf(text, sizeof(text), "iface=e%u rate=1/9 filter=udp%%20port%%20%u", i, i);
		assert_int_equal(change_rules(&rules, text, 1, error),
				 i <= SAMPLE_FILTERS ? 0 : -ENOSPC);
	}
	assert_string_equal(error, "samples: more than 8 different filters would be in use");
	assert_int_equal(rules.rule[SAMPLE_FILTERS].now.rate, 0);
	assert_int_equal(conf[SAMPLE_FILTERS + 1].rate, 0);
	/* nor is there room where two have one; at the start, when these are a predecessor's, it is made */
	assert_int_equal(change_rules(&rules, "iface=e9 filter=udp%20port%201", 1, error), 0);
	assert_int_equal(change_rules(&rules, "iface=e1 filter=tcp", 1, error), -ENOSPC);
	assert_int_equal(sample_rules_make_room(&rules, 0, 1), 0);
	assert_int_equal(conf[1].rate, 9);
	assert_int_equal(sample_rules_make_room(&rules, 1, 1), 0);
	assert_true(conf[1].rate == 0 && !sample_cells_used(&rules.cells));
	assert_int_equal(change_rules(&rules, "iface=e1 filter=tcp", 1, error), 0);
	sample_rules_free(&rules);
}

/* Where the kernel has no bpf_loop flowd asks; the programs know of no filter. */
static void test_rules_here(void **state)
{
	uint8_t udp[42] = {[12] = 8, [14] = 0x45, [23] = 17};
	struct sample_rules rules = fresh_rules(false);
	char error[SAMPLE_ERROR_MAX];

	(void)state;
	assert_int_equal(change_rules(&rules, "filter=udp rate=1/1", 1, error), 0);
	assert_int_equal(conf[1].filter, 0);
	assert_int_equal(conf[1].rate, 1);
	assert_non_null(rules.rule[0].here);
	assert_true(sample_compile_passes(rules.rule[0].here, udp, 42, 42));
	assert_true(sample_compile_passes(rules.rule[2].here, udp + 14, 28, 28));
	assert_int_equal(change_rules(&rules, "rate=1/2", 1, error), 0);
	assert_non_null(rules.rule[0].here);
	assert_int_equal(change_rules(&rules, "iface=eth0 filter=none", 1, error), 0);
	assert_null(rules.rule[0].here);
	assert_non_null(rules.rule[1].here);
	sample_rules_free(&rules);
}

/* At the start: interfaces of a predecessor, and drops. */
static void test_rules_begin(void **state)
{
	struct sample_rules rules = fresh_rules(true);

	(void)state;
	conf[1].rate = conf[9].rate = 5;
	sample_rules_begin(&rules, true, 256);
	assert_true(conf[1].rate == 5 && conf[9].rate == 0);
	assert_true(conf[0].triggers == SAMPLE_DROP && conf[0].snaplen == 256);
	sample_rules_begin(&rules, false, 256);
	assert_true(conf[0].triggers == 0);
	sample_rules_free(&rules);
}

/* Drops are of no interface: neither are their settings, but for the snaplen of all. */
static void test_rules_drops(void **state)
{
	struct sample_rules rules = fresh_rules(true);
	char error[SAMPLE_ERROR_MAX];

	(void)state;
	sample_rules_begin(&rules, false, 128);
	assert_int_equal(change_rules(&rules, "drops=yes", 1, error), 0);
	assert_true(conf[0].triggers == SAMPLE_DROP && conf[0].snaplen == 128);
	assert_true(conf[1].triggers == 0);
	assert_int_equal(change_rules(&rules, "iface=eth0 snaplen=256 triggers=reset", 1, error),
			 0);
	assert_true(conf[0].triggers == SAMPLE_DROP && conf[0].snaplen == 128);
	assert_int_equal(change_rules(&rules, "snaplen=512 drops=no", 1, error), 0);
	assert_true(conf[0].triggers == 0 && conf[0].snaplen == 512 && conf[1].snaplen == 512);
	assert_int_equal(change_rules(&rules, "rate=1/7", 1, error), 0);
	assert_true(conf[0].triggers == 0 && conf[0].rate == 0 && conf[0].filter == 0);
	sample_rules_free(&rules);
}

/* --- in a thread ------------------------------------------------------------------------------- */

static void test_job(void **state)
{
	struct sample_compiled set = {NULL, NULL};
	char error[SAMPLE_ERROR_MAX] = "";
	struct sample_job *job;
	struct pollfd fd = {.events = POLLIN};

	(void)state;
	assert_int_equal(sample_job_start("udp", SAMPLE_LINKS_IP, &job), 0);
	fd.fd = sample_job_fd(job);
	assert_int_equal(poll(&fd, 1, 10000), 1);
	assert_int_equal(sample_job_take(job, &set, error), 0);
	sample_job_free(job);
	assert_non_null(set.ip);
	assert_null(set.ethernet);
	sample_compile_free(&set);
	assert_int_equal(sample_job_start("udp und", SAMPLE_LINKS_ETHERNET, &job), 0);
	fd.fd = sample_job_fd(job);
	assert_int_equal(poll(&fd, 1, 10000), 1);
	assert_int_equal(sample_job_take(job, &set, error), -EINVAL);
	assert_non_null(strstr(error, "filter 'udp und'"));
	sample_job_free(job);
	/* nobody waits for these */
	for (int i = 0; i < 20; i++) {
		assert_int_equal(sample_job_start("tcp or udp", 3, &job), 0);
		sample_job_free(job);
	}
	sample_job_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),	    cmocka_unit_test(test_triggers),
		cmocka_unit_test(test_why),	    cmocka_unit_test(test_switch),
		cmocka_unit_test(test_numbers),	    cmocka_unit_test(test_escape),
		cmocka_unit_test(test_change),	    cmocka_unit_test(test_wrong_changes),
		cmocka_unit_test(test_compile),	    cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_rules),	    cmocka_unit_test(test_rules_full),
		cmocka_unit_test(test_rules_here),  cmocka_unit_test(test_rules_begin),
		cmocka_unit_test(test_rules_drops), cmocka_unit_test(test_job),
	};

	return cmocka_run_group_tests_name("samples", tests, NULL, NULL);
}
