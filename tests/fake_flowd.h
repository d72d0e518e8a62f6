/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fake_flowd.h: a flowd that is played by a process of the test: it answers `live` with what it was
 * given, and `status` with the path of a database. Include after cmocka.h.
 */
#pragma once

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/control.h"
#include "schema/fields.h"

struct fake_flowd {
	struct control_head head; /* sizes, magic and version are put in where they are 0 */
	const struct control_books *books;
	const struct flow_record *records;
	const struct event_record *events;
	const struct counter_record *counters;
	uint32_t cut; /* records that the head tells of and the answer has not */
	int lies;     /* answers of another sweep before the right one */
	const char *db;
};

static inline void fake_send(int client, const void *data, size_t size)
{
	if (data && size && write(client, data, size) < 0)
		_exit(1);
}

static inline void fake_live(const struct fake_flowd *fake, int client, uint64_t sweep)
{
	struct control_head head = fake->head;

	head.magic = CONTROL_MAGIC;
	head.version = head.version ? head.version : CONTROL_VERSION;
	head.record_size = head.record_size ? head.record_size : sizeof(*fake->records);
	head.books_size = head.books_size ? head.books_size : sizeof(*fake->books);
	head.event_size = head.event_size ? head.event_size : sizeof(*fake->events);
	head.counter_size = head.counter_size ? head.counter_size : sizeof(*fake->counters);
	head.sweep = sweep;
	head.records += fake->cut;
	fake_send(client, &head, sizeof(head));
	fake_send(client, fake->books, head.books * sizeof(*fake->books));
	fake_send(client, fake->records, fake->head.records * sizeof(*fake->records));
	fake_send(client, fake->events, head.events * sizeof(*fake->events));
	fake_send(client, fake->counters, head.counters * sizeof(*fake->counters));
}

static inline void fake_serve(const struct fake_flowd *fake, int fd)
{
	for (int lies = fake->lies;;) {
		int client = accept(fd, NULL, NULL);
		char request[64] = "";

		if (read(client, request, sizeof(request) - 1) < 5)
			_exit(1);
		if (!strncmp(request, "live", 4))
			fake_live(fake, client, fake->head.sweep + (lies-- > 0));
		else
			dprintf(client, "{\"db\":\"%s\"}", fake->db);
		close(client);
	}
}

/* To be ended by fake_stop(). */
static inline pid_t fake_start(const struct fake_flowd *fake, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	strcpy(addr.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not stop it */
		fake_serve(fake, fd);
	}
	close(fd);
	return pid;
}

static inline void fake_stop(pid_t pid, const char *path)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
}
