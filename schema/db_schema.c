/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_schema.c: what is in a database file, and who may take it. See db_sqlite.h. Of SQLite's errors, too.
 */
#include "schema/db_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the header of a SQLite file (https://www.sqlite.org/fileformat2.html#the_database_header). */
#define HEADER_SIZE 100
#define HEADER_MAGIC "SQLite format 3" /* and its NUL: 16 bytes */
#define HEADER_USER_VERSION 60
#define HEADER_APPLICATION_ID 68

const char *db_shown(const char *path)
{
	size_t len = strlen(path);

	return len > DB_NAME_SHOWN ? path + len - DB_NAME_SHOWN : path;
}

/* SQLite keeps errno as it finds it, which may be of something else: believed where it fits. */
static int system_errno(struct sqlite3 *db, int rc)
{
	int system = db ? sqlite3_system_errno(db) : 0;
	bool fits = (rc & 0xff) == SQLITE_CANTOPEN || system == ENOSPC || system == EDQUOT ||
		    system == EFBIG || system == EROFS || system == EACCES;

	return fits ? system : 0;
}

int db_errno(struct sqlite3 *db, int rc)
{
	int system = system_errno(db, rc);

	switch (rc & 0xff) {
	case SQLITE_OK:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_READONLY:
		return rc == SQLITE_READONLY_DIRECTORY ? -EACCES : -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: /* of a file whose header said that it is ours */
		return -EUCLEAN;
	case SQLITE_CANTOPEN:
		return system ? -system : -EACCES;
	case SQLITE_IOERR:
		return system ? -system : -EIO;
	default:
		return -EIO;
	}
}

void db_describe(struct sqlite3 *db, int rc, const char *name, char *buf, size_t size)
{
	int system = system_errno(db, rc);
	const char *text = db && (sqlite3_errcode(db) & 0xff) == (rc & 0xff) ? sqlite3_errmsg(db)
									     : sqlite3_errstr(rc);

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		snprintf(buf, size, "%s: locked by another process", name);
		return;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		snprintf(buf, size, "%s: corrupt: %s", name, text);
		return;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		if (system) {
			snprintf(buf, size, "%s: %s (%s)", name, text, strerror(system));
			return;
		}
		break;
	}
	snprintf(buf, size, "%s: %s", name, text);
}

int db_fail(struct db_error *error, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	return err;
}

int db_fail_sqlite(struct db_error *error, struct sqlite3 *db, int rc, const char *name)
{
	db_describe(db, rc, name, error->text, sizeof(error->text));
	return db_errno(db, rc);
}

int db_query_int(struct sqlite3 *db, const char *sql, int64_t *ret_value)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc)
		return rc;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*ret_value = sqlite3_column_int64(stmt, 0);
		return sqlite3_finalize(stmt);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_EMPTY : rc;
}

static int check_id(const char *name, int64_t id, struct db_error *error)
{
	if (id == DB_APPLICATION_ID)
		return 0;
	return db_fail(
		error, -EPROTO,
		"%s: not a wireledger database (a SQLite database of another application, id 0x%08x)",
		name, (unsigned int)id);
}

static int check_version(const char *name, int64_t version, struct db_error *error)
{
	if (version <= DB_VERSION)
		return 0;
	return db_fail(error, -EOVERFLOW,
		       "%s: made by a newer wireledger (schema version %lld, this one knows %d)",
		       name, (long long)version, DB_VERSION);
}

/* A newer file says from which version on it can be read. */
static int check_reader(struct sqlite3 *db, const char *name, int64_t version,
			struct db_error *error)
{
	int64_t reader = INT64_MAX;

	if (version <= DB_VERSION)
		return 0;
	(void)db_query_int(db, "SELECT value FROM meta WHERE key = 'reader'", &reader);
	if (reader > DB_VERSION)
		return check_version(name, version, error);
	snprintf(
		error->text, sizeof(error->text),
		"%s: made by a newer wireledger (schema version %lld, this one knows %d): what is new "
		"there is left out",
		name, (long long)version, DB_VERSION);
	return 0;
}

static uint32_t header_word(const uint8_t *header, size_t offset)
{
	const uint8_t *p = header + offset;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int read_header(int fd, uint8_t header[HEADER_SIZE])
{
	size_t len = 0;

	while (len < HEADER_SIZE) {
		ssize_t got = pread(fd, header + len, HEADER_SIZE - len, (off_t)len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return -EPROTO;
		len += (size_t)got;
	}
	return memcmp(header, HEADER_MAGIC, sizeof(HEADER_MAGIC)) ? -EPROTO : 0;
}

/*
 * The power went while it was made: there are pages, the first of which is not there yet, and a journal that says that the
 * file was empty.
 */
static bool is_half_made(const char *path, const uint8_t header[HEADER_SIZE])
{
	char name[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < HEADER_SIZE; i++) {
		if (header[i])
			return false;
	}
	snprintf(name, sizeof(name), "%s-journal", path);
	return !stat(name, &st) && st.st_size;
}

int db_look(const char *name, const char *path, enum db_who who, int64_t *ret_size,
	    struct db_error *error)
{
	uint8_t header[HEADER_SIZE] = {0};
	struct stat st;
	int fd, err;

	*ret_size = 0;
	if (stat(path, &st))
		return db_fail(error, -errno, "%s: %s", name, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return db_fail(error, -EISDIR, "%s: is a directory", name);
	if (!S_ISREG(st.st_mode))
		return db_fail(error, -EPROTO, "%s: not a regular file", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return db_fail(error, -errno, "%s: %s", name, strerror(errno));
	err = st.st_size ? read_header(fd, header) : 0;
	close(fd);
	if (err == -EPROTO && who == DB_WRITER && is_half_made(path, header)) {
		*ret_size = st.st_size;
		return 0;
	}
	if (err == -EPROTO)
		return db_fail(error, err, "%s: not a wireledger database (not a SQLite file)",
			       name);
	if (err)
		return db_fail(error, err, "%s: %s", name, strerror(-err));
	*ret_size = st.st_size;
	if (!st.st_size)
		return 0;
	err = check_id(name, header_word(header, HEADER_APPLICATION_ID), error);
	if (!err && who == DB_WRITER)
		err = check_version(name, (int32_t)header_word(header, HEADER_USER_VERSION), error);
	return err;
}

/* Has it these tables and columns? */
static int probe(struct sqlite3 *db, const char *name, const char *sql, struct db_error *error)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (!rc) {
		sqlite3_step(stmt);
		rc = sqlite3_finalize(stmt);
	}
	if (rc == SQLITE_ERROR)
		return db_fail(error, -EPROTO, "%s: not a wireledger database (%s)", name,
			       sqlite3_errmsg(db));
	return rc ? db_fail_sqlite(error, db, rc, name) : 0;
}

/* Who writes needs every table: one that somebody dropped is told now, not when flows wait for it. */
static int probe_written(struct sqlite3 *db, const char *name, int64_t version,
			 struct db_error *error)
{
	static const struct {
		int64_t since;
		const char *name;
	} tables[] = {
		{2, "flow_tunnel"},
		{3, "flow_tcp"},
		{3, "flow_rtt"},
		{3, "word"},
		{3, "flow_socket"},
		{3, "event"},
		{3, "counter"},
		{4, "sample"},
		{5, "talker_minute"},
		{5, "talker_hour"},
		{5, "talker_minute_tail"},
		{5, "talker_hour_tail"},
		{5, "ledger_past"},
	};
	char sql[64];
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (version < tables[i].since)
			continue;
		snprintf(sql, sizeof(sql), "SELECT 1 FROM %s LIMIT 0", tables[i].name);
		err = probe(db, name, sql, error);
	}
	return err;
}

int db_verify(struct sqlite3 *db, const char *name, enum db_who who, int64_t *ret_version,
	      struct db_error *error)
{
	static const char *const probes[] = {
		"SELECT key, value FROM meta",
		"SELECT id, name FROM interface",
		"SELECT minute_ms, unaccounted_bytes FROM ledger",
		"SELECT iface, recorded_bytes FROM books",
	};
	const char *flow = "SELECT " DB_FLOW_COLUMNS " FROM flow";
	int64_t id = 0, version = 0;
	int rc, err;

	rc = db_query_int(db, "PRAGMA application_id", &id);
	if (!rc)
		rc = db_query_int(db, "PRAGMA user_version", &version);
	if (rc)
		return db_fail_sqlite(error, db, rc, name);
	err = check_id(name, id, error);
	if (!err)
		err = who == DB_WRITER ? check_version(name, version, error)
				       : check_reader(db, name, version, error);
	if (version < DB_VERSION_FLOW)
		flow = "SELECT id, duration_ms, " DB_KEY
		       ", ip_bytes, tcp_flags, end_reason FROM flow";
	if (!err)
		err = probe(db, name, flow, error);
	for (size_t i = 0; !err && i < sizeof(probes) / sizeof(probes[0]); i++)
		err = probe(db, name, probes[i], error);
	if (!err && who == DB_WRITER)
		err = probe_written(db, name, version, error);
	if (!err)
		*ret_version = version;
	return err;
}
