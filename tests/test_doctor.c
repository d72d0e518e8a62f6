/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_doctor.c: words of commands, as a shell reads them, and commands that have no room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/doctor.h"

static void test_words(void **state)
{
	static const char *const words[][2] = {
		{"eth0.100", "eth0.100"},
		{"br-lan@if2", "br-lan@if2"},
		{"/var/lib/a_b", "/var/lib/a_b"},
		{"", "''"},
		{"a;reboot", "'a;reboot'"},
		{"it's", "'it'\\''s'"},
		{"'", "''\\'''"},
		{"$(x)`y`", "'$(x)`y`'"},
		{"~", "'~'"},
		{"a b\nc", "'a b\nc'"},
		{"rv\xff", "'rv\xff'"},
	};
	char buf[DOCTOR_WORD(16)];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_string_equal(doctor_word(words[i][0], buf, sizeof(buf)), words[i][1]);
}

/* Whole, or not at all; and never behind the end. */
static void test_room(void **state)
{
	static const char text[] = "a'b'c d";
	char want[64], buf[64];

	(void)state;
	doctor_word(text, want, sizeof(want));
	for (size_t size = DOCTOR_WORD(0); size < sizeof(buf); size++) {
		memset(buf, 'x', sizeof(buf));
		doctor_word(text, buf, size);
		if (*buf)
			assert_string_equal(buf, want);
		else
			assert_true(size < DOCTOR_WORD(strlen(text)));
		for (size_t i = size; i < sizeof(buf); i++)
			assert_int_equal(buf[i], 'x');
	}
}

static void test_mend(void **state)
{
	struct doctor_finding finding = {.state = DOCTOR_OK};
	char folder[sizeof(finding.mend)];

	(void)state;
	doctor_mend(&finding, "install -d %s", "x");
	assert_string_equal(finding.mend, "install -d x");
	memset(folder, 'a', sizeof(folder) - 1);
	folder[sizeof(folder) - 1] = '\0';
	doctor_mend(&finding, "install -d %s", folder);
	assert_string_equal(finding.mend, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_mend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
