/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* graph_svg.h: a graph as SVG 1.1, complete in itself: no script, no font, nothing that is fetched. */
#pragma once

#include <stdio.h>

struct graph;
struct query;

#define GRAPH_SVG_POINTS 400 /* intervals that can be told apart */

/* 0 or -errno. `title`: above the graph, beside what it is of; may be any text. */
int graph_svg(const struct graph *graph, const struct query *query, const char *title, FILE *file);

/* A text between tags or in quotes: escaped, and what XML does not allow replaced. */
void graph_svg_escape(const char *text, FILE *file);
