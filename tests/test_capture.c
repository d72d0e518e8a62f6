/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_capture.c: what capture.h reads is what libpcap reads from the same bytes: packet for packet with
 * lengths and times, how it ended, and the words for what is wrong. Files are plain, in the other byte order and of
 * other versions, whole and cut anywhere, with records that are larger than they may be; they come as files,
 * and through pipes piece by piece.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flowd/capture.h"

#define FILES 400
#define BYTES_MAX (4 << 20)

static uint64_t state = 88172645463325252ULL;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13; /* Marsaglia's xorshift64 */
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % below;
}

struct bytes {
	uint8_t *data;
	size_t size;
	bool swap;
};

static void put32(struct bytes *b, uint32_t value)
{
	value = b->swap ? __builtin_bswap32(value) : value;
	memcpy(b->data + b->size, &value, sizeof(value));
	b->size += sizeof(value);
}

static void put16(struct bytes *b, uint16_t value)
{
	value = b->swap ? __builtin_bswap16(value) : value;
	memcpy(b->data + b->size, &value, sizeof(value));
	b->size += sizeof(value);
}

/* Mostly what a capture has; at times more than the file says that there may be, or than anybody reads. */
static uint32_t draw_length(uint32_t snap)
{
	switch (draw(40)) {
	case 0:
		return 0;
	case 1:
		return draw(300000);
	case 2:
		return snap < 300000 ? snap : 300000;
	case 3:
		return draw(100) ? snap % 300000 + draw(3) : 1 << 30;
	default:
		return draw(snap < 1600 ? snap + 1 : 1600);
	}
}

static void make_file(struct bytes *b)
{
	static const uint32_t snaps[] = {0, 1, 60, 96, 1514, 65535, 262144, 300000, 0x7fffffff};
	uint32_t snap = snaps[draw(sizeof(snaps) / sizeof(snaps[0]))], records = draw(300);

	b->size = 0;
	b->swap = draw(6) == 0;
	put32(b, draw(2) ? 0xa1b2c3d4U : 0xa1b23c4dU);
	put16(b, draw(10) ? 2 : (uint16_t)draw(4));
	put16(b, draw(10) ? 4 : (uint16_t)draw(6));
	put32(b, 0);
	put32(b, 0);
	put32(b, snap);
	put32(b, 1);
	for (uint32_t i = 0; i < records; i++) {
		uint32_t length = draw_length(snap), there = length;

		if (b->size + 16 + 300002 > BYTES_MAX)
			break;
		put32(b, draw(2) ? 1700000000 + i : (uint32_t)state);
		put32(b, draw(10) ? draw(1000000000) : (uint32_t)state);
		put32(b, length);
		put32(b, length + draw(2) * draw(1000));
		if (there > 300002)
			there = 100;
		for (uint32_t k = 0; k < there; k += 97)
			b->data[b->size + k] = (uint8_t)draw(256);
		b->size += there;
	}
	if (draw(2))
		b->size = draw((uint32_t)b->size + 1);
}

/* Through a pipe, in pieces: the child that writes. */
static pid_t feed(const struct bytes *b, int fd[2])
{
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	close(fd[0]);
	for (size_t at = 0; at < b->size;) {
		size_t piece = 1 + draw(70000);
		ssize_t got =
			write(fd[1], b->data + at, piece < b->size - at ? piece : b->size - at);

		if (got <= 0)
			break; /* the reader has had enough */
		at += (size_t)got;
	}
	_exit(0);
}

/* What libpcap makes of the bytes is what the capture at that path is. */
static void compare(const struct bytes *b, const char *path)
{
	char error[PCAP_ERRBUF_SIZE] = "", its_error[PCAP_ERRBUF_SIZE] = "";
	FILE *file = b->size ? fmemopen(b->data, b->size, "r") : fopen("/dev/null", "re");
	pcap_t *its = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO,
							       its_error);
	struct capture c;
	int rc = 1;

	assert_int_equal(capture_open(&c, path), 0);
	assert_int_equal(capture_begin(&c, error) == 0, its != NULL);
	assert_string_equal(error, its_error);
	while (its && rc == 1) {
		struct pcap_pkthdr hdr, *its_hdr;
		const uint8_t *data, *its_data;

		rc = pcap_next_ex(its, &its_hdr, &its_data);
		assert_int_equal(capture_next(&c, &hdr, &data), rc);
		if (rc == PCAP_ERROR)
			assert_string_equal(pcap_geterr(c.pcap), pcap_geterr(its));
		if (rc != 1)
			break;
		assert_int_equal((uint32_t)hdr.ts.tv_sec, (uint32_t)its_hdr->ts.tv_sec);
		assert_int_equal((uint32_t)hdr.ts.tv_usec, (uint32_t)its_hdr->ts.tv_usec);
		assert_int_equal(hdr.caplen, its_hdr->caplen);
		assert_int_equal(hdr.len, its_hdr->len);
		assert_memory_equal(data, its_data, hdr.caplen);
	}
	capture_close(&c);
	if (its)
		pcap_close(its);
	else
		fclose(file);
}

static void compare_file(const struct bytes *b)
{
	char path[] = "/tmp/test_captureXXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->data, b->size), b->size);
	close(fd);
	compare(b, path);
	unlink(path);
}

static void compare_pipe(const struct bytes *b)
{
	char path[32];
	int fd[2];
	pid_t pid = feed(b, fd);

	close(fd[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd[0]);
	compare(b, path);
	close(fd[0]);
	waitpid(pid, NULL, 0);
}

static void test_as_libpcap(void **unused)
{
	struct bytes b = {.data = calloc(1, BYTES_MAX)};

	(void)unused;
	assert_non_null(b.data);
	for (int i = 0; i < FILES; i++) {
		make_file(&b);
		compare_file(&b);
		if (i % 4 == 0)
			compare_pipe(&b);
	}
	free(b.data);
}

static void test_no_file(void **unused)
{
	struct capture c;

	(void)unused;
	assert_int_equal(capture_open(&c, "/nonexistent/capture"), -ENOENT);
	capture_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_libpcap),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
