/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* nic.c: difference of two counters that are read one after the other. See nic.h. */
#include "flowd/nic.h"

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static void start_anew(struct nic_book *book, const struct nic_reading *r)
{
	book->nic = r->nic;
	book->seen.packets = r->low.packets + (r->high.packets - r->low.packets) / 2;
	book->seen.bytes = r->low.bytes + (r->high.bytes - r->low.bytes) / 2;
	book->known = true;
}

/* What the hook would have where it saw all that the NIC did; *seen: what it has. */
static int64_t step(uint64_t expected, uint64_t low, uint64_t high, __u64 *seen)
{
	*seen = clamp(expected, low, high);
	return (int64_t)(expected - *seen);
}

void nic_read(struct nic_book *book, const struct nic_reading *r)
{
	if (!book->known || r->nic.packets < book->nic.packets || r->nic.bytes < book->nic.bytes) {
		start_anew(book, r);
		return;
	}
	book->packets += step(book->seen.packets + r->nic.packets - book->nic.packets,
			      r->low.packets, r->high.packets, &book->seen.packets);
	book->bytes += step(book->seen.bytes + r->nic.bytes - book->nic.bytes, r->low.bytes,
			    r->high.bytes, &book->seen.bytes);
	book->nic = r->nic;
}

bool nic_unbooked(const struct nic_book *book)
{
	return book->packets != book->booked_packets || book->bytes != book->booked_bytes;
}

void nic_booked(struct nic_book *book)
{
	book->booked_packets = book->packets;
	book->booked_bytes = book->bytes;
}
