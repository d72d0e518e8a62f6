/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * books_moved.h: what flowd folded itself is in the ledger beside what the kernel folded; meta.moved tells the
 * next flowd on these maps how much of it that is, since the hooks' own counters do not know.
 *
 *   "IFACE DIR FOLDED-PACKETS FOLDED-BYTES CATCHALL-PACKETS CATCHALL-BYTES\n" ...     IFACE: interface.id
 */
#pragma once

struct sweep;

/* When the interfaces have their ids. Any other text, or NULL, is none. */
void books_moved_load(struct sweep *sweep, const char *text);

/* Into the batch, where it has changed. Without memory the text of before stays: it says too little then. */
void books_moved_export(struct sweep *sweep);
