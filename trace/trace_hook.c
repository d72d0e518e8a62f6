/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* trace_hook.c: load, attach, pin and take over the trace programs. See trace_hook.h. */
#include "trace/trace_hook.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flowd/clock.h"
#include "flowd/fault.h"
#include "flowd/hook.h"
#include "flowd/hook_own.h"
#include "health.skel.h"
#include "trace/trace_probe.h"

/* As those of flows, they are there when the pin of the control cell is: the last to come and the first to go. */
static const char *const map_names[] = {"event_counts", "event_keys",	"event_folded",
					"event_cpus",	"event_closes", "event_sockets",
					"event_untold", "event_control"};
#define MAP_COUNT (sizeof(map_names) / sizeof(map_names[0]))

/* Those of the flow programs that dropped packets are sampled by, pinned before. */
static const char *const sample_maps[] = {"sample_conf", "samples", "sample_counts"};
#define SAMPLE_MAPS (sizeof(sample_maps) / sizeof(sample_maps[0]))

static const struct trace_program programs[TRACE_PROGRAMS] = {
	{.name = "drop", .tracepoint = "kfree_skb", .what = EVENT_DROP},
	{.name = "untold", .tracepoint = "udp_fail_queue_rcv_skb", .what = EVENT_DROP},
	{.name = "retransmit", .tracepoint = "tcp_retransmit_skb", .what = EVENT_RETRANSMIT},
	{.name = "synack", .tracepoint = "tcp_retransmit_synack", .what = EVENT_RETRANSMIT},
	{.name = "reset_out", .tracepoint = "tcp_send_reset", .what = EVENT_RESET_SENT},
	{.name = "reset_in", .tracepoint = "tcp_receive_reset", .what = EVENT_RESET_RECEIVED},
	{.name = "state", .tracepoint = "inet_sock_set_state", .what = EVENT_MAX},
};

static void close_btf(struct btf **btf)
{
	btf__free(*btf);
}
#define _btf_ __attribute__((cleanup(close_btf))) struct btf

static struct bpf_map *map_of(const struct trace *trace, const char *name)
{
	return bpf_object__find_map_by_name(trace->skel->obj, name);
}

static struct bpf_program *program_of(const struct trace *trace, size_t i)
{
	return bpf_object__find_program_by_name(trace->skel->obj, programs[i].name);
}

static void pin_name(size_t i, const char *what, char pin[HOOK_PIN_MAX])
{
	snprintf(pin, HOOK_PIN_MAX, "trace-%s-%s", what, programs[i].name);
}

/* Leave out what this kernel does not have, and tell the programs what it has. */
static void probe(struct trace *trace, const struct btf *btf)
{
	struct trace_kernel kernel = trace_probe(btf);

	for (size_t i = 0; i < TRACE_PROGRAMS; i++) {
		if (!strcmp(programs[i].name, "untold") && !kernel.has_untold) {
			bpf_program__set_autoload(program_of(trace, i), false);
			trace->program[i].unused = true;
			continue;
		}
		if (trace_arguments(btf, programs[i].tracepoint) >= 0)
			continue;
		bpf_program__set_autoload(program_of(trace, i), false);
		snprintf(trace->program[i].why, TRACE_TEXT_MAX,
			 "this kernel has no tracepoint '%s'", programs[i].tracepoint);
	}
	trace->skel->rodata->guarded = kernel.guarded;
	trace->skel->rodata->has_reason = kernel.has_reason;
	trace->skel->rodata->has_rx_sock = kernel.has_rx_sock;
	trace->skel->rodata->has_send_err = kernel.has_send_err;
	if (kernel.has_drop && !kernel.has_reason)
		snprintf(trace->note, TRACE_TEXT_MAX, "no drop reasons on this kernel");
}

/* The pinned control cell. -ENOENT: none, -ESTALE: of another layout. */
static int pinned_layout(const struct hook_env *env)
{
	_fd_ fd = hook_pin_open(env, "event_control");
	struct event_control control;
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info), zero = 0;

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.value_size != sizeof(control) || bpf_map_lookup_elem(fd, &zero, &control))
		return -ESTALE;
	return control.layout == EVENT_LAYOUT ? 0 : -ESTALE;
}

static int reuse_maps(struct trace *trace, const struct hook_env *env, const char *const *names,
		      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		_fd_ fd = hook_pin_open(env, names[i]);
		int err = fd < 0 ? fd : bpf_map__reuse_fd(map_of(trace, names[i]), fd);

		if (err)
			return err;
	}
	return 0;
}

static int pin_maps(const struct trace *trace, const struct hook_env *env)
{
	for (size_t i = 0; i < MAP_COUNT; i++) {
		int err = hook_pin(env, map_names[i], bpf_map__fd(map_of(trace, map_names[i])));

		if (err)
			return err;
		FAULT_POINT("new-6-events");
	}
	return 0;
}

static int map_one(struct trace *trace, const char *name, int number, void **ret_memory)
{
	const struct bpf_map *map = map_of(trace, name);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
	void *memory;

	bytes = (bytes + page - 1) & ~(page - 1);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (memory == MAP_FAILED)
		return -errno;
	trace->mapped[number] = bytes;
	*ret_memory = memory;
	return 0;
}

static int map_all(struct trace *trace)
{
	int err = map_one(trace, "event_control", 0, (void **)&trace->control);

	err = err ? err : map_one(trace, "event_folded", 1, (void **)&trace->folded);
	err = err ? err : map_one(trace, "event_cpus", 2, (void **)&trace->cpu);
	err = err ? err : map_one(trace, "event_counts", 3, (void **)&trace->counts);
	err = err ? err : map_one(trace, "event_keys", 4, (void **)&trace->keys);
	trace->closes_fd = bpf_map__fd(trace->skel->maps.event_closes);
	trace->closes_bytes = bpf_map__max_entries(trace->skel->maps.event_closes);
	return err;
}

static void begin_control(struct trace *trace, uint32_t last)
{
	trace->control->generation = last + 1;
	trace->control->layout = EVENT_LAYOUT;
	trace->control->drained = 1;
	trace->control->begun_ns[(last + 1) & 1] = clock_mono().ns;
}

static int new_seed(uint64_t *ret_seed)
{
	if (getrandom(ret_seed, sizeof(*ret_seed), 0) != sizeof(*ret_seed))
		return -EIO;
	*ret_seed |= 1;
	return 0;
}

static int load(struct trace *trace, const struct hook_env *env, bool with_programs)
{
	int err;

	err = bpf_map__set_max_entries(trace->skel->maps.event_folded,
				       trace->cpus * 2 * EVENT_MAX * EVENT_REASONS);
	err = err ? err : bpf_map__set_max_entries(trace->skel->maps.event_cpus, trace->cpus);
	err = err ? err
		  : bpf_map__set_max_entries(trace->skel->maps.event_counts,
					     trace->cpus * 2 * EVENT_CELLS);
	err = err ? err
		  : bpf_map__set_max_entries(trace->skel->maps.event_keys,
					     trace->cpus * 2 * EVENT_CELLS);
	for (size_t i = 0; !err && i < sizeof(trace->skel->rodata->seed) / 8; i++)
		err = new_seed((uint64_t *)&trace->skel->rodata->seed[i]);
	err = err ? err : reuse_maps(trace, env, sample_maps, SAMPLE_MAPS);
	trace->skel->rodata->sample_ring_bytes = bpf_map__max_entries(trace->skel->maps.samples);
	if (!err && trace->taken_over)
		err = reuse_maps(trace, env, map_names, MAP_COUNT);
	for (size_t i = 0; !with_programs && i < TRACE_PROGRAMS; i++)
		bpf_program__set_autoload(program_of(trace, i), false);
	return err ? err : bpf_object__load(trace->skel->obj);
}

static int open_all(const struct hook_env *env, bool with_programs, uint32_t last,
		    struct trace *trace)
{
	_btf_ *btf = btf__load_vmlinux_btf();
	int cpus = libbpf_num_possible_cpus(), err;

	if (!btf) {
		snprintf(trace->note, TRACE_TEXT_MAX, "no kernel events: no BTF");
		return -EOPNOTSUPP;
	}
	trace->skel = health__open();
	if (!trace->skel || cpus < 0)
		return cpus < 0 ? cpus : -ENOMEM;
	trace->cpus = (uint32_t)cpus;
	probe(trace, btf);
	err = load(trace, env, with_programs);
	err = err ? err : map_all(trace);
	if (err || trace->taken_over)
		return err;
	begin_control(trace, last);
	return pin_maps(trace, env);
}

bool trace_pinned(const char *pin_dir)
{
	const struct hook_env env = {.pin_dir = pin_dir};

	return pinned_layout(&env) != -ENOENT;
}

static void reset(struct trace *trace)
{
	memset(trace, 0, sizeof(*trace));
	memcpy(trace->program, programs, sizeof(programs));
	for (size_t i = 0; i < TRACE_PROGRAMS; i++)
		trace->program[i].fd = -1;
}

static void close_but_note(struct trace *trace)
{
	char note[TRACE_TEXT_MAX];

	memcpy(note, trace->note, sizeof(note));
	trace_close(trace);
	memcpy(trace->note, note, sizeof(note));
}

int trace_open(const char *pin_dir, bool with_programs, uint32_t last, struct trace *ret_trace)
{
	const struct hook_env env = {.pin_dir = pin_dir};
	_hushed_ hush = hook_hush();
	int there = pinned_layout(&env), err;

	reset(ret_trace);
	if (there && there != -ENOENT) {
		trace_detach(ret_trace, pin_dir);
		trace_unpin(pin_dir);
	}
	ret_trace->taken_over = !there;
	err = open_all(&env, with_programs, last, ret_trace);
	if (!err && there && there != -ENOENT)
		snprintf(ret_trace->note, TRACE_TEXT_MAX,
			 "maps of another layout were replaced: what they held is lost");
	if (err && !ret_trace->note[0])
		snprintf(ret_trace->note, TRACE_TEXT_MAX, "no kernel events: %.120s",
			 hook_said(err));
	if (err && !ret_trace->taken_over)
		trace_unpin(pin_dir);
	if (err)
		close_but_note(ret_trace);
	return err;
}

static bool program_tag(int fd, __u8 tag[BPF_TAG_SIZE])
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return false;
	memcpy(tag, info.tag, BPF_TAG_SIZE);
	return true;
}

/* A predecessor's program of the same instructions: a fd of it, or -ENOENT. */
static int same_pinned(const struct hook_env *env, size_t i, int fresh)
{
	__u8 old_tag[BPF_TAG_SIZE], new_tag[BPF_TAG_SIZE];
	char pin[HOOK_PIN_MAX];
	int fd;

	pin_name(i, "link", pin);
	fd = hook_pin_open(env, pin);
	if (fd < 0)
		return -ENOENT;
	close(fd);
	pin_name(i, "program", pin);
	fd = hook_pin_open(env, pin);
	if (program_tag(fd, old_tag) && program_tag(fresh, new_tag) &&
	    !memcmp(old_tag, new_tag, BPF_TAG_SIZE))
		return fd;
	if (fd >= 0)
		close(fd);
	return -ENOENT;
}

/* The link's last holder is this descriptor, so that the program is gone when it is closed. */
static void detach_one(const struct hook_env *env, size_t i)
{
	char pin[HOOK_PIN_MAX];
	int link;

	pin_name(i, "link", pin);
	link = hook_pin_open(env, pin);
	hook_unpin(env, pin);
	if (link >= 0)
		close(link);
	pin_name(i, "program", pin);
	hook_unpin(env, pin);
}

static int attach_one(struct trace *trace, const struct hook_env *env, size_t i)
{
	struct bpf_program *prog = program_of(trace, i);
	char pin[HOOK_PIN_MAX];
	struct bpf_link *link;
	int err;

	detach_one(env, i);
	link = bpf_program__attach(prog);
	if (!link)
		return -errno;
	pin_name(i, "program", pin);
	err = hook_pin(env, pin, bpf_program__fd(prog));
	pin_name(i, "link", pin);
	err = err ? err : hook_pin(env, pin, bpf_link__fd(link));
	bpf_link__destroy(link); /* the pin holds it */
	trace->program[i].fd = err ? -1 : dup(bpf_program__fd(prog));
	return err;
}

void trace_attach(struct trace *trace, const char *pin_dir)
{
	const struct hook_env env = {.pin_dir = pin_dir};
	_hushed_ hush = hook_hush();
	struct stat netns;

	if (!stat("/proc/self/ns/net", &netns))
		trace->control->netns_inode = netns.st_ino;
	for (size_t i = 0; i < TRACE_PROGRAMS; i++) {
		struct trace_program *program = &trace->program[i];
		int fresh = bpf_program__fd(program_of(trace, i)), err;

		if (program->why[0] || fresh < 0)
			continue;
		program->fd = same_pinned(&env, i, fresh);
		if (program->fd >= 0)
			continue;
		err = attach_one(trace, &env, i);
		if (err)
			snprintf(program->why, TRACE_TEXT_MAX, "%.150s", hook_said(err));
	}
}

void trace_detach(struct trace *trace, const char *pin_dir)
{
	const struct hook_env env = {.pin_dir = pin_dir};

	for (size_t i = 0; i < TRACE_PROGRAMS; i++) {
		detach_one(&env, i);
		/* the program itself is still asked for what was missed */
		if (!trace->program[i].why[0])
			snprintf(trace->program[i].why, TRACE_TEXT_MAX, "detached");
	}
}

void trace_unpin(const char *pin_dir)
{
	const struct hook_env env = {.pin_dir = pin_dir};

	for (size_t i = MAP_COUNT; i-- > 0;)
		hook_unpin(&env, map_names[i]);
}

void trace_close(struct trace *trace)
{
	void *memory[TRACE_MAPPED] = {trace->control, trace->folded, trace->cpu, trace->counts,
				      trace->keys};

	for (size_t i = 0; i < TRACE_MAPPED; i++) {
		if (memory[i])
			munmap(memory[i], trace->mapped[i]);
	}
	for (size_t i = 0; i < TRACE_PROGRAMS; i++) {
		if (trace->program[i].name && trace->program[i].fd >= 0)
			close(trace->program[i].fd);
	}
	health__destroy(trace->skel);
	memset(trace, 0, sizeof(*trace));
}

const struct trace_program *trace_program(const struct trace *trace, const char *name)
{
	for (size_t i = 0; trace->skel && i < TRACE_PROGRAMS; i++) {
		if (!strcmp(trace->program[i].name, name))
			return &trace->program[i];
	}
	return NULL;
}

uint64_t trace_missed(const struct trace *trace, uint32_t what)
{
	uint64_t missed = 0;

	for (size_t i = 0; i < TRACE_PROGRAMS; i++) {
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);

		if (trace->program[i].what != what || trace->program[i].fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(trace->program[i].fd, &info, &len))
			missed += info.recursion_misses;
	}
	return missed;
}

struct event_cell *trace_cells(const struct trace *trace, uint32_t cpu, uint32_t generation)
{
	return &trace->counts[(size_t)(cpu * 2 + (generation & 1)) * EVENT_CELLS];
}

const struct event_key *trace_keys(const struct trace *trace, uint32_t cpu, uint32_t generation)
{
	return &trace->keys[(size_t)(cpu * 2 + (generation & 1)) * EVENT_CELLS];
}

struct event_count *trace_folded(const struct trace *trace, uint32_t cpu, uint32_t generation,
				 uint32_t what, uint32_t reason)
{
	size_t at = (size_t)(cpu * 2 + (generation & 1)) * EVENT_MAX + what;

	return &trace->folded[at * EVENT_REASONS + reason];
}
