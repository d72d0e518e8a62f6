// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wlgen.bpf.c: makes each live frame of BPF_PROG_TEST_RUN a packet of one of N flows, counts it
 * under its flow and sends it out of an interface, or passes it up the stack.
 *
 * Flow n has the source address 10.128.0.0 + n / 16 (IPv6: in the last 4 bytes) and the source port
 * 10000 + n % 16; where it goes wlgen_to() says. The kernel hands the same pages out again, with what
 * the stack wrote to them (it moves the MAC addresses when it takes a VLAN tag off), so the whole header is
 * written anew.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "wlgen.h"

const volatile struct wlgen_config config = {};
struct wlgen_state state = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* config.flows */
	__type(key, __u32);
	__type(value, __u64);
} flow_packets SEC(".maps");

/* xorshift64* (Vigna 2016). */
static __always_inline __u32 next_random(void)
{
	__u64 x = state.rng;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	state.rng = x;
	return (__u32)((x * 0x2545f4914f6cdd1dULL) >> 32);
}

static __always_inline __u32 choose_flow(void)
{
	__u64 n = state.packets;
	__u32 period = config.flood + 1;

	if (config.order == WLGEN_RANDOM)
		return (__u32)((__u64)next_random() * config.flows >> 32);
	if (config.order == WLGEN_ROUND)
		return (__u32)(n % config.flows);
	if (n % period == 0)
		return (__u32)(n / period % config.steady);
	n = n - n / period - 1;
	return config.steady + (__u32)(n % (config.flows - config.steady));
}

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* Lengths and addresses of the IP header and the ports; `data` has the template already. */
static __always_inline int write_flow(void *data, void *end, __u32 flow, __u32 size)
{
	__u32 number = config.first + flow, src = 0x0a800000 + number / 16;
	__u64 to = wlgen_to(&config, flow);
	__u32 dst = (__u32)(to >> 32);
	__u8 *ip = data + config.l3_off, *l4 = data + config.l4_off;
	__u16 length = (__u16)(size - config.l3_off);

	if (l4 + 8 > (__u8 *)end)
		return 0;
	if (config.v6) {
		*(__be16 *)(ip + 4) = bpf_htons(length - 40);
		*(__be32 *)(ip + 20) = bpf_htonl(src);
		*(__be32 *)(ip + 36) = bpf_htonl(dst);
	} else {
		*(__be16 *)(ip + 2) = bpf_htons(length);
		*(__be16 *)(ip + 10) =
			bpf_htons(fold(config.ip_sum + length + (src >> 16) + (src & 0xffff) +
				       (dst >> 16) + (dst & 0xffff)));
		*(__be32 *)(ip + 12) = bpf_htonl(src);
		*(__be32 *)(ip + 16) = bpf_htonl(dst);
	}
	*(__be16 *)l4 = bpf_htons((__u16)(10000 + number % 16));
	*(__be16 *)(l4 + 2) = bpf_htons((__u16)to);
	if (config.proto == 17)
		*(__be16 *)(l4 + 4) = bpf_htons((__u16)(size - config.l4_off));
	return 1;
}

static __always_inline int write_frame(struct xdp_md *ctx, __u32 flow, __u32 size)
{
	__u64 *word;

	if (size < config.size && bpf_xdp_adjust_tail(ctx, (int)size - (int)config.size))
		return 0;
	word = (void *)(long)ctx->data;
	for (__u32 i = 0; i < WLGEN_HEADER_MAX / 8; i++) {
		if (i >= config.header_words)
			break;
		if ((void *)(word + i + 1) > (void *)(long)ctx->data_end)
			return 0;
		word[i] = config.header[i];
	}
	return write_flow((void *)(long)ctx->data, (void *)(long)ctx->data_end, flow, size);
}

SEC("xdp")
int wlgen(struct xdp_md *ctx)
{
	__u32 flow = choose_flow();
	__u32 size = config.size - (config.spread ? flow % config.spread : 0);
	__u64 *packets = bpf_map_lookup_elem(&flow_packets, &flow);

	if (!packets || !write_frame(ctx, flow, size)) {
		state.failed++;
		return XDP_DROP;
	}
	(*packets)++;
	state.packets++;
	state.bytes += size;
	return config.ifindex ? (int)bpf_redirect(config.ifindex, 0) : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
