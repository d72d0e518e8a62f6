// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wlgen.c: sends an exactly known number of packets of N flows at full speed, by
 * BPF_PROG_TEST_RUN with live frames, and says what it sent, in all and for each flow.
 *
 *   redirect   frames leave by interface -i (ndo_xdp_xmit); on veth the peer receives them, and
 *              must have an XDP program or GRO on, else the driver refuses
 *   --pass     frames enter the stack as if received on -i, so that TC ingress sees them
 *
 * What the driver had no room for is lost without a trace for the sender; a veth counts it
 * (tx_queue_N_xdp_xmit_errors), and wlgen reads the counters before and after. Exit: 0 all sent,
 * 1 failed, 2 wrong usage, 3 the driver dropped some (the flow counts are then too high).
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "wlgen_options.h"

#include "tests/wlgen.skel.h"

#define CALL_PACKETS 1000000 /* a call of test-run; each call costs milliseconds of its own */

struct driver_stats {
	bool known;
	uint64_t sent;
	uint64_t errors;
};

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void build_link(const struct options *opt, uint8_t *frame)
{
	static const uint8_t src[6] = {0x02, 0, 0, 0, 0, 0x98};
	unsigned int at = 12;

	if (sscanf(opt->dst_mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &frame[0], &frame[1], &frame[2],
		   &frame[3], &frame[4], &frame[5]) != 6)
		die("--dst-mac", opt->dst_mac, "not a MAC address");
	memcpy(frame + 6, src, 6);
	if (opt->vlan != NO_TAG) {
		put16(frame + at, opt->cvlan != NO_TAG ? 0x88a8 : 0x8100);
		put16(frame + at + 2, (unsigned int)opt->vlan);
		at += 4;
	}
	if (opt->cvlan != NO_TAG) {
		put16(frame + at, 0x8100);
		put16(frame + at + 2, (unsigned int)opt->cvlan);
		at += 4;
	}
	put16(frame + at, opt->config.v6 ? 0x86dd : 0x0800);
}

/* To 10.200.0.1 or 2001:db8::c8; what varies is left 0. */
static void build_header(const struct options *opt, struct wlgen_config *config)
{
	uint8_t frame[WLGEN_HEADER_MAX] = {}, *ip = frame + config->l3_off,
		*l4 = frame + config->l4_off;
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8};

	build_link(opt, frame);
	if (config->v6) {
		ip[0] = 0x60;
		ip[6] = (uint8_t)config->proto;
		ip[7] = 64;
		memcpy(ip + 8, v6, 16);
		memcpy(ip + 24, v6, 16);
	} else {
		ip[0] = 0x45;
		ip[6] = 0x40; /* do not fragment */
		ip[8] = 64;
		ip[9] = (uint8_t)config->proto;
		for (unsigned int i = 0; i < 20; i += 2)
			config->ip_sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	}
	config->dst = config->v6 ? 200 : 10 << 24 | 200 << 16 | 1;
	config->dport = (uint32_t)opt->dport;
	if (config->proto == 6) {
		l4[12] = 0x50;
		l4[13] = 0x10; /* ACK */
	}
	memcpy(config->header, frame, sizeof(frame));
}

/* The counters of a veth's transmit side; unknown for other drivers. */
static struct driver_stats read_driver(uint32_t ifindex)
{
	struct driver_stats ret = {};
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq req = {.ifr_data = (void *)&info};
	struct ethtool_gstrings *names;
	struct ethtool_stats *values;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || !if_indextoname(ifindex, req.ifr_name) || ioctl(fd, SIOCETHTOOL, &req)) {
		close(fd);
		return ret;
	}
	names = calloc(1, sizeof(*names) + info.n_stats * (size_t)ETH_GSTRING_LEN);
	values = calloc(1, sizeof(*values) + info.n_stats * sizeof(uint64_t));
	if (!names || !values)
		die("interface", req.ifr_name, "no memory for its counters");
	*names = (struct ethtool_gstrings){
		.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS, .len = info.n_stats};
	*values = (struct ethtool_stats){.cmd = ETHTOOL_GSTATS, .n_stats = info.n_stats};
	req.ifr_data = (void *)names;
	ret.known = !ioctl(fd, SIOCETHTOOL, &req);
	req.ifr_data = (void *)values;
	ret.known = ret.known && !ioctl(fd, SIOCETHTOOL, &req) && !strcmp(info.driver, "veth");
	for (uint32_t i = 0; ret.known && i < info.n_stats; i++) {
		const char *name = (const char *)names->data + i * (size_t)ETH_GSTRING_LEN;

		if (strncmp(name, "tx_queue_", 9))
			continue;
		if (strstr(name, "_xdp_xmit_errors"))
			ret.errors += values->data[i];
		else if (strstr(name, "_xdp_xmit"))
			ret.sent += values->data[i];
	}
	free(names);
	free(values);
	close(fd);
	return ret;
}

static struct wlgen_bpf *load(const struct wlgen_config *config)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct wlgen_bpf *skel;

	setrlimit(RLIMIT_MEMLOCK, &unlimited); /* kernels before 5.11 */
	skel = wlgen_bpf__open();
	if (!skel)
		die("BPF program", "wlgen", strerror(errno));
	skel->rodata->config = *config;
	skel->bss->state.rng = config->seed * 0x9e3779b97f4a7c15ULL | 1;
	bpf_map__set_max_entries(skel->maps.flow_packets, config->flows);
	if (wlgen_bpf__load(skel))
		die("BPF program", "wlgen", strerror(errno));
	return skel;
}

static double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void run_call(struct wlgen_bpf *skel, const struct options *opt, uint32_t packets)
{
	static uint8_t frame[4096];
	struct xdp_md ctx = {.data_end = opt->config.size, .ingress_ifindex = opt->ifindex};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
			    .data_size_in = opt->config.size, .repeat = (int)packets,
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
			    .batch_size = opt->batch < packets ? (uint32_t)opt->batch : packets);
	uint64_t before = skel->bss->state.packets;

	if (opt->pass) {
		opts.ctx_in = &ctx;
		opts.ctx_size_in = sizeof(ctx);
	}
	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.wlgen), &opts))
		die("test-run of live frames, interface", opt->iface, strerror(errno));
	if (skel->bss->state.packets != before + packets)
		die("interface", opt->iface, "frames could not be written");
}

static void wait_for_rate(const struct options *opt, double start, uint64_t sent)
{
	double ahead = start + (double)sent / (double)(opt->rate ? opt->rate : 1) -
		       seconds(CLOCK_MONOTONIC);

	if (opt->rate && ahead > 0)
		usleep((useconds_t)(ahead * 1e6));
}

/* Kept for between two calls: within one it would end that halfway. */
static bool told_to_stop(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return !sigpending(&set) && sigismember(&set, SIGTERM);
}

static double run(struct wlgen_bpf *skel, const struct options *opt)
{
	double start = seconds(CLOCK_MONOTONIC);
	uint64_t left = opt->packets;
	uint64_t call = opt->rate ? opt->rate / 20 + 1 : CALL_PACKETS;

	while (!told_to_stop() && left) {
		uint32_t now = (uint32_t)(left < call ? left : call);

		run_call(skel, opt, now);
		left -= now;
		wait_for_rate(opt, start, opt->packets - left);
	}
	return seconds(CLOCK_MONOTONIC) - start;
}

/* Addresses as view flow_text has them: IPv6 in full. */
static void flow_text(const struct wlgen_config *config, uint32_t flow, char *buf, size_t size)
{
	uint32_t n = config->first + flow, src = 0x0a800000 + n / 16;
	uint64_t to = wlgen_to(config, flow);
	uint32_t dst = (uint32_t)(to >> 32), dport = to & 0xffff;

	if (config->v6)
		snprintf(buf, size,
			 "2001:0db8:0000:0000:0000:0000:%04x:%04x,"
			 "2001:0db8:0000:0000:0000:0000:%04x:%04x,%u,%u",
			 src >> 16, src & 0xffff, dst >> 16, dst & 0xffff, 10000 + n % 16, dport);
	else
		snprintf(buf, size, "10.%u.%u.%u,%u.%u.%u.%u,%u,%u", src >> 16 & 255,
			 src >> 8 & 255, src & 255, dst >> 24, dst >> 16 & 255, dst >> 8 & 255,
			 dst & 255, 10000 + n % 16, dport);
}

/* Returns the number of flows that had a packet. */
static uint32_t write_flows(struct wlgen_bpf *skel, const struct options *opt,
			    const struct wlgen_config *config)
{
	size_t size = config->flows * sizeof(uint64_t);
	const uint64_t *packets =
		mmap(NULL, size, PROT_READ, MAP_SHARED, bpf_map__fd(skel->maps.flow_packets), 0);
	FILE *file = opt->per_flow ? fopen(opt->per_flow, "w") : NULL;
	uint32_t used = 0;
	char text[128];

	if (packets == MAP_FAILED || (opt->per_flow && !file))
		die("file", opt->per_flow ? opt->per_flow : "", strerror(errno));
	for (uint32_t n = 0; n < config->flows; n++) {
		uint32_t frame = config->size - (config->spread ? n % config->spread : 0);

		used += packets[n] > 0;
		if (!file || !packets[n])
			continue;
		flow_text(config, n, text, sizeof(text));
		fprintf(file, "%s,%llu,%llu\n", text, (unsigned long long)packets[n],
			(unsigned long long)packets[n] * frame);
	}
	if (file && fclose(file))
		die("file", opt->per_flow, strerror(errno));
	munmap((void *)packets, size);
	return used;
}

int main(int argc, char **argv)
{
	const struct options *opt = options_parse(argc, argv);
	struct driver_stats before, after;
	struct wlgen_config config;
	struct wlgen_bpf *skel;
	uint64_t lost = 0;
	double time, cpu;

	config = opt->config;
	build_header(opt, &config);
	skel = load(&config);
	before = read_driver(opt->ifindex);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID); /* what receives on this core is in it */
	time = run(skel, opt);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	after = read_driver(opt->ifindex);
	if (before.known && !opt->pass) /* other senders' losses count as ours: who can tell */
		lost = after.errors - before.errors;
	printf("{\"packets\":%llu,\"bytes\":%llu,\"flows\":%u,\"dropped\":%llu,"
	       "\"driver_sent\":%llu,\"seconds\":%.3f,\"cpu_seconds\":%.3f}\n",
	       (unsigned long long)skel->bss->state.packets,
	       (unsigned long long)skel->bss->state.bytes, write_flows(skel, opt, &config),
	       (unsigned long long)lost, (unsigned long long)(after.sent - before.sent), time, cpu);
	wlgen_bpf__destroy(skel);
	return lost ? 3 : 0;
}
