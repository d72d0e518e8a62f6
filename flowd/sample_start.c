/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_start.c: see sample_start.h. */
#include "flowd/sample_start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/config.h"
#include "flowd/config_section.h"
#include "flowd/log.h"

/* All settings, of no interface yet. */
static struct sample_plan *add_plan(struct sample_start *start, const struct config_sample *from)
{
	struct sample_plan *plan = &start->plan[start->plans++];
	struct sample_settings *to = &plan->change.to;

	plan->change.has = SAMPLE_SET_RATE | SAMPLE_SET_FIRST | SAMPLE_SET_TRIGGERS |
			   SAMPLE_SET_SNAPLEN | SAMPLE_SET_FILTER;
	to->rate = from->rate;
	to->first = from->first;
	to->triggers = from->triggers;
	to->snaplen = from->snaplen;
	snprintf(to->filter, sizeof(to->filter), "%s", from->filter);
	return plan;
}

static void make_plans(const struct config *config, const struct sample_rules *rules,
		       struct sample_start *start)
{
	struct sample_plan *others = NULL;

	for (size_t i = 0; i < rules->rules; i++) {
		const char *name = rules->rule[i].name;
		const struct config_section *section = config_section_find(config, name);
		struct config_sample sample = config_section_sample(config, section);
		struct sample_plan *plan = section ? NULL : others;

		if (!plan || plan->change.ifaces == SAMPLE_CHANGE_IFACES)
			plan = add_plan(start, &sample);
		if (!section)
			others = plan;
		snprintf(plan->change.iface[plan->change.ifaces++], sizeof(plan->change.iface[0]),
			 "%s", name);
	}
}

static int compile_plan(const struct sample_rules *rules, struct sample_plan *plan, char *error)
{
	uint32_t links;
	int err = sample_rules_links(rules, &plan->change, &links, error);

	if (!err && links)
		err = sample_compile_set(plan->change.to.filter, links, &plan->set, error);
	return err;
}

int sample_start_plan(const struct config *config, const struct sample_rules *rules,
		      struct sample_start *ret_start, char ret_error[SAMPLE_ERROR_MAX])
{
	int err = 0;

	for (size_t i = 0; i < config->sections; i++) {
		if (!sample_rules_has(rules, config->section[i].name))
			log_warning("configuration: section [interface %s]: not counted here",
				    config->section[i].name);
	}
	ret_start->plan = calloc(rules->rules, sizeof(*ret_start->plan));
	if (!ret_start->plan && rules->rules)
		return -ENOMEM;
	make_plans(config, rules, ret_start);
	for (size_t i = 0; !err && i < ret_start->plans; i++)
		err = compile_plan(rules, &ret_start->plan[i], ret_error);
	return err;
}

int sample_start_plan_one(const struct config *config, const struct sample_rules *rules,
			  const char *name, struct sample_start *ret_start,
			  char ret_error[SAMPLE_ERROR_MAX])
{
	struct config_sample sample =
		config_section_sample(config, config_section_find(config, name));
	struct sample_plan *plan;

	ret_start->plan = calloc(1, sizeof(*ret_start->plan));
	if (!ret_start->plan)
		return -ENOMEM;
	plan = add_plan(ret_start, &sample);
	snprintf(plan->change.iface[plan->change.ifaces++], sizeof(plan->change.iface[0]), "%s",
		 name);
	return compile_plan(rules, plan, ret_error);
}

void sample_start_free(struct sample_start *start)
{
	for (size_t i = 0; i < start->plans; i++)
		sample_compile_free(&start->plan[i].set);
	free(start->plan);
	memset(start, 0, sizeof(*start));
}
