// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wlcases.c: the frames of anonymize_cases.h as a capture, a second apart, for suites that have no C.
 *
 *   wlcases CAPTURE [raw]
 *
 * `raw`: those of raw IP; else those of Ethernet. Prints a line for each: how many bytes of it are kept
 * where it is anonymized, and its name.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <pcap/pcap.h>

#include "anonymize_cases.h"

#define BEGIN_S 1795264440

static uint32_t write_cases(pcap_dumper_t *dumper, uint32_t link)
{
	uint32_t count = 0;

	for (size_t i = 0; i < ANONYMIZE_CASES; i++) {
		const struct anonymize_case *c = &anonymize_cases[i];
		struct pcap_pkthdr header = {
			.ts = {.tv_sec = BEGIN_S + count}, .caplen = c->size, .len = c->size};

		if ((c->link ? c->link : ANONYMIZE_ETHERNET) != link)
			continue;
		pcap_dump((u_char *)dumper, &header, c->frame);
		printf("%u %s\n", c->kept, c->name);
		count++;
	}
	return count;
}

int main(int argc, char **argv)
{
	bool raw = argc == 3 && !strcmp(argv[2], "raw");
	pcap_t *pcap = pcap_open_dead_with_tstamp_precision(raw ? DLT_RAW : DLT_EN10MB, 65535,
							    PCAP_TSTAMP_PRECISION_NANO);
	pcap_dumper_t *dumper;
	uint32_t count;

	if (!pcap || argc < 2 || (argc == 3 && !raw) || argc > 3) {
		fputs("usage: wlcases CAPTURE [raw]\n", stderr);
		return 2;
	}
	dumper = pcap_dump_open(pcap, argv[1]);
	if (!dumper) {
		fprintf(stderr, "wlcases: %s: %s\n", argv[1], pcap_geterr(pcap));
		return 1;
	}
	count = write_cases(dumper, raw ? ANONYMIZE_RAW : ANONYMIZE_ETHERNET);
	pcap_dump_close(dumper);
	pcap_close(pcap);
	return count ? 0 : 1;
}
