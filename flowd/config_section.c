/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* config_section.c: see config_section.h. Values are parsed in the place that [flowd]'s have. */
#include "flowd/config_section.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is_of_interface(const struct config_key *key)
{
	return key->offset >= offsetof(struct config, sample) &&
	       key->offset < offsetof(struct config, sample) + sizeof(struct config_sample);
}

static uint64_t bit_of(const struct config_key *key)
{
	return 1ULL << (key - config_keys);
}

const struct config_section *config_section_find(const struct config *config, const char *iface)
{
	for (size_t i = 0; i < config->sections; i++) {
		if (!strcmp(config->section[i].name, iface))
			return &config->section[i];
	}
	return NULL;
}

/* The interface's, or the place for it; NULL: there are too many. */
static struct config_section *section_of(struct config *config, const char *iface)
{
	const struct config_section *found = config_section_find(config, iface);
	struct config_section *section;

	if (found)
		return &config->section[found - config->section];
	if (config->sections == FLOW_IFACES - 1)
		return NULL;
	section = &config->section[config->sections];
	memset(section, 0, sizeof(*section));
	snprintf(section->name, sizeof(section->name), "%s", iface);
	return section;
}

int config_section_set(struct config *config, const char *iface, const char *name,
		       const char *value, char ret_error[CONFIG_ERROR_MAX])
{
	const struct config_key *key = config_key_find(name);
	struct config_section *section = section_of(config, iface);
	struct config_sample of_all = config->sample;
	int err;

	if (!key || !is_of_interface(key) || !section) {
		snprintf(ret_error, CONFIG_ERROR_MAX, "%s",
			 !key	    ? "unknown key"
			 : !section ? "in more than 255 sections of interfaces"
				    : "a key of section [flowd] alone");
		return -EINVAL;
	}
	config->sample = section->sample;
	err = config_key_set(key, config, value, ret_error);
	section->sample = config->sample;
	config->sample = of_all;
	if (err)
		return err;
	section->has |= bit_of(key);
	if (section == &config->section[config->sections])
		config->sections++;
	return 0;
}

struct config_sample config_section_sample(const struct config *config,
					   const struct config_section *section)
{
	struct config_sample sample = config->sample;

	for (const struct config_key *key = config_keys; section && key->name; key++) {
		size_t at = key->offset - offsetof(struct config, sample);

		if (section->has & bit_of(key))
			memcpy((char *)&sample + at, (const char *)&section->sample + at,
			       key->size);
	}
	return sample;
}

static void print_section(const struct config *config, const struct config_section *section,
			  FILE *out)
{
	struct config one = {.sample = config_section_sample(config, section)};
	char value[CONFIG_VALUE_MAX];

	fprintf(out, "\n[interface %s]\n", section->name);
	for (const struct config_key *key = config_keys; key->name; key++) {
		if (!(section->has & bit_of(key)))
			continue;
		config_key_get(key, &one, 0, value);
		fprintf(out, "%s = %s\n", key->name, value);
	}
}

void config_section_print(const struct config *config, FILE *out)
{
	for (size_t i = 0; i < config->sections; i++)
		print_section(config, &config->section[i], out);
}
