/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reason.h: names of what the trace programs give as a reason. Those of drops are the running
 * kernel's own (enum skb_drop_reason in its BTF), since numbers differ from version to version; those of
 * subsystems and modules, above 16 bits, are in no BTF and stay numbers.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct btf;
struct reasons;

/* From /sys/kernel/btf/vmlinux. NULL: no memory; without BTF reasons stay numbers. */
struct reasons *reasons_load(void);

/* From other BTF, as a test's. */
struct reasons *reasons_from(const struct btf *btf);
void reasons_free(struct reasons *reasons);

/*
 * Without SKB_DROP_REASON_; of retransmits the kind; empty where there is none. A number without a name
 * is given in decimal, that of a subsystem as SUBSYSTEM:NUMBER.
 */
void reason_name(const struct reasons *reasons, uint32_t what, uint32_t reason, char *ret_name,
		 size_t size);
