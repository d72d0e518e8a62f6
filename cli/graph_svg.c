/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* graph_svg.c: see graph_svg.h. Coordinates are in tenths of a pixel until they are printed. */
#include "cli/graph_svg.h"

#include <string.h>

#include "cli/graph.h"
#include "cli/graph_axis.h"
#include "cli/output.h"
#include "cli/text_clean.h"
#include "cli/timearg.h"

#define WIDTH 960
#define LEFT 80
#define RIGHT 40 /* half of a label of the time axis */
#define TOP 60
#define PLOT_HEIGHT 300
#define PLOT_WIDTH (WIDTH - LEFT - RIGHT)
#define BOTTOM (TOP + PLOT_HEIGHT)
#define LEGEND (BOTTOM + 62)
#define LEGEND_ROW 20
#define TICKS 6
#define TIME_TICKS 10

/* The palette of Okabe and Ito, which most people can tell apart, on either ground. */
static const char style[] =
	"<style>\n"
	"svg { font: 13px sans-serif; background: #fff; color: #222 }\n"
	"text { fill: currentColor }\n"
	".title { font-size: 16px; font-weight: bold }\n"
	".grid { stroke: currentColor; stroke-opacity: .15 }\n"
	".axis { stroke: currentColor; stroke-opacity: .6; fill: none }\n"
	".gap { fill: currentColor; fill-opacity: .12 }\n"
	".line { fill: none; stroke-width: 1.5; stroke-linejoin: round }\n"
	".area { stroke: none; fill-opacity: .2 }\n"
	"@media (prefers-color-scheme: dark) { svg { background: #16191d; color: #ddd } }\n"
	"</style>\n";

static const char *const colours[] = {"#0072b2", "#e69f00", "#009e73", "#cc79a7",
				      "#d55e00", "#56b4e9", "#b8a800", "#7f7fff",
				      "#a65628", "#66a61e", "#e7298a", "#888888"};

struct plot {
	const struct graph *graph;
	const struct query *query;
	FILE *file;
	struct axis axis;
};

/* XML 1.0 section 2.2: no control characters, no U+FFFE, U+FFFF; and what no terminal gets. */
void graph_svg_escape(const char *text, FILE *file)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		bool fine;
		int len = text_char(s, &fine);

		if (*s == '<')
			fputs("&lt;", file);
		else if (*s == '>')
			fputs("&gt;", file);
		else if (*s == '&')
			fputs("&amp;", file);
		else if (*s == '"')
			fputs("&quot;", file);
		else if (!fine || (len == 3 && !memcmp(s, "\xef\xbf", 2) && s[2] >= 0xbe))
			fputs("\xef\xbf\xbd", file);
		else
			fwrite(s, 1, (size_t)len, file);
		s += len;
	}
}

static const char *colour(size_t line)
{
	return colours[line % (sizeof(colours) / sizeof(colours[0]))];
}

/* Tenths as pixels. */
static void put_tenths(int64_t tenths, FILE *file)
{
	fprintf(file, "%d", (int)(tenths / 10));
	if (tenths % 10)
		fprintf(file, ".%d", (int)(tenths % 10));
}

static int64_t x_of(const struct plot *p, size_t i)
{
	return LEFT * 10 + (int64_t)(i * PLOT_WIDTH * 10 / p->graph->intervals);
}

static int64_t x_of_time(const struct plot *p, int64_t ms)
{
	return LEFT * 10 + (ms - p->graph->start_ms) * PLOT_WIDTH * 10 / graph_span_ms(p->graph);
}

static int64_t y_of(const struct plot *p, uint64_t rate)
{
	return BOTTOM * 10 - (int64_t)((unsigned __int128)rate * PLOT_HEIGHT * 10 / p->axis.top);
}

static bool is_drawn(const struct plot *p, const struct graph_line *line, size_t i)
{
	return i < p->graph->intervals && (p->graph->covered[i] || line->value[i]);
}

static void put_head(const struct plot *p, const char *title)
{
	char what[128], first[40], last[40], zone[16];
	int64_t end_ms = p->graph->start_ms + graph_span_ms(p->graph);
	int height = LEGEND + (int)p->graph->lines * LEGEND_ROW;

	graph_title(p->graph, what, sizeof(what));
	timearg_local(p->graph->start_ms, 0, first, sizeof(first));
	timearg_local(end_ms, 0, last, sizeof(last));
	axis_zone(p->graph->start_ms, zone, sizeof(zone));
	fprintf(p->file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\" role=\"img\">\n<title>",
		WIDTH, height, WIDTH, height);
	graph_svg_escape(what, p->file);
	fputs("</title>\n", p->file);
	fputs(style, p->file);
	fprintf(p->file, "<text class=\"title\" x=\"%d\" y=\"24\">", LEFT);
	graph_svg_escape(what, p->file);
	graph_svg_escape(title, p->file);
	fprintf(p->file, "</text>\n<text x=\"%d\" y=\"%d\">%s to %s ", LEFT, BOTTOM + 42, first,
		last);
	graph_svg_escape(zone, p->file);
	fputs("</text>\n", p->file);
}

static void put_values(const struct plot *p)
{
	fprintf(p->file, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s%s</text>\n", LEFT - 8,
		TOP - 16, p->axis.prefix, graph_unit(p->graph));
	for (uint64_t value = 0; value <= p->axis.top; value += p->axis.step) {
		char label[AXIS_LABEL];
		int y = (int)(y_of(p, value) / 10);

		axis_label(&p->axis, value, label);
		fprintf(p->file, "<line class=\"grid\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n",
			LEFT, y, WIDTH - RIGHT, y);
		fprintf(p->file, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
			LEFT - 8, y + 4, label);
	}
}

static void put_times(const struct plot *p)
{
	int64_t span_ms = graph_span_ms(p->graph);
	int64_t step_ms = axis_time_step(span_ms, TIME_TICKS);
	int64_t ms = axis_time_first(p->graph->start_ms, step_ms,
				     axis_zone(p->graph->start_ms, NULL, 0));

	for (; ms <= p->graph->start_ms + span_ms; ms += step_ms) {
		char label[AXIS_LABEL];
		int x = (int)(x_of_time(p, ms) / 10);

		axis_time_label(ms, step_ms, label);
		fprintf(p->file, "<line class=\"axis\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n",
			x, BOTTOM, x, BOTTOM + 5);
		fprintf(p->file, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x,
			BOTTOM + 20, label);
	}
	fprintf(p->file, "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP, BOTTOM,
		WIDTH - RIGHT);
}

/* Where nothing was counted. */
static void put_gaps(const struct plot *p)
{
	for (size_t i = 0; i < p->graph->intervals; i++) {
		size_t from = i;

		while (i < p->graph->intervals && !p->graph->covered[i])
			i++;
		if (i == from)
			continue;
		fputs("<rect class=\"gap\" x=\"", p->file);
		put_tenths(x_of(p, from), p->file);
		fprintf(p->file, "\" y=\"%d\" width=\"", TOP);
		put_tenths(x_of(p, i) - x_of(p, from), p->file);
		fprintf(p->file, "\" height=\"%d\"><title>nothing was counted</title></rect>\n",
			PLOT_HEIGHT);
	}
}

/* Steps from interval `from` on, as far as there is no gap; the first interval behind them. */
static size_t put_steps(const struct plot *p, const struct graph_line *line, size_t from, bool area)
{
	size_t i = from;

	fputc('M', p->file);
	put_tenths(x_of(p, from), p->file);
	fputc(' ', p->file);
	put_tenths(area ? BOTTOM * 10 : y_of(p, graph_rate(p->graph, line->value[i])), p->file);
	for (; is_drawn(p, line, i); i++) {
		fputc('V', p->file);
		put_tenths(y_of(p, graph_rate(p->graph, line->value[i])), p->file);
		fputc('H', p->file);
		put_tenths(x_of(p, i + 1), p->file);
	}
	if (area)
		fprintf(p->file, "V%dZ", BOTTOM);
	return i;
}

static void put_path(const struct plot *p, size_t number, bool area)
{
	const struct graph_line *line = &p->graph->line[number];
	bool any = false;

	for (size_t i = 0; i < p->graph->intervals; i++) {
		if (!is_drawn(p, line, i))
			continue;
		if (!any)
			fprintf(p->file, "<path class=\"%s\" %s=\"%s\" d=\"",
				area ? "area" : "line", area ? "fill" : "stroke", colour(number));
		any = true;
		i = put_steps(p, line, i, area);
	}
	if (any)
		fputs("\"/>\n", p->file);
}

static void put_legend(const struct plot *p, size_t number)
{
	const struct graph_line *line = &p->graph->line[number];
	int y = LEGEND + (int)number * LEGEND_ROW;
	char name[OUT_TEXT_SIZE], text[48];
	uint64_t max = 0;

	for (size_t i = 0; i < p->graph->intervals; i++)
		max = line->value[i] > max ? line->value[i] : max;
	graph_name(p->graph, line, p->query, name, sizeof(name));
	axis_text(graph_rate(p->graph, max), graph_unit(p->graph), text, sizeof(text));
	fprintf(p->file, "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/>\n", LEFT,
		y - 11, colour(number));
	fprintf(p->file, "<text x=\"%d\" y=\"%d\">", LEFT + 20, y);
	graph_svg_escape(name, p->file);
	fprintf(p->file, ": peak %s</text>\n", text);
}

int graph_svg(const struct graph *graph, const struct query *query, const char *title, FILE *file)
{
	struct plot plot = {.graph = graph, .query = query, .file = file};

	axis_values(graph_max(graph), TICKS, &plot.axis);
	put_head(&plot, title);
	put_values(&plot);
	put_gaps(&plot);
	for (size_t l = graph->lines; l-- > 0;) { /* the heaviest above the others */
		if (graph->lines == 1)
			put_path(&plot, l, true);
		put_path(&plot, l, false);
	}
	put_times(&plot);
	for (size_t l = 0; l < graph->lines; l++)
		put_legend(&plot, l);
	fputs("</svg>\n", file);
	return out_check(file);
}
