/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* services.h: names of ports, by /etc/services (services(5)). */
#pragma once

#include <stdint.h>

#include <linux/types.h>

struct flow_record;
struct services;

#define SERVICES_NAME_SIZE 32

/* 0 or -ENOMEM. Nothing is read before it is asked for. */
int services_new(struct services **ret_services);
void services_free(struct services *services);

/* NULL: it has none. Good until services_free(). */
const char *services_name(struct services *services, uint8_t proto, __be16 port);

/*
 * The service of a record, by the port of the server: of the end that did not send the SYN; where none was
 * seen, the lower one. NULL: it has none.
 */
const char *services_of(struct services *services, const struct flow_record *rec);
