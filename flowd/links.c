/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* links.c: the rtnetlink socket. */
#include "flowd/links.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flowd/iface.h"

static void links_run(struct watch *watch, uint32_t events)
{
	struct flowd *flowd = watch->arg;
	_Alignas(struct nlmsghdr) char buf[16384];
	ssize_t size = recv(watch->fd, buf, sizeof(buf), MSG_DONTWAIT);
	unsigned int left = size > 0 ? (unsigned int)size : 0;

	(void)events;
	for (struct nlmsghdr *head = (void *)buf; NLMSG_OK(head, left);
	     head = NLMSG_NEXT(head, left)) {
		const struct ifinfomsg *link = NLMSG_DATA(head);

		if (head->nlmsg_len < NLMSG_LENGTH(sizeof(*link)))
			continue;
		if (head->nlmsg_type == RTM_DELLINK)
			iface_gone(flowd, (uint32_t)link->ifi_index);
		else if (head->nlmsg_type == RTM_NEWLINK)
			iface_changed(flowd, (uint32_t)link->ifi_index);
	}
}

int links_open(struct flowd *flowd)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), err;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address))) {
		err = -errno;
		close(fd);
		return err;
	}
	flowd->links = (struct watch){.fd = fd, .run = links_run, .arg = flowd};
	return loop_watch(&flowd->loop, &flowd->links, EPOLLIN);
}

void links_close(struct flowd *flowd)
{
	if (flowd->links.fd > 0)
		close(flowd->links.fd);
	flowd->links.fd = -1;
}
