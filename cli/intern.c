/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* intern.c: see intern.h. */
#include "cli/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 256

/* FNV-1a, 64 bits. */
static uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325U;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3U;
	return hash ^ hash >> 32;
}

/* The cell of that text, or the free one where it belongs. */
static uint32_t *find(const struct intern *intern, const char *text)
{
	for (size_t i = hash_text(text);; i++) {
		uint32_t *cell = &intern->cell[i & (intern->cells - 1)];

		if (!*cell || !strcmp(intern->text[*cell - 1], text))
			return cell;
	}
}

/* Room for one more; the table is at most half full. */
static int grow(struct intern *intern)
{
	size_t room = intern->room ? intern->room * 2 : FIRST;
	uint32_t *cell;
	char **text;

	if (intern->used < intern->room)
		return 0;
	text = realloc(intern->text, room * sizeof(*text));
	if (!text)
		return -ENOMEM;
	intern->text = text;
	cell = calloc(room * 2, sizeof(*cell));
	if (!cell)
		return -ENOMEM;
	free(intern->cell);
	intern->cell = cell;
	intern->cells = room * 2;
	intern->room = room;
	for (size_t i = 0; i < intern->used; i++)
		*find(intern, intern->text[i]) = (uint32_t)i + 1;
	return 0;
}

int intern_add(struct intern *intern, const char *text, uint32_t *ret_number)
{
	int err = *text ? grow(intern) : 0;
	uint32_t *cell;

	if (err)
		return err;
	if (!*text) {
		*ret_number = 0;
		return 0;
	}
	cell = find(intern, text);
	if (!*cell) {
		intern->text[intern->used] = strdup(text);
		if (!intern->text[intern->used])
			return -ENOMEM;
		*cell = (uint32_t)++intern->used;
	}
	*ret_number = *cell;
	return 0;
}

const char *intern_text(const struct intern *intern, uint32_t number)
{
	return number ? intern->text[number - 1] : "";
}

void intern_free(struct intern *intern)
{
	for (size_t i = 0; i < intern->used; i++)
		free(intern->text[i]);
	free(intern->text);
	free(intern->cell);
	memset(intern, 0, sizeof(*intern));
}
