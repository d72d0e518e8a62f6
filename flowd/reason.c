/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* reason.c: names of drop reasons and of kinds of retransmits. See reason.h. */
#include "flowd/reason.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/fields.h"

#define PREFIX "SKB_DROP_REASON_"
#define SUBSYSTEM_SHIFT 16 /* SKB_DROP_REASON_SUBSYS_SHIFT, include/net/dropreason.h */

struct reasons {
	char *name[EVENT_REASONS];
};

struct reasons *reasons_from(const struct btf *btf)
{
	struct reasons *reasons = calloc(1, sizeof(*reasons));
	int id = btf ? btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM) : -1;
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	for (int i = 0; reasons && type && i < btf_vlen(type); i++) {
		const struct btf_enum *value = &btf_enum(type)[i];
		const char *name = btf__name_by_offset(btf, value->name_off);

		if (!name || value->val < 0 || value->val >= EVENT_REASONS)
			continue;
		if (!strncmp(name, PREFIX, strlen(PREFIX)))
			name += strlen(PREFIX);
		free(reasons->name[value->val]);
		reasons->name[value->val] = strdup(name);
	}
	return reasons;
}

struct reasons *reasons_load(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct reasons *reasons = reasons_from(btf);

	btf__free(btf);
	return reasons;
}

void reasons_free(struct reasons *reasons)
{
	for (size_t i = 0; reasons && i < EVENT_REASONS; i++)
		free(reasons->name[i]);
	free(reasons);
}

static void drop_name(const struct reasons *reasons, uint32_t reason, char *name, size_t size)
{
	if (reason < EVENT_REASONS && reasons && reasons->name[reason])
		snprintf(name, size, "%s", reasons->name[reason]);
	else if (reason >> SUBSYSTEM_SHIFT)
		snprintf(name, size, "%u:%u", reason >> SUBSYSTEM_SHIFT,
			 reason & ((1U << SUBSYSTEM_SHIFT) - 1));
	else
		snprintf(name, size, "%u", reason);
}

void reason_name(const struct reasons *reasons, uint32_t what, uint32_t reason, char *ret_name,
		 size_t size)
{
	if (what == EVENT_DROP)
		drop_name(reasons, reason, ret_name, size);
	else if (what == EVENT_RETRANSMIT && reason < EVENT_RETRANSMIT_MAX)
		snprintf(ret_name, size, "%s", event_retransmit_name[reason]);
	else
		ret_name[0] = '\0';
}
