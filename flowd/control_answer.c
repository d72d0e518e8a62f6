/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* control_answer.c: the requests of schema/control.h, who may ask them, and their answers. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/books.h"
#include "flowd/control_client.h"
#include "flowd/event.h"
#include "flowd/flowd.h"
#include "flowd/sample_ask.h"
#include "flowd/status.h"

static bool answer_record(void *arg, const struct flow_record *rec)
{
	return answer_add(arg, rec, sizeof(*rec));
}

static bool answer_event(void *arg, const struct event_record *rec)
{
	return answer_add(arg, rec, sizeof(*rec));
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
	if (!client->too_long)
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

/* It has not closed its end; that it says no more (shutdown(2)) is another thing. */
static bool is_there(void *arg)
{
	const struct client *client = arg;
	struct pollfd end = {.fd = client->watch.fd};

	return poll(&end, 1, 0) <= 0 || !(end.revents & (POLLHUP | POLLERR));
}

static void answer_later(void *arg, const char *text)
{
	client_finish(arg, text);
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

static void answer_detach(struct client *client)
{
	client->waits = true;
	client->control->flowd->detach = true;
	client->control->flowd->loop.stop = true;
}

/* A word, or one that others follow. */
static const struct {
	const char *word;
	bool words; /* follow */
	bool changes;
	void (*answer)(struct client *client);
} requests[] = {
	{"live", false, false, answer_live},	 {"status", false, false, answer_status},
	{"sample", false, false, answer_sample}, {"sample ", true, true, answer_sample},
	{"detach", false, true, answer_detach},	 {"debug ", true, true, control_debug},
};

/* That one may not ask it, is said to him. */
static bool may(struct client *client, bool changes)
{
	char text[160];

	if (changes ? client->peer.changes : client->peer.reads)
		return true;
	client->control->stats.denied++;
	snprintf(text, sizeof(text), "error user %u may not %s: %s\n", client->peer.uid,
		 changes ? "change anything" : "ask",
		 changes ? "in none of control.groups"
			 : "neither in socket.group nor in control.groups");
	answer_text(client, text);
	return false;
}

void control_answer(struct client *client)
{
	char text[CONTROL_REQUEST_MAX + 32];

	if (!may(client, false))
		return;
	if (control_held(client->control) > CONTROL_HELD_MAX) {
		client->control->stats.refused++;
		answer_text(client, "failed busy: other clients have not read their answers yet\n");
		return;
	}
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (requests[i].words
			    ? strncmp(client->request, requests[i].word, strlen(requests[i].word))
			    : strcmp(client->request, requests[i].word))
			continue;
		if (may(client, requests[i].changes))
			requests[i].answer(client);
		return;
	}
	snprintf(text, sizeof(text), "error unknown request '%s'\n", client->request);
	answer_text(client, text);
}
