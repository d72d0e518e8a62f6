/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_disk.h: what the SQLite sink has to know of a disk that fails: full, over its quota, read-only, dead. None of
 * that is a reason to give a file up; sink_file.h opens it again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink_sqlite;

/*
 * Does the disk take a file beside `path`, FILE.probe? Whoever sets a file aside for what he reads there has to know that
 * it is not the disk. 0, or -errno with a text.
 */
int sink_disk_try(const char *path, char *error, size_t size);

/*
 * After a write that failed with that result of SQLite's, which takes a disk that reads nothing for a corrupt file:
 * the result that it is, with its text.
 */
int sink_disk_blame(const struct sink_sqlite *s, int rc, char *error, size_t size);

/* Its file is to be opened again. Not one that is full: there it is harder to open a file than to write to it. */
bool sink_disk_is_dead(int rc, int err);

/* As db_describe, with what the disk said, errno, which SQLite keeps of some errors and of others not. Returns -errno. */
int sink_disk_describe(const struct sink_sqlite *s, int rc, int system, char *error, size_t size);

/* After an error: where the disk is full, what the log has goes to the file, so that the log begins anew in its room. */
void sink_disk_make_room(struct sink_sqlite *s, int err);

/*
 * Of a file that was opened again, before the batch of that sweep is written. A commit that the disk let fail is in the
 * log, perhaps whole: then it is one for who opens the file; it is brought to the file itself, and ret_in true. Nor may
 * one that went well be there still, of which there is a note then. 0 or SQLite's result.
 */
int sink_disk_look_back(struct sink_sqlite *s, uint64_t sweep, bool *ret_in);
