/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_text_clean.c: what a terminal, and JSON, get of texts that somebody else made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/text_clean.h"
#include "flowd/text_json.h"
#include "schema/utf8.h"

static const struct {
	const char *text, *clean, *json;
} cases[] = {
	{"", "", ""},
	{"eth0", "eth0", "eth0"},
	{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d",
	 "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d"},
	{"\x1b]0;x\a\r\n\t\x7f", "?]0;x?????", "\\u001b]0;x\\u0007\\u000d\\u000a\\u0009\\u007f"},
	{"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "???\xc2\xa0", "\\u0080\\u009b\\u009f\xc2\xa0"},
	{"a\x9b\x80z", "a??z", "a\\ufffd\\ufffdz"},
	{"\xc3", "?", "\\ufffd"},
	{"\xc3(\xe2\x82(",
	 "?(?"
	 "?(",
	 "\\ufffd(\\ufffd\\ufffd("},
	{"\xc0\x9b\xed\xa0\x80\xf4\x90\x80\x80", "?????????",
	 "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"},
	{"a\xe2\x80\xae"
	 "b\xe2\x81\xa6"
	 "c\xe2\x80\x8f\xd8\x9c",
	 "a?b?c??", "a\\u202eb\\u2066c\\u200f\\u061c"},
	{"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xb0\xef\xbb\xbf", "\xe2\x80\xa7?\xe2\x80\xb0?",
	 "\xe2\x80\xa7\\u2028\xe2\x80\xb0\\ufeff"},
	{"\xf3\xa0\x81\x81\xf3\xb0\x80\x80\xf4\x8f\xbf\xbf", "???",
	 "\\udb40\\udc41\\udb80\\udc00\\udbff\\udfff"},
};

static void test_cases(void **state)
{
	char buf[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		FILE *file = fmemopen(buf, sizeof(buf), "w");

		buf[0] = 0;
		text_put(cases[i].text, file);
		fclose(file);
		assert_string_equal(buf, cases[i].clean);
		snprintf(buf, sizeof(buf), "%s", cases[i].text);
		text_clean(buf, buf);
		assert_string_equal(buf, cases[i].clean);
	}
}

static void test_json(void **state)
{
	char buf[256];
	bool fine;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const unsigned char *s = (const unsigned char *)cases[i].text;
		FILE *file = fmemopen(buf, sizeof(buf), "w");

		buf[0] = 0;
		for (; *s; s += text_char(s, &fine))
			text_put_json(s, file);
		fclose(file);
		assert_string_equal(buf, cases[i].json);
	}
}

/* Whatever the bytes: clean text is left as it is, is no longer, and has nothing left to clean. */
static void test_any(void **state)
{
	char text[64], clean[64], again[64];

	(void)state;
	srand(1);
	for (int round = 0; round < 200000; round++) {
		size_t len = (size_t)rand() % (sizeof(text) - 1);

		for (size_t i = 0; i < len; i++)
			text[i] = (char)(rand() % 255 + 1);
		text[len] = 0;
		text_clean(text, clean);
		assert_true(strlen(clean) <= len);
		text_clean(clean, again);
		assert_string_equal(clean, again);
		for (const char *c = clean; *c; c++)
			assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
	}
}

/* What jansson takes is left as it is, of the rest U+FFFD for each byte, as in flowctl's JSON. */
static void test_text_json(void **state)
{
	static const struct {
		const char *text, *json;
	} texts[] = {
		{"", ""},
		{"eth0", "eth0"},
		{"caf\xc3\xa9\n\x1b", "caf\xc3\xa9\n\x1b"},
		{"rv\xff"
		 "b",
		 "rv\xef\xbf\xbd"
		 "b"},
		{"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *string = text_json(texts[i].text);

		assert_string_equal(json_string_value(string), texts[i].json);
		json_decref(string);
	}
	assert_true(json_is_null(text_json(NULL)));
}

/* Cut at a character, and in no case written behind the end. */
static void test_mend_cut(void **state)
{
	static const char text[] = "a\xff\xe2\x82\xac";
	char buf[UTF8_MENDED_SIZE(sizeof(text) - 1)];

	(void)state;
	for (size_t size = 1; size <= sizeof(buf); size++) {
		memset(buf, 'x', sizeof(buf));
		utf8_mend(text, buf, size);
		assert_string_equal(buf, size < 2   ? ""
					 : size < 5 ? "a"
					 : size < 8 ? "a\xef\xbf\xbd"
						    : "a\xef\xbf\xbd\xe2\x82\xac");
		for (size_t i = size; i < sizeof(buf); i++)
			assert_int_equal(buf[i], 'x');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),	 cmocka_unit_test(test_json),
		cmocka_unit_test(test_any),	 cmocka_unit_test(test_text_json),
		cmocka_unit_test(test_mend_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
