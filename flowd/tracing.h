/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tracing.h: the trace programs in flowd's life. Nothing here fails a start: what the kernel cannot
 * tell is said in the log and by `status`, and flows are counted all the same.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct flowd;

/*
 * Take over or make the maps, where events are wanted or a predecessor left some. `attach`: and attach
 * the programs; before privileges drop.
 */
void tracing_open(struct flowd *flowd, bool attach);

/* Detach; what was counted is still to be drained. */
void tracing_detach(struct flowd *flowd);

/* Remove the maps' pins; undoing a start, or when all is drained. */
void tracing_unpin(struct flowd *flowd);

void tracing_close(struct flowd *flowd);

/* Object "trace" of `status`. */
json_t *tracing_status(struct flowd *flowd);
