/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hostnames.h: names of addresses by /etc/hosts and reverse DNS. Addresses are wanted first, all that an
 * answer shows; then the names that no cache has are asked for at once, and waited for together, for no
 * longer than was said for the whole of an answer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#define HOSTNAMES_WAIT_MS 1000 /* unless said otherwise */
#define HOSTNAMES_WAIT_MAX_MS 60000

struct hostnames;

/* wait_ms 0: nobody is asked, what the cache has is all. 0 or -ENOMEM. */
int hostnames_new(int64_t wait_ms, int64_t now_s, struct hostnames **ret_hosts);

/* Keeps what was found for the next call. */
void hostnames_free(struct hostnames *hosts);

/* Nothing is asked yet. 0 or -ENOMEM. */
int hostnames_want(struct hostnames *hosts, bool ipv6, const __be32 addr[4]);

/* Ask for all that is wanted and not known. Once the time is over, at once. 0 or -ENOMEM. */
int hostnames_wait(struct hostnames *hosts);

/* NULL: none is known. Good until hostnames_wait() or hostnames_free(). */
const char *hostnames_find(const struct hostnames *hosts, bool ipv6, const __be32 addr[4]);
