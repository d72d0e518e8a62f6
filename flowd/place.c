/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * place.c: kallsyms, read as little as can be. See place.h.
 *
 * The file is not sorted (modules come after the kernel, BPF programs last), so each symbol is offered
 * to the first wanted address at or after it; in the end an address without a nearer one takes over
 * its lower neighbour's.
 */
#include "flowd/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_BYTES 44 /* of a symbol: with its offset it fits a record */
#define KALLSYMS "/proc/kallsyms"
#define CHUNK 65536
#define SYMBOL_MAX_BYTES (1 << 20) /* farther than that from a symbol is in none */

struct place {
	uint64_t address;
	uint64_t symbol; /* 0: hidden, or none */
	char name[NAME_MAX_BYTES + 1];
};

struct places {
	int fd;
	struct place *place; /* by address */
	size_t count;
};

/* The kernel's symbols; those of standard input where that is them, opened by somebody who may see more. */
static int open_symbols(void)
{
	char target[sizeof(KALLSYMS) + 1];
	ssize_t length = readlink("/proc/self/fd/0", target, sizeof(target));

	if (length == sizeof(KALLSYMS) - 1 && !memcmp(target, KALLSYMS, sizeof(KALLSYMS) - 1))
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return open(KALLSYMS, O_RDONLY | O_CLOEXEC);
}

struct places *places_open(const char *path)
{
	struct places *places = calloc(1, sizeof(*places));

	if (places)
		places->fd = path ? open(path, O_RDONLY | O_CLOEXEC) : open_symbols();
	return places;
}

void places_free(struct places *places)
{
	if (!places)
		return;
	if (places->fd >= 0)
		close(places->fd);
	free(places->place);
	free(places);
}

static int by_address(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

/* The first place at or after the address. */
static size_t lower_bound(const struct places *places, uint64_t address)
{
	size_t low = 0, high = places->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (places->place[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct place *find(const struct places *places, uint64_t address)
{
	size_t at = lower_bound(places, address);

	return at < places->count && places->place[at].address == address ? &places->place[at]
									  : NULL;
}

/* A line is "ADDRESS TYPE NAME[\t[MODULE]]". */
static void offer(struct places *places, const char *line)
{
	char *end;
	uint64_t symbol = strtoull(line, &end, 16);
	size_t at = lower_bound(places, symbol), length;
	struct place *place = &places->place[at];

	if (!symbol || at == places->count || end[0] != ' ' || !end[1] || end[2] != ' ')
		return;
	if (!strchr("tTwW", end[1]) || place->symbol > symbol)
		return;
	length = strcspn(end + 3, "\t\n");
	length = length < NAME_MAX_BYTES ? length : NAME_MAX_BYTES;
	place->symbol = symbol;
	memcpy(place->name, end + 3, length);
	place->name[length] = '\0';
}

static int scan(struct places *places)
{
	char chunk[CHUNK + 1];
	size_t kept = 0;
	ssize_t n;

	if (lseek(places->fd, 0, SEEK_SET) < 0)
		return -errno;
	while ((n = read(places->fd, chunk + kept, CHUNK - kept)) > 0) {
		char *line = chunk, *end;

		chunk[kept + (size_t)n] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			offer(places, line);
			line = end + 1;
		}
		kept = strlen(line);
		if (kept == CHUNK)
			return -EPROTO;
		memmove(chunk, line, kept);
	}
	return n < 0 ? -errno : 0;
}

static int add_unknown(struct places *places, const uint64_t *address, size_t count)
{
	size_t known = places->count, made = known;
	struct place *grown = realloc(places->place, (known + count) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	places->place = grown;
	for (size_t i = 0; i < count; i++) {
		if (address[i] && !find(places, address[i]))
			grown[made++] = (struct place){.address = address[i]};
	}
	qsort(grown, made, sizeof(*grown), by_address);
	places->count = 0;
	for (size_t i = 0; i < made; i++) { /* each once */
		if (!places->count || grown[places->count - 1].address != grown[i].address)
			grown[places->count++] = grown[i];
	}
	return places->count > known;
}

int places_learn(struct places *places, const uint64_t *address, size_t count)
{
	int err;

	if (places->fd < 0 || !count)
		return 0;
	err = add_unknown(places, address, count);
	if (err <= 0)
		return err;
	err = scan(places);
	for (size_t i = 1; i < places->count; i++) {
		struct place *place = &places->place[i], *below = place - 1;

		if (place->symbol >= below->symbol)
			continue;
		place->symbol = below->symbol;
		memcpy(place->name, below->name, sizeof(place->name));
	}
	return err;
}

void place_name(const struct places *places, uint64_t address, char *ret_name, size_t size)
{
	const struct place *place = address && places ? find(places, address) : NULL;

	ret_name[0] = '\0';
	if (place && place->symbol && address - place->symbol < SYMBOL_MAX_BYTES)
		snprintf(ret_name, size, "%s+0x%llx", place->name,
			 (unsigned long long)(address - place->symbol));
}
