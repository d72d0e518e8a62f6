/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * counter_thread.h: samples of the kernel's counters, taken in a thread of their own: rtnetlink and
 * ethtool wait for a lock that others hold for as long as a driver takes to reset, and a sweep waits
 * for nothing.
 *
 *   timer   counter_thread_tick      ──► thread: link each time, the rest every few sweeps
 *   eventfd counter_thread_take      ◄── sample: gains into flowd->counters, NIC into the books
 */
#pragma once

#include "flowd/flowd.h"

/*
 * Take the first sample, from which gains count, and start the thread. Before that, what a
 * predecessor stored has been loaded. 0 or -errno.
 */
int counter_thread_start(struct flowd *flowd);

/* Read by counter_thread_take when it becomes readable. */
int counter_thread_fd(const struct flowd *flowd);

/* Ask for a sample, where it is time and the last one has been taken. */
void counter_thread_tick(struct flowd *flowd);

/* Enter the sample that is ready, if there is one. */
void counter_thread_take(struct flowd *flowd);

/*
 * End the thread and take a last sample: while the hooks still count. May wait for the kernel's
 * lock, as their detaching does.
 */
void counter_thread_stop(struct flowd *flowd);
