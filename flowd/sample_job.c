/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_job.c: a detached thread; whoever is done with the job last frees it. See sample_job.h. */
#include "flowd/sample_job.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define JOB_NICE 10

struct sample_job {
	char expression[SAMPLE_EXPRESSION_MAX];
	uint32_t links;
	struct sample_compiled set;
	char error[SAMPLE_ERROR_MAX];
	int err;
	int fd;
	int users; /* the thread, and who started it */
};

static void drop(struct sample_job *job)
{
	if (__atomic_sub_fetch(&job->users, 1, __ATOMIC_ACQ_REL))
		return;
	sample_compile_free(&job->set);
	close(job->fd);
	free(job);
}

static void *run(void *arg)
{
	struct sample_job *job = arg;

	setpriority(PRIO_PROCESS, (id_t)gettid(), JOB_NICE);
	job->err = sample_compile_set(job->expression, job->links, &job->set, job->error);
	eventfd_write(job->fd, 1);
	drop(job);
	return NULL;
}

/* Signals are for the main thread's signalfd. */
static int start_thread(struct sample_job *job)
{
	pthread_t thread;
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, NULL, run, job);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		pthread_detach(thread);
	return -err;
}

int sample_job_start(const char *expression, uint32_t links, struct sample_job **ret_job)
{
	struct sample_job *job = calloc(1, sizeof(*job));
	int err;

	if (!job)
		return -ENOMEM;
	memcpy(job->expression, expression, strnlen(expression, sizeof(job->expression) - 1));
	job->links = links;
	job->users = 2;
	job->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = job->fd < 0 ? -errno : start_thread(job);
	if (err) {
		if (job->fd >= 0)
			close(job->fd);
		free(job);
		return err;
	}
	*ret_job = job;
	return 0;
}

int sample_job_fd(const struct sample_job *job)
{
	return job->fd;
}

int sample_job_take(struct sample_job *job, struct sample_compiled *ret_set,
		    char ret_error[SAMPLE_ERROR_MAX])
{
	if (job->err) {
		memcpy(ret_error, job->error, SAMPLE_ERROR_MAX);
		return job->err;
	}
	*ret_set = job->set;
	job->set = (struct sample_compiled){NULL, NULL};
	return 0;
}

void sample_job_free(struct sample_job *job)
{
	if (job)
		drop(job);
}
