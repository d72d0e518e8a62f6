/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* control_client.c: what comes of one client, and what goes to it. See control_client.h. */
#include "flowd/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flowd/control_peer.h"
#include "flowd/flowd.h"
#include "flowd/sample_ask.h"

#define SEND_BYTES (1 << 20)  /* of one turn */
#define SMALL_BYTES (2 << 20) /* what is not of flows always has room */

void client_free(struct client *client)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		if (client->control->client[i] == client)
			client->control->client[i] = NULL;
	}
	if (client->waits_sample)
		sample_ask_forget(client->control->flowd, client);
	loop_unwatch(&client->control->loop, &client->watch);
	close(client->watch.fd);
	free(client->answer);
	free(client);
}

static bool grow(struct client *client, size_t size)
{
	uint64_t others = control_held(client->control) - client->room;
	uint64_t most = control_room(client->control);
	size_t room = size / 2 * 3 + 256;
	char *answer;

	if (others + size > most && (size > SMALL_BYTES || !strcmp(client->request, "live")))
		return false;
	if (others + room > most)
		room = others + size > most ? size : (size_t)(most - others);
	answer = realloc(client->answer, room);
	if (!answer)
		return false;
	client->answer = answer;
	client->room = room;
	return true;
}

bool answer_add(struct client *client, const void *data, size_t size)
{
	if (client->size + size > client->room && !client->too_long)
		client->too_long = !grow(client, client->size + size);
	if (client->too_long)
		return false;
	memcpy(client->answer + client->size, data, size);
	client->size += size;
	return true;
}

void answer_text(struct client *client, const char *text)
{
	answer_add(client, text, strlen(text));
}

/* One that is too long becomes that word. */
static void settle_answer(struct client *client)
{
	if (!client->too_long)
		return;
	free(client->answer);
	client->answer = NULL;
	client->size = client->room = 0;
	client->too_long = false;
	answer_text(client, "failed the answer takes more memory than memory.max leaves\n");
}

bool client_send(struct client *client)
{
	size_t turn = 0;

	while (client->sent < client->size && turn < SEND_BYTES) {
		size_t left = client->size - client->sent;
		ssize_t n =
			send(client->watch.fd, client->answer + client->sent,
			     left < SEND_BYTES ? left : SEND_BYTES, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (n < 0)
			return false;
		client->sent += (size_t)n;
		client->moved = clock_mono();
		turn += (size_t)n;
	}
	return client->sent < client->size;
}

void client_finish(struct client *client, const char *text)
{
	client->waits_sample = false;
	client->since = client->moved = clock_mono(); /* the time it took was not the client's */
	answer_text(client, text);
	settle_answer(client);
	if (!client_send(client))
		client_free(client);
	else
		loop_watch(&client->control->loop, &client->watch, EPOLLOUT);
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
	if (!end && client->asked < sizeof(client->request) - 1)
		return true;
	client->moved = clock_mono();
	if (end) {
		*end = '\0';
		client->control->stats.answered++;
		control_answer(client);
	} else {
		client->control->stats.refused++;
		answer_text(client, "error the request is too long\n");
	}
	settle_answer(client);
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
		loop_watch(&client->control->loop, watch, EPOLLOUT);
	else if (client->waits || client->waits_sample)
		loop_unwatch(&client->control->loop, watch);
}

void client_new(struct control *control, size_t slot, int fd)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client) {
		close(fd);
		return;
	}
	client->control = control;
	client->since = client->moved = clock_mono();
	client->watch = (struct watch){.fd = fd, .run = client_run, .arg = client};
	control_peer_of(control->rights, fd, &client->peer);
	control->client[slot] = client;
	if (loop_watch(&control->loop, &client->watch, EPOLLIN))
		client_free(client);
}
