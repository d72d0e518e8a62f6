/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * day.h: a synthetic busy day, the same bytes each time: biflow records over 24 hours from DAY_START_MS
 * on, ten packets each on average, in the batches that flowd's sweeps of DAY_SWEEP_MS would give.
 *
 *   time        a daily curve: three times as much at 15:00 as at 03:00
 *   hosts       20,000 inside, 80,000 outside, Zipf with s = 1.1; a tenth of the records is IPv6
 *   services    the mix of a table (day.c); server ports are below 32768, clients' above
 *   sizes       mice by service, and elephants (Pareto) that take what is missing to ten packets a record
 *   one-way     three tenths (scans); of one to three packets each way: another 15.5 % (DNS, NTP, echo)
 *   trouble     retransmits in 2 % of TCP records, a drop by the host in 0.1 % of all
 *   export      idle records 15 s after their end, ended TCP 2 s, active timeouts within the sweep
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flowd/sink_batch.h"

#define DAY_START_MS 1700006400000 /* 2023-11-15 00:00 UTC */
#define DAY_SECONDS 86400
#define DAY_SWEEP_MS 1000
#define DAY_IDLE_MS 15000
#define DAY_IFACES 3   /* interface.id 1 to 3: eth0, eth1, and eth2, whose frames have a VLAN tag */
#define DAY_PACKETS 10 /* a record, on average: exactly, over the day */

struct day;

/*
 * That many records; seed: of all that is random. seconds: DAY_SECONDS, or a day that is over sooner, in
 * which each sweep has more. NULL: no memory.
 */
struct day *day_new(uint64_t records, uint64_t seed, uint32_t seconds);
void day_free(struct day *day);

/*
 * What the next sweep exports, added to an empty batch: records, the books of these (nothing is held: seen
 * is recorded), and events for those that were dropped. *ret_more: false after the last one. 0 or -ENOMEM.
 */
int day_sweep(struct day *day, struct sink_batch *batch, bool *ret_more);
