/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * links.c: the rtnetlink socket. Messages come in the order of what happened. Where some were lost, for
 * want of room, and at the start, all interfaces are asked for: a round.
 */
#include "flowd/links.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flowd/iface_follow.h"
#include "flowd/log.h"

#define READS_MAX 64		 /* at once: a sweep may be due */
#define ROOM_BYTES (4 << 20)	 /* in the kernel */
#define MESSAGE_BYTES (64 << 10) /* one of a device with many virtual functions */

static uint32_t attribute_u32(const struct rtattr *attribute)
{
	uint32_t value = 0;

	if (RTA_PAYLOAD(attribute) >= sizeof(value))
		memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}

static bool read_news(const struct nlmsghdr *head, struct iface_news *ret_news)
{
	const struct ifinfomsg *link = NLMSG_DATA(head);
	unsigned int left = IFLA_PAYLOAD(head);
	struct iface_news news = {
		.ifindex = (uint32_t)link->ifi_index,
		.type = link->ifi_type,
	};

	for (const struct rtattr *at = IFLA_RTA(link); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		if (at->rta_type == IFLA_IFNAME && RTA_PAYLOAD(at) <= sizeof(news.name))
			memcpy(news.name, RTA_DATA(at), RTA_PAYLOAD(at));
		else if (at->rta_type == IFLA_MTU)
			news.mtu = attribute_u32(at);
	}
	news.name[sizeof(news.name) - 1] = '\0';
	*ret_news = news;
	return news.name[0] != '\0';
}

/* A bridge tells of its ports by messages of its own, also when one leaves it. */
static bool is_device(const struct nlmsghdr *head)
{
	const struct ifinfomsg *link = NLMSG_DATA(head);

	return head->nlmsg_len >= NLMSG_LENGTH(sizeof(*link)) && link->ifi_family == AF_UNSPEC;
}

void links_look_again(struct flowd *flowd)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
	} request = {
		.head =
			{
				.nlmsg_len = sizeof(request),
				.nlmsg_type = RTM_GETLINK,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
				.nlmsg_seq = ++flowd->link_round,
			},
	};

	flowd->iface_short = false;
	/* where that fails they are asked for again after a sweep */
	flowd->links_lost = send(flowd->links.fd, &request, sizeof(request), MSG_DONTWAIT) < 0;
}

static void end_round(struct flowd *flowd)
{
	iface_follow_round(flowd, flowd->link_round);
	flowd->links_missed = false;
}

static void take_message(struct flowd *flowd, const struct nlmsghdr *head)
{
	struct iface_news news;

	if (head->nlmsg_type ==
	    NLMSG_ERROR) { /* to a request for all; EBUSY while another one is answered */
		flowd->links_lost = true;
		return;
	}
	if (head->nlmsg_type == NLMSG_DONE || head->nlmsg_flags & NLM_F_DUMP_INTR) {
		if (head->nlmsg_flags & NLM_F_DUMP_INTR)
			flowd->links_lost = true;
		else if (head->nlmsg_seq == flowd->link_round && !flowd->links_lost)
			end_round(flowd);
	}
	if (!is_device(head))
		return;
	if (head->nlmsg_type == RTM_DELLINK)
		iface_follow_gone(flowd,
				  (uint32_t)((struct ifinfomsg *)NLMSG_DATA(head))->ifi_index);
	else if (head->nlmsg_type == RTM_NEWLINK && read_news(head, &news))
		iface_follow_news(flowd, &news, flowd->link_round);
}

static void miss(struct flowd *flowd)
{
	if (!flowd->links_missed)
		log_info(
			"interfaces change faster than they can be followed: looking at all of them");
	flowd->links_missed = flowd->links_lost = true;
}

static void links_run(struct watch *watch, uint32_t events)
{
	static _Alignas(struct nlmsghdr) char buf[MESSAGE_BYTES];
	struct flowd *flowd = watch->arg;
	ssize_t size = 0;

	(void)events;
	for (int i = 0; i < READS_MAX; i++) {
		unsigned int left;

		size = recv(watch->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (size < 0 && errno == ENOBUFS) {
			miss(flowd);
			continue;
		}
		if (size <= 0)
			break;
		left = (unsigned int)size;
		for (struct nlmsghdr *head = (void *)buf; NLMSG_OK(head, left);
		     head = NLMSG_NEXT(head, left))
			take_message(flowd, head);
	}
	/* until all of what there was is read the kernel says no more than that */
	if (size < 0 && flowd->links_missed && flowd->links_lost)
		links_look_again(flowd);
}

int links_open(struct flowd *flowd)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	const int room = ROOM_BYTES;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), err;

	if (fd < 0)
		return -errno;
	/* less is no error: then more may be lost */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address))) {
		err = -errno;
		close(fd);
		return err;
	}
	flowd->links = (struct watch){.fd = fd, .run = links_run, .arg = flowd};
	flowd->links_missed = true; /* nobody has listened since they were attached to */
	links_look_again(flowd);
	return loop_watch(&flowd->loop, &flowd->links, EPOLLIN);
}

void links_close(struct flowd *flowd)
{
	if (flowd->links.fd > 0)
		close(flowd->links.fd);
	flowd->links.fd = -1;
}
