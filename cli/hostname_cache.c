/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hostname_cache.c: see hostname_cache.h. Open addressing; nothing is ever taken out. */
#include "cli/hostname_cache.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "wireledger-names 1 "
#define SIZE_FIRST 256
#define NAME_MAX_CHARS (HOSTNAME_SIZE - 3) /* 253 */

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '-' || c == '_';
}

/* A name that reads as an address would be taken for one. */
static bool is_address(const char *text)
{
	unsigned char addr[16];

	return inet_pton(AF_INET, text, addr) == 1 || inet_pton(AF_INET6, text, addr) == 1;
}

bool hostname_clean(const char *name, char buf[HOSTNAME_SIZE])
{
	size_t len = strnlen(name, NAME_MAX_CHARS + 1);

	if (len && name[len - 1] == '.') /* of a name that is complete */
		len--;
	if (!len || len > NAME_MAX_CHARS)
		return false;
	for (size_t i = 0; i < len; i++)
		buf[i] = is_name_char(name[i]) ? name[i] : '?';
	if (buf[0] == '-' || buf[0] == '.') /* an option, or "none" */
		buf[0] = '?';
	buf[len] = 0;
	return !is_address(buf) && buf[strspn(buf, "?.")];
}

static struct hostname_entry *find(const struct hostname_cache *cache, uint8_t family,
				   const __be32 addr[4])
{
	uint32_t hash = (addr[0] ^ addr[1] * 31 ^ addr[2] * 961 ^ addr[3] * 29791) * 0x9e3779b1U;
	size_t i = (hash ^ hash >> 16) & (cache->size - 1);

	for (;; i = (i + 1) & (cache->size - 1)) {
		struct hostname_entry *entry = &cache->entry[i];

		if (!entry->family ||
		    (entry->family == family && !memcmp(entry->addr, addr, sizeof(entry->addr))))
			return entry;
	}
}

static int grow(struct hostname_cache *cache)
{
	struct hostname_cache bigger = {.size = cache->size ? 2 * cache->size : SIZE_FIRST,
					.used = cache->used};

	if (cache->used < cache->size / 2)
		return 0;
	bigger.entry = calloc(bigger.size, sizeof(*bigger.entry));
	if (!bigger.entry)
		return -ENOMEM;
	for (size_t i = 0; i < cache->size; i++) {
		if (cache->entry[i].family)
			*find(&bigger, cache->entry[i].family, cache->entry[i].addr) =
				cache->entry[i];
	}
	free(cache->entry);
	*cache = bigger;
	return 0;
}

int hostname_cache_put(struct hostname_cache *cache, bool ipv6, const __be32 addr[4],
		       const char *name, int64_t expires_s)
{
	char *copy = name ? strdup(name) : NULL;
	struct hostname_entry *entry;
	int err = name && !copy ? -ENOMEM : grow(cache);

	if (err) {
		free(copy);
		return err;
	}
	entry = find(cache, ipv6 ? 6 : 4, addr);
	cache->used += !entry->family;
	free(entry->name);
	memcpy(entry->addr, addr, sizeof(entry->addr));
	entry->family = ipv6 ? 6 : 4;
	entry->name = copy;
	entry->expires_s = expires_s;
	return 0;
}

const struct hostname_entry *hostname_cache_get(const struct hostname_cache *cache, bool ipv6,
						const __be32 addr[4])
{
	const struct hostname_entry *entry = cache->size ? find(cache, ipv6 ? 6 : 4, addr) : NULL;

	return entry && entry->family ? entry : NULL;
}

/* "ADDRESS EXPIRES NAME"; false: it makes no sense. */
static bool parse_line(char *line, struct hostname_entry *ret_entry)
{
	char *expires = strchr(line, ' '), *name = expires ? strchr(expires + 1, ' ') : NULL, *end;
	char clean[HOSTNAME_SIZE];

	if (!name)
		return false;
	*expires++ = 0;
	*name++ = 0;
	memset(ret_entry, 0, sizeof(*ret_entry));
	if (inet_pton(AF_INET, line, ret_entry->addr) == 1)
		ret_entry->family = 4;
	else if (inet_pton(AF_INET6, line, ret_entry->addr) == 1)
		ret_entry->family = 6;
	errno = 0;
	ret_entry->expires_s = strtoll(expires, &end, 10);
	if (!ret_entry->family || *expires < '0' || *expires > '9' || *end || errno)
		return false;
	if (strcmp(name, "-")) {
		if (!hostname_clean(name, clean) || strcmp(name, clean))
			return false;
		ret_entry->name = name;
	}
	return true;
}

int hostname_cache_parse(struct hostname_cache *cache, char *text, const char *stamp, int64_t now_s,
			 size_t *ret_bad)
{
	char *rest = text, *line = strsep(&rest, "\n");
	size_t bad = 0;
	int err = 0;

	*ret_bad = strncmp(line, MAGIC, strlen(MAGIC)) != 0;
	if (*ret_bad || strcmp(line + strlen(MAGIC), stamp))
		return 0;
	for (int n = 0; !err && n < HOSTNAME_CACHE_MAX && (line = strsep(&rest, "\n")); n++) {
		struct hostname_entry entry;

		if (!*line)
			continue;
		if (!rest) /* without its end it may have been cut */
			bad++;
		else if (!parse_line(line, &entry) || entry.expires_s > now_s + HOSTNAME_AGE_MAX_S)
			bad++;
		else if (entry.expires_s > now_s)
			err = hostname_cache_put(cache, entry.family == 6, entry.addr, entry.name,
						 entry.expires_s);
	}
	*ret_bad = bad;
	return err;
}

static int compare_expiry(const void *a, const void *b)
{
	const struct hostname_entry *const *left = a, *const *right = b;

	return (*left)->expires_s < (*right)->expires_s
		       ? 1
		       : -((*left)->expires_s > (*right)->expires_s);
}

int hostname_cache_write(const struct hostname_cache *cache, const char *stamp, int64_t now_s,
			 FILE *file)
{
	const struct hostname_entry **sorted =
		calloc(cache->used + 1, sizeof(struct hostname_entry *));
	size_t count = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < cache->size; i++) {
		if (cache->entry[i].family && cache->entry[i].expires_s > now_s)
			sorted[count++] = &cache->entry[i];
	}
	qsort(sorted, count, sizeof(struct hostname_entry *), compare_expiry);
	fprintf(file, MAGIC "%s\n", stamp);
	for (size_t i = 0; i < count && i < HOSTNAME_CACHE_MAX; i++) {
		char addr[INET6_ADDRSTRLEN];

		if (inet_ntop(sorted[i]->family == 6 ? AF_INET6 : AF_INET, sorted[i]->addr, addr,
			      sizeof(addr)))
			fprintf(file, "%s %" PRId64 " %s\n", addr, sorted[i]->expires_s,
				sorted[i]->name ? sorted[i]->name : "-");
	}
	free(sorted);
	return 0;
}

void hostname_cache_free(struct hostname_cache *cache)
{
	for (size_t i = 0; i < cache->size; i++)
		free(cache->entry[i].name);
	free(cache->entry);
	memset(cache, 0, sizeof(*cache));
}
