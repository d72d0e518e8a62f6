/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* canvas.c: see canvas.h. Pure. */
#include "cli/canvas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DOTS_X 2
#define DOTS_Y 4

int canvas_open(int width, int height, bool braille, struct canvas *ret_canvas)
{
	size_t cells = (size_t)width * (size_t)height;

	*ret_canvas = (struct canvas){
		.width = width,
		.height = height,
		.columns = width * (braille ? DOTS_X : 1),
		.rows = height * (braille ? DOTS_Y : 1),
		.braille = braille,
		.letters = "*ox+%@=&$~^!",
		.dots = calloc(cells ? cells : 1, 1),
		.owner = calloc(cells ? cells : 1, 1),
	};
	return ret_canvas->dots && ret_canvas->owner ? 0 : -ENOMEM;
}

void canvas_free(struct canvas *canvas)
{
	free(canvas->dots);
	free(canvas->owner);
	memset(canvas, 0, sizeof(*canvas));
}

static uint8_t bit_of(int x, int y)
{
	static const uint8_t bits[DOTS_Y][DOTS_X] = {
		{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};

	return bits[y][x];
}

void canvas_dot(struct canvas *canvas, int column, int row, uint8_t line)
{
	int x = column, y = canvas->rows - 1 - row, cell;

	if (column < 0 || column >= canvas->columns || row < 0 || row >= canvas->rows)
		return;
	if (canvas->braille) {
		x /= DOTS_X;
		y /= DOTS_Y;
	}
	cell = y * canvas->width + x;
	if (!canvas->owner[cell])
		canvas->owner[cell] = (uint8_t)(line + 1);
	canvas->dots[cell] |=
		canvas->braille ? bit_of(column % DOTS_X, (canvas->rows - 1 - row) % DOTS_Y) : 1;
}

void canvas_rise(struct canvas *canvas, int column, int from, int to, uint8_t line)
{
	int low = from < to ? from : to, high = from < to ? to : from;

	for (int row = low; row <= high; row++)
		canvas_dot(canvas, column, row, line);
}

void canvas_cell(const struct canvas *canvas, int x, int y, char buf[CANVAS_CELL], int *ret_line)
{
	int cell = y * canvas->width + x;
	uint8_t dots = canvas->dots[cell];

	*ret_line = canvas->owner[cell] - 1;
	memcpy(buf, " ", 2);
	if (dots && canvas->braille) { /* U+2800 to U+28FF */
		buf[0] = (char)0xe2;
		buf[1] = (char)(0xa0 | dots >> 6);
		buf[2] = (char)(0x80 | (dots & 0x3f));
		buf[3] = 0;
	} else if (dots) {
		buf[0] = canvas->letters[(size_t)*ret_line % strlen(canvas->letters)];
	}
}
