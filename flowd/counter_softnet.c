/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* counter_softnet.c: columns to counters. See counter_softnet.h. */
#include "flowd/counter_softnet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS 16
#define COLUMN_CPU 12
#define TEXT_STEP 16384
#define TEXT_MAX (1U << 20)

static const struct {
	unsigned int column;
	const char *name;
} counts[] = {{1, "dropped"}, {2, "time_squeeze"}, {9, "received_rps"}, {10, "flow_limit"}};

/* Columns of a line; *text goes to the next one. */
static unsigned int read_line(const char **text, uint32_t column[COLUMNS])
{
	const char *at = *text;
	unsigned int columns = 0;
	char *end;

	while (columns < COLUMNS) {
		at += strspn(at, " ");
		if (!*at || *at == '\n')
			break;
		column[columns] = (uint32_t)strtoul(at, &end, 16);
		if (end == at)
			return 0;
		columns++;
		at = end;
	}
	at += strcspn(at, "\n");
	*text = *at ? at + 1 : at;
	return columns;
}

void counter_softnet_parse(struct counter_sample *sample, const char *text)
{
	uint32_t column[COLUMNS];
	unsigned int columns;

	for (uint32_t line = 0; *text && (columns = read_line(&text, column)); line++) {
		uint32_t cpu = columns > COLUMN_CPU ? column[COLUMN_CPU] : line;

		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			char name[COUNTER_NAME_MAX];

			if (counts[i].column >= columns)
				continue;
			snprintf(name, sizeof(name), "cpu%u %s", cpu, counts[i].name);
			counter_sample_add(sample, 0, COUNTER_SOFTNET, name,
					   column[counts[i].column]);
		}
	}
}

/* The whole file, or NULL. */
static char *read_text(int fd)
{
	size_t size = 0, room = TEXT_STEP;
	char *text = malloc(room), *larger;
	ssize_t got;

	while (text && (got = pread(fd, text + size, room - size - 1, (off_t)size)) > 0) {
		size += (size_t)got;
		if (room - size > 1)
			continue;
		room *= 2;
		larger = room <= TEXT_MAX ? realloc(text, room) : NULL;
		if (!larger)
			break;
		text = larger;
	}
	if (text)
		text[size] = '\0';
	return text;
}

int counter_softnet_ask(int fd, struct counter_sample *sample)
{
	char *text = read_text(fd);

	if (!text)
		return -ENOMEM;
	counter_softnet_parse(sample, text);
	free(text);
	return 0;
}
