/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_rules.c: see sample_rules.h. */
#include "flowd/sample_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/sample_record.h"

int sample_rules_add(struct sample_rules *rules, const char *name, uint32_t ifnum, uint32_t link)
{
	struct sample_rule *rule;

	if (rules->rules == rules->room) {
		size_t room = rules->room ? rules->room * 2 : 4;
		struct sample_rule *grown = reallocarray(rules->rule, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		rules->rule = grown;
		rules->room = room;
	}
	rule = &rules->rule[rules->rules++];
	memset(rule, 0, sizeof(*rule));
	snprintf(rule->name, sizeof(rule->name), "%s", name);
	rule->ifnum = ifnum;
	rule->link = link;
	rule->now.snaplen = SAMPLE_SNAPLEN;
	return 0;
}

void sample_rules_drop(struct sample_rules *rules, uint32_t ifnum, uint64_t now_ns)
{
	const struct sample_wish none = {.ifnum = ifnum};
	const struct sample_rule *found = sample_rules_find(rules, ifnum);

	if (!found)
		return;
	(void)sample_cells_apply(&rules->cells, &none, 1, now_ns); /* what needs no cell has room */
	free(found->here);
	rules->rule[found - rules->rule] = rules->rule[--rules->rules];
}

void sample_rules_free(struct sample_rules *rules)
{
	for (size_t i = 0; i < rules->rules; i++)
		free(rules->rule[i].here);
	free(rules->rule);
	memset(rules, 0, sizeof(*rules));
}

const struct sample_rule *sample_rules_find(const struct sample_rules *rules, uint32_t ifnum)
{
	for (size_t i = 0; i < rules->rules; i++) {
		if (rules->rule[i].ifnum == ifnum)
			return &rules->rule[i];
	}
	return NULL;
}

bool sample_rules_has(const struct sample_rules *rules, const char *name)
{
	for (size_t i = 0; i < rules->rules; i++) {
		if (!strcmp(rules->rule[i].name, name))
			return true;
	}
	return false;
}

static int fail_iface(const struct sample_rules *rules, const char *name, char *error)
{
	int used = snprintf(error, SAMPLE_ERROR_MAX, "interface '%s': not counted; known:", name);

	for (size_t i = 0; i < rules->rules && (size_t)used < SAMPLE_ERROR_MAX; i++)
		used += snprintf(error + used, SAMPLE_ERROR_MAX - (size_t)used, "%s %s",
				 i ? "," : "", rules->rule[i].name);
	return -ENODEV;
}

int sample_rules_links(const struct sample_rules *rules, const struct sample_change *change,
		       uint32_t *ret_links, char ret_error[SAMPLE_ERROR_MAX])
{
	uint32_t links = 0;

	for (size_t i = 0; i < change->ifaces; i++) {
		if (!sample_rules_has(rules, change->iface[i]))
			return fail_iface(rules, change->iface[i], ret_error);
	}
	for (size_t i = 0; i < rules->rules; i++) {
		if (sample_change_is_of(change, rules->rule[i].name))
			links |= rules->rule[i].link == SAMPLE_LINK_IP ? SAMPLE_LINKS_IP
								       : SAMPLE_LINKS_ETHERNET;
	}
	if (!(change->has & SAMPLE_SET_FILTER) || !change->to.filter[0])
		links = 0;
	*ret_links = links;
	return 0;
}

static const struct sample_filter *compiled_for(const struct sample_compiled *compiled,
						uint32_t link)
{
	return link == SAMPLE_LINK_IP ? compiled->ip : compiled->ethernet;
}

/* Those of a rule are copies, so that each is freed by itself. NULL is fine. */
static int copy_of(const struct sample_filter *filter, struct sample_filter **ret_copy)
{
	struct sample_filter *copy = filter ? malloc(sizeof(*copy)) : NULL;

	if (filter && !copy)
		return -ENOMEM;
	if (copy)
		memcpy(copy, filter, sizeof(*copy));
	*ret_copy = copy;
	return 0;
}

/* A change of some interfaces in the making. */
struct draft {
	struct sample_wish wish[FLOW_IFACES];
	struct sample_filter *here[FLOW_IFACES]; /* of the same, where the kernel asks none */
	size_t wishes;
};

static void draft_free(struct draft *draft)
{
	for (size_t i = 0; draft && i < draft->wishes; i++)
		free(draft->here[i]);
	free(draft);
}

static int draft_rule(const struct sample_rules *rules, const struct sample_rule *rule,
		      const struct sample_change *change, const struct sample_compiled *compiled,
		      struct draft *draft)
{
	const struct sample_filter *filter = compiled_for(compiled, rule->link);
	struct sample_wish *wish = &draft->wish[draft->wishes];
	struct sample_settings next = rule->now;
	int err = 0;

	sample_change_apply(change, &next);
	*wish = (struct sample_wish){
		.ifnum = rule->ifnum,
		.conf = {.rate = next.rate,
			 .first = next.first,
			 .triggers = next.triggers,
			 .snaplen = next.snaplen},
		.filter = rules->in_kernel ? filter : NULL,
		.keep_filter = rules->in_kernel && !(change->has & SAMPLE_SET_FILTER),
	};
	if (!rules->in_kernel)
		err = copy_of(filter, &draft->here[draft->wishes]);
	draft->wishes += !err;
	return err;
}

/* It is in the maps: so it is here. */
static void take_over(struct sample_rule *rule, const struct sample_change *change,
		      struct sample_filter **here)
{
	sample_change_apply(change, &rule->now);
	if (!(change->has & SAMPLE_SET_FILTER))
		return;
	free(rule->here);
	rule->here = *here;
	*here = NULL;
}

/* The snaplen is there before it is used. */
static void write_drops(struct sample_rules *rules)
{
	struct sample_conf *conf = &rules->cells.conf[0];

	__atomic_store_n(&conf->snaplen, rules->drops_snaplen, __ATOMIC_RELAXED);
	__atomic_store_n(&conf->triggers, rules->drops ? SAMPLE_DROP : 0, __ATOMIC_RELEASE);
}

static void change_drops(struct sample_rules *rules, const struct sample_change *change)
{
	if (change->has & SAMPLE_SET_DROPS)
		rules->drops = change->drops;
	if ((change->has & SAMPLE_SET_SNAPLEN) && !change->ifaces)
		rules->drops_snaplen = change->to.snaplen;
	write_drops(rules);
}

static int fail_apply(int err, char *error)
{
	const char *what = strerror(-err);
	char text[96];

	if (err == -ENOSPC) {
		snprintf(text, sizeof(text), "more than %d different filters would be in use",
			 SAMPLE_FILTERS);
		what = text;
	} else if (err == -EBUSY) {
		what = "too many filters are in use to change so many at once: 'filter none' first";
	} else if (err == -EAGAIN) {
		what = "filters were changed so often that their cells rest: try again in a second";
	}
	snprintf(error, SAMPLE_ERROR_MAX, "samples: %s", what);
	return err;
}

int sample_rules_apply(struct sample_rules *rules, const struct sample_change *change,
		       const struct sample_compiled *compiled, uint64_t now_ns,
		       char ret_error[SAMPLE_ERROR_MAX])
{
	struct draft *draft = calloc(1, sizeof(*draft));
	int err = draft ? 0 : -ENOMEM;
	size_t n = 0;

	for (size_t i = 0; !err && i < rules->rules; i++) {
		if (sample_change_is_of(change, rules->rule[i].name))
			err = draft_rule(rules, &rules->rule[i], change, compiled, draft);
	}
	if (!err)
		err = sample_cells_apply(&rules->cells, draft->wish, draft->wishes, now_ns);
	for (size_t i = 0; !err && i < rules->rules; i++) {
		if (sample_change_is_of(change, rules->rule[i].name))
			take_over(&rules->rule[i], change, &draft->here[n++]);
	}
	if (!err)
		change_drops(rules, change);
	draft_free(draft);
	return err ? fail_apply(err, ret_error) : 0;
}

void sample_rules_begin(struct sample_rules *rules, bool drops, uint32_t drops_snaplen)
{
	struct sample_conf *conf = rules->cells.conf;

	for (uint32_t i = 0; i < FLOW_IFACES; i++) {
		if (!sample_rules_find(rules, i))
			memset(&conf[i], 0, sizeof(conf[i]));
	}
	rules->drops = drops;
	rules->drops_snaplen = drops_snaplen;
	write_drops(rules);
}

int sample_rules_make_room(struct sample_rules *rules, size_t filters, uint64_t now_ns)
{
	size_t used = sample_cells_used(&rules->cells);
	struct draft *draft;
	int err;

	if (!used || used + filters <= SAMPLE_FILTERS)
		return 0;
	draft = calloc(1, sizeof(*draft));
	if (!draft)
		return -ENOMEM;
	for (size_t i = 0; i < rules->rules; i++)
		draft->wish[draft->wishes++] = (struct sample_wish){.ifnum = rules->rule[i].ifnum};
	err = sample_cells_apply(&rules->cells, draft->wish, draft->wishes, now_ns);
	draft_free(draft);
	return err;
}
