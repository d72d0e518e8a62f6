/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cost.c: what commands cost: user and system time, wall time and most resident memory of each, medians of
 * rounds in which they take turns, after one that warms up. Standard output is thrown away.
 *
 *   cost ROUNDS NAME COMMAND [ARG...] [-- NAME COMMAND [ARG...]]...
 *
 * A line each: name, CPU and wall seconds, MB resident, least and most CPU seconds, with tabs between.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "timing.h"

#define ROUNDS_MAX 101
#define COMMANDS_MAX 16

struct command {
	char **argv; /* its name first */
	double cpu[ROUNDS_MAX], wall[ROUNDS_MAX], resident[ROUNDS_MAX];
};

static void die(const char *what, const char *text)
{
	fprintf(stderr, "cost: %s: %s\n", what, text);
	exit(1);
}

static double seconds(const struct timeval *tv)
{
	return (double)tv->tv_sec + (double)tv->tv_usec / 1e6;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void run_child(char **argv)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(127);
	execvp(argv[0], argv);
	fprintf(stderr, "cost: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* The command ends when all do that it started, also those that it did not wait for: this process is their reaper. */
static void run(struct command *command, int round)
{
	double begun = now(), cpu = 0, resident = 0;
	struct rusage use;
	int status, failed = 0;
	pid_t pid = fork(), got;

	if (!pid)
		run_child(command->argv + 1);
	if (pid < 0)
		die(command->argv[0], strerror(errno));
	while ((got = wait4(-1, &status, 0, &use)) > 0) {
		failed |= got == pid && (!WIFEXITED(status) || WEXITSTATUS(status));
		cpu += seconds(&use.ru_utime) + seconds(&use.ru_stime);
		resident = use.ru_maxrss > resident ? (double)use.ru_maxrss : resident;
	}
	if (failed)
		die(command->argv[0], "failed");
	command->wall[round] = now() - begun;
	command->cpu[round] = cpu;
	command->resident[round] = resident / 1024;
}

/* Cut the arguments at "--". */
static int split(char **argv, struct command *commands)
{
	int count = 0;

	while (*argv && count < COMMANDS_MAX) {
		commands[count++].argv = argv;
		while (*argv && strcmp(*argv, "--"))
			argv++;
		if (*argv)
			*argv++ = NULL;
		if (!commands[count - 1].argv[0] || !commands[count - 1].argv[1])
			return 0;
	}
	return *argv ? 0 : count;
}

int main(int argc, char **argv)
{
	static struct command commands[COMMANDS_MAX];
	int rounds = argc > 1 ? atoi(argv[1]) : 0;
	int count = argc > 2 ? split(argv + 2, commands) : 0;

	if (rounds < 1 || rounds > ROUNDS_MAX || !count) {
		fputs("usage: cost ROUNDS NAME COMMAND [ARG...] [-- NAME COMMAND [ARG...]]...\n",
		      stderr);
		return 2;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int round = -1; round < rounds; round++) {
		for (int i = 0; i < count; i++)
			run(&commands[i], round < 0 ? 0 : round);
	}
	for (int i = 0; i < count; i++) {
		struct command *c = &commands[i];
		double cpu = median(c->cpu, rounds);

		printf("%s\t%.3f\t%.3f\t%.1f\t%.3f\t%.3f\n", c->argv[0], cpu,
		       median(c->wall, rounds), median(c->resident, rounds), c->cpu[0],
		       c->cpu[rounds - 1]);
	}
	return 0;
}
