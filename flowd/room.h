/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * room.h: memory.max in parts. Pure. Beside what takes what it takes (code, SQLite, sums by minute and hour, and
 * flowd's knowledge of each slot) there are three that grow with the flows: conversations, records on their way to
 * the database, and answers to flowctl. What finds no room in the first two is folded (limit.h). Answers may take what
 * these leave, and are refused beyond.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ROOM_AUTO_BYTES (512ULL << 20) /* beside the slots */
#define ROOM_SLOT_BYTES 96	       /* struct side, what was read of its health, pending marks */
#define ROOM_BASE_BYTES (48ULL << 20)
#define ROOM_CONVERSATION_BYTES 320 /* struct conv, its times, and its places in the index */
#define ROOM_RECORD_BYTES 432	    /* struct flow_record, and what the sink has for each */
#define ROOM_LEAST 4096		    /* of each, however small memory.max is */

struct room {
	uint64_t bytes; /* all of it */
	uint64_t spare; /* of these, for the three */
	size_t conversations;
	size_t records;
	size_t answer; /* records in answers to flowctl, at least */
};

static inline size_t room_share(uint64_t bytes, unsigned int percent, size_t size)
{
	uint64_t count = bytes / 100 * percent / size;

	return count < ROOM_LEAST ? ROOM_LEAST : (size_t)count;
}

/* max_bytes: 0 for auto; slots: of all CPUs. */
static inline struct room room_of(uint64_t max_bytes, uint64_t slots)
{
	uint64_t fixed = ROOM_BASE_BYTES + slots * ROOM_SLOT_BYTES;
	uint64_t bytes = max_bytes ? max_bytes : ROOM_AUTO_BYTES + slots * ROOM_SLOT_BYTES;
	uint64_t spare = bytes > fixed ? bytes - fixed : 0;

	return (struct room){
		.bytes = bytes,
		.spare = spare,
		.conversations = room_share(spare, 40, ROOM_CONVERSATION_BYTES),
		.records = room_share(spare, 47, ROOM_RECORD_BYTES),
		.answer = room_share(spare, 13, ROOM_RECORD_BYTES),
	};
}

/* Bytes that all answers may take, while conversations and records take `used` of them. */
static inline uint64_t room_answers(const struct room *room, uint64_t used)
{
	uint64_t least = room->answer * ROOM_RECORD_BYTES;

	return room->spare > used + least ? room->spare - used : least;
}
