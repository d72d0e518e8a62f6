/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay.c: see replay.h. The order of a packet: minute, sweep, count; so a row of the ledger has
 * what its minute saw, and a conversation that was due before a packet does not get it.
 */
#include "flowd/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

#include "flowd/books.h"
#include "flowd/clock.h"
#include "flowd/config.h"
#include "flowd/expire.h"
#include "flowd/log.h"
#include "flowd/outer.h"
#include "flowd/replay_cache.h"
#include "flowd/replay_link.h"
#include "flowd/replay_sink.h"

#define SLOTS_DEFAULT 262144   /* where the configuration leaves it at CONFIG_SLOTS */
#define READ_BYTES (256 << 10) /* of a capture at a time */
#define WANTED_MAX 32U /* slots that are announced and not handed over: more than two AHEADs */
#define NS_PER_S 1000000000ULL
#define NS_PER_MS 1000000ULL
#define TIME_MAX_S 8796000000ULL /* a row's id has 43 bits for ms: the year 2248 */

struct replay {
	const struct config *config;
	const char *name; /* of the capture, for messages */
	FILE *file;
	pcap_t *pcap;
	const struct replay_link *link;
	struct replay_cache cache;
	struct replay_fragments *fragments; /* NULL: not tracked */
	struct outer *outer;
	struct expire *expire;
	struct expire_wanted wanted[WANTED_MAX]; /* a queue */
	uint32_t wants, fetches, adds;		 /* its ends, and how far it was looked at */
	struct replay_sink sink;
	uint64_t clock_ns;
	uint64_t tick_ns; /* when the next sweep is due */
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

/* --- from slots to conversations to records ------------------------------------------------------- */

static void make_record(struct replay *r, const struct expire_record *from,
			struct flow_record *ret_rec)
{
	static const struct clock_offset utc = {0}; /* a capture's times are UTC already */

	memset(ret_rec, 0, sizeof(*ret_rec));
	ret_rec->key = from->key;
	ret_rec->half[0] = from->half[0];
	ret_rec->half[1] = from->half[1];
	ret_rec->rev_tunnel_id = from->rev_tunnel_id;
	ret_rec->end_reason = (uint8_t)from->reason;
	ret_rec->start_ms = clock_to_wall(utc, (struct mono){from->start_ns}).ms;
	ret_rec->end_ms = clock_to_wall(utc, (struct mono){from->end_ns}).ms;
	outer_resolve(r->outer, &from->key, ret_rec);
}

static bool export_one(void *arg, const struct expire_record *from)
{
	struct replay *r = arg;
	struct flow_record rec;

	if (from->half[0].packets | from->half[1].packets) {
		make_record(r, from, &rec);
		replay_sink_record(&r->sink, &rec);
	}
	for (int i = 0; from->gone && i < 2; i++) {
		uint32_t slot = from->ref[i] == EXPIRE_NONE
					? EXPIRE_NONE
					: *expire_slots(r->expire, from->ref[i]);

		if (slot != EXPIRE_NONE)
			replay_cache_unlink(&r->cache, slot);
	}
	return true;
}

/* The delta's packets got another verdict after all. */
static void fold_verdict(struct replay *r, const struct flow_key *key,
			 const struct expire_delta *delta, enum flow_verdict verdict)
{
	struct flow_count *count = r->sink.books[key->dir & 1].verdict;

	if (key->marks & FLOW_MARK_SHORT)
		books_count(&count[VERDICT_SHORT], -delta->packets, -delta->bytes);
	else if (key->marks & FLOW_MARK_DEEP)
		books_count(&count[VERDICT_DEEP], -delta->packets, -delta->bytes);
	books_count(&count[verdict], delta->packets, delta->bytes);
}

/* The table is full: add under what is left of the key, so that no sum is lost; as sweep.c does. */
static void add_folded(struct replay *r, const struct flow_key *key,
		       const struct expire_delta *delta)
{
	struct sink_books *books = &r->sink.books[key->dir & 1];
	struct flow_key less = *key;

	memset(less.src, 0, sizeof(less.src));
	less.sport = 0;
	less.marks |= FLOW_MARK_FOLDED;
	if (expire_add(r->expire, &less, delta) != EXPIRE_NONE) {
		fold_verdict(r, key, delta, VERDICT_FOLDED);
		return;
	}
	less = (struct flow_key){.ifnum = key->ifnum, .dir = key->dir, .marks = FLOW_MARK_CATCHALL};
	fold_verdict(r, key, delta, VERDICT_CATCHALL);
	if (expire_add(r->expire, &less, delta) == EXPIRE_NONE) {
		books->unaccounted_packets += (int64_t)delta->packets;
		books->unaccounted_bytes += (int64_t)delta->bytes;
	}
}

/* An expire_pull: what the half's slot gained since it was asked. */
static void pull(void *arg, uint32_t slot, bool soon)
{
	struct replay *r = arg;

	if (soon)
		replay_cache_fetch(&r->cache, slot);
	else
		replay_cache_pull(&r->cache, slot);
}

/* The half that the slot's key has got; half and slot know each other until either goes. */
static void link_slot(struct replay *r, uint32_t number, uint32_t ref)
{
	replay_cache_link(&r->cache, number, ref);
	*expire_slots(r->expire, ref) = number;
}

/* A slot without a conversation will be handed over: see expire_want. */
static void fetch_unknown(struct replay *r, const struct flow_slot *slot, enum replay_when when)
{
	if (when == REPLAY_SOON)
		expire_want(r->expire, &slot->key, &r->wanted[r->wants++ % WANTED_MAX]);
	else
		expire_fetch(r->expire, &r->wanted[r->fetches++ % WANTED_MAX]);
}

/* In the order in which they were announced; those that make room were not. */
static uint32_t add_unknown(struct replay *r, const struct flow_slot *slot,
			    const struct expire_delta *delta, enum replay_when when)
{
	if (when == REPLAY_LAST)
		return expire_add(r->expire, &slot->key, delta);
	return expire_add_wanted(r->expire, &slot->key, &r->wanted[r->adds++ % WANTED_MAX], delta);
}

/* A slot whose conversation is known gained that. */
static void add_known(struct replay *r, uint32_t ref, const struct expire_delta *delta,
		      enum replay_when when)
{
	if (delta->packets)
		expire_add_to(r->expire, ref, delta);
	if (when == REPLAY_LAST)
		*expire_slots(r->expire, ref) = EXPIRE_NONE;
}

static void add_gain(struct replay *r, uint32_t number, const struct flow_slot *slot,
		     enum replay_when when)
{
	uint32_t ref = replay_slot_ref(slot);
	struct expire_delta delta = {
		.packets = slot->packets,
		.bytes = slot->bytes,
		.ip_bytes = slot->ip_bytes,
		.first_ns = slot->first_ns,
		.last_ns = slot->last_ns,
		.tcp_flags = slot->tcp_flags,
		.tcp_syn = slot->tcp_syn,
	};

	if (ref != REPLAY_NO_REF) {
		add_known(r, ref, &delta, when);
		return;
	}
	ref = add_unknown(r, slot, &delta, when);
	if (ref == EXPIRE_NONE)
		add_folded(r, &slot->key, &delta);
	else if (when != REPLAY_LAST)
		link_slot(r, number, ref);
}

/* A replay_gain. */
static void take_gain(void *arg, uint32_t number, const struct flow_slot *slot,
		      enum replay_when when)
{
	struct replay *r = arg;

	if (when == REPLAY_GAIN || when == REPLAY_LAST)
		add_gain(r, number, slot, when);
	else if (replay_slot_ref(slot) != REPLAY_NO_REF)
		expire_fetch_half(r->expire, replay_slot_ref(slot));
	else
		fetch_unknown(r, slot, when);
}

static void slot_moved(void *arg, uint32_t old_ref, uint32_t new_ref)
{
	struct replay *r = arg;
	uint32_t slot = *expire_slots(r->expire, new_ref);

	(void)old_ref;
	if (slot != EXPIRE_NONE)
		replay_cache_link(&r->cache, slot, new_ref);
}

/*
 * Conversations are paired a sweep after they were made: where many sweeps would have been, two
 * passes stand for all, so that none expires without its other direction.
 */
static void gather(struct replay *r, bool many)
{
	replay_cache_sweep(&r->cache);
	expire_pair(r->expire, slot_moved, r);
	if (many)
		expire_pair(r->expire, slot_moved, r);
}

/* The clock has reached the tick, or passed it by any number of them. */
static void sweep(struct replay *r)
{
	uint64_t every = r->config->sweep_ns, late = r->clock_ns - r->tick_ns;

	gather(r, late >= every);
	(void)expire_due(r->expire, r->clock_ns, export_one, r);
	r->tick_ns += (late / every + 1) * every;
}

static int64_t ns_to_ms(uint64_t ns)
{
	return (int64_t)(ns / NS_PER_MS);
}

static void advance(struct replay *r, uint64_t ns)
{
	r->clock_ns = ns;
	replay_sink_turn(&r->sink, ns_to_ms(ns));
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
	struct flow_facts *f = replay_cache_next(&r->cache);
	struct flow_wrap wrap;
	struct pkt_meta meta = {
		.len = hdr->len,
		.reach = hdr->caplen < hdr->len ? hdr->caplen : hdr->len,
		.inner = r->config->tunnel_inner,
	};

	replay_link_parse(r->link, data, &meta, f, &wrap);
	if (f->tunnels && (f->into & PARSE_INTO_INNER))
		f->key.outer = outer_number(r->outer, &wrap);
	if (f->frag && r->fragments)
		replay_fragments_see(r->fragments, f, &wrap, ns);
	count_seen(r, f, ns);
	replay_cache_add(&r->cache, ns);
}

static uint64_t packet_ns(const struct pcap_pkthdr *hdr)
{
	uint64_t s = hdr->ts.tv_sec < 0 ? 0 : (uint64_t)hdr->ts.tv_sec;

	if (s > TIME_MAX_S)
		s = TIME_MAX_S;
	return s * NS_PER_S + (uint64_t)(uint32_t)hdr->ts.tv_usec; /* ns, as it was opened for */
}

/* A pcap_handler: one packet. */
static void take_packet(uint8_t *arg, const struct pcap_pkthdr *hdr, const uint8_t *data)
{
	struct replay *r = (struct replay *)arg;
	uint64_t ns = packet_ns(hdr);

	if (ns > r->clock_ns)
		advance(r, ns);
	see_packet(r, hdr, data, ns);
	if (stopped || r->sink.err)
		pcap_breakloop(r->pcap);
}

static int fail_capture(const struct replay *r, const char *text)
{
	log_err("capture %s: %s", r->name, text);
	return -EINVAL;
}

static int open_capture(struct replay *r)
{
	const char *path = r->config->read;
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC)
				   : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	r->file = fd < 0 ? NULL : fdopen(fd, "r");
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (!r->file || null_fd < 0)
		return fail_capture(r, strerror(errno));
	input_fd = fd;
	setvbuf(r->file, NULL, _IOFBF, READ_BYTES);
	__fsetlocking(r->file, FSETLOCKING_BYCALLER); /* this thread alone reads it */
	return 0;
}

static int open_pcap(struct replay *r)
{
	char error[PCAP_ERRBUF_SIZE] = "", text[512];
	const char *name;
	int dlt;

	r->pcap = pcap_fopen_offline_with_tstamp_precision(r->file, PCAP_TSTAMP_PRECISION_NANO,
							   error);
	if (!r->pcap)
		return stopped ? -EINTR : fail_capture(r, error);
	r->file = NULL; /* is the pcap_t's */
	dlt = pcap_datalink(r->pcap);
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
	const struct config *config = r->config;
	struct expire_conf conf = {
		.idle_ns = config->idle_ns,
		.active_ns = config->active_ns,
		.linger_ns = config->linger_ns,
		.sweep_ns = config->sweep_ns,
		.pull = pull,
		.pull_arg = r,
	};
	uint32_t slots = config->slots == CONFIG_SLOTS ? SLOTS_DEFAULT : config->slots;
	int err = replay_cache_open(&r->cache, slots, take_gain, r);

	if (err)
		return err;
	r->expire = expire_new(&conf);
	r->outer = outer_new(-1);
	r->fragments = config->fragments_track ? replay_fragments_new() : NULL;
	if (!r->expire || !r->outer || (config->fragments_track && !r->fragments))
		return -ENOMEM;
	return 0;
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

/* Why the reading ended, as pcap_next_ex() said. */
static int end_of_capture(struct replay *r, int rc)
{
	char text[PCAP_ERRBUF_SIZE + 64];

	if (rc != PCAP_ERROR || stopped)
		return 0;
	snprintf(text, sizeof(text), "after %" PRIu64 " packets: %s", r->stats.packets,
		 pcap_geterr(r->pcap));
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
	if (outer_full(r->outer))
		log_warning("capture %s: %" PRIu64 " packets in tunnels of more than %d endpoints",
			    r->name, outer_full(r->outer), OUTER_MAX);
}

static int run(struct replay *r)
{
	struct pcap_pkthdr *hdr;
	const uint8_t *data;
	int err, rc = pcap_next_ex(r->pcap, &hdr, &data);

	if (rc == PCAP_ERROR)
		return end_of_capture(r, rc);
	err = begin(r, rc == 1 ? packet_ns(hdr) : 0);
	if (err)
		return err;
	if (rc == 1) {
		take_packet((uint8_t *)r, hdr, data);
		rc = pcap_loop(r->pcap, -1, take_packet, (uint8_t *)r);
	}
	gather(r, true);
	(void)expire_all(r->expire, export_one, r);
	err = replay_sink_close(&r->sink, ns_to_ms(r->stats.first_ns), ns_to_ms(r->clock_ns));
	if (err)
		return err;
	sum_up(r);
	tell(r);
	return end_of_capture(r, rc);
}

static void close_all(struct replay *r)
{
	if (r->pcap)
		pcap_close(r->pcap);
	if (r->file)
		fclose(r->file);
	replay_cache_close(&r->cache);
	replay_fragments_free(r->fragments);
	outer_free(r->outer);
	expire_free(r->expire);
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
