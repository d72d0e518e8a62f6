/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * control_client.h: one connection to the control socket, for the modules of control.h alone. A client is
 *
 *   idle       from its first byte to the end of its line, REQUEST_MS at most; the oldest makes room for a new one
 *   answered   the answer was made whole, and goes as it reads; STALL_MS at most without a byte taken
 *   waiting    for flowd's end, or for a filter that is being compiled
 */
#pragma once

#include "flowd/control.h"
#include "flowd/loop.h"
#include "schema/control.h"

#define CONTROL_REQUEST_MS 5000
#define CONTROL_STALL_MS 10000
#define CONTROL_LIFE_MS 60000
#define CONTROL_ANSWER_MAX (1ULL << 30) /* bytes, of all */
#define CONTROL_HELD_MAX \
	(64ULL << 20) /* in answers that were not read: no other is made beside them */

/* What a client may ask. */
struct control_peer {
	uid_t uid;
	bool reads;   /* status, live, sample */
	bool changes; /* sample set, detach, debug */
};

struct client {
	struct watch watch;
	struct control *control;
	struct control_peer peer;
	char request[CONTROL_REQUEST_MAX];
	size_t asked;
	char *answer;
	size_t size, room, sent;
	struct mono since; /* accepted */
	struct mono moved; /* took something of the answer, or got one */
	bool too_long;	   /* the answer, for its limit or for memory */
	bool waits;	   /* for flowd's end */
	bool waits_sample; /* for a filter that is being compiled */
};

struct control {
	struct flowd *flowd;
	struct loop loop;    /* of all clients: a turn of flowd's is one of theirs */
	struct watch turn;   /* that, in flowd's loop */
	struct watch resume; /* a timer: the end of a pause */
	struct watch listen;
	struct client *client[CONTROL_CLIENTS];
	struct control_rights *rights;
	struct mono window; /* begin of the second that the budget is for */
	uint64_t used_ns;   /* of it */
	struct {
		uint64_t answered, refused, denied, dropped, pauses;
	} stats;
	char path[108];
	dev_t dev; /* of the socket there: one that another flowd made since is its own */
	ino_t ino;
};

/* Nothing was asked yet, in full. */
static inline bool client_is_idle(const struct client *client)
{
	return !client->size && !client->waits && !client->waits_sample;
}

/* Bytes of all answers that are held, and that they may take. */
uint64_t control_held(const struct control *control);
uint64_t control_room(const struct control *control);

/* The peer's connection, which is closed where there is no memory for it. */
void client_new(struct control *control, size_t slot, int fd);
void client_free(struct client *client);

/* Add to the answer. False: it is too long, and will be said to be. */
bool answer_add(struct client *client, const void *data, size_t size);
void answer_text(struct client *client, const char *text);

/* Make the answer to client->request, or note that it comes later. */
void control_answer(struct client *client);

/* "debug ..." (control_debug.c) */
void control_debug(struct client *client);

/* Begin or go on with sending. False: it is done with, or gone. */
bool client_send(struct client *client);
/* An answer that came later; frees the client where all of it is sent. */
void client_finish(struct client *client, const char *text);
