/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wlstill.c: packets of a program that stood still while flowd made its passes, for the live suites: counted as seen, and
 * in their slot, whose epoch is an old one by then.
 *
 *   wlstill INSTANCE PACKETS    into the slot that has most, each of 100 bytes, 86 of them IP's
 *
 * Nothing else may count there meanwhile.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "schema/flow.h"

#define FRAME 100
#define FRAME_IP 86

/* A pinned array, as memory; *ret_entries: how many it has. */
static void *map_pinned(const char *instance, const char *name, size_t size, uint32_t *ret_entries)
{
	char path[256];
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);
	void *memory;
	int fd;

	snprintf(path, sizeof(path), "/sys/fs/bpf/wireledger/%s/%s", instance, name);
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len)) {
		fprintf(stderr, "wlstill: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	if (info.value_size != size) {
		fprintf(stderr, "wlstill: %s: values of %u bytes\n", path, info.value_size);
		exit(1);
	}
	memory = mmap(NULL, size * info.max_entries, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		fprintf(stderr, "wlstill: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	close(fd);
	*ret_entries = info.max_entries;
	return memory;
}

int main(int argc, char **argv)
{
	uint32_t sets, entries, best = 0;
	struct flow_ledger *ledger;
	struct flow_slot *to = NULL;
	struct flow_set *set;
	uint64_t packets;

	if (argc != 3) {
		fprintf(stderr, "usage: wlstill INSTANCE PACKETS\n");
		return 2;
	}
	packets = strtoull(argv[2], NULL, 10);
	set = map_pinned(argv[1], "slots", sizeof(*set), &sets);
	ledger = map_pinned(argv[1], "ledger", sizeof(*ledger), &entries);
	for (uint32_t i = 0; i < sets; i++) {
		for (uint32_t way = 0; way < FLOW_WAYS; way++) {
			struct flow_slot *slot = &set[i].slot[way];

			if (!set[i].tag[way] || (to && slot->packets <= to->packets))
				continue;
			to = slot;
			best = i;
		}
	}
	if (!to) {
		fprintf(stderr, "wlstill: instance '%s': no slot has a key\n", argv[1]);
		return 1;
	}
	/* the ledger of a CPU has FLOW_IFACES * 2 entries, the map as many sets for each */
	ledger += best / (sets / (entries / (FLOW_IFACES * 2))) * (FLOW_IFACES * 2);
	ledger += to->key.ifnum % FLOW_IFACES * 2 + (to->key.dir & 1);
	ledger->seen.packets += packets;
	ledger->seen.bytes += packets * FRAME;
	ledger->verdict[VERDICT_FLOW].packets += packets;
	ledger->verdict[VERDICT_FLOW].bytes += packets * FRAME;
	to->packets += packets;
	to->bytes += packets * FRAME;
	to->ip_bytes += packets * FRAME_IP;
	return 0;
}
