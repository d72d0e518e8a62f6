/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * out_text.c: an aligned table. The first ROWS rows are held back to learn the widths; the rest is
 * written as it comes. On a terminal that is too narrow, columns that can be spared are left out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/output.h"

#define ROWS 2000
#define COLUMNS 128

struct table {
	size_t columns;
	const struct out_column *column[COLUMNS];
	bool hidden[COLUMNS];
	bool any[COLUMNS]; /* a value was in it */
	size_t width[COLUMNS];
	char **cells; /* columns of them a row */
	size_t rows;
	bool begun; /* the heading is out */
};

static void learn_width(struct table *table, size_t i, const char *text)
{
	size_t len = strlen(text);

	if (len > table->width[i])
		table->width[i] = len;
}

static int text_begin(struct out *out)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	for (const struct out_column *c = out->columns; c->get && table->columns < COLUMNS; c++) {
		if (!c->title)
			continue;
		table->column[table->columns] = c;
		learn_width(table, table->columns++, c->title);
	}
	table->cells = calloc(ROWS * table->columns, sizeof(*table->cells));
	out->state = table;
	return table->cells ? 0 : -ENOMEM;
}

static size_t table_width(const struct table *table)
{
	size_t width = 0;

	for (size_t i = 0; i < table->columns; i++)
		width += table->hidden[i] ? 0 : table->width[i] + 2;
	return width;
}

/* Hide those that have nothing to say. */
static void hide_empty(struct table *table)
{
	for (size_t i = 0; i < table->columns; i++)
		table->hidden[i] = table->column[i]->spare >= OUT_IF_ANY && !table->any[i];
}

static int spare(const struct table *table, size_t i)
{
	return table->column[i]->spare % OUT_IF_ANY;
}

/* Hide spare columns until the table fits. */
static void fit(struct table *table, FILE *file)
{
	struct winsize size;

	if (!isatty(fileno(file)) || ioctl(fileno(file), TIOCGWINSZ, &size) || !size.ws_col)
		return;
	while (table_width(table) > size.ws_col + 2U) {
		size_t worst = 0;

		for (size_t i = 1; i < table->columns; i++) {
			if (!table->hidden[i] &&
			    (table->hidden[worst] || spare(table, i) > spare(table, worst)))
				worst = i;
		}
		if (table->hidden[worst] || !spare(table, worst))
			return;
		table->hidden[worst] = true;
	}
}

static void put_line(const struct table *table, char *const *cells, FILE *file)
{
	size_t pad = 0;

	for (size_t i = 0; i < table->columns; i++) {
		size_t len = strlen(cells[i]);
		size_t room = table->width[i] > len ? table->width[i] - len : 0;

		if (table->hidden[i])
			continue;
		if (table->column[i]->left) {
			fprintf(file, "%*s%s", (int)pad, "", cells[i]);
			pad = room + 2; /* written only where something follows */
		} else {
			fprintf(file, "%*s%s", (int)(pad + room), "", cells[i]);
			pad = 2;
		}
	}
	fputc('\n', file);
}

static void put_heading(struct table *table, FILE *file)
{
	bool bold = isatty(fileno(file)) && !getenv("NO_COLOR");
	char *titles[COLUMNS];

	for (size_t i = 0; i < table->columns; i++)
		titles[i] = (char *)table->column[i]->title;
	if (bold)
		fputs("\033[1m", file);
	put_line(table, titles, file);
	if (bold)
		fputs("\033[0m", file);
}

/* Write what is held back. */
static int flush_rows(struct out *out)
{
	struct table *table = out->state;

	if (!table->begun) {
		hide_empty(table);
		fit(table, out->file);
		put_heading(table, out->file);
		table->begun = true;
	}
	for (size_t i = 0; i < table->rows; i++)
		put_line(table, table->cells + i * table->columns, out->file);
	for (size_t i = 0; i < table->rows * table->columns; i++)
		free(table->cells[i]);
	table->rows = 0;
	return out_check(out->file);
}

static int text_row(struct out *out, const void *row)
{
	struct table *table = out->state;
	char **cells = table->cells + table->rows * table->columns;
	char text[OUT_TEXT_SIZE];

	for (size_t i = 0; i < table->columns; i++) {
		struct out_value value = {.kind = OUT_NONE};

		table->column[i]->get(table->column[i], row, &value);
		out_human(&value, text);
		cells[i] = strdup(text);
		if (!cells[i]) { /* no half a row */
			while (i)
				free(cells[--i]);
			return -ENOMEM;
		}
		if (!table->begun)
			learn_width(table, i, text);
		table->any[i] |= value.kind != OUT_NONE;
	}
	table->rows++;
	return table->begun || table->rows == ROWS ? flush_rows(out) : 0;
}

static int text_end(struct out *out)
{
	struct table *table = out->state;
	int err = 0;

	if (!table)
		return -ENOMEM;
	if (table->cells && !out_check(out->file))
		err = flush_rows(out);
	for (size_t i = 0; table->cells && i < table->rows * table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
	out->state = NULL;
	return err;
}

const struct out_ops out_text = {"text", text_begin, text_row, text_end};
