/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * anonymize_option.h: what follows fixed headers: options, extension headers and the like, in place,
 * from `at` to before `end`, both pointers into a frame. Lengths do not change. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct anonymize;

/* Returns true where the packet's way is not what its addresses say: a source route. */
bool anonymize_ip4_options(uint8_t *at, const uint8_t *end);
void anonymize_tcp_options(uint8_t *at, const uint8_t *end);

/* An IPv6 extension header of that kind, of 8 bytes at least; returns as anonymize_ip4_options. */
bool anonymize_extension(struct anonymize *anon, uint8_t kind, uint8_t *at, const uint8_t *end);

/* Behind the first 8 bytes of a GENEVE header, and the first 12 of GTP-U. */
void anonymize_geneve_options(uint8_t *at, const uint8_t *end);
void anonymize_gtp_extensions(uint8_t *at, const uint8_t *end);

/* Of neighbour discovery. Returns behind the last one that was understood. */
uint8_t *anonymize_nd_options(struct anonymize *anon, uint8_t *at, const uint8_t *end);
