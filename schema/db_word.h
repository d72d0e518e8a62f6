/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_word.h: table word, the texts that rows name by number; with the ones met last kept in memory.
 *
 * What is kept may be of a transaction that is then rolled back: db_words_forget() is for that.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

#define DB_WORD_MAX 64	   /* bytes of a text, without a NUL */
#define DB_WORDS_KEPT 1024 /* a power of two */

struct db_word {
	int64_t id; /* 0: none is kept here */
	uint32_t length;
	char text[DB_WORD_MAX];
};

/* The place of a text is its hash's; another one takes it over. */
struct db_words {
	struct sqlite3_stmt *find;
	struct sqlite3_stmt *insert;
	struct db_word kept[DB_WORDS_KEPT];
};

/* All that these return is 0 or SQLite's result code. Once is enough; free also after a failure. */
int db_words_prepare(struct db_words *words, struct sqlite3 *db);
void db_words_free(struct db_words *words);
void db_words_forget(struct db_words *words);

/* The number of what is in `text`, up to a NUL or `size` bytes; 0 where that is nothing. */
int db_words_id(struct db_words *words, const char *text, size_t size, int64_t *ret_id);
