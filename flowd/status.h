/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* status.h: flowd's own state as one JSON object, for `flowctl status`. */
#pragma once

#include "flowd/flowd.h"

/* One line; the caller frees it. NULL: no memory. */
char *status_json(struct flowd *flowd);
