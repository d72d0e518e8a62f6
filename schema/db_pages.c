/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_pages.c: see db_pages.h.
 *
 * A transaction's snapshot is the head of the log's index as it was when the transaction began. While the
 * transaction is open SQLite copies no frame behind it from the log to the file, and does not begin the log
 * anew unless all of it was in the file before: so what was in the file then is read there, and of what was
 * not each page's last frame.
 */
#include "schema/db_pages.h"

#include <errno.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_VERSION 3007000
#define INDEX_BLOCK 32768
#define INDEX_ENTRIES 4096 /* of a block */
#define LOG_HEAD 32
#define FRAME_HEAD 24
#define LOG_SALT 16 /* in the log's head */
#define FRAME_SALT 8
#define SIZE_MAX_PAGE 65536U
#define AHEAD_GAP 8 /* pages from one to the next, where what is between may as well be read */

/* The head of the index, of which there are two copies: "WAL-Index File Format", native byte order. */
struct index_head {
	uint32_t version, unused, changes;
	uint8_t is_init, big_endian;
	uint16_t page_size;
	uint32_t frames, pages;
	uint32_t frame_sum[2], salt[2], sum[2];
};

struct index_block {
	struct index_head head[2];
	uint32_t done; /* frames that are in the file */
	uint32_t reader[5];
	uint8_t lock[8];
	uint32_t done_attempted, unused;
};

_Static_assert(sizeof(struct index_head) == 48 && sizeof(struct index_block) == 136,
	       "as walformat.html has it");

static uint32_t page_size(uint32_t size)
{
	return size == 1 ? SIZE_MAX_PAGE : size;
}

static bool has_sum(const struct index_head *head)
{
	uint32_t word[sizeof(*head) / 4], a = 0, b = 0;

	memcpy(word, head, sizeof(word));
	for (size_t i = 0; i < offsetof(struct index_head, sum) / 4; i += 2) {
		a += word[i] + b;
		b += word[i + 1] + a;
	}
	return head->sum[0] == a && head->sum[1] == b;
}

static struct sqlite3_file *handle(struct sqlite3 *db, int which)
{
	struct sqlite3_file *file = NULL;

	if (sqlite3_file_control(db, "main", which, (void *)&file) || !file || !file->pMethods)
		return NULL;
	return file;
}

/* A block of the index, NULL: there is none. */
static const void *index_at(struct sqlite3_file *file, uint32_t number)
{
	volatile void *block = NULL;
	int rc;

	if (file->pMethods->iVersion < 2 || !file->pMethods->xShmMap)
		return NULL;
	rc = file->pMethods->xShmMap(file, (int)number, INDEX_BLOCK, 0, &block);
	return rc && rc != SQLITE_READONLY ? NULL : (const void *)block;
}

static bool is_empty(struct sqlite3_file *log)
{
	sqlite3_int64 size = 0;

	return !log->pMethods->xFileSize(log, &size) && !size;
}

/* SQLite opens its log with the first read. */
void db_mark_take(struct sqlite3 *db, struct db_mark *ret_mark)
{
	struct sqlite3_file *file = handle(db, SQLITE_FCNTL_FILE_POINTER);
	struct sqlite3_file *log = handle(db, SQLITE_FCNTL_JOURNAL_POINTER);
	const struct index_block *index;
	struct index_block now;

	memset(ret_mark, 0, sizeof(*ret_mark));
	if (!file)
		return;
	if (!log) {
		ret_mark->known = true;
		return;
	}
	index = index_at(file, 0);
	if (!index) { /* nobody writes (db_vfs.c): without a frame all is in the file */
		ret_mark->wal = ret_mark->known = is_empty(log);
		return;
	}
	/*
	 * The frames done come first: they may only grow, and where a log is begun anew in between, its
	 * head says so. The first copy of the head is written last, and read first.
	 */
	now.done = __atomic_load_n(&index->done, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	memcpy(&now.head[0], &index->head[0], sizeof(now.head[0]));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	memcpy(&now.head[1], &index->head[1], sizeof(now.head[1]));
	if (memcmp(&now.head[0], &now.head[1], sizeof(now.head[0])) || !now.head[0].is_init ||
	    now.head[0].version != INDEX_VERSION || !has_sum(&now.head[0]) ||
	    now.done > now.head[0].frames)
		return;
	*ret_mark = (struct db_mark){
		.known = true,
		.wal = true,
		.frames = now.head[0].frames,
		.done = now.done,
		.pages = now.head[0].pages,
		.page_bytes = page_size(now.head[0].page_size),
		.salt = {now.head[0].salt[0], now.head[0].salt[1]},
		.sum = {now.head[0].frame_sum[0], now.head[0].frame_sum[1]},
	};
}

/* Of that log. It cannot be read: it is there, for all we know. */
static bool has_salt(struct sqlite3_file *log, int64_t at, const struct db_mark *mark)
{
	uint8_t salt[sizeof(mark->salt)];
	int rc = log->pMethods->xRead(log, salt, sizeof(salt), at);

	return rc ? rc != SQLITE_IOERR_SHORT_READ : !memcmp(salt, mark->salt, sizeof(salt));
}

static bool has_frame(struct sqlite3_file *log, const struct db_mark *mark, uint32_t frame)
{
	int64_t at = LOG_HEAD + (int64_t)(frame - 1) * (mark->page_bytes + FRAME_HEAD);
	sqlite3_int64 bytes;

	if (!log->pMethods->xFileSize(log, &bytes) && bytes < at + FRAME_HEAD + mark->page_bytes)
		return false;
	return has_salt(log, at + FRAME_SALT, mark);
}

/* It was not begun anew. */
static bool same_log(const struct db_mark *a, const struct db_mark *b)
{
	return a->known && b->known && !memcmp(a->salt, b->salt, sizeof(a->salt));
}

/* Its head, its last frame, and what was its last one before: that is in the hole where more came behind one. */
static bool log_holds(struct sqlite3_file *log, const struct db_mark *mark,
		      const struct db_mark *before)
{
	if (!has_salt(log, LOG_SALT, mark) || !has_frame(log, mark, mark->frames))
		return false;
	return !before->frames || !same_log(before, mark) || before->frames > mark->frames ||
	       has_frame(log, mark, before->frames);
}

bool db_extent_holds(struct sqlite3 *db, struct db_extent *extent)
{
	struct sqlite3_file *file = handle(db, SQLITE_FCNTL_FILE_POINTER);
	struct sqlite3_file *log = handle(db, SQLITE_FCNTL_JOURNAL_POINTER);
	struct db_mark mark, after;
	sqlite3_int64 bytes, least;
	bool holds;

	db_mark_take(db, &mark);
	if (!mark.known || !mark.wal || !log || file->pMethods->xFileSize(file, &bytes))
		return true;
	/* SQLite cuts the file at the end of copying the log to it */
	least = same_log(&mark, &extent->mark) && mark.done == extent->mark.done
			? extent->file_bytes
			: 0;
	holds = bytes >= least;
	if (holds && mark.done < mark.frames)
		holds = log_holds(log, &mark, &extent->mark);
	db_mark_take(db, &after);
	if (!db_mark_equal(&mark, &after)) /* somebody copied it to the file meanwhile */
		return true;
	if (holds)
		*extent = (struct db_extent){.mark = mark, .file_bytes = bytes};
	return holds;
}

bool db_mark_equal(const struct db_mark *a, const struct db_mark *b)
{
	return a->known && b->known && a->wal == b->wal && a->frames == b->frames &&
	       a->pages == b->pages && !memcmp(a->salt, b->salt, sizeof(a->salt)) &&
	       !memcmp(a->sum, b->sum, sizeof(a->sum));
}

static int compare_frames(const void *a, const void *b)
{
	const struct db_frame *x = a, *y = b;

	if (x->page != y->page)
		return x->page < y->page ? -1 : 1;
	return x->frame < y->frame ? -1 : x->frame > y->frame;
}

/* The page that a frame of the log holds; the first block has fewer, for its head. 0: cannot be said. */
static uint32_t page_of(struct sqlite3_file *file, uint32_t frame)
{
	const uint32_t head = sizeof(struct index_block) / 4;
	uint32_t at = frame - 1 + head;
	const uint32_t *block = index_at(file, at / INDEX_ENTRIES);

	return block ? __atomic_load_n(&block[at % INDEX_ENTRIES], __ATOMIC_RELAXED) : 0;
}

/* Of each page in the log that is not in the file, its last frame. */
static int read_index(struct db_pages *pages, const struct db_mark *mark)
{
	uint32_t count = mark->frames - mark->done, last = 0;

	if (!count)
		return 0;
	pages->frame = calloc(count, sizeof(*pages->frame));
	if (!pages->frame)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		pages->frame[i].frame = mark->done + 1 + i;
		pages->frame[i].page = page_of(pages->file, mark->done + 1 + i);
		if (!pages->frame[i].page)
			return -ENOTSUP;
	}
	qsort(pages->frame, count, sizeof(*pages->frame), compare_frames);
	for (uint32_t i = 0; i < count; i++) {
		if (i + 1 == count || pages->frame[i].page != pages->frame[i + 1].page)
			pages->frame[last++] = pages->frame[i];
	}
	pages->frames = last;
	return 0;
}

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The size of pages, by the file's own head. */
static int read_head(struct db_pages *pages, const struct db_mark *mark)
{
	uint8_t head[100];

	if (pages->file->pMethods->xRead(pages->file, head, sizeof(head), 0))
		return -ENOTSUP;
	pages->size = page_size((uint32_t)head[16] << 8 | head[17]);
	if (pages->size < 512 || (pages->size & (pages->size - 1)))
		return -ENOTSUP;
	pages->used = pages->size - head[20];
	pages->count = mark->wal && mark->frames ? mark->pages : be32(head + 28);
	return pages->used < 480 ? -ENOTSUP : 0;
}

int db_pages_open(struct sqlite3 *db, const struct db_mark *mark, struct db_pages *ret_pages)
{
	struct db_pages pages = {.file = handle(db, SQLITE_FCNTL_FILE_POINTER)};
	int err;

	if (!mark->known || !pages.file || sqlite3_txn_state(db, "main") != SQLITE_TXN_READ)
		return -ENOTSUP;
	memcpy(pages.salt, mark->salt, sizeof(pages.salt));
	if (mark->wal)
		pages.log = handle(db, SQLITE_FCNTL_JOURNAL_POINTER);
	if (mark->wal && !pages.log)
		return -ENOTSUP;
	err = read_head(&pages, mark);
	err = err || !mark->wal ? err : read_index(&pages, mark);
	if (err) {
		db_pages_close(&pages);
		return err;
	}
	*ret_pages = pages;
	return 0;
}

void db_pages_close(struct db_pages *pages)
{
	free(pages->frame);
	memset(pages, 0, sizeof(*pages));
}

/* 0: it is not in the log. */
static uint32_t frame_of(const struct db_pages *pages, uint32_t page)
{
	uint32_t low = 0, high = pages->frames;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (pages->frame[middle].page == page)
			return pages->frame[middle].frame;
		if (pages->frame[middle].page < page)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

/* Each frame says whose page it is, and of which log: one that was begun anew has another salt. */
static int read_frame(const struct db_pages *pages, uint32_t frame, uint32_t number, uint8_t *buf)
{
	int64_t at = LOG_HEAD + (int64_t)(frame - 1) * (pages->size + FRAME_HEAD);
	uint8_t head[FRAME_HEAD];

	if (pages->log->pMethods->xRead(pages->log, head, sizeof(head), at) ||
	    be32(head) != number || memcmp(head + 8, pages->salt, sizeof(pages->salt)) != 0)
		return -ENOTSUP;
	at += FRAME_HEAD;
	return pages->log->pMethods->xRead(pages->log, buf, (int)pages->size, at) ? -ENOTSUP : 0;
}

static int read_file(const struct db_pages *pages, uint32_t number, uint32_t count, uint8_t *buf)
{
	int64_t at = (int64_t)(number - 1) * pages->size;
	int size = (int)(count * pages->size);

	return pages->file->pMethods->xRead(pages->file, buf, size, at) ? -ENOTSUP : 0;
}

int db_pages_read(const struct db_pages *pages, uint32_t number, uint8_t *buf)
{
	uint32_t frame;

	if (!number || number > pages->count)
		return -ENOTSUP;
	frame = pages->frames ? frame_of(pages, number) : 0;
	return frame ? read_frame(pages, frame, number, buf) : read_file(pages, number, 1, buf);
}

/* Pages of other tables may lie between two of one. */
static void measure(struct db_ahead *ahead, uint32_t number, uint32_t size)
{
	bool follows = number > ahead->before && number - ahead->before <= AHEAD_GAP;

	if (follows && ahead->span < DB_AHEAD_PAGES && ahead->span * size < DB_AHEAD_BYTES)
		ahead->span = ahead->span ? ahead->span * 2 : 1;
	else if (!follows)
		ahead->span = ahead->span > 1 ? ahead->span / 2 : 1;
}

/* That page and those behind it. What lies in the log, or behind the file's end, is not asked for. */
static void fill(const struct db_pages *pages, struct db_ahead *ahead, uint32_t number)
{
	uint32_t left = pages->count - number + 1;

	ahead->count = 0;
	if (!ahead->byte)
		ahead->byte = malloc(DB_AHEAD_BYTES);
	if (!ahead->byte)
		return;
	ahead->first = number;
	ahead->count = ahead->span < left ? ahead->span : left;
	if (read_file(pages, number, ahead->count, ahead->byte))
		ahead->count = 0;
}

static bool is_ahead(const struct db_ahead *ahead, uint32_t number)
{
	return number >= ahead->first && number - ahead->first < ahead->count;
}

int db_pages_read_on(const struct db_pages *pages, struct db_ahead *ahead, uint32_t number,
		     uint8_t *buf)
{
	uint32_t frame;

	if (!number || number > pages->count)
		return -ENOTSUP;
	frame = pages->frames ? frame_of(pages, number) : 0;
	if (frame)
		return read_frame(pages, frame, number, buf);
	if (!is_ahead(ahead, number)) {
		measure(ahead, number, pages->size);
		if (ahead->span > 1)
			fill(pages, ahead, number);
	}
	ahead->before = number;
	if (!is_ahead(ahead, number))
		return read_file(pages, number, 1, buf);
	memcpy(buf, ahead->byte + (size_t)(number - ahead->first) * pages->size, pages->size);
	return 0;
}
