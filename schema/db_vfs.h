/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_vfs.h: SQLite's way to the disk for readers of the ledger database: nothing beside the database is
 * made, changed or removed, whatever rights the reader has.
 */
#pragma once

#define DB_VFS_READER "wireledger-reader"
/* Of the URI; readonly_shm is for SQLite itself: the log's index is mapped to be read, if it is there. */
#define DB_VFS_QUERY "vfs=" DB_VFS_READER "&readonly_shm=1"

/* Make it known to SQLite, once a process. 0 or SQLite's result code. */
int db_vfs_register(void);
