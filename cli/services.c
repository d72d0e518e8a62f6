/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* services.c: getservbyport_r(3) once a port and protocol. */
#include "cli/services.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cli/names.h"
#include "schema/flow_record.h"
#include "schema/talker.h"

#define PORTS 65536
#define ANSWER_SIZE 4096

static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_DCCP,
				 IPPROTO_UDPLITE};

#define PROTOS (sizeof(protos) / sizeof(protos[0]))

struct services {
	char *name[PROTOS][PORTS]; /* NULL: not asked for yet; empty: there is none */
};

int services_new(struct services **ret_services)
{
	*ret_services = calloc(1, sizeof(**ret_services));
	return *ret_services ? 0 : -ENOMEM;
}

void services_free(struct services *services)
{
	if (!services)
		return;
	for (size_t i = 0; i < PROTOS * PORTS; i++)
		free(services->name[i / PORTS][i % PORTS]);
	free(services);
}

/* As of services(5); anything else is no name. */
static char *look_up(uint8_t proto, __be16 port)
{
	char buf[ANSWER_SIZE], name[NAMES_SIZE];
	struct servent entry, *found = NULL;

	names_proto(proto, name, sizeof(name));
	if (getservbyport_r(port, name, &entry, buf, sizeof(buf), &found) || !found)
		return strdup("");
	if (strlen(found->s_name) >= SERVICES_NAME_SIZE)
		return strdup("");
	for (const char *c = found->s_name; *c; c++) {
		if (*c <= ' ' || *c > '~')
			return strdup("");
	}
	return strdup(found->s_name);
}

const char *services_name(struct services *services, uint8_t proto, __be16 port)
{
	char **name;

	for (size_t i = 0; i < PROTOS; i++) {
		if (protos[i] != proto)
			continue;
		name = &services->name[i][ntohs(port)];
		if (!*name)
			*name = look_up(proto, port);
		return *name && **name ? *name : NULL;
	}
	return NULL;
}

const char *services_of(struct services *services, const struct flow_record *rec)
{
	struct talker_part part[2];

	talker_keys(rec, TALKER_SERVICE, part);
	if (!part[0].key.vlan) /* has no port */
		return NULL;
	return services_name(services, part[0].key.proto, part[0].key.sport);
}
