/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay.c: see replay.h. The order of a packet: minute, sweep, count; so a row of the ledger has
 * what its minute saw, and a conversation that was due before a packet does not get it.
 */
#include "flowd/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flowd/books.h"
#include "flowd/capture.h"
#include "flowd/config.h"
#include "flowd/log.h"
#include "flowd/outer.h"
#include "flowd/replay_flows.h"
#include "flowd/replay_link.h"
#include "flowd/replay_sink.h"

#define NS_PER_S 1000000000ULL
#define NS_PER_MS 1000000ULL
#define TIME_MAX_S 8796000000ULL /* a row's id has 43 bits for ms: the year 2248 */

struct replay {
	const struct config *config;
	const char *name; /* of the capture, for messages */
	struct capture capture;
	const struct replay_link *link;
	struct replay_fragments *fragments; /* NULL: not tracked */
	struct replay_flows flows;
	struct replay_sink sink;
	uint64_t clock_ns;
	uint64_t tick_ns;   /* when the next sweep is due */
	uint64_t minute_ns; /* when the next minute begins, or before it */
	struct replay_stats stats;
};

static volatile sig_atomic_t stopped;
static int input_fd, null_fd; /* for the handler */

/* Reading ends here, also a read that is about to begin: the capture has no more bytes. */
static void stop_reading(int number)
{
	int saved = errno;

	(void)number;
	stopped = 1;
	dup2(null_fd, input_fd);
	errno = saved;
}

/*
 * The clock has reached the tick, or passed it by any number of them: what is due is due at the last
 * one, as if there had been a sweep at each.
 */
static void sweep(struct replay *r)
{
	uint64_t every = r->config->sweep_ns, ticks = (r->clock_ns - r->tick_ns) / every;
	uint64_t last_ns = r->tick_ns + ticks * every;

	replay_flows_gather(&r->flows, ticks > 0);
	replay_flows_due(&r->flows, last_ns);
	r->tick_ns = last_ns + every;
}

static int64_t ns_to_ms(uint64_t ns)
{
	return (int64_t)(ns / NS_PER_MS);
}

static void advance(struct replay *r, uint64_t ns)
{
	r->clock_ns = ns;
	if (ns >= r->minute_ns)
		r->minute_ns = (uint64_t)replay_sink_turn(&r->sink, ns_to_ms(ns)) * NS_PER_MS;
	if (ns >= r->tick_ns)
		sweep(r);
}

/* --- the way in ----------------------------------------------------------------------------------- */

static void count_seen(struct replay *r, const struct flow_facts *f, uint64_t ns)
{
	struct sink_books *books = &r->sink.books[f->key.dir & 1];

	books_count(&books->seen, f->packets, f->bytes);
	if (f->verdict)
		books_count(&books->verdict[f->verdict], f->packets, f->bytes);
	if (ns < r->stats.first_ns)
		r->stats.first_ns = ns;
}

static void see_packet(struct replay *r, const struct pcap_pkthdr *hdr, const uint8_t *data,
		       uint64_t ns)
{
	struct flow_facts *f = replay_cache_next(&r->flows.cache);
	struct cache_hash hash;
	struct flow_wrap wrap;
	struct pkt_meta meta = {
		.len = hdr->len,
		.reach = hdr->caplen < hdr->len ? hdr->caplen : hdr->len,
		.inner = r->config->tunnel_inner,
	};

	if (!replay_link_parse(r->link, data, &meta, r->flows.cache.seed, f, &wrap, &hash)) {
		if (f->tunnels && (f->into & PARSE_INTO_INNER))
			f->key.outer = outer_number(r->flows.outer, &wrap);
		if (f->frag && r->fragments)
			replay_fragments_see(r->fragments, f, &wrap, ns);
		hash = cache_hash(&f->key, r->flows.cache.seed);
	}
	count_seen(r, f, ns);
	replay_cache_add(&r->flows.cache, hash, ns);
}

/*
 * A pcap file's seconds are 32 bits without a sign, which libpcap takes for bits with one. 0: the packet
 * has no time (pcapng's simple packets).
 */
static uint64_t packet_ns(const struct pcap_pkthdr *hdr)
{
	uint64_t s = hdr->ts.tv_sec < 0 ? (uint32_t)hdr->ts.tv_sec : (uint64_t)hdr->ts.tv_sec;

	if (s > TIME_MAX_S)
		s = TIME_MAX_S;
	return s * NS_PER_S + (uint64_t)(uint32_t)hdr->ts.tv_usec; /* ns, as it was opened for */
}

/* The time at which a packet counts: without one, or long before the others, it is of the clock's. */
static uint64_t counted_ns(const struct replay *r, uint64_t ns)
{
	if (!ns)
		return r->clock_ns;
	return ns + r->config->active_ns < r->clock_ns ? r->clock_ns - r->config->active_ns : ns;
}

static void take_packet(struct replay *r, const struct pcap_pkthdr *hdr, const uint8_t *data)
{
	uint64_t ns = packet_ns(hdr);

	if (ns > r->clock_ns)
		advance(r, ns);
	see_packet(r, hdr, data, counted_ns(r, ns));
}

static int fail_capture(const struct replay *r, const char *text)
{
	log_err("capture %s: %s", r->name, text);
	return -EINVAL;
}

static int open_capture(struct replay *r)
{
	int err = capture_open(&r->capture, r->config->read);

	input_fd = r->capture.fd;
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (!err && null_fd < 0)
		err = -errno;
	return err ? fail_capture(r, strerror(-err)) : 0;
}

static int open_pcap(struct replay *r)
{
	char error[PCAP_ERRBUF_SIZE] = "", text[512];
	const char *name;
	int dlt;

	if (capture_begin(&r->capture, error))
		return stopped ? -EINTR : fail_capture(r, error);
	dlt = pcap_datalink(r->capture.pcap);
	r->link = replay_link_find(dlt);
	if (r->link)
		return 0;
	name = pcap_datalink_val_to_name(dlt);
	snprintf(text, sizeof(text), "link type %d (%s) is not one of: %s", dlt,
		 name ? name : "unknown", replay_link_names);
	return fail_capture(r, text);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!strcmp(path, "-"))
		return "stdin";
	return slash ? slash + 1 : path;
}

static int open_tables(struct replay *r)
{
	int err = replay_flows_open(&r->flows, r->config, &r->sink);

	if (err)
		return err;
	if (!r->config->fragments_track)
		return 0;
	r->fragments = replay_fragments_new();
	return r->fragments ? 0 : -ENOMEM;
}

/* Where the clock starts, and the database is made: there is something to put into it. */
static int begin(struct replay *r, uint64_t ns)
{
	int err = open_tables(r);

	if (err) {
		log_err("tables of the replay: %s", strerror(-err));
		return err;
	}
	r->clock_ns = r->stats.first_ns = ns;
	r->tick_ns = ns + r->config->sweep_ns;
	return replay_sink_open(&r->sink, r->config, base_name(r->config->read), ns_to_ms(ns));
}

/* Why the reading ended, as capture_next() said. */
static int end_of_capture(struct replay *r, int rc)
{
	char text[PCAP_ERRBUF_SIZE + 64];

	if (rc != PCAP_ERROR || stopped)
		return 0;
	snprintf(text, sizeof(text), "after %" PRIu64 " packets: %s", r->stats.packets,
		 pcap_geterr(r->capture.pcap));
	return fail_capture(r, text);
}

static void sum_up(struct replay *r)
{
	for (int dir = 0; dir < 2; dir++) {
		const struct sink_books *books = &r->sink.books[dir];

		r->stats.packets += books->seen.packets;
		r->stats.bytes += books->seen.bytes;
		r->stats.short_packets += books->verdict[VERDICT_SHORT].packets;
		r->stats.deep_packets += books->verdict[VERDICT_DEEP].packets;
		r->stats.folded_packets += books->verdict[VERDICT_FOLDED].packets +
					   books->verdict[VERDICT_CATCHALL].packets;
	}
	r->stats.flows = r->sink.records;
	r->stats.last_ns = r->clock_ns;
}

static void tell(const struct replay *r)
{
	const struct replay_stats *stats = &r->stats;
	double seconds = (double)(stats->last_ns - stats->first_ns) / NS_PER_S;
	char more[96] = "";

	if (stats->folded_packets)
		snprintf(more, sizeof(more), ", %" PRIu64 " folded", stats->folded_packets);
	log_info("capture %s: %" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64
		 " flows, %.3f seconds; %" PRIu64 " packets short, %" PRIu64 " deep%s",
		 r->name, stats->packets, stats->bytes, stats->flows, seconds, stats->short_packets,
		 stats->deep_packets, more);
	if (outer_full(r->flows.outer))
		log_warning("capture %s: %" PRIu64 " packets in tunnels of more than %d endpoints",
			    r->name, outer_full(r->flows.outer), OUTER_MAX);
}

/* Packets from that one on; why it ended. */
static int take_all(struct replay *r, struct pcap_pkthdr *hdr, const uint8_t *data)
{
	int rc;

	do {
		take_packet(r, hdr, data);
		rc = stopped || r->sink.err ? PCAP_ERROR_BREAK
					    : capture_next(&r->capture, hdr, &data);
	} while (rc == 1);
	return rc;
}

static int run(struct replay *r)
{
	struct pcap_pkthdr hdr;
	const uint8_t *data;
	int err, rc = capture_next(&r->capture, &hdr, &data);

	if (stopped && rc != 1)
		return -EINTR;
	if (rc == PCAP_ERROR)
		return end_of_capture(r, rc);
	err = begin(r, rc == 1 ? packet_ns(&hdr) : 0);
	if (err)
		return err;
	if (rc == 1)
		rc = take_all(r, &hdr, data);
	replay_flows_end(&r->flows);
	err = replay_sink_close(&r->sink, ns_to_ms(r->stats.first_ns), ns_to_ms(r->clock_ns));
	if (err)
		return err;
	sum_up(r);
	tell(r);
	return end_of_capture(r, rc);
}

static void close_all(struct replay *r)
{
	capture_close(&r->capture);
	replay_flows_close(&r->flows);
	replay_fragments_free(r->fragments);
}

/* SIGINT and SIGTERM end the reading, until `before` is put back. */
static void catch_signals(struct sigaction before[2])
{
	struct sigaction action = {.sa_handler = stop_reading}; /* a read does not go on */

	stopped = 0;
	sigaction(SIGINT, &action, &before[0]);
	sigaction(SIGTERM, &action, &before[1]);
}

int replay(const struct config *config, struct replay_stats *ret_stats)
{
	struct replay r = {.config = config};
	struct sigaction before[2];
	int err;

	*ret_stats = r.stats;
	r.name = strcmp(config->read, "-") ? config->read : "standard input";
	err = open_capture(&r);
	if (!err) {
		catch_signals(before);
		err = open_pcap(&r);
		err = err ? err : run(&r);
		sigaction(SIGINT, &before[0], NULL);
		sigaction(SIGTERM, &before[1], NULL);
	}
	close_all(&r);
	if (null_fd >= 0)
		close(null_fd);
	if (!err)
		*ret_stats = r.stats;
	return err == -EINTR ? 0 : err;
}
