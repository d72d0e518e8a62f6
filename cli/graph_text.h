/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * graph_text.h: a graph in characters: braille dots where the locale is UTF-8, else letters. Several lines
 * are told apart by colours on a terminal, and by letters elsewhere.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct graph;
struct query;

#define GRAPH_LINES_MAX 12 /* colours, and letters */

struct graph_screen {
	FILE *file;
	int width;  /* in characters */
	int height; /* of what is between the title and the axis */
	bool utf8, colour;
};

/* What the file is: a terminal's size, or that of the environment; `ascii`: no UTF-8. */
void graph_screen_find(FILE *file, bool ascii, struct graph_screen *ret_screen);

/* 0 or -errno. */
int graph_text(const struct graph *graph, const struct query *query,
	       const struct graph_screen *screen);
