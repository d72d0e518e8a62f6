/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_word.c: see db_word.h. */
#include "schema/db_word.h"

#include <sqlite3.h>
#include <string.h>

int db_words_prepare(struct db_words *words, struct sqlite3 *db)
{
	int rc = SQLITE_OK;

	if (!words->find)
		rc = sqlite3_prepare_v3(db, "SELECT id FROM word WHERE text = ?1", -1,
					SQLITE_PREPARE_PERSISTENT, &words->find, NULL);
	if (!rc && !words->insert)
		rc = sqlite3_prepare_v3(db, "INSERT INTO word (text) VALUES (?1)", -1,
					SQLITE_PREPARE_PERSISTENT, &words->insert, NULL);
	return rc;
}

void db_words_free(struct db_words *words)
{
	sqlite3_finalize(words->find);
	sqlite3_finalize(words->insert);
	words->find = words->insert = NULL;
}

void db_words_forget(struct db_words *words)
{
	for (size_t i = 0; i < DB_WORDS_KEPT; i++)
		words->kept[i].id = 0;
}

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/). */
static struct db_word *place_of(struct db_words *words, const char *text, size_t length)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)text[i]) * 16777619U;
	return &words->kept[(hash ^ hash >> 16) & (DB_WORDS_KEPT - 1)];
}

static int find(struct db_words *words, const char *text, size_t length, int64_t *ret_id)
{
	int rc = sqlite3_bind_text(words->find, 1, text, (int)length, SQLITE_STATIC);

	if (rc)
		return rc;
	rc = sqlite3_step(words->find);
	*ret_id = rc == SQLITE_ROW ? sqlite3_column_int64(words->find, 0) : 0;
	sqlite3_reset(words->find);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int insert(struct db_words *words, const char *text, size_t length, int64_t *ret_id)
{
	int rc = sqlite3_bind_text(words->insert, 1, text, (int)length, SQLITE_STATIC);

	if (rc)
		return rc;
	rc = sqlite3_step(words->insert);
	*ret_id = sqlite3_last_insert_rowid(sqlite3_db_handle(words->insert));
	sqlite3_reset(words->insert);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int db_words_id(struct db_words *words, const char *text, size_t size, int64_t *ret_id)
{
	size_t length = strnlen(text, size < DB_WORD_MAX ? size : DB_WORD_MAX);
	struct db_word *kept = place_of(words, text, length);
	int64_t id = 0;
	int rc;

	*ret_id = 0;
	if (!length)
		return SQLITE_OK;
	if (kept->id && kept->length == length && !memcmp(kept->text, text, length)) {
		*ret_id = kept->id;
		return SQLITE_OK;
	}
	rc = find(words, text, length, &id);
	if (!rc && !id)
		rc = insert(words, text, length, &id);
	if (rc)
		return rc;
	kept->id = *ret_id = id;
	kept->length = (uint32_t)length;
	memcpy(kept->text, text, length);
	return SQLITE_OK;
}
