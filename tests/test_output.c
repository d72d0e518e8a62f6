/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_output.c: the three formats over rows of every kind of value, byte for byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/output.h"

/* A row is a list of values, a column the one of its own number. */
static const struct out_column columns[];

static void get(const struct out_column *c, const void *row, struct out_value *value)
{
	*value = ((const struct out_value *)row)[c - columns];
}

static const struct out_column columns[] = {
	{"name", "NAME", true, 0, get, NULL},	{"count", "COUNT", false, 0, get, NULL},
	{"id", NULL, false, 0, get, NULL},	{"time", "TIME", true, 0, get, NULL},
	{NULL, "SECONDS", false, 0, get, NULL}, {"share", "SHARE", false, 0, get, NULL},
	{"rate", "RATE", false, 0, get, NULL},	{"flags", "FLAGS", true, 0, get, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

static const struct out_value rows[][8] = {
	{{OUT_TEXT, 0, "plain", NULL},
	 {OUT_NUMBER, 1234567, "", NULL},
	 {OUT_PLAIN, 1234567, "", NULL},
	 {OUT_TIME, 1795264496789, "", NULL},
	 {OUT_DURATION, 61005, "", NULL},
	 {OUT_PERCENT, 9999, "", NULL},
	 {OUT_RATE, 999499, "", NULL},
	 {OUT_FLAGS, 0x12, "", NULL}},
	{{OUT_TEXT, 0, "a,\"b\"\\\n\x1b\xc3\xa9\xff\xc2\x9b", NULL},
	 {OUT_NONE, 0, "", NULL},
	 {OUT_NONE, 0, "", NULL},
	 {OUT_NONE, 0, "", NULL},
	 {OUT_NONE, 0, "", NULL},
	 {OUT_PERCENT, 5, "", NULL},
	 {OUT_RATE, 999500, "", NULL},
	 {OUT_FLAGS, 0, "", NULL}},
	{{OUT_TEXT, 0, "", NULL},
	 {OUT_NUMBER, UINT64_MAX, "", NULL},
	 {OUT_PLAIN, 0, "", NULL},
	 {OUT_TIME, 0, "", NULL},
	 {OUT_DURATION, 0, "", NULL},
	 {OUT_PERCENT, 10000, "", NULL},
	 {OUT_RATE, 12345678901, "", NULL},
	 {OUT_FLAGS, 0xff, "", NULL}},
};

static void print(const struct out_ops *ops, size_t count, char *text, size_t size)
{
	struct out out = {.columns = columns, .file = fmemopen(text, size, "w")};

	assert_non_null(out.file);
	*text = 0;
	assert_int_equal(ops->begin(&out), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(ops->row(&out, rows[i]), 0);
	assert_int_equal(ops->end(&out), 0);
	fclose(out.file);
}

static void test_json(void **state)
{
	char text[2048];

	(void)state;
	print(&out_json, 3, text, sizeof(text));
	assert_string_equal(
		text,
		"{\"v\":1,\"name\":\"plain\",\"count\":1234567,\"id\":1234567,"
		"\"time\":\"2026-11-21T12:34:56.789Z\",\"share\":99.99,\"rate\":999499,\"flags\":18}\n"
		"{\"v\":1,\"name\":\"a,\\\"b\\\"\\\\\\u000a\\u001b\xc3\xa9\\ufffd\\u009b\",\"count\":null,"
		"\"id\":null,\"time\":null,\"share\":0.05,\"rate\":999500,\"flags\":0}\n"
		"{\"v\":1,\"name\":\"\",\"count\":18446744073709551615,\"id\":0,"
		"\"time\":\"1970-01-01T00:00:00.000Z\",\"share\":100.00,\"rate\":12345678901,"
		"\"flags\":255}\n");
	print(&out_json, 0, text, sizeof(text));
	assert_string_equal(text, "");
}

static void test_csv(void **state)
{
	char text[2048];

	(void)state;
	print(&out_csv, 3, text, sizeof(text));
	assert_string_equal(text,
			    "v,name,count,id,time,share,rate,flags\r\n"
			    "1,plain,1234567,1234567,2026-11-21T12:34:56.789Z,99.99,999499,18\r\n"
			    "1,\"a,\"\"b\"\"\\\n\x1b\xc3\xa9\xff\xc2\x9b\",,,,0.05,999500,0\r\n"
			    "1,,18446744073709551615,0,1970-01-01T00:00:00.000Z,100.00,12345678901,"
			    "255\r\n");
}

/* Where a text is longer than a cell, JSON and CSV have all of it. */
static void test_whole(void **state)
{
	struct out_value row[8] = {{.kind = OUT_NONE}};
	char longer[1000], text[2048];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	out_set_text(&row[0], longer);
	row[0].whole = longer;
	for (int i = 0; i < 2; i++) {
		const struct out_ops *ops = i ? &out_csv : &out_json;
		struct out out = {.columns = columns, .file = fmemopen(text, sizeof(text), "w")};

		assert_int_equal(ops->row(&out, row), 0);
		assert_int_equal(ops->end(&out), 0);
		fclose(out.file);
		assert_non_null(strstr(text, longer));
	}
}

#define PAD "     "

static void test_text(void **state)
{
	char text[2048];

	(void)state;
	print(&out_text, 3, text, sizeof(text));
	assert_string_equal(text,
			    "NAME          " PAD "                COUNT  TIME                     "
			    "SECONDS     SHARE         RATE  FLAGS\n"
			    "plain         " PAD "            1,234,567  2026-11-21 12:34:56.789  "
			    " 61.005   99.99 %   999 kbit/s  AS\n"
			    "a,\"b\"\\??\xc3\xa9??  " PAD "                    -  "
			    "-                              -    0.05 %  1.00 Mbit/s  .\n"
			    "              18,446,744,073,709,551,615  1970-01-01 00:00:00.000  "
			    "  0.000  100.00 %  12.3 Gbit/s  CEUAPRSF\n");
	print(&out_text, 0, text, sizeof(text));
	assert_string_equal(text, "NAME  COUNT  TIME  SECONDS  SHARE  RATE  FLAGS\n");
}

/* Rows beyond those that are held back are written, too; a writer that fails says why. */
static void test_many_and_full(void **state)
{
	struct out out = {.columns = columns, .file = fopen("/dev/full", "w")};
	char *text = NULL;
	size_t size, lines = 0;
	int err = 0;

	(void)state;
	for (int i = 0; !err && i < 100000; i++) {
		if (!i)
			assert_int_equal(out_text.begin(&out), 0);
		err = out_text.row(&out, rows[0]);
	}
	assert_int_equal(err, -ENOSPC);
	out_text.end(&out);
	fclose(out.file);
	out.file = open_memstream(&text, &size);
	assert_int_equal(out_text.begin(&out), 0);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(out_text.row(&out, rows[0]), 0);
	assert_int_equal(out_text.end(&out), 0);
	fclose(out.file);
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	free(text);
	assert_int_equal(lines, 5001);
}

static void test_microseconds(void **state)
{
	static const struct {
		uint64_t us;
		const char *text;
	} cases[] = {{0, "0 us"},	  {999, "999 us"},     {1000, "1.00 ms"},
		     {12345, "12.3 ms"},  {999949, "1000 ms"}, {999950, "1.00 s"},
		     {61500000, "61.5 s"}};
	struct out_value value = {.kind = OUT_MICROSECONDS};
	char text[OUT_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		value.number = cases[i].us;
		out_human(&value, text);
		assert_string_equal(text, cases[i].text);
	}
	out_machine(&value, text);
	assert_string_equal(text, "61500000");
}

/* A column that is there where any row has a value for it. */
static void get_if(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	if (*(const int *)row)
		value->kind = OUT_NUMBER;
}

static void get_row(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	value->kind = OUT_NUMBER;
	value->number = (uint64_t) * (const int *)row;
}

static void test_if_any(void **state)
{
	static const struct out_column two[] = {
		{"a", "A", false, 0, get_row, NULL},
		{"b", "B", false, OUT_IF_ANY, get_if, NULL},
		{NULL, NULL, false, 0, NULL, NULL},
	};
	struct out out = {.columns = two};
	char text[256];

	(void)state;
	for (int any = 0; any < 2; any++) {
		const int row[2] = {0, any};

		out.file = fmemopen(text, sizeof(text), "w");
		assert_int_equal(out_text.begin(&out), 0);
		assert_int_equal(out_text.row(&out, &row[0]), 0);
		assert_int_equal(out_text.row(&out, &row[1]), 0);
		assert_int_equal(out_text.end(&out), 0);
		fclose(out.file);
		assert_string_equal(text, any ? "A  B\n0  -\n1  0\n" : "A\n0\n0\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),	      cmocka_unit_test(test_csv),
		cmocka_unit_test(test_whole),	      cmocka_unit_test(test_text),
		cmocka_unit_test(test_many_and_full), cmocka_unit_test(test_microseconds),
		cmocka_unit_test(test_if_any),
	};

	setenv("TZ", "UTC0", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
