/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* loop.c: the epoll loop. One event a turn, so that a watch may go while others wait. */
#include "flowd/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

int loop_open(struct loop *ret_loop)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_loop = (struct loop){.epoll_fd = fd};
	return 0;
}

void loop_close(struct loop *loop)
{
	if (loop->epoll_fd > 0)
		close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

int loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (!epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event))
		return 0;
	if (errno == EEXIST && !epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event))
		return 0;
	return -errno;
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
}

int loop_turn(struct loop *loop, int timeout_ms)
{
	struct epoll_event event;
	int ready = epoll_wait(loop->epoll_fd, &event, 1, timeout_ms);

	if (ready < 0 && errno != EINTR)
		return -errno;
	if (ready > 0) {
		struct watch *watch = event.data.ptr;

		watch->run(watch, event.events);
	}
	return 0;
}

int loop_run(struct loop *loop)
{
	int err = 0;

	while (!loop->stop && !err)
		err = loop_turn(loop, -1);
	return err;
}
