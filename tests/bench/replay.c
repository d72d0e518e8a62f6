/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay.c: packets a CPU-second of `flowd -r` into a new database, by the whole process' user and
 * system time, for captures of 1,000,000 packets in 100,000 conversations: within 60 seconds, and
 * over 24 hours; in turns with softflowd and tcpdump, where they are installed, on the same capture. The
 * captures are made in the given folder, the same each time.
 *
 * Conversations are TCP and UDP, one in eight IPv6, ten packets each in turns; as many run at once
 * as last a few seconds. Frames of 60 to 1,500 bytes, 96 of each captured.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "timing.h"

#define PACKETS 1000000U
#define PER_CONVERSATION 10U
#define SNAP 96U
#define START_S 1700000000U
#define ROUNDS_MAX 101

struct kind {
	const char *name;
	uint32_t seconds;
	uint32_t at_once; /* conversations, a divisor of all */
};

static const struct kind kinds[] = {{"60 s", 60, 5000}, {"24 h", 86400, 5}};

static void die(const char *what)
{
	fprintf(stderr, "replay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint32_t mix(uint32_t n)
{
	n = (n ^ n >> 16) * 0x7feb352dU;
	n = (n ^ n >> 15) * 0x846ca68bU;
	return n ^ n >> 16;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* IPv4 or IPv6 header in front of `l4`; where the transport goes. */
static uint8_t *put_ip(uint8_t *ip, uint32_t conv, int back, uint32_t len, uint8_t proto)
{
	uint32_t client = 0x0a000000U | (mix(conv) & 0xffffff), server = 0xc0a80000U | conv % 5000;
	int v6 = conv % 8 == 7;

	if (v6) {
		put32(ip, 0x60000000U);
		put16(ip + 4, len - 40);
		ip[6] = proto;
		put32(ip + 8, 0x20010db8U);
		put32(ip + 20, back ? server : client);
		put32(ip + 24, 0x20010db8U);
		put32(ip + 36, back ? client : server);
		return ip + 40;
	}
	ip[0] = 0x45;
	put16(ip + 2, len);
	ip[8] = 64;
	ip[9] = proto;
	put32(ip + 12, back ? server : client);
	put32(ip + 16, back ? client : server);
	return ip + 20;
}

static void put_frame(uint8_t *frame, uint32_t conv, uint32_t turn, uint32_t len)
{
	int back = turn & 1, tcp = conv % 3 != 0;
	uint32_t client = 32768 + (mix(conv) >> 17), server = tcp ? 443 : 53;
	uint8_t *l4;

	memset(frame, 0, SNAP);
	put16(frame + 12, conv % 8 == 7 ? 0x86dd : 0x0800);
	l4 = put_ip(frame + 14, conv, back, len - 14, tcp ? 6 : 17);
	put16(l4, back ? server : client);
	put16(l4 + 2, back ? client : server);
	if (tcp) {
		l4[12] = 0x50;
		l4[13] = turn ? 0x10 : 0x02;
	}
}

static void make_capture(const char *path, const struct kind *kind)
{
	const uint32_t head[6] = {0xa1b23c4dU, 2 | 4 << 16, 0, 0, SNAP, 1};
	uint32_t group = kind->at_once * PER_CONVERSATION;
	uint8_t frame[SNAP];
	FILE *file = fopen(path, "we");

	if (!file)
		die(path);
	fwrite(head, sizeof(head), 1, file);
	for (uint32_t i = 0; i < PACKETS; i++) {
		uint32_t turn = i % group / kind->at_once;
		uint32_t conv = i / group * kind->at_once + i * 7919U % kind->at_once;
		uint32_t len = 94 + mix(i) % 1407;
		uint64_t ns = (uint64_t)i * 1000 * kind->seconds;
		const uint32_t record[4] = {(uint32_t)(START_S + ns / 1000000000),
					    (uint32_t)(ns % 1000000000), SNAP < len ? SNAP : len,
					    len};

		put_frame(frame, conv, turn, len);
		fwrite(record, sizeof(record), 1, file);
		fwrite(frame, record[2], 1, file);
	}
	if (fclose(file))
		die(path);
}

static void remove_database(const char *path)
{
	static const char *const suffix[] = {"", "-wal", "-shm"};
	char name[600];

	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
		unlink(name);
	}
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* CPU seconds of one run of a program with that capture; -1: there is no such program. */
static double run_program(const char *const argv[])
{
	struct rusage usage;
	int status;
	pid_t pid;

	fflush(stdout); /* else the child has it too */
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(127);
		execvp(argv[0], (char *const *)(uintptr_t)argv); /* it changes nothing */
		_exit(127);
	}
	if (wait4(pid, &status, 0, &usage) != pid)
		die("wait");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return -1;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "replay: %s did not end well\n", argv[0]);
		exit(1);
	}
	return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/* Replays into a new database. */
static double run_flowd(const char *flowd, const char *capture, const char *db)
{
	const char *const argv[] = {flowd,   "--config", "/dev/null", "-r",
				    capture, "--db",	 db,	      NULL};
	double cpu;

	remove_database(db);
	cpu = run_program(argv);
	if (cpu < 0)
		die(flowd);
	remove_database(db);
	return cpu;
}

/* Others that read the same capture, in the same run: flows to nowhere, and packets to nowhere. */
static double run_other(int which, const char *capture)
{
	const char *const softflowd[] = {"softflowd", "-d",	     "-r", capture,
					 "-n",	      "127.0.0.1:9", NULL};
	const char *const tcpdump[] = {"tcpdump", "-r", capture, "-w", "/dev/null", NULL};

	return run_program(which ? tcpdump : softflowd);
}

static void print_line(const char *name, double cpu[], int rounds, double flowd)
{
	double middle = median(cpu, rounds);

	if (cpu[0] < 0) {
		printf("  %-10s is not installed\n", name);
		return;
	}
	printf("  %-10s %9.0f packets a CPU second  spread %.3f-%.3f s  %.2f of flowd's CPU\n",
	       name, PACKETS / middle, cpu[0], cpu[rounds - 1], middle / flowd);
}

static void compare(const char *flowd, const char *capture, const char *db, int rounds)
{
	static double cpu[3][ROUNDS_MAX];
	double middle;

	for (int i = 0; i < rounds; i++) {
		cpu[0][i] = run_flowd(flowd, capture, db);
		cpu[1][i] = run_other(0, capture);
		cpu[2][i] = run_other(1, capture);
	}
	middle = median(cpu[0], rounds);
	print_line("flowd", cpu[0], rounds, middle);
	print_line("softflowd", cpu[1], rounds, middle);
	print_line("tcpdump -w", cpu[2], rounds, middle);
}

int main(int argc, char **argv)
{
	int rounds = argc > 3 ? atoi(argv[3]) : 5;
	char capture[512], db[512];

	if (argc < 3 || argc > 4 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: replay FLOWD FOLDER [ROUNDS]\n");
		return 2;
	}
	printf("# flowd -r: %u packets, %u conversations; medians of %d runs\n", PACKETS,
	       PACKETS / PER_CONVERSATION, rounds);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		snprintf(capture, sizeof(capture), "%s/bench-replay-%u.pcap", argv[2],
			 kinds[k].seconds);
		snprintf(db, sizeof(db), "%s/bench-replay.db", argv[2]);
		make_capture(capture, &kinds[k]);
		printf("%s\n", kinds[k].name);
		compare(argv[1], capture, db, rounds);
		unlink(capture);
	}
	return 0;
}
