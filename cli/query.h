/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * query.h: the records that an answer is made of: those of the database in one snapshot, and what
 * flowd holds beyond it, newest first; window, interfaces, direction and filter applied, to addresses as
 * they are; anonymized after that, where that is asked for.
 *
 * A record is in the window by the time of its last packet, with all that it counts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/live.h"
#include "cli/query_iface.h"
#include "cli/tunnelarg.h"
#include "schema/db_flows.h"
#include "schema/db_pages.h"
#include "schema/fields.h"

struct anonymize;
struct filter;
struct sqlite3;

#define QUERY_MATCH_FORWARD 1 /* half[0] of the record counts */
#define QUERY_MATCH_REVERSE 2 /* half[1] does */

struct query_options {
	const char *db;
	const char *instance; /* NULL: the database's socket, see query_socket */
	const char *socket;   /* NULL: likewise */
	int64_t since_ms;     /* ended then or later */
	int64_t until_ms;     /* ended before; INT64_MAX: no end */
	const char *const *ifaces;
	uint32_t iface_count; /* 0: all */
	const char *const *hosts;
	uint32_t host_count; /* 0: all */
	int dir;	     /* enum flow_dir, or -1 */
	struct tunnelarg tunnel;
	const char *community; /* a Community ID, NULL: any */
	bool stored;
	bool devices;		     /* `ifaces` may be those that samples alone have */
	struct filter *filter;	     /* NULL: none */
	struct filter *event_filter; /* the same once more, for events (cli/events.h) */
	struct anonymize *anonymize; /* of what is handed out; NULL: addresses as they are */
};

enum query_live {
	QUERY_LIVE_INCLUDED,
	QUERY_LIVE_UNWANTED, /* --stored, or no flowd has ever counted into the database */
	QUERY_LIVE_NONE,     /* no flowd; why is in `live_error` */
};

struct query {
	struct query_options options;
	struct sqlite3 *db;
	struct db_mark mark;	    /* of its snapshot */
	struct db_flows flows;	    /* of the database, the window alone */
	bool to_open;		    /* flows, with the first record that is asked for */
	struct query_iface *ifaces; /* by id */
	uint32_t iface_count;
	struct live live; /* newest first */
	uint32_t live_next;
	enum query_live live_state;
	struct live_error live_error;
	struct flow_record stored; /* the next one of the database */
	bool have_stored;
	int64_t flow; /* flow.id of the record that query_next() gave last; 0: it is not stored yet */
	char error[768];  /* of the last call that failed */
	char notice[512]; /* what is to be known of the database; empty as a rule */
};

/*
 * Open, take the snapshot, ask flowd. 0 or -errno with query->error; query_close also after that.
 * *options and what it points to must outlive the query.
 */
int query_open(const struct query_options *options, struct query *ret_query);
void query_close(struct query *query);

/* 1: *ret_rec is the next record and *ret_match says which halves count; 0: the end; -errno. */
int query_next(struct query *query, struct flow_record *ret_rec, unsigned *ret_match);

/*
 * Which halves of a record count (QUERY_MATCH_*), whatever its time; -ENODATA: filter_explain(filter) says
 * why that cannot be known. From any thread, each with a filter of its own (NULL: none).
 */
int query_match(const struct query *query, struct filter *filter, const struct flow_record *rec);

/* Begin again, with another window. */
void query_window(struct query *query, int64_t since_ms, int64_t until_ms);

/* query_next then gives what flowd holds alone. */
void query_skip_stored(struct query *query);

/* Which way the packets of a half went: enum flow_dir. */
int query_half_dir(const struct flow_record *rec, int which);

/* Where flowd listens: as given, of the instance given, what the database says, or the default. 0 or -errno. */
int query_socket(struct sqlite3 *db, const char *socket, const char *instance, char *buf,
		 size_t size);

/* 1; 0: no flowd has counted into the database (it has replays alone), and none was named; or -errno. */
int query_has_flowd(struct sqlite3 *db, const char *socket, const char *instance);

/* False: the flowd whose status (JSON) this is writes to another file than `path`. */
bool query_is_same_db(const char *status, const char *path);
