/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_iface.c: see sink_iface.h. */
#include "flowd/sink_iface.h"

#include <sqlite3.h>

const char sink_iface_sql[] =
	"INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, ingress, egress, first_ms, "
	"last_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO UPDATE SET "
	"name = ?2, ifnum = ?5, ingress = ?7, egress = ?8, last_ms = ?10";

int sink_iface_write(struct sqlite3_stmt *stmt, const struct sink_iface *iface)
{
	int rc = sqlite3_clear_bindings(stmt);

	rc = rc ? rc : sqlite3_bind_int64(stmt, 1, iface->id);
	rc = rc ? rc : sqlite3_bind_text(stmt, 2, iface->name, -1, SQLITE_STATIC);
	rc = rc ? rc : sqlite3_bind_int64(stmt, 3, iface->ifindex);
	rc = rc ? rc : sqlite3_bind_int64(stmt, 4, (sqlite3_int64)iface->netns);
	rc = rc ? rc : sqlite3_bind_int64(stmt, 5, iface->ifnum);
	rc = rc ? rc : sqlite3_bind_int64(stmt, 6, (sqlite3_int64)iface->generation);
	for (int dir = 0; !rc && dir < 2; dir++) {
		if (iface->mode[dir][0])
			rc = sqlite3_bind_text(stmt, 7 + dir, iface->mode[dir], -1, SQLITE_STATIC);
	}
	rc = rc ? rc : sqlite3_bind_int64(stmt, 9, iface->first_ms);
	if (!rc && iface->last_ms)
		rc = sqlite3_bind_int64(stmt, 10, iface->last_ms);
	if (!rc)
		rc = sqlite3_step(stmt);
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
