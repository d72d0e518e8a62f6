/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_ask.h: the control requests `sample` and `sample set ...` (schema/control.h). Where a filter has
 * to be compiled the answer comes later, from the loop; one at a time.
 */
#pragma once

#include <stdbool.h>

struct flowd;
struct sample_ask;

/* Who asks. */
struct sample_asker {
	bool (*is_there)(void *arg); /* still; else nothing is changed */
	void (*answer)(void *arg, const char *text);
	void *arg;
};

/*
 * `words` is what follows "sample" in the request. The answer, to be freed; NULL: it comes later, by
 * asker->answer.
 */
char *sample_ask(struct flowd *flowd, char *words, const struct sample_asker *asker);

/* That asker will not be there any more. */
void sample_ask_forget(struct flowd *flowd, const void *arg);

/* The request in hand, without an answer. NULL is fine. */
void sample_ask_free(struct sample_ask *ask);
