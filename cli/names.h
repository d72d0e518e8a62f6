/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* names.h: what text tables call the numbers of a key. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/flow.h"

#define NAMES_SIZE 64

/* "tcp", or "proto 200". */
void names_proto(unsigned proto, char *buf, size_t size);

/* What stands where there is no address: "(arp)", "(folded)", "(cut short)", "(no detail)". */
void names_stand_in(const struct flow_key *key, char *buf, size_t size);

/* An IP address of the key's family. */
void names_address(const struct flow_key *key, const __be32 *addr, char *buf, size_t size);

/* "10.1.0.1:443", "[2001:db8::1]:443"; without a port where the key has none. */
void names_endpoint(const struct flow_key *key, const __be32 *addr, __be16 port, char *buf,
		    size_t size);

/*
 * "vxlan 100", "esp 0x1234abcd"; without an id where the kind has none, and where GRE and ERSPAN had
 * none. `tunnel_id` is a key's.
 */
void names_tunnel(uint8_t kind, uint32_t tunnel_id, char *buf, size_t size);

/* The protocol of a key's packets and what is around them: "tcp", "icmp 8/0", "tcp in vxlan 100". */
void names_packets(const struct flow_key *key, char *buf, size_t size);

/* A name without its middle, where it is longer than `head` and `tail` bytes and the dots in between. */
void names_shorten(const char *name, size_t head, size_t tail, char *buf, size_t size);

/* An interface's name for a column: one of a capture's file may be long, and loses its middle then. */
void names_iface(const char *name, char *buf, size_t size);
