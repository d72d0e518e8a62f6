/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* timing.h: CPU time of this thread, and medians; other processes' work is in neither. */
#pragma once

#include <stdlib.h>
#include <time.h>

static inline double cpu_time_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static inline int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Sorts: then value[0] is the least and value[count - 1] the greatest. */
static inline double median(double *value, int count)
{
	qsort(value, (size_t)count, sizeof(*value), by_value);
	return count & 1 ? value[count / 2] : (value[count / 2 - 1] + value[count / 2]) / 2;
}
