/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_say.c: see sink_say.h. */
#include "flowd/sink_say.h"

#include <systemd/sd-daemon.h>

#include "flowd/clock.h"
#include "flowd/log.h"
#include "flowd/sweep.h"
#include "flowd/text_json.h"

#define LINES_NS 60000000000ULL
#define NS_PER_MS 1000000

static const char *const names[] = {"writing", "slow", "behind"};

static uint64_t waited_ns(const struct sink_stats *stats, uint64_t now_ns)
{
	return stats->submitted_ns && now_ns > stats->submitted_ns ? now_ns - stats->submitted_ns
								   : 0;
}

static enum sink_state state_of(const struct sink_stats *stats, uint64_t now_ns)
{
	if (stats->error[0])
		return SINK_STATE_BEHIND;
	if (waited_ns(stats, now_ns) >= SINK_SLOW_NS || stats->last_us >= SINK_SLOW_NS / 1000)
		return SINK_STATE_SLOW;
	return SINK_STATE_WRITING;
}

/* False: enough was said in the last minute. */
static bool may_say(struct sink_said *said, uint64_t now_ns)
{
	uint64_t *oldest = &said->line_ns[said->line];

	if (*oldest && now_ns - *oldest < LINES_NS)
		return false;
	*oldest = now_ns;
	said->line = (said->line + 1) % SINK_SAY_LINES;
	return true;
}

static void log_state(const struct sink_said *said, const struct sink_stats *stats,
		      const char *path)
{
	switch (said->state) {
	case SINK_STATE_BEHIND:
		log_err("%s: flows wait in the flow map", stats->error);
		break;
	case SINK_STATE_SLOW:
		log_warning(
			"database '%s': a commit takes %llu s or longer: flows wait in the flow map",
			path, SINK_SLOW_NS / 1000000000);
		break;
	case SINK_STATE_WRITING:
		if (said->logged == SINK_STATE_BEHIND)
			log_info("database '%s': commits go on after %llu failed tries", path,
				 (unsigned long long)stats->outage_tries);
		else
			log_info("database '%s': commits are fast again", path);
	}
}

/* One line for systemctl status. */
static void tell_manager(const struct sink_said *said, const struct sink_stats *stats,
			 const char *path)
{
	if (said->state == SINK_STATE_BEHIND)
		sd_notifyf(0, "STATUS=behind, flows wait: %s", stats->error);
	else
		sd_notifyf(0, "STATUS=%s to %s",
			   said->state == SINK_STATE_SLOW ? "writing slowly" : "writing", path);
}

/* One that a reader holds, and that is long for it. */
static void say_log(struct sink_said *said, const struct sink_log *log, const char *path)
{
	bool held = log->held_ns && (said->log_held || log->bytes >= SINK_LOG_LONG);

	if (held && !said->log_held)
		log_warning(
			"database '%s': a reader holds its log, which has %lld MB and grows until "
			"that one ends",
			path, (long long)log->bytes / 1000000);
	else if (!held && said->log_held)
		log_info("database '%s': its log begins anew", path);
	said->log_held = held;
}

void sink_say(struct sink_said *said, const struct sink_stats *stats, const char *path,
	      uint64_t now_ns)
{
	enum sink_state state = state_of(stats, now_ns);

	if (stats->notes != said->notes)
		log_err("%s", stats->note);
	said->notes = stats->notes;
	say_log(said, &stats->retain.log, path);
	if (state != said->state) {
		said->state = state;
		said->since_ns = state == SINK_STATE_BEHIND ? stats->failing_ns : now_ns;
		tell_manager(said, stats, path);
	}
	if (state == said->logged || !may_say(said, now_ns))
		return;
	log_state(said, stats, path);
	said->logged = state;
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* What waits for the sink, and what found no room. */
static json_t *waiting_object(const struct sink_stats *stats, const struct sweep *sweep,
			      uint64_t now_ns)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "for_ms",
			 number(waited_ns(stats, now_ns) / NS_PER_MS), "records",
			 number(stats->in_flight ? sweep->batch.records : 0), "conversations",
			 number(expire_count(sweep->expire)), "ring_percent",
			 number(ring_used(&sweep->ring) * 100 / sweep->ring.bytes), "folded",
			 number(sweep->stats.folded));
}

static json_t *log_object(const struct sink_log *log, uint64_t now_ns)
{
	uint64_t held_ns = log->held_ns && now_ns > log->held_ns ? now_ns - log->held_ns : 0;

	return json_pack("{s:I, s:I, s:b, s:o}", "bytes", (json_int_t)log->bytes, "max_bytes",
			 (json_int_t)log->max_bytes, "held", log->held_ns != 0, "held_s",
			 number(held_ns / 1000000000));
}

json_t *sink_say_status(const struct sink_said *said, const struct sink_stats *stats,
			const struct sweep *sweep, uint64_t now_ns)
{
	uint64_t for_ms = said->since_ns ? (now_ns - said->since_ns) / NS_PER_MS : 0;
	json_t *since = said->since_ns ? number((uint64_t)clock_wall().ms - for_ms) : json_null();

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:s, s:o, s:o, s:o, s:o, s:o}",
			 "commits", number(stats->commits), "rows", number(stats->rows), "failed",
			 number(stats->failed), "last_ms", number(stats->last_us / 1000), "max_ms",
			 number(stats->max_us / 1000), "in_flight", stats->in_flight, "error",
			 text_json(stats->error), "state", names[said->state], "since_ms", since,
			 "for_s", number(for_ms / 1000), "tries", number(stats->tries), "waiting",
			 waiting_object(stats, sweep, now_ns), "log",
			 log_object(&stats->retain.log, now_ns));
}
