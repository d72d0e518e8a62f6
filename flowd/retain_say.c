/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* retain_say.c: see retain_say.h. */
#include "flowd/retain_say.h"

#include <stdint.h>
#include <stdio.h>

#include "flowd/log.h"
#include "flowd/sink_retain.h"
#include "flowd/text_json.h"

#define MB 1000000.0
#define NOTE_MAX 512

static void say_disk(const struct sink_retain_stats *s, const char *path)
{
	if (s->disk_low)
		log_warning(
			"database '%s': its disk has %.0f MB left, %.0f MB are wanted: the oldest rows make "
			"room for new ones",
			path, (double)s->free_bytes / MB, (double)s->low_bytes / MB);
	else
		log_info("database '%s': its disk has %.0f MB left again", path,
			 (double)s->free_bytes / MB);
}

static void say_stuck(const struct sink_retain_stats *s, const char *path)
{
	if (s->stuck)
		log_warning(
			"database '%s': %.0f MB too large, and what could go is not in the sums yet, "
			"or of the last hour",
			path, (double)s->over_bytes / MB);
	else
		log_info("database '%s': as small again as it is to be", path);
}

static void say_clock(const struct sink_retain_stats *s, const char *path)
{
	if (s->clock > 0)
		log_warning(
			"database '%s': the clock is far ahead of what was last: what is old by it goes "
			"an hour's worth a minute",
			path);
	else if (s->clock < 0)
		log_warning("database '%s': the clock was set back: nothing is old by it for now",
			    path);
	else
		log_info("database '%s': the clock is what rows are old by again", path);
}

void retain_say_log(const struct sink_retain_stats *stats, const char *path,
		    struct retain_said *said)
{
	bool failing = stats->error[0] != '\0';

	if (stats->disk_low != said->disk_low)
		say_disk(stats, path);
	if (stats->stuck != said->stuck)
		say_stuck(stats, path);
	if (stats->clock != said->clock)
		say_clock(stats, path);
	if (failing && !said->failing)
		log_warning("%s: old rows stay for now", stats->error);
	*said = (struct retain_said){stats->disk_low, stats->stuck, failing, stats->clock};
}

static void make_note(const struct sink_retain_stats *s, char note[NOTE_MAX])
{
	note[0] = '\0';
	if (s->disk_low)
		snprintf(note, NOTE_MAX,
			 "the disk has %.0f MB left, %.0f MB are wanted: the oldest rows make room",
			 (double)s->free_bytes / MB, (double)s->low_bytes / MB);
	else if (s->stuck)
		snprintf(note, NOTE_MAX, "%.0f MB too much, of which nothing can go yet",
			 (double)s->over_bytes / MB);
	else if (s->clock)
		snprintf(note, NOTE_MAX, "the clock is far %s of what was last",
			 s->clock > 0 ? "ahead" : "behind");
	if (s->error[0])
		snprintf(note, NOTE_MAX, "%s", s->error);
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

json_t *retain_say_status(const struct sink_retain_stats *s)
{
	static const char *const clocks[] = {"behind", "right", "ahead"};
	char note[NOTE_MAX];

	make_note(s, note);
	return json_pack(
		"{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:b, s:b, "
		"s:o, s:s, s:o}",
		"on", s->on, "records", number(s->rows[DB_RETAIN_RECORDS]), "minutes",
		number(s->rows[DB_RETAIN_MINUTES]), "hours", number(s->rows[DB_RETAIN_HOURS]),
		"pages", number(s->pages), "steps", number(s->steps), "failed", number(s->failed),
		"last_us", number(s->last_us), "max_us", number(s->max_us), "used_bytes",
		(json_int_t)s->used_bytes, "over_bytes", (json_int_t)s->over_bytes,
		"disk_free_bytes", (json_int_t)s->free_bytes, "disk_low_bytes",
		(json_int_t)s->low_bytes, "disk_low", s->disk_low, "stuck", s->stuck,
		"checkpoint_max_us", number(s->checkpoint_us), "clock", clocks[s->clock + 1],
		"note", text_json(note));
}
