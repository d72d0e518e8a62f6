/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_settings.c: what the SQLite sink is told before its first batch. See sink.h. */
#include "flowd/sink.h"
#include "flowd/sink_sqlite.h"

void sink_sqlite_retain(struct sink *sink, int64_t age_ns, int64_t bytes)
{
	struct sink_sqlite *s = (struct sink_sqlite *)sink;

	s->beside.sample.age_ns = age_ns;
	s->beside.sample.size_bytes = bytes;
}

void sink_sqlite_keep(struct sink *sink, const struct db_retain_limits *limits)
{
	struct sink_sqlite *s = (struct sink_sqlite *)sink;

	sink_retain_init(&s->retain, s->db, limits);
}

void sink_sqlite_rollup(struct sink *sink, const struct sink_rollup_config *config)
{
	struct sink_sqlite *s = (struct sink_sqlite *)sink;

	s->rollup.config = *config;
}
