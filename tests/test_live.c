// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_live.c: live.c with a flowd that is none: it ends, lies, says nothing, or a byte now and then for ever. A
 * question ends in each case, by an error that names the socket.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/fake_flowd.h"

#define LIVE_ANSWER_S 0
#define LIVE_TIMEOUT_S 1
#include "cli/live.c"

static char path[64];

struct play {
	const void *data;
	size_t size; /* at once */
	int each;    /* then the same again, after so many ms; 0: the end; -1: never */
};

static pid_t begin(const struct play *play)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	snprintf(path, sizeof(path), "/tmp/wl-test-live-%d.sock", getpid());
	strcpy(addr.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	pid = fork();
	if (pid) {
		close(fd);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int client = accept(fd, NULL, NULL);
		char request[64];

		if (read(client, request, sizeof(request)) < 0)
			_exit(1);
		while (write(client, play->data, play->size) == (ssize_t)play->size && play->each)
			poll(NULL, 0, play->each);
		close(client);
	}
}

static void judge(const struct play *play, int want, const char *words)
{
	pid_t pid = begin(play);
	struct live_error error = {""};
	struct live live;
	char *text = NULL;
	int err = live_fetch(path, &live, &error);

	assert_int_equal(err, want);
	assert_non_null(strstr(error.text, path));
	assert_non_null(strstr(error.text, words));
	err = live_ask(path, "status", LIVE_TIMEOUT_S, &text, &error);
	if (play->each) {
		assert_int_equal(err, -EAGAIN);
		assert_non_null(strstr(error.text, path));
	} else {
		assert_int_equal(err, 0);
		assert_int_equal(strlen(text), strnlen(play->data, play->size));
	}
	free(text);
	fake_stop(pid, path);
}

static void test_garbage(void **state)
{
	static const char zeros[4096];

	(void)state;
	judge(&(struct play){"", 0, 0}, -EPROTO, "not flowd's answer");
	judge(&(struct play){"what?\n", 6, 0}, -EPROTO, "not flowd's answer");
	judge(&(struct play){zeros, sizeof(zeros), 0}, -EPROTO, "not flowd's answer");
}

/* Nothing, or in time for each read, and never all of it. */
static void test_never(void **state)
{
	struct control_head head = {
		.magic = CONTROL_MAGIC,
		.version = CONTROL_VERSION,
		.record_size = sizeof(struct flow_record),
		.records = 100000,
		.books_size = sizeof(struct control_books),
		.event_size = sizeof(struct event_record),
		.counter_size = sizeof(struct counter_record),
	};

	(void)state;
	judge(&(struct play){"", 0, -1}, -EAGAIN, "no answer in time");
	judge(&(struct play){"{", 1, 100}, -EAGAIN, "no answer in time");
	judge(&(struct play){&head, sizeof(head), 100}, -EAGAIN, "no answer in time");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_never),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
