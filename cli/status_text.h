/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* status_text.h: the status object as a page to read. */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* root as cmd_status makes it; members that are missing are left out. 0 or -errno. */
int status_text(const json_t *root, FILE *file);
