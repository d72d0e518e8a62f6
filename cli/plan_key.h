/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan_key.h: keys as groups have them, and as rows of talker_minute and talker_hour do. */
#pragma once

#include "cli/plan_table.h"
#include "schema/talker.h"

struct anonymize;

void plan_pack(enum talker_kind kind, const struct flow_key *key, struct plan_key *ret_key);
void plan_unpack(enum talker_kind kind, const struct plan_key *from, struct flow_key *ret_key);

/* As of records whose addresses were anonymized before: a pair may be turned by it. */
void plan_anonymize(struct anonymize *anon, enum talker_kind kind, struct flow_key *key);
