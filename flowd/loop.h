/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* loop.h: one epoll instance; a watch is a descriptor and the function it wakes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct loop {
	int epoll_fd;
	bool stop;
};

/* Embedded in its owner and left in place while it is added. */
struct watch {
	int fd;
	void (*run)(struct watch *watch, uint32_t events);
	void *arg;
};

/* 0 or -errno. */
int loop_open(struct loop *ret_loop);
void loop_close(struct loop *loop);

/* events: EPOLLIN and kin; again for the same watch: change them. 0 or -errno. */
int loop_watch(struct loop *loop, struct watch *watch, uint32_t events);
void loop_unwatch(struct loop *loop, struct watch *watch);

/* Wait so long (ms, -1: for ever) and run one watch, if any is ready. 0 or -errno. */
int loop_turn(struct loop *loop, int timeout_ms);

/* Until loop->stop. A watch may free itself in its own run, no other. 0 or -errno. */
int loop_run(struct loop *loop);
