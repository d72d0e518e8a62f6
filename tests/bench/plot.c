/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plot.c: a table as an SVG: lines over a first column, both axes logarithmic, or the upright one from 0.
 *
 *   plot TITLE X-LABEL Y-LABEL [linear] <table.csv >plot.svg
 *
 * The first line of the table names the columns; a field that is empty is no point.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 9
#define ROWS_MAX 200
#define WIDTH 760
#define HEIGHT 400
#define LEFT 70
#define RIGHT 210
#define TOP 36
#define BOTTOM 46

struct table {
	char name[COLUMNS_MAX][64];
	double value[ROWS_MAX][COLUMNS_MAX]; /* NAN: none */
	int columns, rows;
};

struct axis {
	double from, to;
	bool log;
};

static const char *const colour[] = {"#0b6e99", "#d9730d", "#0f7b6c", "#e03e3e",
				     "#6940a5", "#64473a", "#ad1a72", "#9b9a97"};

static int split(char *line, char *field[COLUMNS_MAX])
{
	int count = 0;

	line[strcspn(line, "\r\n")] = '\0';
	for (char *at = line; at && count < COLUMNS_MAX;)
		field[count++] = strsep(&at, ",");
	return count;
}

static bool read_table(struct table *t)
{
	char line[1024], *field[COLUMNS_MAX];

	if (!fgets(line, sizeof(line), stdin))
		return false;
	t->columns = split(line, field);
	for (int i = 0; i < t->columns; i++)
		snprintf(t->name[i], sizeof(t->name[i]), "%s", field[i]);
	while (t->rows < ROWS_MAX && fgets(line, sizeof(line), stdin)) {
		int count = split(line, field);

		for (int i = 0; i < t->columns; i++)
			t->value[t->rows][i] =
				i < count && *field[i] ? strtod(field[i], NULL) : NAN;
		t->rows++;
	}
	return t->columns > 1 && t->rows;
}

/* Around all values of those columns; whole decades where it is logarithmic. */
static struct axis axis_of(const struct table *t, int first, int last, bool log)
{
	struct axis axis = {.from = INFINITY, .to = -INFINITY, .log = log};

	for (int row = 0; row < t->rows; row++) {
		for (int i = first; i <= last; i++) {
			double v = t->value[row][i];

			if (isnan(v) || (log && v <= 0))
				continue;
			axis.from = fmin(axis.from, v);
			axis.to = fmax(axis.to, v);
		}
	}
	if (!(axis.from <= axis.to))
		return (struct axis){.from = 1, .to = 10, .log = log};
	if (!log) {
		axis.from = 0;
		axis.to *= 1.1;
		return axis;
	}
	axis.from = pow(10, floor(log10(axis.from)));
	axis.to = pow(10, ceil(log10(axis.to)));
	axis.to = axis.to > axis.from ? axis.to : axis.from * 10;
	return axis;
}

static double part(const struct axis *axis, double v)
{
	if (axis->log)
		return log(v / axis->from) / log(axis->to / axis->from);
	return (v - axis->from) / (axis->to - axis->from);
}

static double x_of(const struct axis *axis, double v)
{
	return LEFT + part(axis, v) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct axis *axis, double v)
{
	return HEIGHT - BOTTOM - part(axis, v) * (HEIGHT - TOP - BOTTOM);
}

static void put_tick(bool upright, double at, double value)
{
	if (upright)
		printf("<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='#ddd'/>"
		       "<text x='%d' y='%.1f' text-anchor='end'>%.4g</text>\n",
		       LEFT, WIDTH - RIGHT, at, at, LEFT - 6, at + 4, value);
	else
		printf("<line x1='%.1f' x2='%.1f' y1='%d' y2='%d' stroke='#ddd'/>"
		       "<text x='%.1f' y='%d' text-anchor='middle'>%.7g</text>\n",
		       at, at, TOP, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 16, value);
}

static void put_ticks(const struct axis *axis, bool upright)
{
	double step = pow(10, floor(log10((axis->to - axis->from) / 2)));

	for (double v = axis->from; v <= axis->to * 1.0001; v = axis->log ? v * 10 : v + step)
		put_tick(upright, upright ? y_of(axis, v) : x_of(axis, v), v);
}

static void put_line(const struct table *t, int column, const struct axis *x, const struct axis *y)
{
	const char *stroke = colour[(size_t)(column - 1) % (sizeof(colour) / sizeof(colour[0]))];

	printf("<g fill='none' stroke='%s' stroke-width='2'><polyline points='", stroke);
	for (int row = 0; row < t->rows; row++) {
		double v = t->value[row][column];

		if (!isnan(v) && (!y->log || v > 0))
			printf("%.1f,%.1f ", x_of(x, t->value[row][0]), y_of(y, v));
	}
	printf("'/></g><text x='%d' y='%d' fill='%s'>%s</text>\n", WIDTH - RIGHT + 12,
	       TOP + 18 * column, stroke, t->name[column]);
}

int main(int argc, char **argv)
{
	static struct table t;
	bool linear = argc == 5 && !strcmp(argv[4], "linear");
	struct axis x, y;

	if ((argc != 4 && !linear) || !read_table(&t)) {
		fputs("usage: plot TITLE X-LABEL Y-LABEL [linear] <table.csv >plot.svg\n", stderr);
		return 2;
	}
	x = axis_of(&t, 0, 0, true);
	y = axis_of(&t, 1, t.columns - 1, !linear);
	printf("<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
	       "font-family='sans-serif' font-size='12'>\n"
	       "<rect width='100%%' height='100%%' fill='white'/>"
	       "<text x='%d' y='20' font-size='14'>%s</text>"
	       "<text x='%d' y='%d' text-anchor='middle'>%s</text>"
	       "<text transform='translate(16 %d) rotate(-90)' text-anchor='middle'>%s</text>\n",
	       WIDTH, HEIGHT, LEFT, argv[1], (WIDTH - RIGHT + LEFT) / 2, HEIGHT - 8, argv[2],
	       HEIGHT / 2, argv[3]);
	put_ticks(&x, false);
	put_ticks(&y, true);
	for (int column = 1; column < t.columns; column++)
		put_line(&t, column, &x, &y);
	puts("</svg>");
	return 0;
}
