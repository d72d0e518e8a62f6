/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * start.c: how long flowd takes from exec to the first packet that it counts, and to its word that it counts. Packets
 * flow all the time, on an interface that is its: somebody else sends them. The first one is looked for in the pinned
 * ledger, every 200 us, by a thread of the real-time class.
 *
 *   start ROUNDS LEDGER DIR FLOWD ARG...
 *
 * LEDGER is where flowd pins it, DIR for databases: each start has a new one, and new maps. Prints a line, with tabs
 * between: ms to the first packet, median, least and most; ms of CPU until then, median; the same four to
 * "counting"; interfaces attached to.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "schema/flow.h"
#include "timing.h"

#define ROUNDS_MAX 101
#define ARGS_MAX 32
#define LOOK_NS 200000
#define GIVE_UP_MS 30000.0

struct start {
	double first[ROUNDS_MAX], first_cpu[ROUNDS_MAX];
	double ready[ROUNDS_MAX], ready_cpu[ROUNDS_MAX];
	int interfaces;
};

/* What one flowd is seen by. */
struct watch {
	pid_t pid;
	int said; /* its standard error */
	double begun;
	char text[65536];
	size_t len;
	const struct flow_ledger *ledger;
	size_t entries;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "start: %s: %s\n", what, why);
	exit(1);
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* CPU time of the process so far, in ms. */
static double cpu_ms(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void run_child(char **argv, int out, int round, const char *dir)
{
	const struct sched_param none = {0};
	static char option[] = "--db";
	char *args[ARGS_MAX + 3], db[512];
	int n = 0;

	snprintf(db, sizeof(db), "%s/start-%d.db", dir, round);
	while (argv[n] && n < ARGS_MAX) {
		args[n] = argv[n];
		n++;
	}
	args[n++] = option;
	args[n++] = db;
	args[n] = NULL;
	if (dup2(out, STDERR_FILENO) < 0 || sched_setscheduler(0, SCHED_OTHER, &none))
		_exit(127);
	execv(args[0], args);
	_exit(127);
}

static void begin(struct watch *watch, char **argv, int round, const char *dir)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		die("pipe", strerror(errno));
	memset(watch, 0, sizeof(*watch));
	watch->begun = now_ms();
	watch->pid = fork();
	if (!watch->pid)
		run_child(argv, ends[1], round, dir);
	close(ends[1]);
	watch->said = ends[0];
	fcntl(watch->said, F_SETFL, O_NONBLOCK);
}

static void listen_to(struct watch *watch)
{
	ssize_t len =
		read(watch->said, watch->text + watch->len, sizeof(watch->text) - 1 - watch->len);

	if (len > 0)
		watch->len += (size_t)len;
	else if (!len)
		die("flowd ended", watch->text);
}

static void open_ledger(struct watch *watch, const char *path)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	int fd = bpf_obj_get(path);
	void *memory;

	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) || info.value_size != sizeof(*watch->ledger))
		die(path, "not this version's ledger");
	watch->entries = info.max_entries;
	memory = mmap(NULL, watch->entries * sizeof(*watch->ledger), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (memory == MAP_FAILED)
		die(path, strerror(errno));
	watch->ledger = memory;
}

static bool counted(struct watch *watch, const char *path)
{
	if (!watch->ledger)
		open_ledger(watch, path);
	for (size_t i = 0; watch->ledger && i < watch->entries; i++) {
		if (__atomic_load_n(&watch->ledger[i].seen.packets, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

static void end(struct watch *watch)
{
	int status;

	kill(watch->pid, SIGTERM);
	if (waitpid(watch->pid, &status, 0) != watch->pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status))
		die("flowd failed", watch->text);
	if (watch->ledger)
		munmap((void *)watch->ledger, watch->entries * sizeof(*watch->ledger));
	close(watch->said);
}

static int attached(const char *text)
{
	int count = 0;

	while ((text = strstr(text, ": ingress by "))) {
		text++;
		count++;
	}
	return count;
}

static void one_round(struct start *start, char **argv, int round)
{
	const struct timespec rest = {.tv_nsec = LOOK_NS};
	bool first = false, ready = false;
	struct watch watch;

	begin(&watch, argv + 4, round, argv[3]);
	while (!first || !ready) {
		double gone = now_ms() - watch.begun;

		if (gone > GIVE_UP_MS)
			die(first ? "flowd is not ready" : "no packet is counted", watch.text);
		if (!first && counted(&watch, argv[2])) {
			first = true;
			start->first[round] = gone;
			start->first_cpu[round] = cpu_ms(watch.pid);
		}
		listen_to(&watch);
		if (!ready && strstr(watch.text, ": counting")) {
			ready = true;
			start->ready[round] = gone;
			start->ready_cpu[round] = cpu_ms(watch.pid);
		}
		nanosleep(&rest, NULL);
	}
	start->interfaces = attached(watch.text);
	end(&watch);
}

static void print_ms(double *all, double *cpu, int rounds)
{
	double middle = median(all, rounds);

	printf("%.0f\t%.0f\t%.0f\t%.0f\t", middle, all[0], all[rounds - 1], median(cpu, rounds));
}

int main(int argc, char **argv)
{
	const struct sched_param urgent = {.sched_priority = 1};
	int rounds = argc > 1 ? atoi(argv[1]) : 0;
	static struct start start;

	if (argc < 5 || argc > ARGS_MAX || rounds < 1 || rounds > ROUNDS_MAX) {
		fputs("usage: start ROUNDS LEDGER DIR FLOWD ARG...\n", stderr);
		return 2;
	}
	if (sched_setscheduler(0, SCHED_FIFO, &urgent))
		die("real-time class", strerror(errno));
	for (int i = 0; i < rounds; i++)
		one_round(&start, argv, i);
	print_ms(start.first, start.first_cpu, rounds);
	print_ms(start.ready, start.ready_cpu, rounds);
	printf("%d\n", start.interfaces);
	return 0;
}
