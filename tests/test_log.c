// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_log.c: a message is one line, and what it quotes moves no terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "flowd/log.h"

/* What comes out of standard error for a message that quotes `text`. */
static void judge(const char *text, const char *want)
{
	char line[4096];
	int ends[2], old = dup(STDERR_FILENO);
	ssize_t size;

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	log_line(LOG_LEVEL_ERR, "'%s'", text);
	dup2(old, STDERR_FILENO);
	size = read(ends[0], line, sizeof(line) - 1);
	line[size > 0 ? size : 0] = '\0';
	close(old);
	close(ends[0]);
	close(ends[1]);
	assert_string_equal(line, want);
}

static void test_quotes(void **state)
{
	(void)state;
	judge("eth0", "flowd: 'eth0'\n");
	judge("a\nb\tc\033[31m\177", "flowd: 'a b c [31m '\n");
	judge("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
	      "flowd: '\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80'\n");
	judge("\xc2\x9b"
	      "31m",
	      "flowd: '  31m'\n"); /* CSI in one character, ECMA-48 */
	judge("v\xff\x9bz", "flowd: 'v  z'\n");
	judge("\xe2\x82", "flowd: '  '\n");
	judge("\xc0\x9b", "flowd: '  '\n");
}

static void test_long(void **state)
{
	char text[5000], line[2049];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memset(line, 'x', sizeof(line));
	memcpy(line, "flowd: '", 8);
	strcpy(line + 2043, "...\n");
	judge(text, line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_long),
	};

	log_open(LOG_LEVEL_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
