// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wltraf.c: exact traffic from sockets, for the live suites: what iperf3 and ping cannot give.
 *
 *   udp      datagrams: --count of --size to -d ADDR -p PORT, over --flows source ports
 *   gso      the same, --segments of --size handed to the kernel at once (UDP_SEGMENT)
 *   tcp      a connection: --count times --size bytes, then close (--reset: RST)
 *   serve    takes UDP and TCP on -p PORT and discards it, until killed; prints "ready"
 *   raw      --count times the frames of --pcap FILE or --hex BYTES out of -i IFACE (AF_PACKET)
 *   vectors  the frames of vectors.h that a wire can carry, out of -i IFACE
 *   count    sends nothing: what is in --pcap FILE ("-": standard input), by length on the wire
 *
 * Prints one JSON object: what was sent (udp and tcp: payload), and when it began and ended.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "wltraf.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define PAYLOAD_MAX 65507
#define CLIENTS_MAX 256

static char payload[PAYLOAD_MAX];

void die(const char *what, const char *object)
{
	fprintf(stderr, "wltraf: %s '%s': %s\n", what, object, strerror(errno));
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

void wait_ms(unsigned long ms)
{
	struct timespec ts = {.tv_sec = (time_t)(ms / 1000),
			      .tv_nsec = (long)(ms % 1000) * 1000000};

	while (ms && nanosleep(&ts, &ts) && errno == EINTR)
		;
}

void count_sent(struct sent *sent, uint64_t packets, uint64_t bytes)
{
	sent->end_ms = now_ms();
	if (!sent->start_ms)
		sent->start_ms = sent->end_ms;
	sent->packets += packets;
	sent->bytes += bytes;
}

static void print_sent(const struct sent *sent)
{
	printf("{\"packets\":%llu,\"bytes\":%llu,\"start_ms\":%lld,\"end_ms\":%lld}\n",
	       (unsigned long long)sent->packets, (unsigned long long)sent->bytes,
	       (long long)sent->start_ms, (long long)sent->end_ms);
}

static struct addrinfo *resolve(const char *host, const char *port, int type)
{
	struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *info;
	int err = getaddrinfo(host, port, &hints, &info);

	if (err) {
		fprintf(stderr, "wltraf: address '%s' port '%s': %s\n", host, port,
			gai_strerror(err));
		exit(2);
	}
	return info;
}

static void bind_port(int fd, int family, unsigned long port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int on = 1;
	int err;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	err = family == AF_INET6 ? bind(fd, (void *)&six, sizeof(six))
				 : bind(fd, (void *)&four, sizeof(four));
	if (err)
		die("source port", "-s");
}

static int open_to(const struct options *opt, int type, unsigned long sport)
{
	struct addrinfo *to = resolve(opt->dst, opt->port, type);
	int fd = socket(to->ai_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket", opt->mode);
	if (sport)
		bind_port(fd, to->ai_family, sport);
	if (connect(fd, to->ai_addr, to->ai_addrlen))
		die("connect", opt->dst);
	freeaddrinfo(to);
	return fd;
}

/* Sends all or dies; refused once in a while by an ICMP answer to an earlier datagram: again. */
static void send_datagram(int fd, size_t size)
{
	while (send(fd, payload, size, 0) != (ssize_t)size) {
		if (errno != ECONNREFUSED && errno != EINTR && errno != ENOBUFS)
			die("send", "udp");
	}
}

static int *open_flows(const struct options *opt, int segment)
{
	int *fd = calloc(opt->flows, sizeof(*fd));

	if (!fd)
		die("flows", "memory");
	for (unsigned long i = 0; i < opt->flows; i++) {
		fd[i] = open_to(opt, SOCK_DGRAM, opt->sport ? opt->sport + i : 0);
		if (segment &&
		    setsockopt(fd[i], IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)))
			die("UDP_SEGMENT", opt->dst);
	}
	return fd;
}

static void run_udp(const struct options *opt, struct sent *sent)
{
	int *fd = open_flows(opt, 0);

	for (unsigned long i = 0; i < opt->count; i++) {
		if (i)
			wait_ms(opt->interval_ms);
		send_datagram(fd[i % opt->flows], opt->size);
		count_sent(sent, 1, opt->size);
	}
	free(fd);
}

static void run_gso(const struct options *opt, struct sent *sent)
{
	int *fd = open_flows(opt, (int)opt->size);

	for (unsigned long i = 0; i < opt->count; i++) {
		send_datagram(fd[i % opt->flows], opt->size * opt->segments);
		count_sent(sent, opt->segments, opt->size * opt->segments);
	}
	free(fd);
}

static void send_stream(int fd, size_t size)
{
	while (size) {
		ssize_t n =
			send(fd, payload, size < PAYLOAD_MAX ? size : PAYLOAD_MAX, MSG_NOSIGNAL);

		if (n < 0)
			die("send", "tcp");
		size -= (size_t)n;
	}
}

/* `packets` counts the writes. Waits for the peer's FIN, so that the whole conversation is over. */
static void run_tcp(const struct options *opt, struct sent *sent)
{
	struct linger reset = {.l_onoff = 1};
	int fd = open_to(opt, SOCK_STREAM, opt->sport);

	count_sent(sent, 0, 0);
	for (unsigned long i = 0; i < opt->count; i++) {
		if (i)
			wait_ms(opt->interval_ms);
		send_stream(fd, opt->size);
		count_sent(sent, 1, opt->size);
	}
	wait_ms(opt->hold_ms);
	if (opt->reset) {
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	} else {
		shutdown(fd, SHUT_WR);
		while (recv(fd, payload, sizeof(payload), 0) > 0)
			;
	}
	close(fd);
	count_sent(sent, 0, 0);
}

static int listen_on(const char *port, int type)
{
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0), off = 0;

	if (fd < 0)
		die("socket", "serve");
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	bind_port(fd, AF_INET6, strtoul(port, NULL, 10));
	if (type == SOCK_STREAM && listen(fd, 128))
		die("listen", port);
	return fd;
}

static void accept_client(struct pollfd *fds, nfds_t *n)
{
	int fd = accept(fds[1].fd, NULL, NULL);

	if (fd >= 0 && *n < CLIENTS_MAX)
		fds[(*n)++] = (struct pollfd){.fd = fd, .events = POLLIN};
	else if (fd >= 0)
		close(fd);
}

__attribute__((noreturn)) static void run_serve(const struct options *opt)
{
	struct pollfd fds[CLIENTS_MAX] = {
		{.fd = listen_on(opt->port, SOCK_DGRAM), .events = POLLIN},
		{.fd = listen_on(opt->port, SOCK_STREAM), .events = POLLIN},
	};
	nfds_t n = 2;

	puts("ready");
	fflush(stdout);
	for (;;) {
		if (poll(fds, n, -1) < 0 && errno != EINTR)
			die("poll", "serve");
		for (nfds_t i = n - 1; i >= 2; i--) {
			if (!fds[i].revents || recv(fds[i].fd, payload, sizeof(payload), 0) > 0)
				continue;
			close(fds[i].fd);
			fds[i] = fds[--n];
		}
		if (fds[0].revents)
			recv(fds[0].fd, payload, sizeof(payload), MSG_DONTWAIT);
		if (fds[1].revents)
			accept_client(fds, &n);
	}
}

static void usage(FILE *out)
{
	fputs("usage: wltraf MODE [options]\n"
	      "  udp | gso | tcp   -d ADDR -p PORT [-s SPORT] [--count N] [--size BYTES]\n"
	      "                    [--flows N] [--segments N] [--interval MS] [--hold MS] [--reset]\n"
	      "  serve             -p PORT\n"
	      "  raw               -i IFACE (--pcap FILE | --hex BYTES [--size BYTES]) [--count N]\n"
	      "  vectors           -i IFACE [--count N]\n"
	      "  count             --pcap FILE\n",
	      out);
}

enum {
	OPT_COUNT = 256,
	OPT_SIZE,
	OPT_FLOWS,
	OPT_SEGMENTS,
	OPT_INTERVAL,
	OPT_HOLD,
	OPT_RESET,
	OPT_PCAP,
	OPT_HEX
};

static const struct option long_options[] = {
	{"count", required_argument, NULL, OPT_COUNT},
	{"size", required_argument, NULL, OPT_SIZE},
	{"flows", required_argument, NULL, OPT_FLOWS},
	{"segments", required_argument, NULL, OPT_SEGMENTS},
	{"interval", required_argument, NULL, OPT_INTERVAL},
	{"hold", required_argument, NULL, OPT_HOLD},
	{"reset", no_argument, NULL, OPT_RESET},
	{"pcap", required_argument, NULL, OPT_PCAP},
	{"hex", required_argument, NULL, OPT_HEX},
	{"help", no_argument, NULL, 'h'},
	{},
};

static unsigned long number(unsigned long max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(optarg, &end, 10);
	if (errno || end == optarg || *end || value > max) {
		fprintf(stderr, "wltraf: '%s': not in 0-%lu\n", optarg, max);
		exit(2);
	}
	return value;
}

static void parse_long_option(int c, struct options *opt)
{
	switch (c) {
	case OPT_COUNT:
		opt->count = number(1000000000);
		break;
	case OPT_SIZE:
		opt->size = number(1000000000);
		break;
	case OPT_FLOWS:
		opt->flows = number(1000);
		break;
	case OPT_SEGMENTS:
		opt->segments = number(128);
		break;
	case OPT_INTERVAL:
		opt->interval_ms = number(3600000);
		break;
	case OPT_HOLD:
		opt->hold_ms = number(3600000);
		break;
	case OPT_RESET:
		opt->reset = true;
		break;
	case OPT_PCAP:
		opt->pcap = optarg;
		break;
	case OPT_HEX:
		opt->hex = optarg;
		break;
	default:
		usage(stderr);
		exit(2);
	}
}

static void parse_option(int c, struct options *opt)
{
	switch (c) {
	case 'd':
		opt->dst = optarg;
		break;
	case 'p':
		opt->port = optarg;
		break;
	case 's':
		opt->sport = number(65535);
		break;
	case 'i':
		opt->iface = optarg;
		break;
	case 'h':
		usage(stdout);
		exit(0);
	default:
		parse_long_option(c, opt);
	}
}

static const struct mode {
	const char *name;
	enum { TO_ADDRESS, TO_IFACE, TO_NOTHING } to;
	bool datagrams;
	void (*run)(const struct options *opt, struct sent *sent);
} modes[] = {
	{"udp", TO_ADDRESS, true, run_udp},
	{"gso", TO_ADDRESS, true, run_gso},
	{"tcp", TO_ADDRESS, false, run_tcp},
	{"raw", TO_IFACE, false, run_raw},
	{"vectors", TO_IFACE, false, run_vectors},
	{"count", TO_NOTHING, false, run_count},
	{},
};

static void run_mode(const struct mode *mode, const struct options *opt)
{
	struct sent sent = {};
	bool addressed = opt->dst && opt->port;

	if ((mode->to == TO_ADDRESS && !addressed) || (mode->to == TO_IFACE && !opt->iface) ||
	    (mode->to == TO_NOTHING && !opt->pcap)) {
		usage(stderr);
		exit(2);
	}
	if (mode->datagrams && opt->size * opt->segments > PAYLOAD_MAX) {
		fprintf(stderr, "wltraf: --size: more than %u bytes at once\n", PAYLOAD_MAX);
		exit(2);
	}
	mode->run(opt, &sent);
	print_sent(&sent);
}

int main(int argc, char **argv)
{
	struct options opt = {.count = 1, .segments = 1, .flows = 1};
	const struct mode *mode = modes;
	int c;

	while ((c = getopt_long(argc, argv, "d:p:s:i:h", long_options, NULL)) != -1)
		parse_option(c, &opt);
	opt.mode = optind < argc ? argv[optind] : "";
	opt.flows = opt.flows ? opt.flows : 1;
	if (!strcmp(opt.mode, "serve") && opt.port)
		run_serve(&opt);
	while (mode->name && strcmp(mode->name, opt.mode))
		mode++;
	if (!mode->name) {
		usage(stderr);
		return 2;
	}
	run_mode(mode, &opt);
	return 0;
}
