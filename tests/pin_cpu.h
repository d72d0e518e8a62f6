/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pin_cpu.h: stay on one CPU, as tests of per-CPU maps do. Needs _GNU_SOURCE. */
#pragma once

#include <errno.h>
#include <sched.h>
#include <stdint.h>

/* To the present one. 0 or -errno. */
static inline int pin_cpu(uint32_t *ret_cpu)
{
	int cpu = sched_getcpu();
	cpu_set_t set;

	if (cpu < 0)
		return -errno;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return -errno;
	*ret_cpu = (uint32_t)cpu;
	return 0;
}
