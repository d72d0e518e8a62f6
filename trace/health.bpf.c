// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * health.bpf.c: what the kernel says of packets and connections, by its tracepoints (tp_btf).
 *
 *   drop         kfree_skb                a packet was dropped: why, and where in the kernel
 *   untold       udp_fail_queue_rcv_skb   whose the datagram was that a full socket dropped just now
 *   retransmit   tcp_retransmit_skb       segments of a local connection were sent again
 *   synack       tcp_retransmit_synack    the answer to a SYN was
 *   reset_out    tcp_send_reset           as the reset goes
 *   reset_in     tcp_receive_reset        as the reset came
 *   state        inet_sock_set_state      who has a connection; at its end what the kernel knew of it
 *
 * Only one network namespace's. Nothing is changed, and nothing is said of packets but what is here.
 */
#include "count.bpf.h"
#include "key.bpf.h"
#include "origin.bpf.h"
#include "sample_drop.bpf.h"

#include <bpf/bpf_tracing.h>

#define CA_RECOVERY 3 /* enum tcp_ca_state, include/uapi/linux/tcp.h */
#define CA_LOSS 4
#define TIME_LOSS_PROBE 5 /* ICSK_TIME_LOSS_PROBE, include/net/inet_connection_sock.h */
#define ONE_SEGMENT 512
#define DATAREF_MASK 0xffff /* SKB_DATAREF_SHIFT, include/linux/skbuff.h */
#define ERR_AGAIN 11
#define ERR_BUSY 16
#define USEC_PER_SEC 1000000

char _license[] SEC("license") = "Dual BSD/GPL";

/* What the kernel's tracepoints have, set before load. */
const volatile __u32 has_reason = 1;   /* kfree_skb */
const volatile __u32 has_send_err = 1; /* tcp_retransmit_skb */

/* --- drops ----------------------------------------------------------------------------------- */

/* A packet all in one piece and this short is not asked: nobody makes segments that small. */
static __always_inline __u32 segments_of(const struct sk_buff *skb)
{
	const struct skb_shared_info *info = (void *)(skb->head + skb->end);
	unsigned short segments = 0;

	if (skb->len > ONE_SEGMENT || skb->data_len)
		bpf_core_read(&segments, sizeof(segments), &info->gso_segs);
	return segments ? segments : 1;
}

static __always_inline bool was_dropped(__u32 reason)
{
	if (bpf_core_enum_value_exists(enum skb_drop_reason, SKB_CONSUMED) &&
	    reason == bpf_core_enum_value(enum skb_drop_reason, SKB_CONSUMED))
		return false;
	return !bpf_core_enum_value_exists(enum skb_drop_reason, SKB_NOT_DROPPED_YET) ||
	       reason != bpf_core_enum_value(enum skb_drop_reason, SKB_NOT_DROPPED_YET);
}

/*
 * A packet that GRO made of several has them in a list, or some of them. When it is dropped it counts as
 * all that it was; then the kernel frees the pieces, and tells of each as of a packet (net/core/skbuff.c,
 * skb_release_data). They are known by their addresses.
 */
static __always_inline bool is_piece(const struct sk_buff *skb, struct event_cpu *cpu)
{
	if (cpu->piece != (__u64)(unsigned long)skb)
		return false;
	cpu->piece = (__u64)(unsigned long)skb->next;
	return true;
}

/* Of a packet whose data nobody else has: else they are not freed with it. */
static __always_inline void expect_pieces(const struct sk_buff *skb, struct event_cpu *cpu)
{
	const struct skb_shared_info *info = (void *)(skb->head + skb->end);
	struct sk_buff *first = NULL;
	int dataref = 0;

	if (!skb->data_len)
		return;
	bpf_core_read(&first, sizeof(first), &info->frag_list);
	if (!first)
		return;
	bpf_core_read(&dataref, sizeof(dataref), &info->dataref.counter);
	if ((dataref & DATAREF_MASK) == 1)
		cpu->piece = (__u64)(unsigned long)first;
}

static __always_inline struct event_untold *untold_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&event_untold, &zero);
}

static __always_inline void untold_put(const struct event_key *key, const struct event_count *by)
{
	struct event_untold *last = untold_get();
	struct event_cpu *cpu = cpu_get(bpf_get_smp_processor_id());

	if (!last || !cpu)
		return;
	cpu->untold += last->by.skbs;
	last->key = *key;
	last->by = *by;
}

SEC("tp_btf/kfree_skb")
int drop(__u64 *ctx)
{
	const struct sk_buff *skb = (void *)ctx[0];
	const struct sock *rx = has_rx_sock ? (void *)ctx[3] : NULL;
	struct event_cpu *cpu = cpu_get(bpf_get_smp_processor_id());
	struct event_control *control = control_get();
	struct event_key key = {.what = EVENT_DROP};
	struct event_count by = {.skbs = 1};
	struct origin origin;
	struct packet pkt;
	bool tagged;

	if (has_reason) {
		key.reason = (__u32)ctx[2];
		if (!was_dropped(key.reason))
			return 0;
	}
	if (!skb || !control || !cpu || is_piece(skb, cpu) ||
	    !origin_find(skb, rx, control, &origin))
		return 0;
	expect_pieces(skb, cpu);
	key.place = ctx[1];
	key.ifindex = origin.ifindex;
	key.generation = *(volatile __u32 *)&control->generation;
	key.flow.dir = origin.ingress ? FLOW_INGRESS : FLOW_EGRESS;
	packet_find(skb, origin.link, &pkt);
	tagged = key_tag(skb, &key.flow);
	key_of_packet(skb, &pkt, &key.flow);
	by.packets = segments_of(skb);
	by.bytes = packet_bytes(skb, &pkt, by.packets, tagged);
	if (origin.untold)
		untold_put(&key, &by);
	else
		count_event(&key, &by);
	if (drops_are_sampled())
		sample_drop(skb, &key, origin.link, (__u32)by.packets, origin.untold);
	return 0;
}

/* Called right after kfree_skb, with interrupts of the network off, where it does not tell the packet. */
SEC("tp_btf/udp_fail_queue_rcv_skb")
int untold(__u64 *ctx)
{
	const struct sock *sk = (void *)ctx[1];
	struct event_control *control = control_get();
	struct event_untold *last = untold_get();
	struct event_key key;
	bool ours;

	if (!sk || !control || !last || !last->by.skbs)
		return 0;
	ours = net_is_ours(sk->__sk_common.skc_net.net, control);
	if (ours) {
		key = last->key;
		key.generation = *(volatile __u32 *)&control->generation;
		count_event(&key, &last->by);
	}
	last->by.skbs = 0;
	sample_told(ours);
	return 0;
}

/* --- TCP ------------------------------------------------------------------------------------- */

/* The interface that the socket sends by, as far as it is known. */
static __always_inline __u32 sock_ifindex(const struct sock *sk)
{
	const struct dst_entry *dst = sk->sk_dst_cache;
	__u32 ifindex = dst ? dst->dev->ifindex : 0;

	if (!ifindex && bpf_core_field_exists(sk->sk_rx_dst_ifindex))
		ifindex = sk->sk_rx_dst_ifindex;
	return ifindex ? ifindex : sk->__sk_common.skc_bound_dev_if;
}

static __always_inline __u32 kind_of(const struct tcp_sock *tp, __u32 state)
{
	__u8 ca = BPF_CORE_READ_BITFIELD(&tp->inet_conn, icsk_ca_state);

	if (state == BPF_TCP_SYN_SENT)
		return EVENT_RETRANSMIT_SYN;
	if (state == BPF_TCP_SYN_RECV)
		return EVENT_RETRANSMIT_SYN_ACK;
	if (ca == CA_LOSS)
		return EVENT_RETRANSMIT_TIMEOUT;
	/* a probe may still be pending when recovery begins, but it sends nothing any more then */
	if (ca == CA_RECOVERY)
		return EVENT_RETRANSMIT_FAST;
	return tp->inet_conn.icsk_pending == TIME_LOSS_PROBE ? EVENT_RETRANSMIT_PROBE
							     : EVENT_RETRANSMIT_OTHER;
}

/*
 * Segments and payload that the socket's own counters gained since the last time. The kernel adds to
 * them where it adds to TcpRetransSegs, before it tries to send; so what failed to be sent, which the
 * tracepoint tells of on some kernels only and not apart from what was never tried, is right too, now
 * or with the next retransmit, or at the end.
 */
static __always_inline void gained(const struct tcp_sock *tp, struct event_socket *told,
				   struct event_count *ret)
{
	__u32 total = tp->total_retrans;
	__u64 bytes = tp->bytes_retrans;

	if (total < told->total_retrans) { /* the socket was used again */
		told->total_retrans = 0;
		told->bytes_retrans = 0;
	}
	ret->packets = total - told->total_retrans;
	ret->bytes = bytes - told->bytes_retrans;
	told->total_retrans = total;
	told->bytes_retrans = bytes;
	told->known = 1;
}

/* The first time: what came before is not ours to count. `err`: of sending. */
static __always_inline void begin(const struct tcp_sock *tp, const struct sk_buff *skb, int err,
				  struct event_socket *told, struct event_count *ret)
{
	unsigned short segments = 0;
	const struct tcp_skb_cb *cb = (const void *)skb->cb;

	bpf_core_read(&segments, sizeof(segments), &cb->tcp_gso_segs);
	if (err == -ERR_BUSY || err == -ERR_AGAIN || (err && tp->total_retrans != segments))
		segments = 0;
	ret->packets = segments;
	ret->bytes = segments ? skb->len : 0;
	if (!told)
		return;
	told->total_retrans = tp->total_retrans;
	told->bytes_retrans = tp->bytes_retrans;
	told->known = 1;
}

/*
 * The socket's flow. Its own port is taken from the copy that is kept to the end: the other is given
 * back before the state is TCP_CLOSE (net/ipv4/tcp.c, tcp_set_state).
 */
static __always_inline void key_of_tcp(const struct sock *sk, const struct tcp_sock *tp,
				       struct flow_key *key)
{
	key_of_sock(&sk->__sk_common, true, key);
	key->sport = tp->inet_conn.icsk_inet.inet_sport;
}

static __always_inline void count_retransmit(struct event_control *control, const struct sock *sk,
					     const struct tcp_sock *tp, __u32 kind,
					     struct event_count *by)
{
	struct event_key key = {.what = EVENT_RETRANSMIT, .reason = kind};
	const struct dst_entry *dst = sk->sk_dst_cache;

	if (!by->packets)
		return;
	key.generation = *(volatile __u32 *)&control->generation;
	key.ifindex = sock_ifindex(sk);
	key_of_tcp(sk, tp, &key.flow);
	by->bytes += by->packets *
		     (tp->tcp_header_len + (key.flow.ethertype == ETHERTYPE_IPV6 ? 40 : 20) +
		      (dst ? dst->dev->hard_header_len : 0));
	by->skbs = 1;
	count_event(&key, by);
}

SEC("tp_btf/tcp_retransmit_skb")
int retransmit(__u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];
	const struct sk_buff *skb = (void *)ctx[1];
	int err = has_send_err ? (int)ctx[2] : 0;
	struct event_control *control = control_get();
	struct event_count by = {};
	struct event_socket *told;
	const struct tcp_sock *tp;

	if (!sk || !skb || !control || !net_is_ours(sk->__sk_common.skc_net.net, control))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	told = bpf_sk_storage_get(&event_sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (told && told->known)
		gained(tp, told, &by);
	else
		begin(tp, skb, err, told, &by);
	count_retransmit(control, sk, tp, kind_of(tp, sk->__sk_common.skc_state), &by);
	return 0;
}

/* Counted by the kernel in the same breath; bytes are not known. */
SEC("tp_btf/tcp_retransmit_synack")
int synack(__u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];
	const struct request_sock *req = (void *)ctx[1];
	struct event_key key = {.what = EVENT_RETRANSMIT, .reason = EVENT_RETRANSMIT_SYN_ACK};
	struct event_count by = {.packets = 1, .skbs = 1};
	struct event_control *control = control_get();
	struct event_socket *told;
	const struct tcp_sock *tp;

	if (!sk || !req || !control || !net_is_ours(sk->__sk_common.skc_net.net, control))
		return 0;
	/* fast open: the socket is there already, and counts it among its own */
	if (sk->__sk_common.skc_state != BPF_TCP_LISTEN) {
		tp = bpf_skc_to_tcp_sock(sk);
		told = bpf_sk_storage_get(&event_sockets, sk, NULL, 0);
		if (tp && told && told->known)
			told->total_retrans = tp->total_retrans;
	}
	key.generation = *(volatile __u32 *)&control->generation;
	key.ifindex = req->__req_common.skc_bound_dev_if;
	key_of_sock(&req->__req_common, true, &key.flow);
	count_event(&key, &by);
	return 0;
}

static __always_inline void count_reset(struct event_control *control, struct event_key *key)
{
	struct event_count by = {.packets = 1, .skbs = 1};

	key->generation = *(volatile __u32 *)&control->generation;
	count_event(key, &by);
}

/* The packet that it answers says best whom it is for; without one the socket does. */
SEC("tp_btf/tcp_send_reset")
int reset_out(__u64 *ctx)
{
	const struct sock *sk = (void *)ctx[0];
	const struct sk_buff *skb = (void *)ctx[1];
	struct event_key key = {.what = EVENT_RESET_SENT};
	struct event_control *control = control_get();
	struct origin origin;
	struct packet pkt;

	if (!control)
		return 0;
	if (is_there(skb)) {
		if (!origin_find(skb, sk, control, &origin))
			return 0;
		packet_find(skb, origin.link, &pkt);
		key_tag(skb, &key.flow);
		key.flow.dir = FLOW_INGRESS;
		key_of_packet(skb, &pkt, &key.flow);
		key_turn(&key.flow);
		key.ifindex = origin.ifindex;
	} else {
		if (!is_there(sk) || !net_is_ours(sk->__sk_common.skc_net.net, control))
			return 0;
		key_of_sock(&sk->__sk_common, true, &key.flow);
		key.ifindex = sock_ifindex(sk);
	}
	count_reset(control, &key);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int reset_in(__u64 *ctx)
{
	const struct sock *sk = (void *)ctx[0];
	struct event_key key = {.what = EVENT_RESET_RECEIVED};
	struct event_control *control = control_get();

	if (!sk || !control || !net_is_ours(sk->__sk_common.skc_net.net, control))
		return 0;
	key_of_sock(&sk->__sk_common, false, &key.flow);
	key.ifindex = sock_ifindex(sk);
	count_reset(control, &key);
	return 0;
}

/* --- connections ------------------------------------------------------------------------------ */

/*
 * Changes that a system call makes, never a softirq: connect(), and close(), shutdown() or the end of
 * a process (tcp_close_state). So the task at hand is whose connection it is, unless a kernel thread
 * does it for somebody.
 */
static __always_inline bool by_a_process(int from, int to)
{
	return (from == BPF_TCP_CLOSE && to == BPF_TCP_SYN_SENT) ||
	       (from == BPF_TCP_ESTABLISHED && to == BPF_TCP_FIN_WAIT1) ||
	       (from == BPF_TCP_CLOSE_WAIT && to == BPF_TCP_LAST_ACK);
}

static __always_inline void note_process(struct sock *sk)
{
	const struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct event_socket *told;

	if (task->flags & PF_KTHREAD)
		return;
	told = bpf_sk_storage_get(&event_sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!told || told->pid)
		return;
	told->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(told->process, sizeof(told->process));
}

static __always_inline void fill_close(const struct sock *sk, const struct tcp_sock *tp,
				       struct event_close *end)
{
	__u32 interval = tp->rate_interval_us;

	end->time_ns = bpf_ktime_get_ns();
	key_of_tcp(sk, tp, &end->flow);
	end->ifindex = sock_ifindex(sk);
	end->bytes_acked = tp->bytes_acked;
	end->bytes_received = tp->bytes_received;
	if (interval)
		end->delivery_rate =
			(__u64)tp->rate_delivered * tp->mss_cache * USEC_PER_SEC / interval;
	end->srtt_us = tp->srtt_us >> 3;
	end->min_rtt_us = tp->rtt_min.s[0].v == ~0U ? 0 : tp->rtt_min.s[0].v;
	end->cwnd = tp->snd_cwnd;
	end->retransmits = tp->total_retrans;
	end->delivered = tp->delivered;
	end->lost = tp->lost;
}

static __always_inline void say_close(const struct sock *sk, const struct tcp_sock *tp,
				      const struct event_socket *told)
{
	struct event_close *end = bpf_ringbuf_reserve(&event_closes, sizeof(*end), 0);
	struct event_cpu *cpu;

	if (!end) {
		cpu = cpu_get(bpf_get_smp_processor_id());
		if (cpu)
			__sync_fetch_and_add(&cpu->close_lost, 1);
		return;
	}
	__builtin_memset(end, 0, sizeof(*end));
	fill_close(sk, tp, end);
	if (told) {
		end->pid = told->pid;
		__builtin_memcpy(end->process, told->process, sizeof(end->process));
	}
	bpf_ringbuf_submit(end, 0);
}

SEC("tp_btf/inet_sock_set_state")
int state(__u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];
	int from = (int)ctx[1], to = (int)ctx[2];
	struct event_control *control = control_get();
	struct event_count by = {};
	struct event_socket *told;
	const struct tcp_sock *tp;

	if (!sk || !control || sk->sk_protocol != IPPROTO_TCP ||
	    !net_is_ours(sk->__sk_common.skc_net.net, control))
		return 0;
	if (by_a_process(from, to))
		note_process(sk);
	if (to != BPF_TCP_CLOSE || from == BPF_TCP_CLOSE || from == BPF_TCP_LISTEN)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	told = bpf_sk_storage_get(&event_sockets, sk, NULL, 0);
	if (told && told->known) {
		gained(tp, told, &by); /* what no tracepoint told of */
		count_retransmit(control, sk, tp, EVENT_RETRANSMIT_OTHER, &by);
	}
	say_close(sk, tp, told);
	return 0;
}
