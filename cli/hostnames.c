/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hostnames.c: c-ares asks, since it can be called off: getnameinfo(3) in threads takes as long where
 * all is well, but a thread that waits for a dead server cannot be ended before its time.
 *
 * What was answered is known for a day, that there is no name for an hour. Where nobody answered it is
 * not asked again for a minute, so that a dead server delays one answer a minute and not each.
 */
#include "cli/hostnames.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "cli/hostname_cache.h"
#include "cli/hostname_file.h"

#define IN_FLIGHT_MAX 64
#define TRIES 2 /* of each server, in the time that there is */
#define NAME_S 86400
#define NO_NAME_S 3600
#define NO_ANSWER_S 60

struct wanted {
	struct hostnames *hosts;
	__be32 addr[4];
	bool ipv6;
	bool sent, done;
};

struct hostnames {
	struct hostname_cache cache;
	char stamp[HOSTNAME_STAMP_SIZE];
	int64_t now_s;
	int64_t wait_ms, left_ms; /* as said; what is left of it */
	struct wanted *wanted;
	size_t count, size;
	size_t in_flight;
	size_t answers; /* of a server, in this round */
	ares_channel channel;
	bool open;    /* `channel` is */
	bool closing; /* what calls back was not answered */
	bool changed; /* `cache` was */
	bool no_memory;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int hostnames_new(int64_t wait_ms, int64_t now_s, struct hostnames **ret_hosts)
{
	struct hostnames *hosts = calloc(1, sizeof(*hosts));
	int err;

	if (!hosts)
		return -ENOMEM;
	hosts->now_s = now_s;
	hosts->wait_ms = hosts->left_ms = wait_ms;
	hostname_file_stamp(hosts->stamp);
	err = hostname_file_read(&hosts->cache, hosts->stamp, now_s);
	if (err)
		hostnames_free(hosts);
	else
		*ret_hosts = hosts;
	return err;
}

void hostnames_free(struct hostnames *hosts)
{
	if (!hosts)
		return;
	if (hosts->changed)
		hostname_file_write(&hosts->cache, hosts->stamp, hosts->now_s);
	if (hosts->open) {
		ares_destroy(hosts->channel);
		ares_library_cleanup();
	}
	hostname_cache_free(&hosts->cache);
	free(hosts->wanted);
	free(hosts);
}

const char *hostnames_find(const struct hostnames *hosts, bool ipv6, const __be32 addr[4])
{
	const struct hostname_entry *entry = hostname_cache_get(&hosts->cache, ipv6, addr);

	return entry ? entry->name : NULL;
}

static void learn(struct wanted *wanted, const char *name, int64_t age_s)
{
	struct hostnames *hosts = wanted->hosts;

	if (hostname_cache_put(&hosts->cache, wanted->ipv6, wanted->addr, name,
			       hosts->now_s + age_s))
		hosts->no_memory = true;
	hosts->changed = true;
	wanted->done = true;
}

int hostnames_want(struct hostnames *hosts, bool ipv6, const __be32 addr[4])
{
	struct wanted *grown;

	if (hosts->left_ms <= 0 || hostname_cache_get(&hosts->cache, ipv6, addr))
		return 0;
	if (hosts->count == hosts->size) {
		hosts->size = hosts->size ? 2 * hosts->size : 64;
		grown = reallocarray(hosts->wanted, hosts->size, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		hosts->wanted = grown;
	}
	grown = &hosts->wanted[hosts->count++];
	*grown = (struct wanted){.hosts = hosts, .ipv6 = ipv6};
	memcpy(grown->addr, addr, sizeof(grown->addr));
	return 0;
}

static int open_channel(struct hostnames *hosts)
{
	/* The second try of the last server still has its time. */
	struct ares_options options = {.timeout = (int)(hosts->wait_ms / (TRIES + 1)),
				       .tries = TRIES};
	int status;

	if (hosts->open)
		return 0;
	if (options.timeout < 1)
		options.timeout = 1;
	status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status == ARES_SUCCESS) {
		status = ares_init_options(&hosts->channel, &options,
					   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
		if (status != ARES_SUCCESS)
			ares_library_cleanup();
	}
	hosts->open = status == ARES_SUCCESS;
	return hosts->open ? 0 : status == ARES_ENOMEM ? -ENOMEM : -EIO;
}

static void on_answer(void *arg, int status, int timeouts, struct hostent *host)
{
	struct wanted *wanted = arg;
	struct hostnames *hosts = wanted->hosts;
	char name[HOSTNAME_SIZE];

	(void)timeouts;
	hosts->in_flight--;
	if (hosts->closing)
		return;
	if (status == ARES_SUCCESS && host && host->h_name && hostname_clean(host->h_name, name))
		learn(wanted, name, NAME_S);
	else if (status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA ||
		 status == ARES_EBADNAME || status == ARES_EBADRESP)
		learn(wanted, NULL, NO_NAME_S);
	else
		learn(wanted, NULL, NO_ANSWER_S);
	hosts->answers += status != ARES_ETIMEOUT && status != ARES_ECONNREFUSED;
}

/* Some may be answered before this returns: /etc/hosts has them. */
static void send_more(struct hostnames *hosts, size_t *next)
{
	while (*next < hosts->count && hosts->in_flight < IN_FLIGHT_MAX) {
		struct wanted *wanted = &hosts->wanted[(*next)++];

		if (hostname_cache_get(&hosts->cache, wanted->ipv6, wanted->addr))
			continue; /* it was wanted twice */
		wanted->sent = true;
		hosts->in_flight++;
		ares_gethostbyaddr(hosts->channel, wanted->addr, wanted->ipv6 ? 16 : 4,
				   wanted->ipv6 ? AF_INET6 : AF_INET, on_answer, wanted);
	}
}

/* The sockets that c-ares waits at: bit i says that one is to be read, bit i + 16 that it is to be written. */
static nfds_t poll_set(ares_channel channel, struct pollfd fds[ARES_GETSOCK_MAXNUM])
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	unsigned bits = (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
	nfds_t count = 0;

	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		bool in = bits >> i & 1, out = bits >> (i + ARES_GETSOCK_MAXNUM) & 1;

		if (in || out)
			fds[count++] = (struct pollfd){
				.fd = sockets[i],
				.events = (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0))};
	}
	return count;
}

/* Wait for an answer, for as long as c-ares would have it and `most_ms` allows; take what came. */
static void step(ares_channel channel, int64_t most_ms)
{
	struct timeval most = {.tv_sec = most_ms / 1000, .tv_usec = most_ms % 1000 * 1000}, room;
	const struct timeval *wait = ares_timeout(channel, &most, &room);
	struct pollfd fds[ARES_GETSOCK_MAXNUM];
	nfds_t count = poll_set(channel, fds);

	poll(fds, count, (int)(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1));
	for (nfds_t i = 0; i < count; i++) {
		bool in = fds[i].revents & (POLLIN | POLLERR | POLLHUP);

		ares_process_fd(channel, in ? fds[i].fd : ARES_SOCKET_BAD,
				fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
	}
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* what is overdue */
}

/* Call off what was not answered. Where nobody answers at all, the rest is not worth a try either. */
static void give_up(struct hostnames *hosts)
{
	hosts->closing = true;
	ares_cancel(hosts->channel);
	hosts->closing = false;
	for (size_t i = 0; i < hosts->count; i++) {
		struct wanted *wanted = &hosts->wanted[i];

		if (!wanted->done && (wanted->sent || !hosts->answers) &&
		    !hostname_cache_get(&hosts->cache, wanted->ipv6, wanted->addr))
			learn(wanted, NULL, NO_ANSWER_S);
	}
}

static void ask(struct hostnames *hosts)
{
	int64_t begun = now_ms(), left = hosts->left_ms;
	size_t next = 0;

	hosts->answers = 0;
	send_more(hosts, &next);
	while (hosts->in_flight && left > 0) {
		step(hosts->channel, left);
		left = hosts->left_ms - (now_ms() - begun);
		if (left > 0)
			send_more(hosts, &next);
	}
	hosts->left_ms = left;
	give_up(hosts);
}

int hostnames_wait(struct hostnames *hosts)
{
	int err = 0;

	if (hosts->count && hosts->left_ms > 0)
		err = open_channel(hosts);
	if (err == -EIO) { /* no configuration that c-ares takes: no names */
		hosts->left_ms = 0;
		err = 0;
	}
	if (!err && hosts->open && hosts->count && hosts->left_ms > 0)
		ask(hosts);
	hosts->count = 0;
	return err ? err : hosts->no_memory ? -ENOMEM : 0;
}
