/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fields.h: each field of a flow record named once. Sinks, outputs, queries and man pages walk
 * fields[]; nothing else spells a field's name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "event_record.h"
#include "flow_record.h"

enum field_kind {
	FIELD_TIME,   /* UTC ms: RFC 3339 in JSON */
	FIELD_TEXT,   /* a name or an address, see field_text */
	FIELD_NUMBER, /* unsigned, see field_number */
};

struct field {
	const char *name;   /* in JSON, CSV and --fields */
	const char *title;  /* of a text column */
	const char *unit;   /* "ms", "bytes", ... or NULL */
	const char *column; /* of view flow_plain, NULL where derived */
	const char *help;
	uint16_t ipfix; /* information element (RFC 5102, IANA), 0: none */
	uint8_t kind;
	uint8_t reverse; /* the name has the prefix rev_ and the value is half[1]'s */
	/* False where the record has no such value (JSON null, CSV empty). One of the two is set. */
	bool (*number)(const struct flow_record *rec, uint64_t *ret_value);
	bool (*text)(const struct flow_record *rec, char *buf, size_t size);
};

/* In the order of output; ends with a NULL name. The interface's name is the caller's to add. */
extern const struct field fields[];

/* The field of that name, or NULL. */
const struct field *field_find(const char *name);

/* Of enum event_retransmit, as in `reason`. */
extern const char *const event_retransmit_name[EVENT_RETRANSMIT_MAX];

/* enum flow_tunnel of a name as in field `tunnel`, or -ENOENT. */
int flow_tunnel_find(const char *name);

/* The id as shown: of MPLS the label alone. */
uint32_t flow_tunnel_id(uint8_t kind, uint32_t tunnel_id);
