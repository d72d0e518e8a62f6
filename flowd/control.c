/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* control.c: the control socket. An answer is made whole, then written as the client reads it. */
#include "flowd/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "flowd/books.h"
#include "flowd/event.h"
#include "flowd/sample_ask.h"
#include "flowd/status.h"
#include "schema/control.h"

#define CLIENT_NS (30 * 1000000000ULL)

struct client {
	struct watch watch;
	struct control *control;
	char request[CONTROL_REQUEST_MAX];
	size_t asked;
	char *answer;
	size_t size, room, sent;
	struct mono since;
	bool waits;	   /* for flowd's end */
	bool waits_sample; /* for a filter that is being compiled */
};

struct control {
	struct flowd *flowd;
	struct watch listen;
	struct client *client[CONTROL_CLIENTS];
	char path[108];
};

static void client_free(struct client *client)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		if (client->control->client[i] == client)
			client->control->client[i] = NULL;
	}
	if (client->waits_sample)
		sample_ask_forget(client->control->flowd, client);
	loop_unwatch(&client->control->flowd->loop, &client->watch);
	close(client->watch.fd);
	free(client->answer);
	free(client);
}

static bool answer_add(struct client *client, const void *data, size_t size)
{
	if (client->size + size > client->room) {
		size_t room = (client->size + size) * 2;
		char *answer = realloc(client->answer, room);

		if (!answer)
			return false;
		client->answer = answer;
		client->room = room;
	}
	memcpy(client->answer + client->size, data, size);
	client->size += size;
	return true;
}

static bool answer_record(void *arg, const struct flow_record *rec)
{
	return answer_add(arg, rec, sizeof(*rec));
}

static bool answer_event(void *arg, const struct event_record *rec)
{
	return answer_add(arg, rec, sizeof(*rec));
}

static void answer_text(struct client *client, const char *text)
{
	answer_add(client, text, strlen(text));
}

/* The books of every interface that the maps know. How many. */
static uint32_t answer_books(struct client *client)
{
	const struct sweep *sweep = &client->control->flowd->sweep;
	struct control_books books;
	uint32_t count = 0;

	for (uint32_t i = 0; i < FLOW_IFACES * 2; i++) {
		if (!sweep->iface[i / 2].id)
			continue;
		books_live(sweep, i / 2, i % 2, &books);
		if (!answer_add(client, &books, sizeof(books)))
			break;
		count++;
	}
	return count;
}

static bool answer_counter(void *arg, const struct counter_record *record)
{
	return answer_add(arg, record, sizeof(*record));
}

static void answer_counters(struct client *client)
{
	const struct sweep *sweep = &client->control->flowd->sweep;
	uint32_t ids[FLOW_IFACES];

	books_ids(sweep, ids);
	counters_live(&sweep->counters, ids, clock_wall().ms, answer_counter, client);
}

static void answer_live(struct client *client)
{
	struct flowd *flowd = client->control->flowd;
	struct control_head head = {
		.magic = CONTROL_MAGIC,
		.version = CONTROL_VERSION,
		.record_size = sizeof(struct flow_record),
		.books_size = sizeof(struct control_books),
		.event_size = sizeof(struct event_record),
		.counter_size = sizeof(struct counter_record),
		.sweep = flowd->sweep.number - 1,
		.now_ms = (uint64_t)clock_wall().ms,
	};
	size_t before;

	if (!answer_add(client, &head, sizeof(head)))
		return;
	sweep_visit(&flowd->sweep, false);
	head.books = answer_books(client);
	before = client->size;
	sweep_live(&flowd->sweep, answer_record, client);
	head.records = (uint32_t)((client->size - before) / sizeof(struct flow_record));
	before = client->size;
	event_live(flowd->event, answer_event, client);
	head.events = (uint32_t)((client->size - before) / sizeof(struct event_record));
	before = client->size;
	answer_counters(client);
	head.counters = (uint32_t)((client->size - before) / sizeof(struct counter_record));
	memcpy(client->answer, &head, sizeof(head));
}

static void answer_status(struct client *client)
{
	char *text = status_json(client->control->flowd);

	if (text) {
		answer_text(client, text);
		answer_text(client, "\n");
	}
	free(text);
}

static bool client_send(struct client *client);

/* It has not closed its end. */
static bool is_there(void *arg)
{
	const struct client *client = arg;
	char byte;

	return recv(client->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

static void answer_later(void *arg, const char *text)
{
	struct client *client = arg;

	client->waits_sample = false;
	client->since = clock_mono(); /* the time it took was not the client's */
	answer_text(client, text);
	if (!client_send(client))
		client_free(client);
	else
		loop_watch(&client->control->flowd->loop, &client->watch, EPOLLOUT);
}

static void answer_sample(struct client *client)
{
	struct sample_asker asker = {is_there, answer_later, client};
	char *text = sample_ask(client->control->flowd, client->request + strlen("sample"), &asker);

	client->waits_sample = !text;
	if (text)
		answer_text(client, text);
	free(text);
}

static void answer(struct client *client)
{
	char text[CONTROL_REQUEST_MAX + 32];

	if (!strcmp(client->request, "live")) {
		answer_live(client);
	} else if (!strcmp(client->request, "status")) {
		answer_status(client);
	} else if (!strcmp(client->request, "sample") || !strncmp(client->request, "sample ", 7)) {
		answer_sample(client);
	} else if (!strcmp(client->request, "detach")) {
		client->waits = true;
		client->control->flowd->detach = true;
		client->control->flowd->loop.stop = true;
	} else {
		snprintf(text, sizeof(text), "error unknown request '%s'\n", client->request);
		answer_text(client, text);
	}
}

/* Write what the client takes. False: it is done with, or gone. */
static bool client_send(struct client *client)
{
	while (client->sent < client->size) {
		ssize_t n = send(client->watch.fd, client->answer + client->sent,
				 client->size - client->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (n < 0)
			return false;
		client->sent += (size_t)n;
	}
	return false;
}

/* Read until the line is whole. False: the client is gone or says too much. */
static bool client_receive(struct client *client)
{
	ssize_t n = recv(client->watch.fd, client->request + client->asked,
			 sizeof(client->request) - 1 - client->asked, MSG_DONTWAIT);
	char *end;

	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK;
	if (n == 0)
		return false;
	client->asked += (size_t)n;
	client->request[client->asked] = '\0';
	end = strchr(client->request, '\n');
	if (!end)
		return client->asked < sizeof(client->request) - 1;
	*end = '\0';
	answer(client);
	if (client->waits || client->waits_sample)
		return true;
	return client_send(client);
}

static void client_run(struct watch *watch, uint32_t events)
{
	struct client *client = watch->arg;
	bool goes_on;

	if (client->size)
		goes_on = (events & EPOLLOUT) && client_send(client);
	else
		goes_on = client_receive(client);
	if (!goes_on)
		client_free(client);
	else if (client->size)
		loop_watch(&client->control->flowd->loop, watch, EPOLLOUT);
	else if (client->waits || client->waits_sample)
		loop_unwatch(&client->control->flowd->loop, watch);
}

static void accept_run(struct watch *watch, uint32_t events)
{
	struct control *control = watch->arg;
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client = fd >= 0 ? calloc(1, sizeof(*client)) : NULL;
	size_t i = 0;

	(void)events;
	while (i < CONTROL_CLIENTS && control->client[i])
		i++;
	if (!client || i == CONTROL_CLIENTS) {
		if (fd >= 0)
			close(fd);
		free(client);
		return;
	}
	client->control = control;
	client->since = clock_mono();
	client->watch = (struct watch){.fd = fd, .run = client_run, .arg = client};
	control->client[i] = client;
	if (loop_watch(&control->flowd->loop, &client->watch, EPOLLIN))
		client_free(client);
}

/* A socket file whose owner is gone is in the way; one that somebody answers is not ours to take. */
static int clear_path(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		err = -EADDRINUSE;
	else if (errno == ECONNREFUSED)
		unlink(address->sun_path);
	close(fd);
	return err;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, err;

	memcpy(address.sun_path, path, strnlen(path, sizeof(address.sun_path) - 1));
	err = clear_path(&address);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) || chmod(path, 0660) ||
	    listen(fd, 64)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int control_open(struct flowd *flowd, struct control **ret_control)
{
	struct control *control = calloc(1, sizeof(*control));
	int fd;

	if (!control)
		return -ENOMEM;
	fd = listen_at(flowd->config->socket);
	if (fd < 0) {
		free(control);
		return fd;
	}
	control->flowd = flowd;
	snprintf(control->path, sizeof(control->path), "%s", flowd->config->socket);
	control->listen = (struct watch){.fd = fd, .run = accept_run, .arg = control};
	*ret_control = control;
	return loop_watch(&flowd->loop, &control->listen, EPOLLIN);
}

void control_tidy(struct control *control)
{
	uint64_t now = clock_mono().ns;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *client = control->client[i];

		if (client && !client->waits && !client->waits_sample &&
		    now - client->since.ns > CLIENT_NS)
			client_free(client);
	}
}

void control_free(struct control *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *client = control->client[i];

		if (!client)
			continue;
		if (client->waits)
			answer_text(client, control->flowd->unwritten
						    ? "error not every flow could be written\n"
						    : "ok\n");
		client_send(client);
		client_free(client);
	}
	loop_unwatch(&control->flowd->loop, &control->listen);
	close(control->listen.fd);
	unlink(control->path);
	free(control);
}
