/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * udp.c: sends datagrams by sendmmsg(2) as fast as one core can, to FLOWS ports of an IPv4 address, and says how
 * many went out, and in how many seconds of CPU, those in the kernel behind them included.
 *
 *   udp ADDRESS FLOWS BYTES SECONDS CPU
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "timing.h"

#define BATCH 64
#define FIRST_PORT 10000
#define FLOWS_MAX 50000
#define BYTES_MAX 1472

struct sender {
	struct mmsghdr message[BATCH];
	struct sockaddr_in to[BATCH];
	struct iovec payload;
	char bytes[BYTES_MAX];
	unsigned int flows, next;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "udp: %s: %s\n", what, why);
	exit(1);
}

static double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void prepare(struct sender *sender, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};

	sender->flows = (unsigned int)strtoul(argv[2], NULL, 0);
	sender->payload.iov_base = sender->bytes;
	sender->payload.iov_len = strtoul(argv[3], NULL, 0);
	if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		die(argv[1], "not an IPv4 address");
	if (!sender->flows || sender->flows > FLOWS_MAX || sender->payload.iov_len > BYTES_MAX)
		die("flows or bytes", "out of range");
	for (int i = 0; i < BATCH; i++) {
		sender->to[i] = to;
		sender->message[i].msg_hdr = (struct msghdr){
			.msg_name = &sender->to[i],
			.msg_namelen = sizeof(to),
			.msg_iov = &sender->payload,
			.msg_iovlen = 1,
		};
	}
}

static unsigned int send_batch(struct sender *sender, int fd)
{
	int sent;

	for (int i = 0; i < BATCH; i++) {
		sender->to[i].sin_port = htons((uint16_t)(FIRST_PORT + sender->next));
		sender->next = (sender->next + 1) % sender->flows;
	}
	sent = sendmmsg(fd, sender->message, BATCH, 0);
	if (sent < 0 && errno != ENOBUFS && errno != EAGAIN)
		die("sendmmsg", strerror(errno));
	return sent < 0 ? 0 : (unsigned int)sent;
}

int main(int argc, char **argv)
{
	static struct sender sender;
	unsigned long long packets = 0;
	double begun, end, span;
	cpu_set_t cpu;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (argc != 6) {
		fputs("usage: udp ADDRESS FLOWS BYTES SECONDS CPU\n", stderr);
		return 2;
	}
	prepare(&sender, argv);
	CPU_ZERO(&cpu);
	CPU_SET(atoi(argv[5]), &cpu);
	if (fd < 0 || sched_setaffinity(0, sizeof(cpu), &cpu))
		die("socket or CPU", strerror(errno));
	end = now(CLOCK_MONOTONIC) + strtod(argv[4], NULL);
	begun = now(CLOCK_PROCESS_CPUTIME_ID);
	while (now(CLOCK_MONOTONIC) < end)
		packets += send_batch(&sender, fd);
	span = now(CLOCK_PROCESS_CPUTIME_ID) - begun;
	printf("%llu %.3f\n", packets, span);
	close(fd);
	return 0;
}
