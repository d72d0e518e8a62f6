// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wltcp.c: peers of one TCP connection that behave by script, for the live suites.
 *
 *   stall  -p PORT --wait MS           takes a connection, reads nothing for so long, then all of it
 *   echo   -p PORT                     sends back what comes, until the end of it
 *   late   -p PORT --wait MS --size N  reads to the end, waits, sends N bytes on the half that is open
 *   ask    -d ADDR -p PORT --count N --size N [--wait MS]   asks an echo, and waits after each answer
 *   half   -d ADDR -p PORT             closes its half at once, reads to the end
 *   idle   -d ADDR -p PORT --wait MS   keep-alives of a second, and nothing else for so long
 *   try    -d ADDR -p PORT --wait MS   connects, or not, for so long; then a reset, if it did
 *
 * Who listens says "ready" first. Prints one JSON object: bytes in and out, `result` (an errno's name in
 * words, "ok", "timeout"), and of `ask` in us the least and the mean time of an answer, and what the handshake and
 * the first answer took together.
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
#include <sys/socket.h>

#define STALL_BYTES 65536 /* receive buffer of who does not read */

struct peer {
	const char *mode, *dst, *port;
	unsigned long wait_ms, count, size;
	uint64_t in, out;
	uint64_t least_us, sum_us, open_us;
	const char *result;
};

static char buffer[65536];

__attribute__((noreturn)) static void die(const char *what, const char *object)
{
	fprintf(stderr, "wltcp: %s '%s': %s\n", what, object, strerror(errno));
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void wait_ms(unsigned long ms)
{
	struct timespec ts = {.tv_sec = (time_t)(ms / 1000),
			      .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static void read_all(struct peer *peer, int fd)
{
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		peer->in += (uint64_t)n;
	if (n < 0)
		peer->result = strerror(errno);
}

static bool write_all(struct peer *peer, int fd, size_t size)
{
	while (size) {
		size_t part = size < sizeof(buffer) ? size : sizeof(buffer);
		ssize_t n = send(fd, buffer, part, MSG_NOSIGNAL);

		if (n < 0) {
			peer->result = strerror(errno);
			return false;
		}
		size -= (size_t)n;
		peer->out += (uint64_t)n;
	}
	return true;
}

/* --- who listens -------------------------------------------------------------------------------- */

static int take_one(const struct peer *peer, int room)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, off = 0, taken;

	at.sin6_port = htons((uint16_t)strtoul(peer->port, NULL, 10));
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
	    (room && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room))) ||
	    bind(fd, (void *)&at, sizeof(at)) || listen(fd, 1))
		die("listen", peer->port);
	puts("ready");
	fflush(stdout);
	taken = accept(fd, NULL, NULL);
	if (taken < 0)
		die("accept", peer->port);
	close(fd);
	setsockopt(taken, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return taken;
}

static void run_stall(struct peer *peer)
{
	int fd = take_one(peer, STALL_BYTES);

	wait_ms(peer->wait_ms);
	read_all(peer, fd);
	close(fd);
}

static void run_echo(struct peer *peer)
{
	int fd = take_one(peer, 0);
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
		peer->in += (uint64_t)n;
		if (!write_all(peer, fd, (size_t)n))
			break;
	}
	close(fd);
}

static void run_late(struct peer *peer)
{
	int fd = take_one(peer, 0);

	read_all(peer, fd);
	wait_ms(peer->wait_ms);
	write_all(peer, fd, peer->size);
	close(fd);
}

/* --- who connects ------------------------------------------------------------------------------- */

static struct addrinfo *resolve(const struct peer *peer)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *info;

	if (getaddrinfo(peer->dst, peer->port, &hints, &info))
		die("address", peer->dst);
	return info;
}

/* Waits up to --wait for a try, else as long as the kernel does. */
static bool is_connected(struct peer *peer, int fd, const struct addrinfo *to, int timeout)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int err = 0;

	if (!connect(fd, to->ai_addr, to->ai_addrlen))
		return true;
	if (errno != EINPROGRESS)
		err = errno;
	else if (!poll(&pollfd, 1, timeout))
		err = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size);
	peer->result = err ? strerror(err) : peer->result;
	return !err;
}

static int connect_to(struct peer *peer)
{
	struct addrinfo *to = resolve(peer);
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		die("socket", peer->dst);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!is_connected(peer, fd, to, -1))
		die("connect", peer->dst);
	freeaddrinfo(to);
	return fd;
}

static void run_try(struct peer *peer)
{
	struct linger reset = {.l_onoff = 1};
	struct addrinfo *to = resolve(peer);
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die("socket", peer->dst);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	is_connected(peer, fd, to, (int)peer->wait_ms);
	freeaddrinfo(to);
	close(fd);
}

static void run_ask(struct peer *peer)
{
	uint64_t begun = now_us();
	int fd = connect_to(peer);

	for (unsigned long i = 0; i < peer->count; i++) {
		uint64_t start = now_us(), us, in = peer->in + peer->size;

		if (!write_all(peer, fd, peer->size))
			break;
		while (peer->in < in) {
			ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

			if (n <= 0)
				die("answer", peer->dst);
			peer->in += (uint64_t)n;
		}
		us = now_us() - start;
		peer->open_us = i ? peer->open_us : start + us - begun;
		peer->sum_us += us;
		peer->least_us = us < peer->least_us || !i ? us : peer->least_us;
		wait_ms(peer->wait_ms);
	}
	shutdown(fd, SHUT_WR);
	read_all(peer, fd);
	close(fd);
}

static void run_half(struct peer *peer)
{
	int fd = connect_to(peer);

	shutdown(fd, SHUT_WR);
	read_all(peer, fd);
	close(fd);
}

static void run_idle(struct peer *peer)
{
	int fd = connect_to(peer), on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &on, sizeof(on)))
		die("keep-alive", peer->dst);
	wait_ms(peer->wait_ms);
	shutdown(fd, SHUT_WR);
	read_all(peer, fd);
	close(fd);
}

/* --- command line ------------------------------------------------------------------------------- */

static const struct mode {
	const char *name;
	bool connects;
	void (*run)(struct peer *peer);
} modes[] = {
	{"stall", false, run_stall}, {"echo", false, run_echo}, {"late", false, run_late},
	{"ask", true, run_ask},	     {"half", true, run_half},	{"idle", true, run_idle},
	{"try", true, run_try},
};

__attribute__((noreturn)) static void usage(FILE *out)
{
	fputs("usage: wltcp stall|echo|late -p PORT [--wait MS] [--size N]\n"
	      "       wltcp ask|half|idle|try -d ADDR -p PORT [--count N] [--size N] [--wait MS]\n",
	      out);
	exit(out == stdout ? 0 : 2);
}

static unsigned long number(void)
{
	char *end;
	unsigned long value = strtoul(optarg, &end, 10);

	if (end == optarg || *end || value > 1000000000) {
		fprintf(stderr, "wltcp: '%s': not in 0-1000000000\n", optarg);
		exit(2);
	}
	return value;
}

static void parse(int argc, char **argv, struct peer *peer)
{
	static const struct option options[] = {
		{"wait", required_argument, NULL, 'w'},
		{"size", required_argument, NULL, 'S'},
		{"count", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, "d:p:h", options, NULL)) != -1) {
		if (c == 'd')
			peer->dst = optarg;
		else if (c == 'p')
			peer->port = optarg;
		else if (c == 'w')
			peer->wait_ms = number();
		else if (c == 'S')
			peer->size = number();
		else if (c == 'c')
			peer->count = number();
		else
			usage(c == 'h' ? stdout : stderr);
	}
	peer->mode = optind < argc ? argv[optind] : "";
}

static void print_peer(const struct peer *peer)
{
	printf("{\"in\":%llu,\"out\":%llu,\"result\":\"%s\",\"least_us\":%llu,\"mean_us\":%llu,"
	       "\"open_us\":%llu}\n",
	       (unsigned long long)peer->in, (unsigned long long)peer->out, peer->result,
	       (unsigned long long)peer->least_us,
	       (unsigned long long)(peer->count ? peer->sum_us / peer->count : 0),
	       (unsigned long long)peer->open_us);
}

int main(int argc, char **argv)
{
	struct peer peer = {.count = 1, .size = 1, .result = "ok"};

	parse(argc, argv, &peer);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(modes[i].name, peer.mode) != 0)
			continue;
		if (!peer.port || (modes[i].connects && !peer.dst))
			usage(stderr);
		modes[i].run(&peer);
		print_peer(&peer);
		return 0;
	}
	usage(stderr);
}
