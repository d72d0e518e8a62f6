/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * model_flowd.h: a flowd of the model in test_model.c: the product's sweep, export, expire, conv and
 * books on the maps of model_world.h, with a database that is a transaction.
 */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "flowd/sweep.h"

struct model_flowd {
	struct sweep sweep;
	jmp_buf grave; /* where a kill leads to */
	bool lossy; /* killed with records given back early: whose the packets are is lost then */
};

extern struct model_flowd flowd;

/* Take over the maps with what the database knows of them, as flowd/start.c does. */
void flowd_start(void);

/* Its memory is gone; nothing is written. */
void flowd_die(void);

/* One thing that flowd may do next, by chance; stalled: the writer does not. */
void flowd_do(bool stalled);

/* Write all there is, until nothing is left. */
void flowd_finish(void);
