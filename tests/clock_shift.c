/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clock_shift.c: a wall clock that is off: a library for LD_PRELOAD. WL_CLOCK_FILE names a file that begins with a
 * number of milliseconds; it is read at each look at the clock, so that the clock steps when it is written.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 32
#define NS_PER_MS 1000000
#define NS_PER_S 1000000000LL

static const char *line;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("WL_CLOCK_FILE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, LINE_BYTES, PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	line = map == MAP_FAILED ? NULL : map;
}

static int64_t shift_ns(void)
{
	return line ? strtoll(line, NULL, 10) * NS_PER_MS : 0;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	static int (*next)(clockid_t, struct timespec *);
	int64_t ns;
	int err;

	if (!next)
		next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	err = next(clock, ret);
	if (err || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
		return err;
	ns = ret->tv_sec * NS_PER_S + ret->tv_nsec + shift_ns();
	ret->tv_sec = ns / NS_PER_S;
	ret->tv_nsec = ns % NS_PER_S;
	return 0;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	ret->tv_sec = now.tv_sec;
	ret->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}
