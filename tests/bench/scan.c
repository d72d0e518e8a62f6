/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scan.c: records a CPU-second that `flowctl top` reads from table flow, of a day's biflows (scan_db.h): user
 * and system time of the whole process, its resident memory at most, and wall time; beside the stock
 * sqlite3's GROUP BY of the same database in the same run. In turns; medians.
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scan_db.h"
#include "timing.h"

#define ROUNDS_MAX 101
#define ARGS_MAX 12

/* Of both ends of a record, as --group host sums. */
#define HOST_SQL                                                                            \
	"SELECT host, sum(b) FROM (SELECT src AS host, bytes + rev_bytes AS b FROM flow "   \
	"UNION ALL SELECT dst, bytes + rev_bytes FROM flow WHERE dst IS NOT src) GROUP BY " \
	"host ORDER BY 2 DESC LIMIT 10"

/* SQL: by sqlite3; else what follows `flowctl top`. */
struct subject {
	const char *name;
	const char *sql;
	const char *args[ARGS_MAX];
};

static const struct subject subjects[] = {
	{.name = "host", .args = {"--group", "host"}},
	{.name = "host, tcp[tcpflags] & tcp-rst != 0",
	 .args = {"--group", "host", "tcp[tcpflags] & tcp-rst != 0"}},
	{.name = "host, ip[12:4] + ip[16:4] & 7 != 3",
	 .args = {"--group", "host", "ip[12:4] + ip[16:4] & 7 != 3"}},
	{.name = "host, host 10.0.0.5", .args = {"--group", "host", "host 10.0.0.5"}},
	{.name = "host, tcp port 443", .args = {"--group", "host", "tcp port 443"}},
	{.name = "pair", .args = {"--group", "pair"}},
	{.name = "flow", .args = {"--group", "flow"}},
	{.name = "port", .args = {"--group", "port"}},
	{.name = "sqlite3: GROUP BY host", .sql = HOST_SQL},
};

#define SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

struct cost {
	double cpu[ROUNDS_MAX], wall[ROUNDS_MAX];
	double memory; /* bytes, the most of all rounds */
	bool missing;
};

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double wall_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void run_program(const char *const argv[], struct cost *cost, int round)
{
	double begun = wall_time();
	struct rusage usage;
	int status;
	pid_t pid;

	fflush(stdout); /* else the child has it too */
	pid = fork();
	if (pid < 0)
		scan_db_die("fork", strerror(errno));
	if (!pid) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(127);
		execvp(argv[0], (char *const *)(uintptr_t)argv); /* it changes nothing */
		_exit(127);
	}
	if (wait4(pid, &status, 0, &usage) != pid)
		scan_db_die("wait", strerror(errno));
	cost->missing = WIFEXITED(status) && WEXITSTATUS(status) == 127;
	if (!cost->missing && (!WIFEXITED(status) || WEXITSTATUS(status)))
		scan_db_die(argv[0], "did not end well");
	cost->wall[round] = wall_time() - begun;
	cost->cpu[round] = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	if ((double)usage.ru_maxrss * 1024 > cost->memory)
		cost->memory = (double)usage.ru_maxrss * 1024;
}

static void run(const struct subject *subject, const char *flowctl, const char *db,
		struct cost *cost, int round)
{
	const char *argv[ARGS_MAX + 8] = {flowctl, "--db", db, "top", "--stored"};
	const char *const sqlite3[] = {"sqlite3", db, subject->sql, NULL};
	int argc = 5;

	for (int i = 0; i < ARGS_MAX && subject->args[i]; i++)
		argv[argc++] = subject->args[i];
	run_program(subject->sql ? sqlite3 : argv, cost, round);
}

static void print_cost(const struct subject *subject, struct cost *cost, int rounds, double records,
		       double first)
{
	double cpu, wall;

	if (cost->missing) {
		printf("  %-36s not installed\n", subject->name);
		return;
	}
	cpu = median(cost->cpu, rounds);
	wall = median(cost->wall, rounds);
	printf("  %-36s %9.0f records a CPU second  spread %.2f-%.2f s  wall %.2f s  %4.0f MB  "
	       "%5.2f of the first's CPU\n",
	       subject->name, records / cpu, cost->cpu[0], cost->cpu[rounds - 1], wall,
	       cost->memory / 1e6, cpu / first);
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

int main(int argc, char **argv)
{
	uint64_t records = argc > 3 ? strtoull(argv[3], NULL, 10) : 2000000;
	int rounds = argc > 4 ? atoi(argv[4]) : 5;
	static struct cost cost[SUBJECTS];
	char db[512];

	if (argc < 3 || argc > 5 || rounds < 1 || rounds > ROUNDS_MAX || !records) {
		fprintf(stderr, "usage: scan FLOWCTL FOLDER [RECORDS [ROUNDS]]\n");
		return 2;
	}
	snprintf(db, sizeof(db), "%s/bench-scan.db", argv[2]);
	if (access(db, F_OK))
		scan_db_make(db, records);
	printf("# flowctl top over %llu records, of a day; medians of %d runs\n",
	       (unsigned long long)records, rounds);
	for (int i = 0; i < rounds; i++) {
		for (size_t s = 0; s < SUBJECTS; s++)
			run(&subjects[s], argv[1], db, &cost[s], i);
	}
	for (size_t s = 0; s < SUBJECTS; s++)
		print_cost(&subjects[s], &cost[s], rounds, (double)records,
			   median(cost[0].cpu, rounds));
	remove_database(db);
	return 0;
}
