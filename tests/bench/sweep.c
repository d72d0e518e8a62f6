/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sweep.c: what a sweep of flowd costs: CPU time for visiting a full flow map in which no slot, 1 %
 * or every slot counted since the last pass, and for exporting every flow as a record up to the
 * sink. The map is memory of this process, filled as the programs fill it; only the evicted ring,
 * empty here, is the kernel's.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/sweep.h"
#include "timing.h"

#define ROUNDS_MAX 101
#define RING_BYTES 65536
#define NS_PER_S 1000000000ULL

struct bench {
	struct maps maps;
	struct flow_set *slots;
	struct flow_ledger *ledger;
	struct sweep sweep;
	uint32_t count; /* of slots */
	int rounds;
};

static void *zeroed(size_t count, size_t size)
{
	void *memory = aligned_alloc(4096, (count * size + 4095) & ~(size_t)4095);

	if (!memory) {
		fprintf(stderr, "sweep: %zu bytes: %s\n", count * size, strerror(ENOMEM));
		exit(1);
	}
	return memset(memory, 0, count * size);
}

/* Count in every `step`th slot, as account_hit does. */
static void count_packets(struct bench *bench, uint32_t step)
{
	uint64_t now = clock_mono().ns;
	struct flow_count *seen = &bench->ledger[2].seen; /* interface 1, ingress */

	for (uint32_t i = 0; i < bench->count; i += step) {
		struct flow_set *set = &bench->slots[i / FLOW_WAYS];
		struct flow_slot *slot = &set->slot[i % FLOW_WAYS];

		set->used[i % FLOW_WAYS] = bench->maps.control->epoch << 2 | FLOW_KNOWN_LONG;
		slot->packets += 2;
		slot->bytes += 3000;
		slot->ip_bytes += 2972;
		slot->last_ns = now;
		seen->packets += 2;
		seen->bytes += 3000;
	}
}

/* One flow a slot: clients of 10/8 to one server. */
static void fill_slots(struct bench *bench)
{
	uint64_t now = clock_mono().ns;

	for (uint32_t i = 0; i < bench->count; i++) {
		struct flow_set *set = &bench->slots[i / FLOW_WAYS];
		struct flow_slot *slot = &set->slot[i % FLOW_WAYS];

		set->tag[i % FLOW_WAYS] = i * 2 + 1;
		slot->birth = 1;
		slot->key = (struct flow_key){
			.src = {0x0a000000 + i / 4},
			.dst = {0x0a010002},
			.sport = (__be16)(1024 + i % 4),
			.dport = 443,
			.ethertype = 0x0800,
			.ifnum = 1,
			.proto = 6,
			.dir = FLOW_INGRESS,
		};
		slot->first_ns = now;
		slot->tcp_flags = 0x18;
	}
}

static void open_bench(struct bench *bench, uint32_t slots)
{
	static const struct expire_conf conf = {
		.idle_ns = 15 * NS_PER_S,
		.active_ns = 60 * NS_PER_S,
		.linger_ns = 2 * NS_PER_S,
		.sweep_ns = NS_PER_S,
	};
	uint32_t sets = slots / FLOW_WAYS;
	int err;

	bench->count = slots;
	bench->slots = zeroed(sets, sizeof(*bench->slots));
	bench->ledger = zeroed(FLOW_IFACES * 2, sizeof(*bench->ledger));
	bench->maps = (struct maps){
		.cpus = 1,
		.cpu_sets = sets,
		.sets = sets,
		.slots = bench->slots,
		.marks = zeroed(sets, sizeof(*bench->maps.marks)),
		.ledger = bench->ledger,
		.cpu = zeroed(1, sizeof(*bench->maps.cpu)),
		.control = zeroed(1, sizeof(*bench->maps.control)),
		.ring_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, RING_BYTES, NULL),
		.ring_bytes = RING_BYTES,
	};
	bench->maps.control->epoch = 1;
	err = bench->maps.ring_fd < 0 ? -errno
				      : sweep_open(&bench->maps, &conf, 0, 0, &bench->sweep);
	if (err) {
		fprintf(stderr, "sweep: %u slots: %s\n", slots, strerror(-err));
		exit(1);
	}
	bench->sweep.iface[1].id = 1;
	fill_slots(bench);
}

static void close_bench(struct bench *bench)
{
	sweep_close(&bench->sweep);
	free(bench->slots);
	free(bench->ledger);
	free(bench->maps.marks);
	free((void *)bench->maps.cpu);
	free(bench->maps.control);
}

static double visit_cost(struct bench *bench)
{
	double begun = cpu_time_ns();

	sweep_visit(&bench->sweep, false);
	sweep_turn(&bench->sweep);
	return cpu_time_ns() - begun;
}

/* Records of every flow, in as many batches as it takes; the sink takes them at once. */
static double export_cost(struct bench *bench)
{
	double begun = cpu_time_ns();

	while (sweep_export(&bench->sweep, true)) {
		bool last = bench->sweep.batch.records < SWEEP_BATCH_MAX;

		sweep_settle(&bench->sweep);
		if (last)
			break;
	}
	return cpu_time_ns() - begun;
}

static void print_cost(const struct bench *bench, const char *what, const char *unit, double *ns)
{
	double mid = median(ns, bench->rounds);

	printf("%-9u %-36s %8.2f ms %7.1f ns a slot %8.1f million %s a second  spread %.2f-%.2f ms\n",
	       bench->count, what, mid / 1e6, mid / bench->count, bench->count / mid * 1e3, unit,
	       ns[0] / 1e6, ns[bench->rounds - 1] / 1e6);
}

static void visit_rounds(struct bench *bench, uint32_t step, const char *what)
{
	double ns[ROUNDS_MAX];

	for (int i = 0; i < bench->rounds; i++) {
		/* a slot is visited once more in the pass after the one that saw it change */
		visit_cost(bench);
		visit_cost(bench);
		if (step)
			count_packets(bench, step);
		ns[i] = visit_cost(bench);
	}
	print_cost(bench, what, "slots", ns);
}

static void export_rounds(struct bench *bench)
{
	double visit[ROUNDS_MAX], export[ROUNDS_MAX];

	export_cost(bench); /* of what the rounds before knew */
	for (int i = 0; i < bench->rounds; i++) {
		count_packets(bench, 1);
		visit[i] = visit_cost(bench);
		export[i] = export_cost(bench);
	}
	print_cost(bench, "visit, every flow new", "slots", visit);
	print_cost(bench, "export, every flow a record", "records", export);
	if (bench->sweep.iface[1].books[0].unaccounted_packets) {
		fprintf(stderr, "sweep: the books do not balance\n");
		exit(1);
	}
}

static void run(uint32_t slots, int rounds)
{
	static struct bench bench;

	bench.rounds = rounds;
	open_bench(&bench, slots);
	count_packets(&bench, 1);
	visit_rounds(&bench, 0, "visit, nothing changed");
	visit_rounds(&bench, 100, "visit, 1 % changed");
	visit_rounds(&bench, 1, "visit, all changed");
	export_rounds(&bench);
	close_bench(&bench);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 9;

	if (argc > 2 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: sweep [ROUNDS]\n");
		return 2;
	}
	printf("# flowd's sweep, CPU time of one thread; medians of %d\n", rounds);
	run(65536, rounds);
	run(1000000, rounds);
	return 0;
}
