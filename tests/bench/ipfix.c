/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ipfix.c: see ipfix.h. Octets are those of frames, as the ledger's, so that both sum up to the same;
 * ICMP type and code are the destination port, as exporters have it.
 *
 *   message   | version 10, length | time | sequence | domain |  sets: | id, length | records ... |
 */
#include "ipfix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define VERSION 10
#define HEADER 16
#define SET_HEADER 4
#define SET_TEMPLATE 2
#define TEMPLATE_V4 256
#define TEMPLATE_V6 257
#define FIELDS 12
#define RECORD_MAX 96
#define QUEUE_MAX 65536	    /* bytes of memory of the collector's socket */
#define LOOK_EVERY 16	    /* datagrams: 16 of 2,304 bytes of memory fit beside */
#define TEMPLATE_EVERY 4096 /* datagrams */
#define TRIES 100000	    /* of 100 us */

struct element {
	uint16_t id; /* https://www.iana.org/assignments/ipfix */
	uint16_t size;
};

static const struct element fields_v4[FIELDS] = {
	{8, 4},	 {12, 4}, {7, 2}, {11, 2}, {4, 1},   {6, 1},
	{10, 4}, {61, 1}, {2, 8}, {1, 8},  {152, 8}, {153, 8},
};

static const struct element fields_v6[FIELDS] = {
	{27, 16}, {28, 16}, {7, 2}, {11, 2}, {4, 1},   {6, 1},
	{10, 4},  {61, 1},  {2, 8}, {1, 8},  {152, 8}, {153, 8},
};

static void put(struct ipfix *ipfix, uint64_t value, uint32_t size)
{
	while (size--)
		ipfix->message[ipfix->size++] = (uint8_t)(value >> 8 * size);
}

static void put_at(struct ipfix *ipfix, uint32_t at, uint32_t value, uint32_t size)
{
	uint32_t end = ipfix->size;

	ipfix->size = at;
	put(ipfix, value, size);
	ipfix->size = end;
}

static void put_bytes(struct ipfix *ipfix, const void *bytes, uint32_t size)
{
	memcpy(ipfix->message + ipfix->size, bytes, size);
	ipfix->size += size;
}

/* Memory that waits in the collector's socket, and datagrams that it had no room for. */
static int look(uint16_t port, unsigned long *ret_queue, unsigned long *ret_drops)
{
	FILE *file = fopen("/proc/net/udp", "re");
	char line[256];
	int err = -ENOENT;

	if (!file)
		return -errno;
	while (err && fgets(line, sizeof(line), file)) {
		unsigned int local;

		if (sscanf(line,
			   "%*d: %*x:%x %*x:%*x %*x %*x:%lx %*x:%*x %*x %*d %*d %*d %*d %*s %lu",
			   &local, ret_queue, ret_drops) == 3 &&
		    local == port)
			err = 0;
	}
	fclose(file);
	return err;
}

/* Until at most that much waits. */
static int wait_room(struct ipfix *ipfix, unsigned long most)
{
	for (int i = 0; i < TRIES; i++) {
		unsigned long queue, drops;
		int err = look(ipfix->port, &queue, &drops);

		if (err)
			return err;
		if (drops)
			return -ENOBUFS;
		if (queue <= most)
			return 0;
		usleep(100);
	}
	return -ETIMEDOUT;
}

static void close_set(struct ipfix *ipfix)
{
	if (ipfix->set)
		put_at(ipfix, ipfix->set + 2, ipfix->size - ipfix->set, 2);
	ipfix->set = 0;
}

static void open_set(struct ipfix *ipfix, uint16_t id)
{
	close_set(ipfix);
	ipfix->set = ipfix->size;
	ipfix->set_id = id;
	put(ipfix, id, 2);
	put(ipfix, 0, 2);
}

static void put_template(struct ipfix *ipfix, uint16_t id, const struct element *element)
{
	put(ipfix, id, 2);
	put(ipfix, FIELDS, 2);
	for (int i = 0; i < FIELDS; i++) {
		put(ipfix, element[i].id, 2);
		put(ipfix, element[i].size, 2);
	}
}

static void open_message(struct ipfix *ipfix)
{
	ipfix->size = HEADER;
	if (ipfix->datagrams % TEMPLATE_EVERY)
		return;
	open_set(ipfix, SET_TEMPLATE);
	put_template(ipfix, TEMPLATE_V4, fields_v4);
	put_template(ipfix, TEMPLATE_V6, fields_v6);
}

static int send_message(struct ipfix *ipfix)
{
	uint32_t size = ipfix->size;

	close_set(ipfix);
	put_at(ipfix, 0, VERSION, 2);
	put_at(ipfix, 2, size, 2);
	put_at(ipfix, 4, ipfix->time_s, 4);
	put_at(ipfix, 8, ipfix->sequence, 4);
	put_at(ipfix, 12, 1, 4);
	if (send(ipfix->fd, ipfix->message, size, 0) != (ssize_t)size)
		return -errno;
	ipfix->sequence += ipfix->set_records;
	ipfix->set_records = 0;
	ipfix->datagrams++;
	open_message(ipfix);
	return ipfix->datagrams % LOOK_EVERY ? 0 : wait_room(ipfix, QUEUE_MAX);
}

/* One direction; the port of an ICMP record is type << 8 | code. */
static int put_half(struct ipfix *ipfix, const struct flow_record *rec, int half)
{
	bool v6 = rec->key.ethertype == ETH_P_IPV6, icmp = false;
	uint32_t size = v6 ? 16 : 4;
	struct flow_key key;
	int err =
		ipfix->size + SET_HEADER + RECORD_MAX > IPFIX_MESSAGE_MAX ? send_message(ipfix) : 0;

	if (err)
		return err;
	flow_record_key(rec, half, &key);
	icmp = key.proto == IPPROTO_ICMP || key.proto == IPPROTO_ICMPV6;
	if (!ipfix->set || ipfix->set_id != (v6 ? TEMPLATE_V6 : TEMPLATE_V4))
		open_set(ipfix, v6 ? TEMPLATE_V6 : TEMPLATE_V4);
	put_bytes(ipfix, key.src, size);
	put_bytes(ipfix, key.dst, size);
	put(ipfix, icmp ? 0 : ntohs(key.sport), 2);
	put(ipfix, icmp ? ntohs(key.sport) << 8 | ntohs(key.dport) : ntohs(key.dport), 2);
	put(ipfix, key.proto, 1);
	put(ipfix, rec->half[half].tcp_flags, 1);
	put(ipfix, rec->iface, 4);
	put(ipfix, key.dir, 1);
	put(ipfix, rec->half[half].packets, 8);
	put(ipfix, rec->half[half].bytes, 8);
	put(ipfix, (uint64_t)rec->start_ms, 8);
	put(ipfix, (uint64_t)rec->end_ms, 8);
	ipfix->set_records++;
	ipfix->records++;
	return 0;
}

int ipfix_open(struct ipfix *ipfix, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	memset(ipfix, 0, sizeof(*ipfix));
	ipfix->port = port;
	ipfix->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ipfix->fd < 0)
		return -errno;
	if (connect(ipfix->fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	open_message(ipfix);
	return wait_room(ipfix, 0);
}

int ipfix_send(struct ipfix *ipfix, const struct sink_batch *batch, int64_t now_ms)
{
	int err = 0;

	ipfix->time_s = (uint32_t)(now_ms / 1000);
	for (size_t i = 0; !err && i < batch->records; i++) {
		for (int half = 0; !err && half < 2; half++) {
			if (batch->record[i].half[half].packets)
				err = put_half(ipfix, &batch->record[i], half);
		}
	}
	return err;
}

int ipfix_close(struct ipfix *ipfix)
{
	int err = ipfix->set_records ? send_message(ipfix) : 0;

	if (!err)
		err = wait_room(ipfix, 0);
	close(ipfix->fd);
	return err;
}
