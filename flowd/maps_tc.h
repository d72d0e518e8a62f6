/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps_tc.h: the TC programs, loaded one by one. The verifier takes as long for one of them as for all the rest of a
 * start, and most devices take one of the four.
 */
#pragma once

#include <stdbool.h>

#include "flowd/maps.h"

/* Opened, not loaded: with none of its programs, which are to come late. */
void maps_tc_leave(struct flow_tc *tc);

/* The TC program for a direction, on devices with or without a link layer: its fd or -errno. It is loaded by then. */
int maps_tc_program(struct maps *maps, enum flow_dir dir, bool no_link_layer);

/* So that any program can be asked for once privileges are gone: a map is shared by way of the root folder. 0, -errno */
int maps_tc_prepare(struct maps *maps);

/* Close what was loaded late. */
void maps_tc_close(struct maps *maps);
