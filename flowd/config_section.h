/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * config_section.h: sections [interface NAME] of the configuration: what packets of that interface are kept,
 * where it differs from what [flowd] says of all. Keys are those of config_key.h whose member is in
 * struct config_sample.
 */
#pragma once

#include <stdio.h>

#include "flowd/config.h"
#include "flowd/config_key.h"

/* 0, or -EINVAL with what is wrong with name or value. */
int config_section_set(struct config *config, const char *iface, const char *name,
		       const char *value, char ret_error[CONFIG_ERROR_MAX]);

/* NULL: there is none of that interface. */
const struct config_section *config_section_find(const struct config *config, const char *iface);

/* What [flowd] says, but for what the section has. NULL: all of it. */
struct config_sample config_section_sample(const struct config *config,
					   const struct config_section *section);

/* As an INI file that says the same. */
void config_section_print(const struct config *config, FILE *out);
