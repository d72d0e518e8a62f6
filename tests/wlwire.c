// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wlwire.c: a wire with known faults between interfaces A and B of its namespace, in user space:
 *
 *   peer ──veth── A [ socket ─► rules ─► line, by due time ─► socket ] B ──veth── peer
 *
 * It carries whole Ethernet frames both ways, each as many milliseconds later as asked for (from when
 * the kernel received it), and loses, holds back and doubles what its rules say. GSO packets become
 * the segments that a NIC would make of them, checksums are filled in, so the peers may have any
 * offload on but that of UDP segments. A VLAN tag beside the bytes is lost: peers shall have none.
 * What it does not mean to lose it does not lose; if it did, `socket_drops`, `too_long` or `unsent`
 * of its answer say so. Says "carrying" on standard error, and on SIGTERM one JSON object on standard
 * output. --pcap FILE: FILE.a and FILE.b, what passed on either side, with nanoseconds.
 */
#include "wlwire.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <linux/if_ether.h>
#include <sys/prctl.h>
#include <sys/uio.h>

#include "open_packet.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define SOCKET_BYTES (256 << 20)
#define BATCH 64
#define SPIN_NS 100000 /* that near, wait awake: a timer is later than that now and then */
#define SECOND 1000000000LL

struct count {
	uint64_t packets, dropped, reordered, duplicated;
};

/* One way: what `in` receives goes to `out`. */
struct way {
	const char *name;
	int in, out;
	struct wire_rules rules;
	struct count all, data;
	uint64_t loss, dup, reorder; /* states of their generators */
	uint64_t sent, unsent, too_long;
	uint64_t late_ns, late_max_ns;
	int64_t last_due_ns;
	int64_t now_ns; /* when the frame in hand was received */
	FILE *from, *to;
};

struct frame {
	int64_t due_ns;
	uint64_t order;
	struct way *way;
	size_t size;
	unsigned char bytes[];
};

static struct frame **line; /* a heap */
static size_t line_used, line_room;
static uint64_t line_order;
static volatile sig_atomic_t ended;

void die(const char *what, const char *object)
{
	fprintf(stderr, "wlwire: %s '%s': %s\n", what, object, strerror(errno));
	exit(1);
}

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* splitmix64, Vigna */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static bool chance(uint64_t one_in, uint64_t *state)
{
	return one_in && next_random(state) % one_in == 0;
}

/* --- capture ------------------------------------------------------------------------------------ */

static FILE *pcap_open(const char *path, const char *side)
{
	static const uint32_t header[] = {0xa1b23c4d, 2 | 4 << 16, 0, 0, WIRE_FRAME_MAX, 1};
	char name[4096];
	FILE *file;

	snprintf(name, sizeof(name), "%s.%s", path, side);
	file = fopen(name, "we");
	if (!file || fwrite(header, sizeof(header), 1, file) != 1)
		die("capture", name);
	return file;
}

static void pcap_write(FILE *file, const void *bytes, size_t size, int64_t time_ns)
{
	uint32_t header[] = {(uint32_t)(time_ns / SECOND), (uint32_t)(time_ns % SECOND),
			     (uint32_t)size, (uint32_t)size};

	if (file &&
	    (fwrite(header, sizeof(header), 1, file) != 1 || fwrite(bytes, size, 1, file) != 1))
		die("capture", "write");
}

/* --- line --------------------------------------------------------------------------------------- */

static bool is_before(const struct frame *a, const struct frame *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void line_push(struct frame *frame)
{
	size_t i = line_used++;

	if (line_used > line_room) {
		line_room = line_room ? line_room * 2 : 1024;
		line = realloc(line, line_room * sizeof(struct frame *));
		if (!line)
			die("line", "memory");
	}
	frame->order = line_order++;
	for (; i && is_before(frame, line[(i - 1) / 2]); i = (i - 1) / 2)
		line[i] = line[(i - 1) / 2];
	line[i] = frame;
}

static struct frame *line_pop(void)
{
	struct frame *first = line[0], *last = line[--line_used];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < line_used) {
		if (child + 1 < line_used && is_before(line[child + 1], line[child]))
			child++;
		if (!is_before(line[child], last))
			break;
		line[i] = line[child];
		i = child;
	}
	line[i] = last;
	return first;
}

/* --- arrival ------------------------------------------------------------------------------------ */

static bool is_nth(const struct way *way)
{
	uint64_t n = way->data.packets;

	for (unsigned int i = 0; i < way->rules.nths; i++) {
		const struct wire_nth *nth = &way->rules.nth[i];

		if (n == nth->first ||
		    (nth->every && n > nth->first && (n - nth->first) % nth->every == 0))
			return true;
	}
	return false;
}

static bool is_first(struct way *way, const struct wire_look *look)
{
	uint8_t flags = look->flags & (TH_SYN | TH_ACK | TH_FIN | TH_RST);

	for (unsigned int i = 0; look->tcp && !look->data && i < way->rules.firsts; i++) {
		struct wire_first *first = &way->rules.first[i];

		if (first->flags == flags && first->left) {
			first->left--;
			return true;
		}
	}
	return false;
}

static void enqueue(struct way *way, const unsigned char *bytes, size_t size, int64_t due_ns)
{
	struct frame *frame = malloc(sizeof(*frame) + size);

	if (!frame)
		die("frame", "memory");
	*frame = (struct frame){.due_ns = due_ns, .way = way, .size = size};
	memcpy(frame->bytes, bytes, size);
	line_push(frame);
}

/* One frame, as a wire has it. Times of one socket can be out of order by little; frames are not. */
static void arrive(void *arg, const unsigned char *bytes, size_t size)
{
	struct way *way = arg;
	struct wire_look look;
	bool doubled = chance(way->rules.dup, &way->dup);
	bool lost = chance(way->rules.loss, &way->loss);
	bool held;
	int64_t due = way->now_ns + way->rules.delay_ns;

	wire_look(bytes, size, &look);
	way->all.packets++;
	way->data.packets += look.data > 0;
	pcap_write(way->from, bytes, size, way->now_ns);
	held = look.data && chance(way->rules.reorder, &way->reorder);
	if (is_first(way, &look) || (look.data && is_nth(way)) || lost) {
		way->all.dropped++;
		way->data.dropped += look.data > 0;
		return;
	}
	due = due < way->last_due_ns ? way->last_due_ns : due;
	way->last_due_ns = due;
	way->all.reordered += held;
	way->data.reordered += held;
	way->all.duplicated += doubled;
	way->data.duplicated += doubled && look.data;
	for (int i = 0; i <= doubled; i++)
		enqueue(way, bytes, size, held ? due + way->rules.hold_ns : due);
}

static int64_t received_ns(struct msghdr *message)
{
	struct timespec ts;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			return ts.tv_sec * SECOND + ts.tv_nsec;
		}
	}
	return now_ns();
}

static void receive(struct way *way)
{
	static unsigned char bytes[WIRE_FRAME_MAX];
	struct virtio_net_hdr gso;
	char control[256];

	for (int i = 0; i < BATCH; i++) {
		struct iovec iov[] = {{&gso, sizeof(gso)}, {bytes, sizeof(bytes)}};
		struct msghdr message = {.msg_iov = iov,
					 .msg_iovlen = 2,
					 .msg_control = control,
					 .msg_controllen = sizeof(control)};
		ssize_t size = recvmsg(way->in, &message, MSG_DONTWAIT);

		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (size < (ssize_t)sizeof(gso))
			die("receive", way->name);
		way->now_ns = received_ns(&message);
		if (!wire_split(bytes, (size_t)size - sizeof(gso), &gso, arrive, way))
			way->too_long++;
	}
}

/* --- departure ---------------------------------------------------------------------------------- */

static void depart(struct frame *frame, int64_t now)
{
	struct way *way = frame->way;
	uint64_t late = now > frame->due_ns ? (uint64_t)(now - frame->due_ns) : 0;

	while (write(way->out, frame->bytes, frame->size) != (ssize_t)frame->size) {
		if (errno == ENOBUFS || errno == EINTR || errno == EAGAIN)
			continue;
		way->unsent++;
		return;
	}
	way->sent++;
	way->late_ns += late;
	way->late_max_ns = late > way->late_max_ns ? late : way->late_max_ns;
	pcap_write(way->to, frame->bytes, frame->size, now);
}

static void depart_due(void)
{
	for (int i = 0; i < BATCH && line_used; i++) {
		int64_t now = now_ns();

		if (line[0]->due_ns > now)
			return;
		struct frame *frame = line_pop();

		depart(frame, now);
		free(frame);
	}
}

/* Until something arrives or leaves; near the end of a wait, awake. */
static void wait_for(struct pollfd *fds, const sigset_t *unblocked)
{
	int64_t left = line_used ? line[0]->due_ns - now_ns() - SPIN_NS : 3600 * SECOND;
	struct timespec timeout = {};

	if (left > 0)
		timeout = (struct timespec){left / SECOND, left % SECOND};
	if (ppoll(fds, WIRE_WAYS, &timeout, unblocked) < 0 && errno != EINTR)
		die("poll", "sockets");
}

static void carry(struct way *ways, const sigset_t *unblocked)
{
	struct pollfd fds[WIRE_WAYS];

	for (int i = 0; i < WIRE_WAYS; i++)
		fds[i] = (struct pollfd){.fd = ways[i].in, .events = POLLIN};
	while (!ended) {
		wait_for(fds, unblocked);
		for (int i = 0; i < WIRE_WAYS; i++) {
			if (fds[i].revents)
				receive(&ways[i]);
		}
		depart_due();
	}
}

/* --- start and end ------------------------------------------------------------------------------ */

static int open_in(const char *iface)
{
	struct sockaddr_ll from = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1, bytes = SOCKET_BYTES;
	struct packet_mreq all = {.mr_type = PACKET_MR_PROMISC};

	from.sll_ifindex = (int)if_nametoindex(iface);
	all.mr_ifindex = from.sll_ifindex;
	if (fd < 0 || !from.sll_ifindex ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    bind(fd, (void *)&from, sizeof(from)))
		die("interface", iface);
	return fd;
}

static void open_ways(struct way *ways, const struct wire_options *opt)
{
	static const char *const names[] = {"ab", "ba"}, *const sides[] = {"a", "b"};
	FILE *pcap[WIRE_WAYS] = {};

	for (int i = 0; opt->pcap && i < WIRE_WAYS; i++)
		pcap[i] = pcap_open(opt->pcap, sides[i]);
	for (int i = 0; i < WIRE_WAYS; i++) {
		uint64_t seed = opt->seed * WIRE_WAYS + (uint64_t)i;

		ways[i] = (struct way){.name = names[i],
				       .in = open_in(opt->iface[i]),
				       .out = open_packet(opt->iface[!i]),
				       .rules = opt->rules[i],
				       .from = pcap[i],
				       .to = pcap[!i]};
		ways[i].loss = next_random(&seed);
		ways[i].dup = next_random(&seed);
		ways[i].reorder = next_random(&seed);
	}
}

static void print_count(const char *name, const struct count *count)
{
	printf("\"%s\":{\"packets\":%llu,\"dropped\":%llu,\"reordered\":%llu,\"duplicated\":%llu}",
	       name, (unsigned long long)count->packets, (unsigned long long)count->dropped,
	       (unsigned long long)count->reordered, (unsigned long long)count->duplicated);
}

static void print_way(const struct way *way)
{
	struct tpacket_stats stats = {};
	socklen_t size = sizeof(stats);

	if (getsockopt(way->in, SOL_PACKET, PACKET_STATISTICS, &stats, &size))
		die("statistics", way->name);
	printf("\"%s\":{", way->name);
	print_count("all", &way->all);
	putchar(',');
	print_count("data", &way->data);
	printf(",\"sent\":%llu,\"socket_drops\":%u,\"too_long\":%llu,\"unsent\":%llu",
	       (unsigned long long)way->sent, stats.tp_drops, (unsigned long long)way->too_long,
	       (unsigned long long)way->unsent);
	printf(",\"late_us\":%.1f,\"late_max_us\":%.1f},",
	       way->sent ? (double)way->late_ns / 1e3 / (double)way->sent : 0.0,
	       (double)way->late_max_ns / 1e3);
}

static void report(const struct way *ways)
{
	putchar('{');
	for (int i = 0; i < WIRE_WAYS; i++) {
		print_way(&ways[i]);
		if (ways[i].from)
			fclose(ways[i].from);
	}
	printf("\"on_the_way\":%zu}\n", line_used);
}

/*
 * Ahead of what it carries for, where that is allowed, and on one CPU, else the peer could have two
 * frames in the wrong order, from queues of two CPUs; signals only while it waits.
 */
static void prepare(sigset_t *ret_unblocked)
{
	struct sched_param fifo = {.sched_priority = 10};
	struct sigaction action = {.sa_handler = end};
	sigset_t blocked;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((size_t)sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	sched_setscheduler(0, SCHED_FIFO, &fifo);
	prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, ret_unblocked);
	sigdelset(ret_unblocked, SIGTERM);
	sigdelset(ret_unblocked, SIGINT);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

int main(int argc, char **argv)
{
	const struct wire_options *opt = wire_options_parse(argc, argv);
	struct way ways[WIRE_WAYS];
	sigset_t unblocked;

	prepare(&unblocked);
	open_ways(ways, opt);
	fputs("wlwire: carrying\n", stderr);
	carry(ways, &unblocked);
	report(ways);
	return 0;
}
