/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * naming.h: what is told of an address beside itself: a host's name, a country, an AS. First each
 * address that an answer shows is wanted, then they are asked for together, then shown.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include "cli/geo.h"

struct hostnames;
struct out_column;
struct out_value;
struct services;

/* All 0: nothing is told. */
struct naming {
	bool names;	       /* hosts and services */
	bool wants[GEO_KINDS]; /* of these, too, where there is a file */
	struct hostnames *hosts;
	struct services *services;
	struct geo *geo;
	struct geo_cache *cache;
};

void naming_close(struct naming *naming);

/* Nothing is to be told. */
bool naming_is_off(const struct naming *naming);

/* 0 or -errno; -EBADMSG: see geo_problem. */
int naming_want(struct naming *naming, bool ipv6, const __be32 addr[4]);
int naming_ask(struct naming *naming);

/* An address is not told of: there is none, or all of it is 0. */
bool naming_is_none(const __be32 addr[4]);

/* The host's name or NULL. */
const char *naming_host(const struct naming *naming, bool ipv6, const __be32 addr[4]);

/* Whether a field of that name was asked for: "name", "service", "country", "as", "as_name", be it of src_ or dst_. */
bool naming_has_field(const struct naming *naming, const char *field);

/* One of "name", "country", "as" and "as_name" of an address, for JSON and CSV; OUT_NONE where it is not known. */
void naming_field(const struct naming *naming, const char *field, bool ipv6, const __be32 addr[4],
		  struct out_value *value);

/* The same of a country or AS that is known already. */
void naming_geo_field(const struct naming *naming, const char *field, uint32_t found,
		      struct out_value *value);

/* For a column of text: "host.example.org" without its middle where it is long, "DE", "AS3320 Deutsche Te..". */
bool naming_text(const struct naming *naming, const char *field, bool ipv6, const __be32 addr[4],
		 char *buf, size_t size);
