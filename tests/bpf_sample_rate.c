// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_sample_rate.c: 1 in N, held against what it has to be: gaps uniform in 1 .. 2N - 1, from the least to
 * the greatest; the packets after a change of the settings as likely as others, also where each gap is cut
 * short by one; each class of a patterned stream by its share of packets and so of bytes, where the pattern
 * has the period N or a multiple of it.
 *
 * The draws are the kernel's, so that nothing can be wanted of them for certain. With x = ln 10^9 each of
 * the 48 bounds here is passed by chance twice in 10^9 or less, one of them once in 10^7 runs:
 *
 *   chi-square of k degrees   k + 2 sqrt(k x) + 2 x (Laurent and Massart, "Adaptive estimation of a
 *                             quadratic functional", 2000, lemma 1); 200 and more are wanted in each bin
 *   number of samples, n      off by x / 3 + sqrt(x x / 9 + 2 n x), either way (Bernstein's inequality; the
 *                             variance is n, within 2 %, or less, for the patterns here)
 *
 * That the least and the greatest gap are there is 1 - (1 - 1 / (2N - 1)) ^ SAMPLES each: 10^-43 are not.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bpf_sample.h"
#include "bpf_sampler.h"

#define SAMPLES 20000 /* of a stream, on average */
#define RATE_MOST 100
#define BINS 20
#define LOG_CHANCE 20.72

/* One stream. */
struct trial {
	struct rig *rig;
	enum rig_program program;
	uint32_t rate;
	uint32_t packets;
	uint32_t restart; /* the settings change before each that many'th packet; 0: never */
	char name[48];
};

/* Samples of the stream, and what is wrong with them beside their number. */
struct seen {
	uint32_t count;
	uint32_t of_class[STREAM_CLASSES];
	uint32_t gaps[2 * RATE_MOST]; /* number of each length */
	uint32_t phase[RATE_MOST];    /* of each place after a change */
	uint32_t wrong;
};

static bool is_right(const struct trial *t, const struct rig_sample *s, uint32_t number,
		     uint32_t class)
{
	return s->head.length == stream_size(class) && s->head.why == SAMPLE_RATE &&
	       s->head.rate == t->rate && s->head.packets == 1 &&
	       s->head.key.sport == __builtin_bswap16((uint16_t)(STREAM_PORT + class)) &&
	       number < t->packets;
}

static struct seen take_all(const struct trial *t)
{
	static struct rig_sample s;
	struct seen seen = {0};
	uint32_t last = 0;

	while (rig_take(t->rig, &s)) {
		uint32_t number, class;

		memcpy(&number, s.bytes + STREAM_NUMBER, sizeof(number));
		class = stream_class(number);
		seen.wrong += !is_right(t, &s, number, class);
		seen.of_class[class]++;
		if (t->restart)
			seen.phase[number % t->restart]++;
		if (seen.count++ && number > last && number - last < 2 * t->rate)
			seen.gaps[number - last]++;
		last = number;
	}
	return seen;
}

static void check_most(const char *name, const char *what, double got, double most)
{
	if (got <= most) {
		rig_passed++;
		return;
	}
	printf("FAIL %s: %s: %.1f, at most %.1f wanted\n", name, what, got, most);
	rig_failed++;
}

/* Of all that there are, `share` is wanted in each of `bins`. */
static void check_spread(const char *name, const char *what, const double *got, uint32_t bins,
			 const double *share)
{
	double sum = 0, chi = 0, freedom = bins - 1;

	for (uint32_t i = 0; i < bins; i++)
		sum += got[i];
	for (uint32_t i = 0; i < bins; i++) {
		double want = sum * share[i];

		chi += (got[i] - want) * (got[i] - want) / want;
	}
	check_most(name, what, chi, freedom + 2 * sqrt(freedom * LOG_CHANCE) + 2 * LOG_CHANCE);
}

static void check_gaps(const struct trial *t, const struct seen *seen)
{
	uint32_t most = 2 * t->rate - 1, bins = most < BINS ? most : BINS, sum = 0;
	double got[BINS] = {0}, share[BINS] = {0};

	for (uint32_t gap = 1; gap <= most; gap++) {
		uint32_t bin = (gap - 1) * bins / most;

		got[bin] += seen->gaps[gap];
		share[bin] += 1.0 / most;
		sum += seen->gaps[gap];
	}
	rig_check(t->name, "gaps in 1 .. 2N - 1", sum, seen->count - 1);
	rig_check(t->name, "the least gap", seen->gaps[1] > 0, true);
	rig_check(t->name, "the greatest gap", seen->gaps[most] > 0, true);
	check_spread(t->name, "gaps, chi-square", got, bins, share);
}

/* `want` packets were to be sampled, each with its `bytes`. */
static void check_share(const struct trial *t, const char *what, double got, double want,
			double bytes)
{
	double x = LOG_CHANCE, off = x / 3 + sqrt(x * x / 9 + 2 * want * x);

	check_most(t->name, what, fabs(got - want) * bytes * t->rate, off * bytes * t->rate);
}

static void check_classes(const struct trial *t, const struct seen *seen)
{
	uint32_t sent[STREAM_CLASSES] = {0};

	for (uint32_t number = 0; number < t->packets; number++)
		sent[stream_class(number)]++;
	for (uint32_t class = 0; class < STREAM_CLASSES; class ++)
		check_share(t, "bytes of a class, off by", seen->of_class[class],
			    (double)sent[class] / t->rate, stream_size(class));
}

static struct seen run(const struct trial *t)
{
	struct seen seen;

	rig_check(t->name, "stream",
		  (uint64_t)rig_stream(t->rig, t->program, t->packets, t->restart), 0);
	seen = take_all(t);
	rig_check(t->name, "samples that are not what was sent", seen.wrong, 0);
	check_share(t, "packets, off by", seen.count, SAMPLES, 1);
	return seen;
}

static void one_stream(const struct trial *t)
{
	struct seen seen = run(t);

	check_gaps(t, &seen);
	check_classes(t, &seen);
}

/* The settings change twice in the mean gap. */
static void many_changes(const struct trial *from)
{
	double got[RATE_MOST], share[RATE_MOST];
	struct trial t = *from;
	struct seen seen;

	t.restart = t.rate / 2;
	snprintf(t.name, sizeof(t.name), "%.30s, changed", from->name);
	seen = run(&t);
	for (uint32_t i = 0; i < t.restart; i++) {
		got[i] = seen.phase[i];
		share[i] = 1.0 / t.restart;
	}
	check_spread(t.name, "packets after a change, chi-square", got, t.restart, share);
}

/* The periods of the stream are multiples of each of these. */
void rate_tests(enum rig_program program)
{
	const struct rig_wish wish = {.slots = 4096, .ring_bytes = 65536};
	static const uint32_t rates[] = {2, 10, RATE_MOST};
	struct rig rig;
	int err = rig_open(&wish, &rig);

	if (!rig_check(rig_names[program], "rig", (uint64_t)-err, 0))
		return;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		const struct sample_conf conf = {.rate = rates[i], .snaplen = SAMPLE_SNAPLEN_MIN};
		struct trial t = {.rig = &rig,
				  .program = program,
				  .rate = rates[i],
				  .packets = rates[i] * SAMPLES};

		snprintf(t.name, sizeof(t.name), "%s, 1/%u", rig_names[program], rates[i]);
		rig_set(&rig, &conf);
		one_stream(&t);
		many_changes(&t);
	}
	rig_check(rig_names[program], "samples lost", rig_counts(&rig)->lost, 0);
	rig_close(&rig);
}
