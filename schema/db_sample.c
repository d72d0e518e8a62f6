/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_sample.c: see db_sample.h. */
#include "schema/db_sample.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "schema/db_cell.h"
#include "schema/db_row.h"

#define WHY_ALL (2 * SAMPLE_DROP - 1)

/* Of DB_SAMPLE_COLUMNS and of the INSERT. */
enum sample_column {
	COL_ID,
	COL_IFACE,
	COL_KEY,
	COL_TUNNEL_KIND = COL_KEY + DB_KEY_COLUMNS,
	COL_TUNNEL_ID,
	COL_LINK,
	COL_LENGTH,
	COL_PACKETS,
	COL_GSO_SIZE,
	COL_RATE,
	COL_WHY,
	COL_REASON,
	COL_PLACE,
	COL_DEVICE,
	COL_FRAME,
};

/* --- in ------------------------------------------------------------------------------------------- */

const char db_sample_insert[] =
	"INSERT INTO sample (id, iface, " DB_KEY
	", tunnel_kind, tunnel_id, link, length, packets, gso_size, rate, why, reason, place, "
	"device, frame) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
	"?)";

static int bind_int(struct sqlite3_stmt *stmt, enum sample_column column, int64_t value)
{
	return db_cell_bind(stmt, column, db_cell_int(value));
}

/* 0 is none. */
static int bind_optional(struct sqlite3_stmt *stmt, enum sample_column column, int64_t value)
{
	return db_cell_bind(stmt, column, db_cell_optional(value, value));
}

/* SQLite takes a blob that is nowhere for NULL. */
static int bind_frame(struct sqlite3_stmt *stmt, const struct sample_record *sample)
{
	return sqlite3_bind_blob(stmt, COL_FRAME + 1, sample->captured ? sample->frame : (void *)"",
				 (int)sample->captured, SQLITE_STATIC);
}

int db_sample_bind(struct sqlite3_stmt *stmt, const struct sample_record *sample, int64_t id,
		   const struct db_sample_words *words)
{
	const struct flow_key *key = &sample->key;
	int rc = bind_int(stmt, COL_ID, id);

	rc |= bind_optional(stmt, COL_IFACE, sample->iface);
	for (int i = 0; i < DB_KEY_COLUMNS; i++)
		rc |= db_cell_bind(stmt, COL_KEY + i, db_cell_key(key, i));
	rc |= bind_optional(stmt, COL_TUNNEL_KIND, key->tunnel_kind);
	rc |= db_cell_bind(stmt, COL_TUNNEL_ID, db_cell_optional(key->tunnel_kind, key->tunnel_id));
	rc |= bind_int(stmt, COL_LINK, sample->link);
	rc |= bind_int(stmt, COL_LENGTH, sample->length);
	rc |= bind_int(stmt, COL_PACKETS, sample->packets);
	rc |= bind_optional(stmt, COL_GSO_SIZE, sample->gso_size);
	rc |= bind_optional(stmt, COL_RATE, sample->rate);
	rc |= bind_int(stmt, COL_WHY, sample->why);
	rc |= bind_optional(stmt, COL_REASON, words->reason);
	rc |= bind_optional(stmt, COL_PLACE, words->place);
	rc |= bind_optional(stmt, COL_DEVICE, words->device);
	rc |= bind_frame(stmt, sample);
	return rc ? -ENOMEM : 0;
}

/*
 * Of SQLite's pages (https://www.sqlite.org/fileformat2.html#b_tree_pages): a row is whole in a leaf, or
 * its end runs over to pages of its own. ROW is a row without its frame, measured: 62 to 66 bytes, 20
 * more with a tunnel and GSO. Where rows of one size follow each other this is true to 2 %; mixed ones
 * fill pages better, by up to a fifth.
 */
#define ROW 68
#define PAGE 4096
#define LEAF (PAGE - 8) /* what rows have of it */
#define LEAF_MAX (PAGE - 35)
#define LEAF_MIN ((PAGE - 12) * 32 / 255 - 23)
#define OVER (PAGE - 4)

int64_t db_sample_bytes(uint32_t captured)
{
	int64_t row = (int64_t)captured + ROW, pages = 0;

	if (row > LEAF_MAX) {
		int64_t stays = LEAF_MIN + (row - LEAF_MIN) % OVER;

		if (stays > LEAF_MAX)
			stays = LEAF_MIN;
		pages = (row - stays + OVER - 1) / OVER;
		row = stays;
	}
	return pages * PAGE + PAGE / (LEAF / row);
}

/* --- out ------------------------------------------------------------------------------------------ */

static void read_tunnel(struct db_row *row, struct flow_key *key)
{
	key->tunnel_kind = (uint8_t)db_row_optional(row, COL_TUNNEL_KIND, FLOW_TUNNEL_MAX - 1,
						    FLOW_TUNNEL_NONE);
	if (key->tunnel_kind)
		key->tunnel_id = (uint32_t)db_row_uint(row, COL_TUNNEL_ID, UINT32_MAX);
}

static void read_frame(struct db_row *row, struct sample_record *sample)
{
	sqlite3_value *value = sqlite3_column_value(row->stmt, COL_FRAME);
	int size = sqlite3_value_type(value) == SQLITE_BLOB ? sqlite3_value_bytes(value) : -1;

	sample->link = (uint32_t)db_row_uint(row, COL_LINK, SAMPLE_LINK_IP);
	sample->length = (uint32_t)db_row_uint(row, COL_LENGTH, UINT32_MAX);
	sample->captured = (uint32_t)size;
	sample->frame = size > 0 ? sqlite3_value_blob(value) : (const void *)"";
	if ((sample->link != SAMPLE_LINK_ETHERNET && sample->link != SAMPLE_LINK_IP) || size < 0 ||
	    size > SAMPLE_SNAPLEN_MAX || sample->captured > sample->length || !sample->frame)
		row->err = -EPROTO;
}

/* With a NUL at its end. */
static void read_text(struct db_row *row, enum sample_column column, char *buf, size_t size)
{
	db_row_text(row, column, buf, size - 1);
	buf[size - 1] = '\0';
}

int db_sample_read(struct sqlite3_stmt *stmt, struct sample_record *ret_sample)
{
	struct db_row row = {.stmt = stmt};
	struct sample_record sample;

	memset(&sample, 0, sizeof(sample));
	sample.time_ns = sqlite3_column_int64(stmt, COL_ID);
	sample.iface = (uint32_t)db_row_optional(&row, COL_IFACE, UINT32_MAX, 0);
	db_row_key(&row, COL_KEY, &sample.key);
	read_tunnel(&row, &sample.key);
	sample.packets = (uint32_t)db_row_uint(&row, COL_PACKETS, UINT32_MAX);
	sample.gso_size = (uint32_t)db_row_optional(&row, COL_GSO_SIZE, UINT32_MAX, 0);
	sample.rate = (uint32_t)db_row_optional(&row, COL_RATE, UINT32_MAX, 0);
	sample.why = (uint32_t)db_row_uint(&row, COL_WHY, WHY_ALL);
	read_text(&row, COL_REASON, sample.reason, sizeof(sample.reason));
	read_text(&row, COL_PLACE, sample.place, sizeof(sample.place));
	read_text(&row, COL_DEVICE, sample.device, sizeof(sample.device));
	read_frame(&row, &sample);
	if (!row.err)
		*ret_sample = sample;
	return row.err;
}

int db_samples_open(struct sqlite3 *db, int64_t since_ns, int64_t until_ns, uint32_t iface,
		    struct db_samples *ret_samples)
{
	static const char sql[] =
		"SELECT " DB_SAMPLE_COLUMNS " FROM " DB_SAMPLE_TABLES
		" WHERE sample.id >= ?1 AND sample.id < ?2 AND (?3 = 0 OR iface = ?3) "
		"ORDER BY sample.id";
	int64_t version = 0;
	int rc = db_query_int(db, "PRAGMA user_version", &version);

	memset(ret_samples, 0, sizeof(*ret_samples));
	if (!rc && version < DB_SAMPLE_VERSION)
		return -ENODATA;
	if (!rc)
		rc = sqlite3_prepare_v2(db, sql, -1, &ret_samples->stmt, NULL);
	if (!rc)
		rc = sqlite3_bind_int64(ret_samples->stmt, 1, since_ns);
	if (!rc)
		rc = sqlite3_bind_int64(ret_samples->stmt, 2, until_ns);
	if (!rc)
		rc = sqlite3_bind_int64(ret_samples->stmt, 3, iface);
	return rc ? db_errno(db, rc) : 0;
}

void db_samples_close(struct db_samples *samples)
{
	sqlite3_finalize(samples->stmt);
	samples->stmt = NULL;
}

int db_samples_next(struct db_samples *samples, struct sample_record *ret_sample)
{
	int rc = sqlite3_step(samples->stmt);
	int err;

	if (rc == SQLITE_DONE)
		return 0;
	if (rc != SQLITE_ROW)
		return -EIO;
	samples->id = sqlite3_column_int64(samples->stmt, COL_ID);
	err = db_sample_read(samples->stmt, ret_sample);
	return err ? err : 1;
}
