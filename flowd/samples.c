/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* samples.c: from the ring to the batch. See samples.h. */
#include "flowd/samples.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flowd/flowd.h"
#include "flowd/log.h"
#include "flowd/sample_ask.h"
#include "flowd/sample_names.h"
#include "schema/sample_record.h"

#define REST_PAUSE_NS 50000000 /* at the start: until a predecessor's cell has rested */
#define REST_PAUSES 40

const char samples_fallback[] =
	"this kernel has no bpf_loop (Linux 5.17): flowd asks filters itself, when it takes samples out of "
	"the ring, and of the bytes that were kept";

/* --- the way up and down ----------------------------------------------------------------------- */

/* A rule for each interface. */
static int open_rules(struct samples *samples)
{
	struct flowd *flowd = samples->flowd;
	int err = 0;

	samples->rules.in_kernel = flowd->maps.filters_in_kernel;
	samples->rules.cells = (struct sample_cells){
		.conf = flowd->maps.sample_conf,
		.filters = flowd->maps.sample_filters,
		.count = SAMPLE_FILTERS + 1,
		.generation = &flowd->maps.control->sampling,
	};
	sample_cells_open(&samples->rules.cells, clock_mono().ns);
	for (size_t i = 0; !err && i < flowd->ifaces; i++) {
		const struct hook_iface *hook = &flowd->iface[i].hook;

		err = sample_rules_add(&samples->rules, hook->name, hook->ifnum,
				       hook->no_link_layer ? SAMPLE_LINK_IP : SAMPLE_LINK_ETHERNET);
	}
	return err;
}

int samples_open(struct flowd *flowd, uint64_t committed, bool attach, struct samples **ret_samples,
		 char ret_error[SAMPLE_ERROR_MAX])
{
	struct samples *samples = calloc(1, sizeof(*samples));
	int err = samples ? 0 : -ENOMEM;

	ret_error[0] = '\0';
	if (!err) {
		samples->flowd = flowd;
		samples->names = sample_names_open(flowd);
		err = samples->names ? 0 : -ENOMEM;
	}
	if (!err)
		err = ring_open(flowd->maps.sample_fd, flowd->maps.sample_bytes, &samples->ring);
	if (!err)
		ring_skip(&samples->ring, committed);
	if (!err && attach)
		err = open_rules(samples);
	if (!err && attach)
		err = sample_start_plan(flowd->config, &samples->rules, &samples->start, ret_error);
	if (err) {
		if (!ret_error[0])
			snprintf(ret_error, SAMPLE_ERROR_MAX, "samples: %s", strerror(-err));
		samples_free(samples);
		return err;
	}
	samples->taken_pos = samples->ring.read_pos;
	*ret_samples = samples;
	return 0;
}

void samples_free(struct samples *samples)
{
	if (!samples)
		return;
	sample_ask_free(samples->ask);
	sample_start_free(&samples->start);
	sample_names_free(samples->names);
	sample_rules_free(&samples->rules);
	ring_close(&samples->ring);
	free(samples);
}

static void log_drops(const struct samples *samples)
{
	const struct sample_rules *rules = &samples->rules;

	if (rules->drops)
		log_info("samples: dropped packets, snaplen %u", rules->drops_snaplen);
	else
		log_info("samples: no dropped packets");
}

/* One line for each interface. */
static void log_rules(const struct samples *samples, const struct sample_change *change)
{
	char rate[SAMPLE_TEXT_MAX], triggers[SAMPLE_TEXT_MAX];

	for (size_t i = 0; i < samples->rules.rules; i++) {
		const struct sample_rule *rule = &samples->rules.rule[i];

		if (!sample_change_is_of(change, rule->name))
			continue;
		sample_rate_text(rule->now.rate, rate);
		sample_why_text(rule->now.triggers, triggers);
		log_info("interface '%s': samples %s, first %u, triggers %s, snaplen %u, filter "
			 "'%.200s'",
			 rule->name, rate, rule->now.first, triggers, rule->now.snaplen,
			 rule->now.filter[0] ? rule->now.filter : "none");
	}
	if ((change->has & SAMPLE_SET_FILTER) && change->to.filter[0] && !samples->rules.in_kernel)
		log_warning("samples: %s", samples_fallback);
}

const char *samples_no_drops(const struct samples *samples)
{
	const struct trace *trace = &samples->flowd->trace;
	const struct trace_program *program = trace_program(trace, "drop");

	if (!program)
		return trace->note;
	return program->fd < 0 ? program->why : NULL;
}

int samples_change(struct samples *samples, const struct sample_change *change,
		   const struct sample_compiled *set, char ret_error[SAMPLE_ERROR_MAX])
{
	bool drops = change->has & SAMPLE_SET_DROPS;
	const char *why = drops && change->drops ? samples_no_drops(samples) : NULL;
	int err;

	if (why) {
		snprintf(ret_error, SAMPLE_ERROR_MAX, "dropped packets cannot be sampled: %s", why);
		return -EOPNOTSUPP;
	}
	err = sample_rules_apply(&samples->rules, change, set, clock_mono().ns, ret_error);
	if (!err && change->has != SAMPLE_SET_DROPS)
		log_rules(samples, change);
	if (!err && drops)
		log_drops(samples);
	return err;
}

/* Nothing is to be said of settings that sample nothing. */
static bool is_any(const struct sample_settings *settings)
{
	return settings->rate || settings->first || settings->triggers;
}

/* They are what `trace` tells of; flows are counted without it, and packets sampled. */
static void begin_drops(struct samples *samples)
{
	const struct config *config = samples->flowd->config;
	const char *why = config->drops_sample ? samples_no_drops(samples) : NULL;

	if (why)
		log_warning("drops.sample: dropped packets cannot be sampled: %s", why);
	sample_rules_begin(&samples->rules, config->drops_sample && !why, config->sample.snaplen);
	if (samples->rules.drops)
		log_drops(samples);
}

/* A predecessor may have left no cell that is free at once. */
static int begin_plan(struct samples *samples, const struct sample_plan *plan,
		      char ret_error[SAMPLE_ERROR_MAX])
{
	const struct timespec pause = {.tv_nsec = REST_PAUSE_NS};
	int err = -EAGAIN;

	for (int i = 0; err == -EAGAIN && i < REST_PAUSES; i++) {
		if (i)
			nanosleep(&pause, NULL);
		err = sample_rules_apply(&samples->rules, &plan->change, &plan->set,
					 clock_mono().ns, ret_error);
	}
	if (!err && is_any(&plan->change.to))
		log_rules(samples, &plan->change);
	return err;
}

/* Filters of the configuration's settings. */
static size_t count_filters(const struct sample_start *start)
{
	size_t count = 0;

	for (size_t i = 0; i < start->plans; i++)
		count += !!start->plan[i].set.ethernet + !!start->plan[i].set.ip;
	return count;
}

int samples_begin(struct samples *samples, char ret_error[SAMPLE_ERROR_MAX])
{
	int err;

	begin_drops(samples);
	err = sample_rules_make_room(&samples->rules, count_filters(&samples->start),
				     clock_mono().ns);
	if (err)
		snprintf(ret_error, SAMPLE_ERROR_MAX, "samples: %s", strerror(-err));
	for (size_t i = 0; !err && i < samples->start.plans; i++)
		err = begin_plan(samples, &samples->start.plan[i], ret_error);
	sample_start_free(&samples->start);
	return err;
}

int samples_add_iface(struct samples *samples, const struct hook_iface *iface,
		      char ret_error[SAMPLE_ERROR_MAX])
{
	uint32_t link = iface->no_link_layer ? SAMPLE_LINK_IP : SAMPLE_LINK_ETHERNET;
	struct sample_start start = {.plan = NULL};
	int err = 0;

	sample_names_set_iface(samples->names, iface->ifnum, iface->name, link);
	if (!sample_rules_find(&samples->rules, iface->ifnum))
		err = sample_rules_add(&samples->rules, iface->name, iface->ifnum, link);
	err = err ? err
		  : sample_start_plan_one(samples->flowd->config, &samples->rules, iface->name,
					  &start, ret_error);
	if (!err)
		err = sample_rules_apply(&samples->rules, &start.plan->change, &start.plan->set,
					 clock_mono().ns, ret_error);
	if (!err && is_any(&start.plan->change.to))
		log_rules(samples, &start.plan->change);
	sample_start_free(&start);
	return err;
}

void samples_drop_iface(struct samples *samples, uint32_t ifnum)
{
	sample_rules_drop(&samples->rules, ifnum, clock_mono().ns);
}

void samples_forget(struct samples *samples, uint32_t ifnum)
{
	samples->stored[ifnum] = 0;
	samples->stored_bytes[ifnum] = 0;
}

/* --- out of the ring --------------------------------------------------------------------------- */

static bool is_whole(const struct sample_head *head, size_t size)
{
	return size >= sizeof(*head) && head->captured <= size - sizeof(*head) &&
	       head->key.ifnum < FLOW_IFACES;
}

/* The kernel asked the filter, or there is none, or it says yes. */
static bool passes(const struct samples *samples, const struct sample_head *head)
{
	const struct sample_rule *rule = NULL;

	if (!samples->rules.in_kernel && !(head->why & SAMPLE_DROP))
		rule = sample_rules_find(&samples->rules, head->key.ifnum);
	return !rule || !rule->here ||
	       sample_compile_passes(rule->here, (const uint8_t *)(head + 1), head->length,
				     head->captured);
}

static void make_record(const struct samples *samples, const struct sample_head *head,
			struct sample_record *ret_rec)
{
	*ret_rec = (struct sample_record){
		.time_ns = (int64_t)head->time_ns +
			   sweep_offset(&samples->flowd->sweep, head->time_ns).ns,
		.key = head->key,
		.length = head->length,
		.captured = head->captured,
		.packets = head->packets,
		.rate = head->rate,
		.why = head->why & ~SAMPLE_BARE,
		.gso_size = head->gso_size,
		.frame = (const uint8_t *)(head + 1),
	};
	sample_names_set(samples->names, head, ret_rec);
}

/* False: no memory; it is taken another time. */
static bool take(struct samples *samples, const struct sample_head *head, struct sink_batch *batch)
{
	struct sample_record rec;

	make_record(samples, head, &rec);
	if (sink_batch_add_sample(batch, &rec))
		return false;
	if (head->place)
		sample_names_note_place(samples->names, head->place, batch->samples - 1);
	samples->taken[head->key.ifnum]++;
	samples->taken_bytes[head->key.ifnum] += head->captured;
	return true;
}

/* A record, of whatever kind. False: it is to be read again. */
static bool take_record(struct samples *samples, const void *record, size_t size,
			struct sink_batch *batch)
{
	if (!is_whole(record, size)) {
		samples->stats.bad++;
		return true;
	}
	if (!passes(samples, record)) {
		samples->stats.filtered++;
		return true;
	}
	return take(samples, record, batch);
}

void samples_fill(struct samples *samples, struct sink_batch *batch)
{
	struct ring *ring;

	if (!samples)
		return;
	ring = &samples->ring;
	while (batch->samples < SAMPLES_BATCH_MAX && batch->frame_bytes < SAMPLES_BATCH_BYTES) {
		uint64_t before = ring->read_pos;
		size_t size;
		const void *record = ring_read(ring, &size);

		if (!record)
			break;
		if (!take_record(samples, record, size, batch)) {
			ring->read_pos = before;
			break;
		}
	}
	sample_names_learn(samples->names, batch);
	samples->taken_pos = ring->read_pos;
	batch->sample_pos = ring->read_pos;
	if (!batch->samples) /* there is nothing that could be stored twice */
		ring_release(ring, ring->read_pos);
}

void samples_settle(struct samples *samples)
{
	if (!samples)
		return;
	ring_release(&samples->ring, samples->taken_pos);
	for (uint32_t i = 0; i < FLOW_IFACES; i++) {
		samples->stored[i] += samples->taken[i];
		samples->stored_bytes[i] += samples->taken_bytes[i];
		samples->stats.stored += samples->taken[i];
		samples->stats.stored_bytes += samples->taken_bytes[i];
	}
	memset(samples->taken, 0, sizeof(samples->taken));
	memset(samples->taken_bytes, 0, sizeof(samples->taken_bytes));
}

bool samples_pressed(const struct samples *samples)
{
	return samples && ring_used(&samples->ring) > samples->ring.bytes / 4;
}

bool samples_left(struct samples *samples)
{
	if (!samples)
		return false;
	if (!samples->finish_pos)
		samples->finish_pos = __atomic_load_n(samples->ring.producer, __ATOMIC_ACQUIRE);
	return samples->ring.read_pos < samples->finish_pos;
}

struct sample_count samples_count(const struct samples *samples)
{
	const struct maps *maps = &samples->flowd->maps;
	struct sample_count sum = {0};

	for (uint32_t cpu = 0; cpu < maps->cpus; cpu++) {
		const struct sample_count *count = &maps->sample_counts[cpu];

		sum.chosen += count->chosen + count->drops;
		sum.passed += count->passed + count->drops;
		sum.lost += count->lost + count->drops_lost;
		sum.drops += count->drops;
		sum.drops_lost += count->drops_lost;
	}
	return sum;
}
