/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_ask.c: see sample_ask.h. */
#include "flowd/sample_ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "flowd/flowd.h"
#include "flowd/sample_job.h"
#include "flowd/sample_say.h"
#include "flowd/samples.h"

struct sample_ask {
	struct flowd *flowd;
	struct watch watch; /* the job's descriptor */
	struct sample_job *job;
	struct sample_change change;
	struct sample_asker asker;
};

/* What was asked for is wrong, or it cannot be done now, or here. */
static char *error_text(int err, const char *error)
{
	bool is_wrong = err == -EINVAL || err == -E2BIG || err == -ENODEV;
	char *text = NULL;

	if (asprintf(&text, "%s %s\n", is_wrong ? "error" : "failed",
		     error[0] ? error : strerror(-err)) < 0)
		return NULL;
	return text;
}

/* The change, and the answer to it. */
static char *make_change(struct samples *samples, const struct sample_change *change,
			 const struct sample_compiled *set)
{
	char error[SAMPLE_ERROR_MAX] = "";
	int err = samples_change(samples, change, set, error);

	return err ? error_text(err, error) : sample_say(samples);
}

void sample_ask_free(struct sample_ask *ask)
{
	if (!ask)
		return;
	ask->flowd->samples->ask = NULL;
	loop_unwatch(&ask->flowd->loop, &ask->watch);
	sample_job_free(ask->job);
	free(ask);
}

void sample_ask_forget(struct flowd *flowd, const void *arg)
{
	if (flowd->samples && flowd->samples->ask && flowd->samples->ask->asker.arg == arg)
		sample_ask_free(flowd->samples->ask);
}

/* The filter is compiled, or is not one. */
static void done_run(struct watch *watch, uint32_t events)
{
	struct sample_ask *ask = watch->arg;
	struct sample_compiled set = {NULL, NULL};
	struct sample_asker asker = ask->asker;
	char error[SAMPLE_ERROR_MAX] = "", *text;
	int err;

	(void)events;
	if (!asker.is_there(asker.arg)) {
		sample_ask_free(ask);
		asker.answer(asker.arg, "");
		return;
	}
	err = sample_job_take(ask->job, &set, error);
	text = err ? error_text(err, error) : make_change(ask->flowd->samples, &ask->change, &set);
	sample_compile_free(&set);
	sample_ask_free(ask);
	asker.answer(asker.arg, text ? text : "");
	free(text);
}

/* Have the filter compiled. NULL: it is being done. */
static char *start_job(struct flowd *flowd, const struct sample_change *change, uint32_t links,
		       const struct sample_asker *asker)
{
	struct sample_ask *ask;
	int err;

	if (flowd->samples->ask)
		return error_text(-EBUSY, "another filter is being compiled: try again");
	ask = calloc(1, sizeof(*ask));
	if (!ask)
		return error_text(-ENOMEM, "");
	ask->flowd = flowd;
	ask->change = *change;
	ask->asker = *asker;
	err = sample_job_start(change->to.filter, links, &ask->job);
	if (err) {
		free(ask);
		return error_text(err, "");
	}
	ask->watch = (struct watch){.fd = sample_job_fd(ask->job), .run = done_run, .arg = ask};
	flowd->samples->ask = ask;
	err = loop_watch(&flowd->loop, &ask->watch, EPOLLIN);
	if (!err)
		return NULL;
	sample_ask_free(ask);
	return error_text(err, "");
}

static char *answer_set(struct flowd *flowd, char *words, const struct sample_asker *asker)
{
	const struct sample_compiled none = {NULL, NULL};
	char error[SAMPLE_ERROR_MAX] = "";
	struct sample_change change;
	uint32_t links = 0;
	int err = sample_change_parse(words, &change, error);

	if (!err)
		err = sample_rules_links(&flowd->samples->rules, &change, &links, error);
	if (err)
		return error_text(err, error);
	if (links)
		return start_job(flowd, &change, links, asker);
	return make_change(flowd->samples, &change, &none);
}

char *sample_ask(struct flowd *flowd, char *words, const struct sample_asker *asker)
{
	if (!words[strspn(words, " ")])
		return sample_say(flowd->samples);
	if (!strncmp(words, " set ", 5))
		return answer_set(flowd, words + 5, asker);
	return error_text(-EINVAL, "request 'sample': not followed by 'set KEY=VALUE ...'");
}
