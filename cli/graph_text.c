/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * graph_text.c: see graph_text.h.
 *
 *   Mbit/s  traffic, intervals of 1 minute          title
 *      20 ┤     ⣀⣤⣶⣦                               rows: labels, the axis, a canvas
 *         │  ⣀⣴⣿⣿⣿⣿⣷⡄
 *       0 ┼─┬──────┬─────╌╌╌╌╌─┬──                axis: broken where nothing was counted
 *         10:00  10:05       10:10
 *   2026-11-22 10:00 to 10:12 UTC; ...              times, and who is who
 */
#include "cli/graph_text.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/canvas.h"
#include "cli/graph.h"
#include "cli/graph_axis.h"
#include "cli/output.h"
#include "cli/text_clean.h"
#include "cli/timearg.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 40
#define WIDTH_MAX 1000
#define HEIGHT_DEFAULT 16
#define HEIGHT_MIN 6
#define HEIGHT_MAX 24
#define AROUND 10   /* lines that are not the canvas's: titles, times, sums, the prompt */
#define TIME_ROOM 9 /* of a label of the time axis: 00:00:00 and a space */
#define ROWS_A_TICK 3

/* A graph on its way to the screen. */
struct drawing {
	const struct graph *graph;
	const struct query *query;
	const struct graph_screen *screen;
	struct axis axis;
	struct canvas canvas;
	int margin; /* of the labels on the left */
	int64_t step_ms;
	long zone_s;
};

static bool is_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", NULL);
	bool utf8;

	if (!locale)
		return false;
	utf8 = !strcmp(nl_langinfo_l(CODESET, locale), "UTF-8");
	freelocale(locale);
	return utf8;
}

static int clamp(long value, int min, int max)
{
	return value < min ? min : value > max ? max : (int)value;
}

static long of_environment(const char *name, long otherwise)
{
	const char *text = getenv(name);
	char *end;
	long value = text ? strtol(text, &end, 10) : 0;

	return text && !*end && value > 0 ? value : otherwise;
}

void graph_screen_find(FILE *file, bool ascii, struct graph_screen *ret_screen)
{
	bool terminal = isatty(fileno(file));
	long width = of_environment("COLUMNS", WIDTH_DEFAULT);
	long height = of_environment("LINES", HEIGHT_DEFAULT + AROUND) - AROUND;
	struct winsize size;

	if (terminal && !ioctl(fileno(file), TIOCGWINSZ, &size) && size.ws_col && size.ws_row) {
		width = size.ws_col;
		height = size.ws_row - AROUND;
	}
	*ret_screen = (struct graph_screen){
		.file = file,
		.width = clamp(width, WIDTH_MIN, WIDTH_MAX),
		.height = clamp(height, HEIGHT_MIN, HEIGHT_MAX),
		.utf8 = !ascii && is_utf8(),
		.colour = terminal && !getenv("NO_COLOR"),
	};
}

/* --- lines ---------------------------------------------------------------------------------------- */

/* Below 0: nothing is drawn there. */
static int row_of(const struct drawing *d, const struct graph_line *line, size_t i)
{
	uint64_t rate = graph_rate(d->graph, line->value[i]);
	uint64_t rows = (uint64_t)d->canvas.rows - 1;

	if (!rate && !d->graph->covered[i])
		return -1;
	return (int)(((unsigned __int128)rate * rows + d->axis.top / 2) / d->axis.top);
}

static int column_of(const struct drawing *d, size_t i)
{
	return (int)(i * (size_t)d->canvas.columns / d->graph->intervals);
}

/* Each interval as a step; a line alone is filled. */
static void draw_line(struct drawing *d, uint8_t number)
{
	const struct graph_line *line = &d->graph->line[number];
	bool filled = d->graph->lines == 1;
	int before = -1;

	for (size_t i = 0; i < d->graph->intervals; i++) {
		int row = row_of(d, line, i), from = column_of(d, i), to = column_of(d, i + 1);

		if (row >= 0 && before >= 0)
			canvas_rise(&d->canvas, from, before, row, number);
		for (int x = from; row >= 0 && (x < to || x == from); x++)
			canvas_rise(&d->canvas, x, filled ? 0 : row, row, number);
		before = row;
	}
}

static void put_colour(const struct drawing *d, int line)
{
	static const int colours[GRAPH_LINES_MAX] = {36, 33, 35, 32, 31, 34,
						     96, 93, 95, 92, 91, 94};

	if (d->screen->colour)
		fprintf(d->screen->file, "\033[%dm",
			line < 0 ? 0 : colours[line % GRAPH_LINES_MAX]);
}

/* The tick in a row of cells, if there is one: its value + 1. */
static uint64_t tick_at(const struct drawing *d, int y)
{
	int dots = d->canvas.rows / d->canvas.height;

	for (uint64_t value = d->axis.step; value <= d->axis.top; value += d->axis.step) {
		uint64_t row = ((unsigned __int128)value * ((uint64_t)d->canvas.rows - 1) +
				d->axis.top / 2) /
			       d->axis.top;

		if (d->canvas.height - 1 - (int)row / dots == y)
			return value + 1;
	}
	return 0;
}

static void put_row(const struct drawing *d, int y)
{
	uint64_t tick = tick_at(d, y);
	char label[AXIS_LABEL] = "", cell[CANVAS_CELL];
	int last = d->canvas.width - 1, line, before = -1;

	if (tick)
		axis_label(&d->axis, tick - 1, label);
	fprintf(d->screen->file, "%*s %s", d->margin, label,
		d->screen->utf8 ? (tick ? "┤" : "│") : (tick ? "+" : "|"));
	while (last >= 0 && !d->canvas.dots[y * d->canvas.width + last])
		last--;
	for (int x = 0; x <= last; x++) {
		canvas_cell(&d->canvas, x, y, cell, &line);
		if (line != before && line >= 0)
			put_colour(d, line);
		before = line >= 0 ? line : before;
		fputs(cell, d->screen->file);
	}
	if (before >= 0)
		put_colour(d, -1);
	fputc('\n', d->screen->file);
}

/* --- the time axis -------------------------------------------------------------------------------- */

static int64_t end_of(const struct graph *graph)
{
	return graph->start_ms + graph_span_ms(graph);
}

static int x_of(const struct drawing *d, int64_t ms)
{
	return (int)((ms - d->graph->start_ms) * d->canvas.width / graph_span_ms(d->graph));
}

/* Was anything counted in what the cell stands for? */
static bool is_covered(const struct drawing *d, int x)
{
	size_t from = (size_t)x * d->graph->intervals / (size_t)d->canvas.width;
	size_t to = ((size_t)x + 1) * d->graph->intervals / (size_t)d->canvas.width;

	for (size_t i = from; i < d->graph->intervals && (i < to || i == from); i++) {
		if (d->graph->covered[i])
			return true;
	}
	return false;
}

static bool is_tick(const struct drawing *d, int x)
{
	int64_t ms = axis_time_first(d->graph->start_ms, d->step_ms, d->zone_s);

	for (; ms < end_of(d->graph); ms += d->step_ms) {
		if (x_of(d, ms) == x)
			return true;
	}
	return false;
}

static void put_axis(const struct drawing *d)
{
	bool utf8 = d->screen->utf8;

	fprintf(d->screen->file, "%*s %s", d->margin, "0", utf8 ? "┼" : "+");
	for (int x = 0; x < d->canvas.width; x++) {
		if (is_tick(d, x))
			fputs(utf8 ? "┬" : "+", d->screen->file);
		else if (is_covered(d, x))
			fputs(utf8 ? "─" : "-", d->screen->file);
		else
			fputs(utf8 ? "╌" : ".", d->screen->file);
	}
	fputc('\n', d->screen->file);
}

/* A label begins below its tick, where the one before has ended and the line has not. */
static void put_times(const struct drawing *d)
{
	int64_t ms = axis_time_first(d->graph->start_ms, d->step_ms, d->zone_s);
	int at = -1; /* where the last label ended */

	fprintf(d->screen->file, "%*s", d->margin + 2, "");
	for (; ms < end_of(d->graph); ms += d->step_ms) {
		char label[AXIS_LABEL];
		int x = x_of(d, ms);

		axis_time_label(ms, d->step_ms, label);
		if (x <= at || x + (int)strlen(label) > d->canvas.width)
			continue;
		fprintf(d->screen->file, "%*s%s", at < 0 ? x : x - at, "", label);
		at = x + (int)strlen(label);
	}
	fputc('\n', d->screen->file);
}

/* --- what is around it ---------------------------------------------------------------------------- */

static void put_title(const struct drawing *d)
{
	char title[128], unit[32];

	snprintf(unit, sizeof(unit), "%s%s", d->axis.prefix, graph_unit(d->graph));
	graph_title(d->graph, title, sizeof(title));
	fprintf(d->screen->file, "%*s  %s\n", d->margin, unit, title);
}

static void put_span(const struct drawing *d)
{
	char first[40], last[40], zone[16];
	size_t gaps = 0;

	timearg_local(d->graph->start_ms, 0, first, sizeof(first));
	timearg_local(end_of(d->graph), 0, last, sizeof(last));
	axis_zone(d->graph->start_ms, zone, sizeof(zone));
	fprintf(d->screen->file, "%*s%s to %s %s", d->margin + 2, "", first,
		strncmp(first, last, 10) ? last : last + 11, zone);
	for (size_t i = 0; i < d->graph->intervals; i++)
		gaps += !d->graph->covered[i];
	if (gaps)
		fprintf(d->screen->file, "; not counted: %zu of %zu intervals", gaps,
			d->graph->intervals);
	fputc('\n', d->screen->file);
}

/* Peak and mean, the mean of the intervals in which something was counted. */
static void put_legend(const struct drawing *d, int number)
{
	const struct graph_line *line = &d->graph->line[number];
	char name[OUT_TEXT_SIZE], peak[48], mean[48];
	unsigned __int128 sum = 0; /* as high as peaks may be, and as many as there are */
	uint64_t max = 0;
	size_t intervals = 0;

	for (size_t i = 0; i < d->graph->intervals; i++) {
		uint64_t rate = graph_rate(d->graph, line->value[i]);

		max = rate > max ? rate : max;
		sum += rate;
		intervals += rate || d->graph->covered[i];
	}
	graph_name(d->graph, line, d->query, name, sizeof(name));
	text_clean(name, name);
	axis_text(max, graph_unit(d->graph), peak, sizeof(peak));
	axis_text(intervals ? (uint64_t)(sum / intervals) : 0, graph_unit(d->graph), mean,
		  sizeof(mean));
	fprintf(d->screen->file, "%*s", d->margin + 2, "");
	put_colour(d, number);
	if (d->canvas.braille)
		fputs("■", d->screen->file);
	else
		fputc(d->canvas.letters[number], d->screen->file);
	put_colour(d, -1);
	fprintf(d->screen->file, " %s: peak %s, mean %s\n", name, peak, mean);
}

static int measure(struct drawing *d)
{
	const struct graph_screen *screen = d->screen;
	char label[AXIS_LABEL];
	unsigned ticks = (unsigned)screen->height / ROWS_A_TICK;
	bool braille = screen->utf8 && (screen->colour || d->graph->lines <= 1);

	axis_values(graph_max(d->graph), ticks, &d->axis);
	for (uint64_t value = 0; value <= d->axis.top; value += d->axis.step) {
		axis_label(&d->axis, value, label);
		d->margin = clamp((long)strlen(label), d->margin, WIDTH_MIN);
	}
	d->margin = clamp((long)(strlen(d->axis.prefix) + strlen(graph_unit(d->graph))), d->margin,
			  WIDTH_MIN);
	d->step_ms = axis_time_step(end_of(d->graph) - d->graph->start_ms,
				    (unsigned)(screen->width - d->margin - 2) / TIME_ROOM);
	d->zone_s = axis_zone(d->graph->start_ms, NULL, 0);
	return canvas_open(screen->width - d->margin - 2, screen->height, braille, &d->canvas);
}

int graph_text(const struct graph *graph, const struct query *query,
	       const struct graph_screen *screen)
{
	struct drawing d = {.graph = graph, .query = query, .screen = screen};
	int err = measure(&d);

	if (!err) {
		for (size_t l = 0; l < graph->lines; l++)
			draw_line(&d, (uint8_t)l);
		put_title(&d);
		for (int y = 0; y < d.canvas.height; y++)
			put_row(&d, y);
		put_axis(&d);
		put_times(&d);
		put_span(&d);
		for (size_t l = 0; l < graph->lines; l++)
			put_legend(&d, (int)l);
		err = out_check(screen->file);
	}
	canvas_free(&d.canvas);
	return err;
}
