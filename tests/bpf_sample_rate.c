// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_sample_rate.c: 1 in N, held against what it has to be: gaps uniform in 1 .. 2N - 1; the packets after
 * a change of the settings as likely as others; each class of a patterned stream by its share of packets
 * and so of bytes.
 *
 * The draws are the kernel's, so that nothing can be wanted of them for certain. Of the 38 bounds here each
 * is passed by chance once in 10^8 or less:
 *
 *   chi-square of k degrees   k + 2 sqrt(k x) + 2 x with x = ln 10^8 (Laurent and Massart, "Adaptive
 *                             estimation of a quadratic functional", 2000, lemma 1)
 *   number of samples         6 standard deviations. Whether two packets are sampled is nearly independent:
 *                             the variance is the number itself, within 2 % for the patterns here
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bpf_sample.h"
#include "bpf_sampler.h"

#define RATE 100
#define PACKETS 2000000
#define BINS 20
#define RESTART 50 /* packets of each generation of the settings */
#define LOG_CHANCE 18.42

/* Samples of the stream, and what is wrong with them beside their number. */
struct seen {
	uint32_t count;
	uint32_t of_class[STREAM_CLASSES];
	uint32_t gaps[2 * RATE]; /* number of each length */
	uint32_t phase[RESTART];
	uint32_t wrong;
};

static bool is_right(const struct rig_sample *s, uint32_t number, uint32_t class)
{
	return s->head.length == stream_size(class) && s->head.why == SAMPLE_RATE &&
	       s->head.rate == RATE && s->head.packets == 1 &&
	       s->head.key.sport == __builtin_bswap16((uint16_t)(STREAM_PORT + class)) &&
	       number < PACKETS;
}

static struct seen take_all(struct rig *rig)
{
	static struct rig_sample s;
	struct seen seen = {0};
	uint32_t last = 0;

	while (rig_take(rig, &s)) {
		uint32_t number, class;

		memcpy(&number, s.bytes + STREAM_NUMBER, sizeof(number));
		class = stream_class(number);
		seen.wrong += !is_right(&s, number, class);
		seen.of_class[class]++;
		seen.phase[number % RESTART]++;
		if (seen.count++ && number > last && number - last < 2 * RATE)
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

/* Equally many are wanted in each of `bins`. */
static void check_uniform(const char *name, const char *what, const double *got, uint32_t bins,
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

static void check_gaps(const char *name, const struct seen *seen)
{
	double got[BINS] = {0}, share[BINS] = {0};
	uint32_t sum = 0;

	for (uint32_t gap = 1; gap < 2 * RATE; gap++) {
		got[gap * BINS / (2 * RATE)] += seen->gaps[gap];
		share[gap * BINS / (2 * RATE)] += 1.0 / (2 * RATE - 1);
		sum += seen->gaps[gap];
	}
	rig_check(name, "gaps in 1 .. 2N - 1", sum, seen->count - 1);
	check_uniform(name, "gaps, chi-square", got, BINS, share);
}

/* `want` packets were to be sampled, each with its `bytes`. */
static void check_share(const char *name, const char *what, double got, double want, double bytes)
{
	check_most(name, what, fabs(got - want) * bytes * RATE, 6 * sqrt(want) * bytes * RATE);
}

static void check_classes(const char *name, const struct seen *seen)
{
	uint32_t sent[STREAM_CLASSES] = {0};

	for (uint32_t number = 0; number < PACKETS; number++)
		sent[stream_class(number)]++;
	for (uint32_t class = 0; class < STREAM_CLASSES; class ++)
		check_share(name, "bytes of a class, off by", seen->of_class[class],
			    (double)sent[class] / RATE, stream_size(class));
}

static void one_stream(struct rig *rig, enum rig_program program)
{
	struct seen seen;

	rig_check(rig_names[program], "stream", (uint64_t)rig_stream(rig, program, PACKETS, 0), 0);
	seen = take_all(rig);
	rig_check(rig_names[program], "samples that are not what was sent", seen.wrong, 0);
	check_share(rig_names[program], "packets, off by", seen.count, PACKETS / RATE, 1);
	check_gaps(rig_names[program], &seen);
	check_classes(rig_names[program], &seen);
}

/* The settings change twice in the mean gap. */
static void many_changes(struct rig *rig, enum rig_program program)
{
	const char *name = rig_names[program];
	double got[RESTART], share[RESTART];
	struct seen seen;

	rig_check(name, "stream", (uint64_t)rig_stream(rig, program, PACKETS, RESTART), 0);
	seen = take_all(rig);
	rig_check(name, "samples that are not what was sent", seen.wrong, 0);
	check_share(name, "packets while settings change, off by", seen.count, PACKETS / RATE, 1);
	for (uint32_t i = 0; i < RESTART; i++) {
		got[i] = seen.phase[i];
		share[i] = 1.0 / RESTART;
	}
	check_uniform(name, "packets after a change, chi-square", got, RESTART, share);
}

void rate_tests(enum rig_program program)
{
	const struct rig_wish wish = {.slots = 4096, .ring_bytes = 65536};
	const struct sample_conf conf = {.rate = RATE, .snaplen = SAMPLE_SNAPLEN_MIN};
	struct rig rig;
	int err = rig_open(&wish, &rig);

	if (!rig_check(rig_names[program], "rig", (uint64_t)-err, 0))
		return;
	rig_set(&rig, &conf);
	one_stream(&rig, program);
	many_changes(&rig, program);
	rig_check(rig_names[program], "samples lost", rig_counts(&rig)->lost, 0);
	rig_close(&rig);
}
