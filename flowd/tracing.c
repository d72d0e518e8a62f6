/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tracing.c: see tracing.h. */
#include "flowd/tracing.h"

#include <stdio.h>
#include <string.h>

#include "flowd/event.h"
#include "flowd/flowd.h"
#include "flowd/log.h"
#include "flowd/text_json.h"

static void log_programs(const struct trace *trace)
{
	size_t attached = 0, unused = 0;

	for (size_t i = 0; i < TRACE_PROGRAMS; i++) {
		const struct trace_program *program = &trace->program[i];

		attached += program->fd >= 0;
		unused += program->unused;
		if (program->fd < 0 && !program->unused)
			log_warning("kernel events: %s not attached to '%s': %s", program->name,
				    program->tracepoint, program->why);
	}
	log_info("kernel events: %zu of %zu tracepoints", attached, TRACE_PROGRAMS - unused);
}

void tracing_open(struct flowd *flowd, bool attach)
{
	bool wanted = flowd->config->trace && attach;
	int err;

	if (!flowd->maps.taken_over && trace_pinned(flowd->pin_dir)) {
		trace_detach(&flowd->trace, flowd->pin_dir);
		trace_unpin(flowd->pin_dir);
	}
	if (!wanted && !trace_pinned(flowd->pin_dir)) {
		snprintf(flowd->trace.note, sizeof(flowd->trace.note), "not wanted: trace = no");
		return;
	}
	err = trace_open(flowd->pin_dir, wanted, flowd->event_last, &flowd->trace);
	if (flowd->trace.note[0])
		log_warning("%s", flowd->trace.note);
	if (err)
		return;
	if (event_open(flowd, flowd->event_committed, &flowd->event)) {
		log_err("kernel events: no memory");
		trace_detach(&flowd->trace, flowd->pin_dir);
		trace_close(&flowd->trace);
		return;
	}
	if (wanted) {
		trace_attach(&flowd->trace, flowd->pin_dir);
		log_programs(&flowd->trace);
	} else if (attach) {
		trace_detach(&flowd->trace, flowd->pin_dir);
	}
}

void tracing_detach(struct flowd *flowd)
{
	trace_detach(&flowd->trace,
		     flowd->pin_dir); /* a predecessor's, too, that could not be taken over */
}

void tracing_unpin(struct flowd *flowd)
{
	trace_unpin(flowd->pin_dir);
}

void tracing_close(struct flowd *flowd)
{
	event_free(flowd->event);
	flowd->event = NULL;
	if (flowd->trace.skel)
		trace_close(&flowd->trace);
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *attached_array(const struct trace *trace)
{
	json_t *array = json_array();

	for (size_t i = 0; trace->skel && i < TRACE_PROGRAMS; i++) {
		if (trace->program[i].fd >= 0)
			json_array_append_new(array, json_string(trace->program[i].tracepoint));
	}
	return array;
}

static json_t *missing_array(const struct trace *trace)
{
	json_t *array = json_array();

	for (size_t i = 0; trace->skel && i < TRACE_PROGRAMS; i++) {
		const struct trace_program *program = &trace->program[i];

		if (program->fd < 0 && !program->unused)
			json_array_append_new(array,
					      json_pack("{s:s, s:o}", "name", program->tracepoint,
							"why", text_json(program->why)));
	}
	return array;
}

/* Packets of each kind that this flowd has drained, or that wait. */
static json_t *events_object(struct flowd *flowd, uint64_t *ret_folded)
{
	static const char *const names[EVENT_MAX] = {"drops", "retransmits", "resets_sent",
						     "resets_received"};
	json_t *object = json_object();
	uint64_t folded = 0;

	for (uint32_t what = 0; what < EVENT_MAX; what++) {
		uint64_t waits, of_it;

		waits = event_pending(flowd->event, what, &of_it);
		json_object_set_new(object, names[what],
				    number(event_stats(flowd->event)->told[what] + waits));
		folded += of_it;
	}
	*ret_folded = folded;
	return object;
}

json_t *tracing_status(struct flowd *flowd)
{
	const struct trace *trace = &flowd->trace;
	json_t *object = json_pack("{s:o, s:o, s:o}", "attached", attached_array(trace), "missing",
				   missing_array(trace), "note", text_json(trace->note));
	const struct event_stats *stats;
	uint64_t missed = 0, lost = 0, untold = 0, folded;
	json_t *events;

	if (!flowd->event)
		return object;
	stats = event_stats(flowd->event);
	events = events_object(flowd, &folded);
	for (uint32_t what = 0; what <= EVENT_MAX; what++)
		missed += trace_missed(trace, what);
	for (uint32_t cpu = 0; cpu < trace->cpus; cpu++) {
		lost += trace->cpu[cpu].close_lost;
		untold += trace->cpu[cpu].untold;
	}
	json_object_set_new(object, "events", events);
	json_object_set_new(object, "folded", number(stats->folded + folded));
	json_object_set_new(object, "missed", number(missed));
	json_object_set_new(object, "untold", number(untold));
	json_object_set_new(object, "unclaimed", number(stats->unclaimed));
	json_object_set_new(object, "closes", number(stats->closes));
	json_object_set_new(object, "closes_lost", number(lost));
	json_object_set_new(object, "closes_without_flow", number(stats->closes_alone));
	json_object_set_new(object, "generation", number(trace->control->generation));
	json_object_set_new(object, "rows", number(stats->rows));
	return object;
}
