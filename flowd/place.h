/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * place.h: addresses in the kernel as "symbol+0xoffset", by /proc/kallsyms.
 *
 * Whether it shows addresses is decided when it is opened, so that is done before privileges drop
 * (CAP_SYSLOG, or kernel.kptr_restrict and perf_event_paranoid). A service manager may open it in
 * flowd's place: as standard input. What is hidden stays without a name: the bare address would
 * give away what the kernel hides. All unknown addresses are looked up in one pass over the file.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct places;

/* `path`: NULL for the kernel's. NULL: no memory; without the file there are no names. */
struct places *places_open(const char *path);
void places_free(struct places *places);

/* Make the names of these known, as far as they can be. 0 or -errno. */
int places_learn(struct places *places, const uint64_t *address, size_t count);

/* Empty: not learned, or hidden. */
void place_name(const struct places *places, uint64_t address, char *ret_name, size_t size);
