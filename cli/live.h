/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* live.h: ask flowd over its control socket (schema/control.h). */
#pragma once

#include <stdint.h>

#include "schema/control.h"
#include "schema/fields.h"

struct live_error {
	char text[256]; /* "socket 'PATH': what is wrong" */
};

struct live {
	struct control_head head;
	struct control_books *books;	 /* head.books of them */
	struct flow_record *records;	 /* head.records of them */
	struct event_record *events;	 /* head.events of them */
	struct counter_record *counters; /* head.counters of them */
};

/*
 * What flowd has counted and not written. 0, or -errno: -ENOENT and -ECONNREFUSED where no flowd is
 * there, -EACCES, -EPROTO an answer that is none, -EAGAIN none in time.
 */
int live_fetch(const char *socket, struct live *ret_live, struct live_error *ret_error);
void live_free(struct live *live);

/* Of a text that is no answer: what flowd says, which is changed in place, or that it is not flowd's. */
const char *live_words(char *text);

/* Send a line, get the whole answer as a text that is to be freed. Errors as above. */
int live_ask(const char *socket, const char *request, int timeout_s, char **ret_text,
	     struct live_error *ret_error);
