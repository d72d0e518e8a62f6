/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tunnelarg.c: see tunnelarg.h. Pure. */
#include "cli/tunnelarg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/fields.h"

/* Bits of an id: RFC 3032, 2516, 7348, 8926, 2890, 7637, TS 29.281, RFC 4303, 4302, 802.1ah. */
static const uint8_t id_bits[FLOW_TUNNEL_MAX] = {
	[FLOW_TUNNEL_MPLS] = 20,   [FLOW_TUNNEL_PPPOE] = 16, [FLOW_TUNNEL_VXLAN] = 24,
	[FLOW_TUNNEL_GENEVE] = 24, [FLOW_TUNNEL_GRE] = 32,   [FLOW_TUNNEL_NVGRE] = 24,
	[FLOW_TUNNEL_ERSPAN] = 10, [FLOW_TUNNEL_GTPU] = 32,  [FLOW_TUNNEL_ESP] = 32,
	[FLOW_TUNNEL_AH] = 32,	   [FLOW_TUNNEL_PBB] = 24,   [FLOW_TUNNEL_FABRICPATH] = 10,
};

uint32_t tunnelarg_id_max(uint8_t kind)
{
	return kind < FLOW_TUNNEL_MAX ? (uint32_t)((1ULL << id_bits[kind]) - 1) : 0;
}

static int parse_id(const char *text, uint8_t kind, uint32_t *ret_id)
{
	int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	unsigned long long value;
	char *end;

	if (!tunnelarg_id_max(kind))
		return -ENOTSUP;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, base);
	if (*end || (base == 16 && !text[2]))
		return -EINVAL;
	if (errno || value > tunnelarg_id_max(kind))
		return -ERANGE;
	*ret_id = (uint32_t)value;
	return 0;
}

int tunnelarg_parse(const char *text, struct tunnelarg *ret_tunnel)
{
	const char *colon = strchr(text, ':');
	struct tunnelarg tunnel = {.mode = TUNNELARG_KIND, .has_id = colon != NULL};
	char name[32];
	int kind, err;

	snprintf(name, sizeof(name), "%.*s", colon ? (int)(colon - text) : -1, text);
	kind = flow_tunnel_find(name);
	if (!strcmp(name, "any"))
		tunnel.mode = TUNNELARG_ANY;
	else if (!strcmp(name, "none"))
		tunnel.mode = TUNNELARG_NONE;
	else if (kind < 0)
		return -ENOENT;
	else
		tunnel.kind = (uint8_t)kind;
	if (colon) {
		err = parse_id(colon + 1, tunnel.kind, &tunnel.id);
		if (err)
			return err;
	}
	*ret_tunnel = tunnel;
	return 0;
}

void tunnelarg_known(char *buf, size_t size)
{
	const struct field *field = field_find("tunnel");
	size_t len = 0;
	char name[32];

	*buf = 0;
	for (int kind = 1; kind < FLOW_TUNNEL_MAX && len < size; kind++) {
		struct flow_record rec = {.key = {.tunnel_kind = (uint8_t)kind}};

		if (field && field->text(&rec, name, sizeof(name)))
			len += (size_t)snprintf(buf + len, size - len, "%s, ", name);
	}
	if (len < size)
		snprintf(buf + len, size - len, "any, none");
}

static bool has_id(const struct flow_record *rec, int which, uint32_t id)
{
	uint32_t own = which ? rec->rev_tunnel_id : rec->key.tunnel_id;

	if (which && !rec->half[1].packets && !rec->half[1].bytes)
		return false;
	return flow_tunnel_id(rec->key.tunnel_kind, own) == id;
}

bool tunnelarg_match(const struct tunnelarg *tunnel, const struct flow_record *rec)
{
	switch (tunnel->mode) {
	case TUNNELARG_UNASKED:
		return true;
	case TUNNELARG_NONE:
		return !rec->key.tunnel_kind;
	case TUNNELARG_ANY:
		return rec->key.tunnel_kind;
	case TUNNELARG_KIND:
		break;
	}
	return rec->key.tunnel_kind == tunnel->kind &&
	       (!tunnel->has_id || has_id(rec, 0, tunnel->id) || has_id(rec, 1, tunnel->id));
}
