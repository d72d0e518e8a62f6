/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hostname_cache.h: what is known of host names, in memory and as the lines of a file. Pure. A name is
 * what its owner wrote into the DNS, and a file is what anybody may have written: hostname_clean() stands
 * before both.
 *
 *   wireledger-names 1 STAMP       another stamp: the resolver's configuration was another, nothing holds
 *   10.1.0.1 1795255200 host.example.org
 *   10.1.0.2 1795255200 -          there is no name, until then
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/types.h>

#define HOSTNAME_SIZE 256 /* 253 characters (RFC 1035 section 3.1) and the end */
#define HOSTNAME_STAMP_SIZE 96
#define HOSTNAME_CACHE_MAX 20000  /* entries that are read and written */
#define HOSTNAME_AGE_MAX_S 172800 /* a later expiry is not one of ours */

struct hostname_entry {
	__be32 addr[4];
	uint8_t family;	   /* 4, 6; 0: free */
	char *name;	   /* NULL: none */
	int64_t expires_s; /* UTC */
};

struct hostname_cache {
	struct hostname_entry *entry; /* `size` cells, a power of two */
	size_t size, used;
};

/* What may be shown of a name: letters, digits, '.', '-' and '_'; others become question marks. False: nothing is left. */
bool hostname_clean(const char *name, char buf[HOSTNAME_SIZE]);

/* name NULL: there is none. In place of what was known. 0 or -ENOMEM. */
int hostname_cache_put(struct hostname_cache *cache, bool ipv6, const __be32 addr[4],
		       const char *name, int64_t expires_s);

/* NULL: nothing is known. */
const struct hostname_entry *hostname_cache_get(const struct hostname_cache *cache, bool ipv6,
						const __be32 addr[4]);

/*
 * The lines of a file; those that are expired or make no sense are left out, all of them where the stamp
 * is another. `text` is written to. *ret_bad: how many made no sense. 0 or -ENOMEM.
 */
int hostname_cache_parse(struct hostname_cache *cache, char *text, const char *stamp, int64_t now_s,
			 size_t *ret_bad);

/* As lines, but for those that are expired; where there are too many, the ones that expire first are left out. 0 or -ENOMEM. */
int hostname_cache_write(const struct hostname_cache *cache, const char *stamp, int64_t now_s,
			 FILE *file);

void hostname_cache_free(struct hostname_cache *cache);
