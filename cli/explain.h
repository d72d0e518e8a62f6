/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* explain.h: flowctl drops --explain. */
#pragma once

struct args;

/* Say what args->explain means, or with "all" what each reason does. The exit code, errors said. */
int explain_reason(const struct args *args);
