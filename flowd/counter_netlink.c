/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * counter_netlink.c: requests of rtnetlink and their answers. See counter_netlink.h.
 *
 * Queues of one kind and handle (children of mq, which have none) are added up. A queue with classes
 * counts what its children drop as well, as `tc -s qdisc` shows it.
 */
#include "flowd/counter_netlink.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_MAX 32768
#define ANSWER_TIMEOUT_S 5 /* an answer that was lost does not hold up the thread for ever */

/* Something of one message. 0 or -errno, which ends the reading. */
typedef int message_take(void *arg, const void *data, size_t size);

int counter_netlink_open(void)
{
	struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return fd;
}

static int error_of(const struct nlmsghdr *head)
{
	const struct nlmsgerr *error = NLMSG_DATA(head);

	return head->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) ? -EPROTO : error->error;
}

/* Messages of one datagram. 1: the answer is whole, 0: more is to come, or -errno. */
static int read_some(const char *buf, size_t size, const struct nlmsghdr *request,
		     message_take *take, void *arg)
{
	unsigned int left = (unsigned int)size;

	for (const struct nlmsghdr *head = (const void *)buf; NLMSG_OK(head, left);
	     head = NLMSG_NEXT(head, left)) {
		int err;

		if (head->nlmsg_seq != request->nlmsg_seq)
			continue; /* of a request that was given up */
		if (head->nlmsg_type == NLMSG_DONE)
			return 1;
		if (head->nlmsg_type == NLMSG_ERROR)
			return error_of(head);
		if (head->nlmsg_flags & NLM_F_DUMP_INTR)
			return -EAGAIN;
		err = take(arg, NLMSG_DATA(head), head->nlmsg_len - NLMSG_HDRLEN);
		if (err)
			return err;
		if (!(request->nlmsg_flags & NLM_F_DUMP))
			return 1;
	}
	return 0;
}

static int ask(int fd, struct nlmsghdr *request, message_take *take, void *arg)
{
	static _Thread_local uint32_t sequence;
	_Alignas(struct nlmsghdr) char buf[ANSWER_MAX];
	int more = 0;

	request->nlmsg_seq = ++sequence;
	if (send(fd, request, request->nlmsg_len, 0) < 0)
		return -errno;
	while (!more) {
		ssize_t size = recv(fd, buf, sizeof(buf), 0);

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return -errno;
		more = read_some(buf, (size_t)size, request, take, arg);
	}
	return more < 0 ? more : 0;
}

/* The kernel's structure may be shorter than ours, or longer. */
static int take_stats(void *arg, const void *data, size_t size)
{
	const size_t head = NLMSG_ALIGN(sizeof(struct if_stats_msg));
	int left = (int)size - (int)head;

	for (const struct rtattr *a = (const void *)((const char *)data + head); RTA_OK(a, left);
	     a = RTA_NEXT(a, left)) {
		size_t len = RTA_PAYLOAD(a);

		if (a->rta_type != IFLA_STATS_LINK_64)
			continue;
		memset(arg, 0, sizeof(struct rtnl_link_stats64));
		memcpy(arg, RTA_DATA(a),
		       len < sizeof(struct rtnl_link_stats64) ? len
							      : sizeof(struct rtnl_link_stats64));
		return 0;
	}
	return -EPROTO;
}

int counter_link_ask(int fd, uint32_t ifindex, struct rtnl_link_stats64 *ret_stats)
{
	struct {
		struct nlmsghdr head;
		struct if_stats_msg stats;
	} request = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(request.stats)),
			 .nlmsg_type = RTM_GETSTATS,
			 .nlmsg_flags = NLM_F_REQUEST},
		.stats = {.ifindex = ifindex,
			  .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)},
	};

	return ask(fd, &request.head, take_stats, ret_stats);
}

#define STAT(name)                                              \
	{                                                       \
#name, offsetof(struct rtnl_link_stats64, name) \
	}

static const struct {
	const char *name;
	size_t offset;
} link_stats[] = {
	STAT(rx_errors),	 STAT(tx_errors),	 STAT(rx_dropped),
	STAT(tx_dropped),	 STAT(collisions),	 STAT(rx_length_errors),
	STAT(rx_over_errors),	 STAT(rx_crc_errors),	 STAT(rx_frame_errors),
	STAT(rx_fifo_errors),	 STAT(rx_missed_errors), STAT(tx_aborted_errors),
	STAT(tx_carrier_errors), STAT(tx_fifo_errors),	 STAT(tx_heartbeat_errors),
	STAT(tx_window_errors),	 STAT(rx_nohandler),	 STAT(rx_otherhost_dropped),
};

void counter_link_add(struct counter_sample *sample, uint32_t ifnum,
		      const struct rtnl_link_stats64 *stats)
{
	for (size_t i = 0; i < sizeof(link_stats) / sizeof(link_stats[0]); i++) {
		uint64_t value;

		memcpy(&value, (const char *)stats + link_stats[i].offset, sizeof(value));
		counter_sample_add(sample, ifnum, COUNTER_LINK, link_stats[i].name, value);
	}
}

static uint32_t target_of(const struct counter_sample *sample, int ifindex)
{
	for (size_t i = 0; i < sample->targets; i++) {
		if (sample->target[i].ifindex == (uint32_t)ifindex)
			return sample->target[i].ifnum;
	}
	return 0;
}

/* The attribute of that type, or NULL. */
static const struct rtattr *attribute(const void *data, int left, int type)
{
	for (const struct rtattr *a = data; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	}
	return NULL;
}

static void add_queue(struct counter_sample *sample, uint32_t ifnum, const char *queue,
		      const struct gnet_stats_queue *stats)
{
	char name[COUNTER_NAME_MAX];

	snprintf(name, sizeof(name), "%s drops", queue);
	counter_sample_add(sample, ifnum, COUNTER_QDISC, name, stats->drops);
	snprintf(name, sizeof(name), "%s overlimits", queue);
	counter_sample_add(sample, ifnum, COUNTER_QDISC, name, stats->overlimits);
	snprintf(name, sizeof(name), "%s requeues", queue);
	counter_sample_add(sample, ifnum, COUNTER_QDISC, name, stats->requeues);
}

void counter_qdisc_add(struct counter_sample *sample, const void *message, size_t size)
{
	const struct tcmsg *tc = message;
	const char *attributes = (const char *)message + NLMSG_ALIGN(sizeof(*tc));
	const struct rtattr *kind, *stats, *queue;
	struct gnet_stats_queue counts = {0};
	char name[IFNAMSIZ + 8];
	int left = (int)size - (int)NLMSG_ALIGN(sizeof(*tc));
	uint32_t ifnum = left < 0 ? 0 : target_of(sample, tc->tcm_ifindex);

	if (!ifnum)
		return;
	kind = attribute(attributes, left, TCA_KIND);
	stats = attribute(attributes, left, TCA_STATS2);
	if (!kind || !stats)
		return;
	queue = attribute(RTA_DATA(stats), (int)RTA_PAYLOAD(stats), TCA_STATS_QUEUE);
	if (!queue || RTA_PAYLOAD(queue) < sizeof(counts))
		return;
	memcpy(&counts, RTA_DATA(queue), sizeof(counts));
	snprintf(name, sizeof(name), "%.*s %x:", (int)strnlen(RTA_DATA(kind), RTA_PAYLOAD(kind)),
		 (const char *)RTA_DATA(kind), TC_H_MAJ(tc->tcm_handle) >> 16);
	add_queue(sample, ifnum, name, &counts);
}

static int take_queue(void *arg, const void *data, size_t size)
{
	counter_qdisc_add(arg, data, size);
	return 0;
}

int counter_qdisc_ask(int fd, struct counter_sample *sample)
{
	struct {
		struct nlmsghdr head;
		struct tcmsg tc;
	} request = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(request.tc)),
			 .nlmsg_type = RTM_GETQDISC,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.tc = {.tcm_family = AF_UNSPEC},
	};

	return ask(fd, &request.head, take_queue, sample);
}
