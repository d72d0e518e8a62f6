/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * canvas.h: dots in a grid of characters. A cell of braille (U+2800, UTF-8) has 2 by 4 of them, any other
 * character is one:
 *
 *   braille  0 3   bits of the dots, after U+2800
 *            1 4
 *            2 5
 *            6 7
 *
 * Each cell belongs to who drew into it first: its colour, or its character.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CANVAS_CELL 4 /* bytes of a cell's text with its end */

struct canvas {
	int width, height; /* in cells */
	int columns, rows; /* in dots; row 0 is the lowest */
	bool braille;
	const char *letters; /* without braille: the character of each line */
	uint8_t *dots;	     /* of each cell: braille bits, or 1 */
	uint8_t *owner;	     /* its line, + 1; 0: nobody's */
};

/* 0 or -ENOMEM; free also after that. */
int canvas_open(int width, int height, bool braille, struct canvas *ret_canvas);
void canvas_free(struct canvas *canvas);

/* A dot of a line; what is outside is left out. */
void canvas_dot(struct canvas *canvas, int column, int row, uint8_t line);

/* From one row to another in a column, both included, in either order. */
void canvas_rise(struct canvas *canvas, int column, int from, int to, uint8_t line);

/* The cell's character; y 0 is the uppermost. *ret_line: whose it is, -1: nobody's. */
void canvas_cell(const struct canvas *canvas, int x, int y, char buf[CANVAS_CELL], int *ret_line);
