/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* live.c: a connection a request, with a deadline for each read and one for all of them; answers are bounded. */
#include "cli/live.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef LIVE_TIMEOUT_S
#define LIVE_TIMEOUT_S 3
#endif
#ifndef LIVE_ANSWER_S
#define LIVE_ANSWER_S 60 /* for all of an answer that has begun; flowd gives its reader no more */
#endif
#define RECORDS_MAX (1U << 26) /* more than any map holds */
#define RECORDS_STEP 65536U
#define BOOKS_MAX (FLOW_IFACES * 2)
#define EVENTS_MAX (1U << 22)
#define COUNTERS_MAX (1U << 20)
#define ANSWER_MAX (16U << 20)

struct answer {
	int fd;
	time_t until; /* CLOCK_MONOTONIC */
};

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Up to `size` bytes until the end: how many, or -errno; -EAGAIN: one of them, or all, took too long. */
static ssize_t take(const struct answer *answer, void *buf, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t got = read(answer->fd, (char *)buf + have, size - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		have += (size_t)got;
		if (seconds() > answer->until)
			return -EAGAIN;
	}
	return (ssize_t)have;
}

static int fail_call(int err, const char *path, struct live_error *error)
{
	snprintf(error->text, sizeof(error->text), "socket '%s': %s", path,
		 err == -EAGAIN ? "no answer in time" : strerror(-err));
	return err;
}

static int fail_protocol(const char *path, const char *what, struct live_error *error)
{
	snprintf(error->text, sizeof(error->text), "socket '%s': %s", path, what);
	return -EPROTO;
}

/* Why an answer is none, in flowd's own words where it has some. */
const char *live_words(char *text)
{
	text[strcspn(text, "\n")] = 0;
	if (!strncmp(text, "failed ", 7))
		return text + 7;
	return !strncmp(text, "error ", 6) ? text + 6 : "not flowd's answer";
}

static int fail_words(const struct answer *answer, const char *path, const char *head, size_t size,
		      struct live_error *error)
{
	char text[140];
	ssize_t more;

	memcpy(text, head, size);
	more = take(answer, text + size, sizeof(text) - 1 - size);
	text[size + (more > 0 ? (size_t)more : 0)] = 0;
	return fail_protocol(path, live_words(text), error);
}

static int send_line(int fd, const char *request)
{
	char line[CONTROL_REQUEST_MAX];
	int len = snprintf(line, sizeof(line), "%s\n", request);
	ssize_t sent;

	if ((size_t)len >= sizeof(line))
		return -E2BIG;
	sent = send(fd, line, (size_t)len, MSG_NOSIGNAL);
	return sent == len ? 0 : sent < 0 ? -errno : -EIO;
}

static int open_socket(const char *path, const char *request, int timeout_s,
		       struct answer *ret_answer)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval timeout = {.tv_sec = timeout_s};
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	err = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : send_line(fd, request);
	if (err)
		close(fd);
	else
		*ret_answer = (struct answer){fd, seconds() + timeout_s + LIVE_ANSWER_S};
	return err;
}

/*
 * `count` times `size` bytes, in steps, so that a head that lies costs no more memory than the answer
 * has. *all is to be freed in any case, and not NULL where there was no error.
 */
static int read_many(const struct answer *answer, uint32_t count, size_t size, void **all)
{
	uint32_t have = 0, room = 0;

	do {
		uint32_t step = count - have;
		void *grown;
		ssize_t got;

		if (step > RECORDS_STEP + room)
			step = RECORDS_STEP + room; /* twice as much each time */
		room = have + step;
		grown = realloc(*all, room * size + 1);
		if (!grown)
			return -ENOMEM;
		*all = grown;
		got = take(answer, (char *)grown + have * size, step * size);
		if (got < 0)
			return (int)got;
		if ((size_t)got != step * size)
			return -EPROTO;
		have = room;
	} while (have < count);
	return 0;
}

static bool has_our_sizes(const struct control_head *head)
{
	return head->version == CONTROL_VERSION &&
	       head->record_size == sizeof(struct flow_record) &&
	       head->books_size == sizeof(struct control_books) &&
	       head->event_size == sizeof(struct event_record) &&
	       head->counter_size == sizeof(struct counter_record);
}

/* In the order of schema/control.h. */
static int read_parts(const struct answer *answer, struct live *live)
{
	const struct control_head *head = &live->head;
	const struct {
		uint32_t count;
		size_t size;
	} parts[] = {
		{head->books, sizeof(*live->books)},
		{head->records, sizeof(*live->records)},
		{head->events, sizeof(*live->events)},
		{head->counters, sizeof(*live->counters)},
	};
	void *all[sizeof(parts) / sizeof(parts[0])] = {NULL};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(parts) / sizeof(parts[0]); i++)
		err = read_many(answer, parts[i].count, parts[i].size, &all[i]);
	live->books = all[0];
	live->records = all[1];
	live->events = all[2];
	live->counters = all[3];
	return err;
}

static int read_live(const struct answer *answer, const char *path, struct live *live,
		     struct live_error *error)
{
	ssize_t got = take(answer, &live->head, sizeof(live->head));
	int err;

	if (got < 0)
		return fail_call((int)got, path, error);
	if (got != sizeof(live->head) || live->head.magic != CONTROL_MAGIC)
		return fail_words(answer, path, (const char *)&live->head, (size_t)got, error);
	if (!has_our_sizes(&live->head))
		return fail_protocol(path, "a flowd of another version", error);
	if (live->head.records > RECORDS_MAX || live->head.books > BOOKS_MAX ||
	    live->head.events > EVENTS_MAX || live->head.counters > COUNTERS_MAX)
		return fail_protocol(path, "more records than a flowd holds", error);
	err = read_parts(answer, live);
	if (err == -EPROTO)
		return fail_protocol(path, "the answer is cut short", error);
	return err ? fail_call(err, path, error) : 0;
}

int live_fetch(const char *socket, struct live *ret_live, struct live_error *ret_error)
{
	struct live live = {.records = NULL};
	struct answer answer;
	int err = open_socket(socket, "live", LIVE_TIMEOUT_S, &answer);

	if (err)
		return fail_call(err, socket, ret_error);
	err = read_live(&answer, socket, &live, ret_error);
	close(answer.fd);
	if (err) {
		live_free(&live);
		return err;
	}
	*ret_live = live;
	return 0;
}

void live_free(struct live *live)
{
	free(live->books);
	free(live->records);
	free(live->events);
	free(live->counters);
	memset(live, 0, sizeof(*live));
}

static int read_text(const struct answer *answer, char **ret_text)
{
	size_t have = 0, size = 4096;
	char *text = NULL, *grown;
	ssize_t got;

	for (;;) {
		grown = realloc(text, size + 1);
		if (!grown) {
			free(text);
			return -ENOMEM;
		}
		text = grown;
		got = take(answer, text + have, size - have);
		if (got < 0 || size > ANSWER_MAX) {
			free(text);
			return got < 0 ? (int)got : -EFBIG;
		}
		have += (size_t)got;
		if (have < size)
			break;
		size *= 2;
	}
	text[have] = 0;
	*ret_text = text;
	return 0;
}

int live_ask(const char *socket, const char *request, int timeout_s, char **ret_text,
	     struct live_error *ret_error)
{
	struct answer answer;
	int err = open_socket(socket, request, timeout_s, &answer);

	if (err)
		return fail_call(err, socket, ret_error);
	err = read_text(&answer, ret_text);
	close(answer.fd);
	return err ? fail_call(err, socket, ret_error) : 0;
}
