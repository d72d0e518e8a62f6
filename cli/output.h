/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * output.h: rows to text, JSON or CSV. A verb describes its columns once; JSON and CSV take those
 * with a name, text takes those with a title. The same columns come out whatever the rows hold.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define OUT_VERSION 1 /* of the fields: a changed column is a new version; "v" in every row */
#define OUT_TEXT_SIZE 288

enum out_kind {
	OUT_NONE = 0,	  /* JSON null, CSV empty, text "-" */
	OUT_NUMBER,	  /* text: with thousands separators */
	OUT_PLAIN,	  /* a number that only names something: a port, an id */
	OUT_SIGNED,	  /* a number that may be less than 0, as int64_t */
	OUT_REAL,	  /* a number that `text` has */
	OUT_TIME,	  /* UTC ms; JSON and CSV: RFC 3339, text: local */
	OUT_DURATION,	  /* ms; text: seconds */
	OUT_MICROSECONDS, /* text: with a unit */
	OUT_PERCENT,	  /* in hundredths of a percent */
	OUT_RATE,	  /* bits a second; text: with a unit */
	OUT_FLAGS,	  /* TCP flags; text: letters */
	OUT_TEXT,
};

/*
 * Added to out_column.spare: in text, the column is there only where one of the first rows has a
 * value for it.
 */
#define OUT_IF_ANY 100

struct out_value {
	enum out_kind kind;
	uint64_t number;
	char text[OUT_TEXT_SIZE];
	const char *
		whole; /* where `text` may be cut: the caller's memory, for JSON and CSV; or NULL */
};

struct field;

struct out_column {
	const char *name;  /* in JSON and CSV, NULL: not there */
	const char *title; /* in text, NULL: not there */
	bool left;	   /* aligned in text */
	int spare; /* in a narrow terminal the columns with the highest go first; 0: never */
	void (*get)(const struct out_column *column, const void *row, struct out_value *ret_value);
	const struct field *field; /* for get() */
};

struct out {
	const struct out_column *columns; /* ends with a NULL get */
	FILE *file;
	void *state;
};

struct out_ops {
	const char *name;
	/* 0, or -errno: -EPIPE where nobody reads, -ENOMEM. After an error only end() is called. */
	int (*begin)(struct out *out);
	int (*row)(struct out *out, const void *row);
	int (*end)(struct out *out);
};

extern const struct out_ops out_text;
extern const struct out_ops out_json;
extern const struct out_ops out_csv;

/* 0, or -errno of the last write to `file`; remembers a broken pipe. */
int out_check(FILE *file);
bool out_broken_pipe(void);

/* For a get(): set *value to a text, cut where it is too long. */
void out_set_text(struct out_value *value, const char *text);

/* As JSON and CSV have it, without quotes; buf holds OUT_TEXT_SIZE bytes. */
void out_machine(const struct out_value *value, char *buf);
/* As text has it. */
void out_human(const struct out_value *value, char *buf);

/*
 * A JSON string with its quotes: RFC 8259 section 7; bytes that are not UTF-8 become U+FFFD, and what a terminal
 * would obey (cli/text_clean.h) is escaped.
 */
void out_json_string(const char *text, FILE *file);

/* JSON that somebody else made, on one line: the same is escaped in its strings. */
void out_json_text(const char *json, FILE *file);

/* "1,234,567"; buf holds 32 bytes. */
const char *out_count(uint64_t value, char *buf);
