/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* live.c: a connection a request, with a deadline for each read; answers are bounded. */
#include "cli/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LIVE_TIMEOUT_S 3
#define RECORDS_MAX (1U << 26) /* more than any map holds */
#define RECORDS_STEP 65536U
#define BOOKS_MAX (FLOW_IFACES * 2)
#define ANSWER_MAX (16U << 20)

static int fail(int err, const char *path, struct live_error *error)
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

static int send_line(int fd, const char *request)
{
	char line[CONTROL_REQUEST_MAX];
	int len = snprintf(line, sizeof(line), "%s\n", request);
	ssize_t sent = send(fd, line, (size_t)len, MSG_NOSIGNAL);

	return sent == len ? 0 : sent < 0 ? -errno : -EIO;
}

static int open_socket(const char *path, const char *request, int timeout_s, int *ret_fd)
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
		*ret_fd = fd;
	return err;
}

/* Up to `size` bytes until the end of the answer: how many, or -errno. */
static ssize_t read_all(int fd, void *buf, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t got = read(fd, (char *)buf + have, size - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

/* In steps, so that a head that lies costs no more memory than the answer has. */
static int read_records(int fd, struct live *live)
{
	uint32_t have = 0, room = 0;

	while (have < live->head.records) {
		uint32_t step = live->head.records - have;
		struct flow_record *records;
		ssize_t got;

		if (step > RECORDS_STEP + room)
			step = RECORDS_STEP + room; /* twice as much each time */
		room = have + step;
		records = realloc(live->records, (size_t)room * sizeof(*records));
		if (!records)
			return -ENOMEM;
		live->records = records;
		got = read_all(fd, records + have, step * sizeof(*records));
		if (got < 0)
			return (int)got;
		if ((size_t)got != step * sizeof(*records))
			return -EPROTO;
		have = room;
	}
	return 0;
}

static int read_books(int fd, struct live *live)
{
	size_t size = live->head.books * sizeof(*live->books);
	ssize_t got;

	live->books = calloc(live->head.books + 1, sizeof(*live->books));
	if (!live->books)
		return -ENOMEM;
	got = read_all(fd, live->books, size);
	if (got < 0)
		return (int)got;
	return (size_t)got == size ? 0 : -EPROTO;
}

static int read_live(int fd, const char *path, struct live *live, struct live_error *error)
{
	ssize_t got = read_all(fd, &live->head, sizeof(live->head));
	int err;

	if (got < 0)
		return fail((int)got, path, error);
	if (got != sizeof(live->head) || live->head.magic != CONTROL_MAGIC)
		return fail_protocol(path, "not flowd's answer", error);
	if (live->head.version != CONTROL_VERSION ||
	    live->head.record_size != sizeof(struct flow_record) ||
	    live->head.books_size != sizeof(struct control_books))
		return fail_protocol(path, "a flowd of another version", error);
	if (live->head.records > RECORDS_MAX || live->head.books > BOOKS_MAX)
		return fail_protocol(path, "more records than a flowd holds", error);
	err = read_books(fd, live);
	err = err ? err : read_records(fd, live);
	if (err == -EPROTO)
		return fail_protocol(path, "the answer is cut short", error);
	return err ? fail(err, path, error) : 0;
}

int live_fetch(const char *socket, struct live *ret_live, struct live_error *ret_error)
{
	struct live live = {.records = NULL};
	int fd, err = open_socket(socket, "live", LIVE_TIMEOUT_S, &fd);

	if (err)
		return fail(err, socket, ret_error);
	err = read_live(fd, socket, &live, ret_error);
	close(fd);
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
	live->books = NULL;
	live->records = NULL;
	live->head.books = 0;
	live->head.records = 0;
}

static int read_text(int fd, char **ret_text)
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
		got = read_all(fd, text + have, size - have);
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
	int fd, err = open_socket(socket, request, timeout_s, &fd);

	if (err)
		return fail(err, socket, ret_error);
	err = read_text(fd, ret_text);
	close(fd);
	return err ? fail(err, socket, ret_error) : 0;
}
