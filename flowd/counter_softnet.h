/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * counter_softnet.h: /proc/net/softnet_stat, what happened to packets between a NIC's driver and the
 * protocols, on each CPU of the host.
 */
#pragma once

#include "flowd/counter_sample.h"

/*
 * Lines of hexadecimal columns, a CPU each (net/core/net-procfs.c): `cpu3 dropped` (the backlog was
 * full), `time_squeeze` (work was left when its time was over), `received_rps` (calls by another
 * CPU), `flow_limit`. The CPU is in the 13th column since Linux 5.10, else it is the line's number.
 * Columns that are missing are left out, a line that is not of numbers ends it.
 */
void counter_softnet_parse(struct counter_sample *sample, const char *text);

/* 0 or -errno. */
int counter_softnet_ask(int fd, struct counter_sample *sample);
