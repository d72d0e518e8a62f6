/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_graph.c: the pure parts of flowctl graph: axes, the canvas, gaps, text in SVG. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cli/canvas.h"
#include "cli/graph.h"
#include "cli/graph_axis.h"
#include "cli/graph_cover.h"
#include "cli/graph_svg.h"
#include "cli/group.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DAY_MS 86400000LL

static void assert_axis(uint64_t max, unsigned ticks, uint64_t step, uint64_t top)
{
	struct axis axis;

	axis_values(max, ticks, &axis);
	assert_int_equal(axis.step, step);
	assert_int_equal(axis.top, top);
}

static void test_values_are_round(void **state)
{
	(void)state;
	assert_axis(0, 5, 200, 1000); /* of nothing: up to 1 a second */
	assert_axis(1, 5, 1, 1);
	assert_axis(5, 5, 1, 5);
	assert_axis(6, 5, 2, 6);
	assert_axis(11, 5, 5, 15);
	assert_axis(1000000, 5, 200000, 1000000);
	assert_axis(1000001, 5, 500000, 1500000);
	assert_axis(999, 1, 1000, 1000);
	assert_axis(123456789, 4, 50000000, 150000000);
}

/* Whatever the value: as few ticks as said, the last one not below it and the one before it below. */
static void test_values_fit(void **state)
{
	(void)state;
	for (uint64_t max = 1; max < UINT64_MAX / 4; max = max * 3 / 2 + 1) {
		for (unsigned ticks = 1; ticks < 9; ticks++) {
			struct axis axis;

			axis_values(max, ticks, &axis);
			assert_true(axis.top >= max);
			assert_true(axis.top - axis.step < max);
			assert_true(axis.top / axis.step <= ticks);
			assert_int_equal(axis.top % axis.step, 0);
		}
	}
}

static void test_value_labels(void **state)
{
	static const struct {
		uint64_t max, value;
		const char *label, *prefix;
	} cases[] = {
		{5000, 1000, "1", ""},
		{5000000, 2000000, "2", "k"},
		{1500000000, 500000000, "0.5", "M"},
		{1500000000, 1500000000, "1.5", "M"},
		{200, 50, "0.05", ""},
		{200, 0, "0", ""},
		{5, 3, "0.003", ""},
		{40000000000000, 10000000000000, "10", "G"},
	};
	struct axis axis;
	char label[AXIS_LABEL];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		axis_values(cases[i].max, 5, &axis);
		axis_label(&axis, cases[i].value, label);
		assert_string_equal(label, cases[i].label);
		assert_string_equal(axis.prefix, cases[i].prefix);
	}
}

static void test_text(void **state)
{
	static const struct {
		uint64_t value;
		const char *text;
	} cases[] = {
		{0, "0 bit/s"},
		{1000, "1 bit/s"},
		{1500, "1.50 bit/s"},
		{999000, "999 bit/s"},
		{1530000, "1.53 kbit/s"},
		{15300000, "15.3 kbit/s"},
		{153000000, "153 kbit/s"},
		{2000000000, "2.00 Mbit/s"},
		{7, "0.01 bit/s"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		axis_text(cases[i].value, "bit/s", text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

static void test_times_are_round(void **state)
{
	(void)state;
	assert_int_equal(axis_time_step(60000, 6), 10000);
	assert_int_equal(axis_time_step(3600000, 6), 600000);
	assert_int_equal(axis_time_step(3600000, 5), 900000);
	assert_int_equal(axis_time_step(DAY_MS, 8), 10800000);
	assert_int_equal(axis_time_step(7 * DAY_MS, 8), DAY_MS);
	assert_int_equal(axis_time_step(30 * DAY_MS, 8), 7 * DAY_MS);
	assert_int_equal(axis_interval(30 * 60000, 120), 60000); /* no less of half an hour */
	assert_int_equal(axis_interval(5 * 60000, 120), 5000);
	assert_int_equal(axis_interval(DAY_MS, 120), 900000);
	assert_int_equal(axis_interval(30 * DAY_MS, 120), 6 * 3600000);
	assert_int_equal(axis_interval(1, 120), 1000);
}

static void test_first_tick(void **state)
{
	(void)state;
	assert_int_equal(axis_time_first(0, 60000, 0), 0);
	assert_int_equal(axis_time_first(1, 60000, 0), 60000);
	assert_int_equal(axis_time_first(60000, 60000, 0), 60000);
	/* a day begins at 22:00 UTC where local time is two hours ahead, at 5:00 where it is behind */
	assert_int_equal(axis_time_first(0, DAY_MS, 7200), 22 * 3600000LL);
	assert_int_equal(axis_time_first(0, DAY_MS, -5 * 3600), 5 * 3600000LL);
}

static void test_time_labels(void **state)
{
	char label[AXIS_LABEL];

	(void)state;
	axis_time_label(1700000040000, 60000, label); /* 2023-11-14 22:14:00 */
	assert_string_equal(label, "22:14");
	axis_time_label(1700000045000, 5000, label);
	assert_string_equal(label, "22:14:05");
	axis_time_label(1700006400000, 3600000, label);
	assert_string_equal(label, "11-15");
	axis_time_label(1700000040000, DAY_MS, label);
	assert_string_equal(label, "11-14");
}

static const char *cell(const struct canvas *canvas, int x, int y, int *ret_line)
{
	static char text[CANVAS_CELL];

	canvas_cell(canvas, x, y, text, ret_line);
	return text;
}

/* Each dot where Unicode has it: bits 0 1 2 6 downwards on the left, 3 4 5 7 on the right. */
static void test_braille(void **state)
{
	static const char *const one[8] = {"⡀", "⢀", "⠄", "⠠", "⠂", "⠐", "⠁", "⠈"};
	int line;

	(void)state;
	for (int i = 0; i < 8; i++) {
		struct canvas canvas;

		assert_int_equal(canvas_open(2, 2, true, &canvas), 0);
		assert_int_equal(canvas.columns, 4);
		assert_int_equal(canvas.rows, 8);
		canvas_dot(&canvas, 2 + i % 2, i / 2, 3);
		assert_string_equal(cell(&canvas, 1, 1, &line), one[i]);
		assert_int_equal(line, 3);
		assert_string_equal(cell(&canvas, 0, 1, &line), " ");
		assert_int_equal(line, -1);
		canvas_free(&canvas);
	}
}

static void test_canvas_edges(void **state)
{
	struct canvas canvas;
	int line;

	(void)state;
	assert_int_equal(canvas_open(2, 2, true, &canvas), 0);
	canvas_rise(&canvas, 0, 100, -100, 0);
	canvas_rise(&canvas, 1, 0, 7, 1);
	canvas_dot(&canvas, -1, 0, 0);
	canvas_dot(&canvas, 4, 0, 0);
	assert_string_equal(cell(&canvas, 0, 0, &line), "⣿");
	assert_int_equal(line, 0); /* whoever drew first */
	assert_string_equal(cell(&canvas, 1, 1, &line), " ");
	canvas_free(&canvas);

	assert_int_equal(canvas_open(3, 2, false, &canvas), 0);
	canvas_dot(&canvas, 2, 1, 1);
	canvas_dot(&canvas, 2, 1, 0);
	assert_string_equal(cell(&canvas, 2, 0, &line), "o");
	assert_int_equal(line, 1);
	canvas_free(&canvas);
}

static void test_gaps(void **state)
{
	bool covered[10];
	struct graph graph = {
		.start_ms = 600000, .per_ms = 60000, .intervals = 10, .covered = covered};
	static const struct {
		int64_t from_ms, to_ms;
		const char *covered;
	} cases[] = {
		{600000, 600000, ".........."},	  {600000, 600001, "X........."},
		{659999, 660000, "X........."},	  {659999, 660001, "XX........"},
		{0, 600000, ".........."},	  {0, 2000000, "XXXXXXXXXX"},
		{1199999, 5000000, ".........X"}, {1200000, 5000000, ".........."},
		{700000, 850000, ".XXXX....."},
	};

	(void)state;
	for (size_t c = 0; c < COUNT(cases); c++) {
		char text[11] = "";

		memset(covered, 0, sizeof(covered));
		graph_cover_add(&graph, cases[c].from_ms, cases[c].to_ms);
		for (size_t i = 0; i < 10; i++)
			text[i] = covered[i] ? 'X' : '.';
		assert_string_equal(text, cases[c].covered);
	}
}

static uint64_t rate(const char *by, int64_t per_ms, uint64_t value)
{
	struct graph graph = {.per_ms = per_ms};

	for (graph.by = group_metrics; strcmp(graph.by->name, by); graph.by++)
		;
	return graph_rate(&graph, value);
}

static void test_rates(void **state)
{
	(void)state;
	assert_int_equal(rate("bytes", 60000, 60), 8000);
	assert_int_equal(rate("packets", 60000, 60), 1000);
	assert_int_equal(rate("flows", 3600000, 36), 10);
	assert_int_equal(rate("bytes", 1000, UINT64_MAX), 10000000000000000000U); /* the most */
	assert_int_equal(rate("bytes", 86400000, UINT64_MAX / 1000000), 1708031858676U);
}

static void test_escape(void **state)
{
	static const struct {
		const char *text, *xml;
	} cases[] = {
		{"a <b> & \"c\"", "a &lt;b&gt; &amp; &quot;c&quot;"},
		{"\033[31m\n\t\x7f", "\uFFFD[31m\uFFFD\uFFFD\uFFFD"},
		{"gr\u00fcn \u20ac \U0001f600", "gr\u00fcn \u20ac \U0001f600"},
		{"\xff\xc3", "\uFFFD\uFFFD"},
		{"\xc2\x9b", "\uFFFD"},
		{"\xef\xbf\xbe\xef\xbf\xbf\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = NULL;
		size_t size;
		FILE *file = open_memstream(&text, &size);

		graph_svg_escape(cases[i].text, file);
		fclose(file);
		assert_string_equal(text, cases[i].xml);
		free(text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_are_round),
		cmocka_unit_test(test_values_fit),
		cmocka_unit_test(test_value_labels),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_times_are_round),
		cmocka_unit_test(test_first_tick),
		cmocka_unit_test(test_time_labels),
		cmocka_unit_test(test_braille),
		cmocka_unit_test(test_canvas_edges),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_escape),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
