/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * config_key.c: the one table of keys, and the parsers of values; back to text: config_get.c.
 *
 * Whatever is accepted can be written to an INI file and comes back the same: so no control
 * characters, no blanks at the ends and no " ;" (a comment to libinih) in a path.
 */
#include "config_key.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "confine.h"
#include "iface_want.h"
#include "log.h"
#include "schema/control.h"
#include "schema/db.h"
#include "schema/sample_text.h"

#define NS_PER_MS 1000000ULL
#define NS_PER_S 1000000000ULL
#define DAY (86400 * NS_PER_S)
#define YEAR (365 * DAY)

static const struct config_choice choice_bool[] = {{"yes", true},  {"no", false},  {"on", true},
						   {"off", false}, {"true", true}, {"false", false},
						   {NULL, 0}};
static const struct config_choice choice_confine[] = {
	{"yes", CONFINE_YES}, {"no", CONFINE_NO}, {"log", CONFINE_LOG}, {NULL, 0}};
static const struct config_choice choice_ingress[] = {
	{"xdp", INGRESS_XDP}, {"tc", INGRESS_TC}, {"none", INGRESS_NONE}, {NULL, 0}};
static const struct config_choice choice_egress[] = {
	{"tc", EGRESS_TC}, {"none", EGRESS_NONE}, {NULL, 0}};
static const struct config_choice choice_tc[] = {
	{"auto", TC_AUTO}, {"tcx", TC_TCX}, {"clsact", TC_CLSACT}, {NULL, 0}};
static const struct config_choice choice_fragments[] = {
	{"track", true}, {"untracked", false}, {NULL, 0}};
static const struct config_choice choice_tunnel[] = {{"outer", false}, {"inner", true}, {NULL, 0}};
static const struct config_choice choice_durability[] = {
	{"full", true}, {"normal", false}, {NULL, 0}};
static const struct config_choice choice_anonymize[] = {
	{"none", false}, {"prefix-preserving", true}, {NULL, 0}};
static const struct config_choice choice_log_level[] = {{"err", LOG_LEVEL_ERR},
							{"warning", LOG_LEVEL_WARNING},
							{"info", LOG_LEVEL_INFO},
							{"debug", LOG_LEVEL_DEBUG},
							{NULL, 0}};

static const struct config_choice choice_never[] = {{"never", 0}, {"0", 0}, {NULL, 0}};
static const struct config_choice choice_none[] = {{"none", 0}, {"0", 0}, {NULL, 0}};

static const struct config_choice choice_auto[] = {{"auto", 0}, {NULL, 0}};
static const struct config_choice choice_rate[] = {
	{"auto", 0}, {"none", CONFIG_RATE_NONE}, {"0", CONFIG_RATE_NONE}, {NULL, 0}};

#define FILTER_LINE_MAX \
	(199 - sizeof("sample.filter = ") + 1) /* what a file's line leaves for it */

#define MEMBER(name) \
	.offset = offsetof(struct config, name), .size = sizeof(((struct config *)0)->name)

const struct config_key config_keys[] = {
	{"interface", NULL, "IFACE[,IFACE...]",
	 "interface to count on, or a pattern; may be given again", .kind = CONFIG_INTERFACE,
	 .letter = 'i', MEMBER(interface)},
	{"instance", "default", "NAME", "name of this flowd, where several run on a host",
	 .kind = CONFIG_INSTANCE, MEMBER(instance)},
	{"db", DB_PATH_DEFAULT, "FILE", "database that flow records go to", .kind = CONFIG_PATH,
	 .max = CONFIG_PATH_MAX, MEMBER(db)},
	{"socket", NULL, "FILE", "control socket [" CONTROL_RUN_DIR "/INSTANCE.sock]",
	 .kind = CONFIG_PATH, .max = 107, MEMBER(socket)},
	{"socket.group", "none", "GROUP|none", "group of the socket: its members may ask",
	 .kind = CONFIG_FILTER, .max = 63, MEMBER(socket_group)},
	{"control.groups", "none", "GROUP[,GROUP...]|none",
	 "groups that may change what is sampled, and detach", .kind = CONFIG_FILTER, .max = 180,
	 MEMBER(control_groups)},
	{"user", "none", "USER|none", "user to run as when all is open", .kind = CONFIG_FILTER,
	 .max = 63, MEMBER(user)},
	{"confine", "yes", "yes|no|log", "give up files and system calls that are not needed",
	 .kind = CONFIG_CHOICE, .choice = choice_confine, MEMBER(confine)},
	{"debug", "no", "yes|no", "try for root what is to be refused (flowctl debug)",
	 .kind = CONFIG_CHOICE, .choice = choice_bool, MEMBER(debug)},
	{"ingress", "xdp", "xdp|tc|none", "hook that counts what comes in", .kind = CONFIG_CHOICE,
	 .choice = choice_ingress, MEMBER(ingress)},
	{"egress", "tc", "tc|none", "hook that counts what goes out", .kind = CONFIG_CHOICE,
	 .choice = choice_egress, MEMBER(egress)},
	{"tc", "auto", "auto|tcx|clsact", "how to attach to TC", .kind = CONFIG_CHOICE,
	 .choice = choice_tc, MEMBER(tc)},
	{"slots", "65536", "N", "flows that each CPU can hold, a power of two",
	 .kind = CONFIG_COUNT, .min = 64, .max = 1 << 24, MEMBER(slots)},
	{"ring", "64M", "SIZE", "ring of evicted flows, a power of two", .kind = CONFIG_SIZE,
	 .min = 64 << 10, .max = 1 << 30, MEMBER(ring_bytes)},
	{"sweep", "1s", "TIME", "time between two sweeps", .kind = CONFIG_DURATION,
	 .min = 10 * NS_PER_MS, .max = 60 * NS_PER_S, MEMBER(sweep_ns)},
	{"idle", "15s", "TIME", "a flow without packets ends after this time",
	 .kind = CONFIG_DURATION, .min = 100 * NS_PER_MS, .max = DAY, MEMBER(idle_ns)},
	{"active", "60s", "TIME", "a flow that goes on is recorded each time this is over",
	 .kind = CONFIG_DURATION, .min = 100 * NS_PER_MS, .max = DAY, MEMBER(active_ns)},
	{"linger", "2s", "TIME", "a closed TCP connection is kept for its last packets",
	 .kind = CONFIG_DURATION, .max = 3600 * NS_PER_S, MEMBER(linger_ns)},
	{"fragments", "track", "track|untracked", "count later fragments with their first one",
	 .kind = CONFIG_CHOICE, .choice = choice_fragments, MEMBER(fragments_track)},
	{"tunnel", "outer", "outer|inner", "headers that make the flow of a tunnel's packets",
	 .kind = CONFIG_CHOICE, .choice = choice_tunnel, MEMBER(tunnel_inner)},
	{"trace", "yes", "yes|no", "ask the kernel for drops, retransmits and connections",
	 .kind = CONFIG_CHOICE, .choice = choice_bool, MEMBER(trace)},
	{"sample", "off", "off|1/N", "keep one in N packets", .kind = CONFIG_RATE,
	 MEMBER(sample.rate)},
	{"sample.first", "0", "N", "keep the first N packets of each flow", .kind = CONFIG_NUMBER,
	 .max = SAMPLE_FIRST_MAX, MEMBER(sample.first)},
	{"sample.triggers", "none", "NAME[,NAME...]|none",
	 "keep reset, retransmit, zero-window, malformed packets", .kind = CONFIG_TRIGGERS,
	 MEMBER(sample.triggers)},
	{"sample.snaplen", "128", "N", "bytes that are kept of a packet", .kind = CONFIG_NUMBER,
	 .min = SAMPLE_SNAPLEN_MIN, .max = SAMPLE_SNAPLEN_MAX, MEMBER(sample.snaplen)},
	{"sample.filter", "none", "EXPR|none", "keep those alone that match, see pcap-filter(7)",
	 .kind = CONFIG_FILTER, .max = FILTER_LINE_MAX, MEMBER(sample.filter)},
	{"sample.ring", "8M", "SIZE", "ring of packets that are kept, a power of two",
	 .kind = CONFIG_SIZE, .min = 64 << 10, .max = 1 << 30, MEMBER(sample_ring_bytes)},
	{"sample.age", "7d", "TIME", "packets older than this leave the database",
	 .kind = CONFIG_DURATION, .min = 60 * NS_PER_S, .max = 3650 * DAY, MEMBER(sample_age_ns)},
	{"sample.size", "256M", "SIZE", "and the oldest, where they take more than this",
	 .kind = CONFIG_BYTES, .min = 1 << 20, .max = 1ULL << 40, MEMBER(sample_size_bytes)},
	{"retain.flow", "7d", "TIME|never", "records older than this leave the database",
	 .kind = CONFIG_DURATION, .choice = choice_never, .min = NS_PER_S, .max = 100 * YEAR,
	 MEMBER(retain_ns[0])},
	{"retain.minute", "30d", "TIME|never", "and sums by the minute", .kind = CONFIG_DURATION,
	 .choice = choice_never, .min = 60 * NS_PER_S, .max = 100 * YEAR, MEMBER(retain_ns[1])},
	{"retain.hour", "2y", "TIME|never", "and sums by the hour, and the books",
	 .kind = CONFIG_DURATION, .choice = choice_never, .min = 3600 * NS_PER_S, .max = 100 * YEAR,
	 MEMBER(retain_ns[2])},
	{"retain.size", "10G", "SIZE|none",
	 "what the database may take; all is kept shorter for it", .kind = CONFIG_BYTES,
	 .choice = choice_none, .min = 32 << 20, .max = 1ULL << 50, MEMBER(retain_size_bytes)},
	{"retain.free", "512M", "SIZE|none", "and what it leaves on the disk, of which 5 % will do",
	 .kind = CONFIG_BYTES, .choice = choice_none, .min = 1 << 20, .max = 1ULL << 50,
	 MEMBER(retain_free_bytes)},
	{"drops.sample", "no", "yes|no", "keep the beginning of packets that the kernel drops",
	 .kind = CONFIG_CHOICE, .choice = choice_bool, MEMBER(drops_sample)},
	{"record.rate", "auto", "N|auto|none",
	 "records a second that are written; the rest is folded", .kind = CONFIG_NUMBER,
	 .choice = choice_rate, .min = 1, .max = CONFIG_RECORD_RATE_MAX, MEMBER(record_rate)},
	{"memory.max", "auto", "SIZE|auto",
	 "memory that flowd takes beside its maps; the rest is folded", .kind = CONFIG_BYTES,
	 .choice = choice_auto, .min = 64 << 20, .max = 1ULL << 40, MEMBER(memory_bytes)},
	{"rollup.keys", "5000", "N", "keys summed of a minute or hour, by each kind; 0: no sums",
	 .kind = CONFIG_NUMBER, .min = 0, .max = CONFIG_ROLLUP_MAX, MEMBER(rollup_keys)},
	{"durability", "full", "full|normal", "fsync each commit, or leave that to checkpoints",
	 .kind = CONFIG_CHOICE, .choice = choice_durability, MEMBER(durability_full)},
	{"keep_attached", "no", "yes|no", "at the end leave hooks and maps to a successor",
	 .kind = CONFIG_CHOICE, .choice = choice_bool, MEMBER(keep_attached)},
	{"anonymize", "none", "none|prefix-preserving",
	 "what flowctl makes of addresses that it hands out", .kind = CONFIG_CHOICE,
	 .choice = choice_anonymize, MEMBER(anonymize)},
	{"anonymize.key", CONF_ANONYMIZE_KEY, "FILE", "key for that, of 32 bytes, with mode 0600",
	 .kind = CONFIG_PATH, .max = 180, MEMBER(anonymize_key)},
	{"geo.country", "none", "FILE|none", "MMDB file by which flowctl tells countries",
	 .kind = CONFIG_PATH, .max = 180, MEMBER(geo_country)},
	{"geo.as", "none", "FILE|none", "MMDB file by which flowctl tells autonomous systems",
	 .kind = CONFIG_PATH, .max = 180, MEMBER(geo_as)},
	{"log_level", "info", "err|warning|info|debug", "what is logged", .kind = CONFIG_CHOICE,
	 .choice = choice_log_level, MEMBER(log_level)},
	{.name = NULL},
};

const struct config_key *config_key_find(const char *name)
{
	for (const struct config_key *key = config_keys; key->name; key++) {
		if (!strcmp(key->name, name))
			return key;
	}
	return NULL;
}

void config_key_flag(const struct config_key *key, char ret_flag[CONFIG_VALUE_MAX])
{
	snprintf(ret_flag, CONFIG_VALUE_MAX, "--%s", key->name);
	for (char *c = ret_flag + 2; *c; c++)
		*c = *c == '_' || *c == '.' ? '-' : *c;
}

/* What is wrong is a constant; these two are explained with the key's own limits. */
static const char out_of_range[] = "out of range";
static const char not_a_choice[] = "not a choice";

/* Digits, then a unit out of the list. False: not such a number. Saturates at UINT64_MAX. */
static bool parse_number(const char *value, const struct config_choice *units, uint64_t *ret_number)
{
	const char *rest = value;
	uint64_t n = 0;

	if (!isdigit((unsigned char)*rest))
		return false;
	for (; isdigit((unsigned char)*rest); rest++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*rest - '0'), &n))
			n = UINT64_MAX;
	}
	for (; units->name; units++) {
		if (strcmp(units->name, rest) != 0)
			continue;
		*ret_number = __builtin_mul_overflow(n, units->value, &n) ? UINT64_MAX : n;
		return true;
	}
	return false;
}

static const char *parse_duration(const struct config_key *key, const char *value, uint64_t *ret_ns)
{
	static const struct config_choice units[] = {
		{"ms", 1},	{"s", 1000},	 {"", 1000},	     {"m", 60000},
		{"h", 3600000}, {"d", 86400000}, {"y", 31536000000}, {NULL, 0}};
	uint64_t ns;

	if (!parse_number(value, units, &ns))
		return "not a duration (as 500ms, 15s, 2m, 1h)";
	if (__builtin_mul_overflow(ns, NS_PER_MS, &ns) || ns > key->max || ns < key->min)
		return out_of_range;
	*ret_ns = ns;
	return NULL;
}

/* A count or a size, within the key's limits. */
static const char *parse_amount(const struct config_key *key, const char *value,
				uint64_t *ret_number)
{
	bool is_size = key->kind == CONFIG_SIZE || key->kind == CONFIG_BYTES;
	static const struct config_choice sizes[] = {
		{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0}};
	static const struct config_choice plain[] = {{"", 1}, {NULL, 0}};
	uint64_t n;

	if (!parse_number(value, is_size ? sizes : plain, &n))
		return is_size ? "not a size (as 65536, 64K, 32M, 1G)" : "not a number";
	if (n > key->max || n < key->min)
		return out_of_range;
	if ((key->kind == CONFIG_SIZE || key->kind == CONFIG_COUNT) && (n & (n - 1)))
		return "not a power of two";
	*ret_number = n;
	return NULL;
}

static const char *parse_choice(const struct config_key *key, const char *value, void *member)
{
	const struct config_choice *choice = key->choice;

	while (choice->name && strcmp(choice->name, value) != 0)
		choice++;
	if (!choice->name)
		return not_a_choice;
	if (key->size == sizeof(bool))
		*(bool *)member = choice->value;
	else
		*(uint32_t *)member = (uint32_t)choice->value;
	return NULL;
}

/* The whole member is written, so that equal configurations are equal bytes. */
static void set_text(const struct config_key *key, char *member, const char *value)
{
	memset(member, 0, key->size);
	memcpy(member, value, strlen(value));
}

static const char *parse_path(const struct config_key *key, const char *value, char *member)
{
	size_t size = strlen(value);

	if (!size)
		return "empty";
	if (size > key->max)
		return "too long";
	for (const char *c = value; *c; c++) {
		if (iscntrl((unsigned char)*c))
			return "holds a control character";
	}
	if (isspace((unsigned char)value[0]) || isspace((unsigned char)value[size - 1]))
		return "begins or ends with a blank";
	if (value[0] == ';' || strstr(value, " ;"))
		return "holds ' ;', which begins a comment";
	set_text(key, member, value);
	return NULL;
}

static const char *parse_filter(const struct config_key *key, const char *value, char *member)
{
	if (strcmp(value, "none") != 0)
		return parse_path(key, value, member);
	set_text(key, member, "");
	return NULL;
}

static const char *parse_instance(const struct config_key *key, const char *value, char *member)
{
	size_t size = strlen(value);

	if (!size || size >= CONFIG_NAME_MAX)
		return "not 1 to 63 characters";
	if (value[0] == '.')
		return "begins with '.'";
	for (const char *c = value; *c; c++) {
		if (!isascii(*c) || (!isalnum((unsigned char)*c) && !strchr("._-", *c)))
			return "holds other characters than A-Z a-z 0-9 . _ -";
	}
	set_text(key, member, value);
	return NULL;
}

/* What the kernel takes for a name (dev_valid_name), without what an INI file cannot hold; or a pattern. */
static const char *check_interface(const struct config *config, const char *name)
{
	const char *bare = name + (name[0] == '!');
	size_t size = strlen(bare);

	if (!size)
		return "an empty interface name";
	if (!iface_is_pattern(bare) && size >= IFNAMSIZ)
		return "an interface name longer than 15 bytes";
	if (strlen(name) >= sizeof(config->interface[0]))
		return "a pattern longer than 31 bytes";
	if (!strcmp(bare, ".") || !strcmp(bare, "..") || strpbrk(name, "/:;"))
		return "not an interface name";
	for (const char *c = name; *c; c++) {
		if (isspace((unsigned char)*c) || iscntrl((unsigned char)*c))
			return "not an interface name";
	}
	for (size_t i = 0; i < config->interfaces; i++) {
		if (!strcmp(config->interface[i], name))
			return "an interface given twice";
	}
	return config->interfaces < FLOW_IFACES - 1 ? NULL : "more than 255 interfaces";
}

static const char *parse_interfaces(const char *value, struct config *config)
{
	const char *from = value;

	for (;;) {
		const char *to = from + strcspn(from, ",");
		char name[CONFIG_VALUE_MAX] = "";
		const char *error;

		while (isblank((unsigned char)*from))
			from++;
		for (const char *end = to; from < end && (size_t)(end - from) < sizeof(name);
		     end--) {
			if (isblank((unsigned char)end[-1]))
				continue;
			memcpy(name, from, (size_t)(end - from));
			break;
		}
		error = check_interface(config, name);
		if (error)
			return error;
		memcpy(config->interface[config->interfaces++], name, strlen(name) + 1);
		if (!*to)
			return NULL;
		from = to + 1;
	}
}

/* Kinds whose member is a uint32_t, or a uint64_t of CONFIG_NUMBER. */
static const char *set_number(const struct config_key *key, const char *value, void *at)
{
	uint32_t *member = at;
	const char *error = NULL;
	uint64_t number;

	if (key->kind == CONFIG_RATE)
		return sample_rate_parse(value, member) ? SAMPLE_RATE_SYNTAX : NULL;
	if (key->kind == CONFIG_TRIGGERS)
		return sample_triggers_parse(value, member) ? SAMPLE_TRIGGERS_SYNTAX : NULL;
	error = parse_amount(key, value, &number);
	if (!error && key->size == sizeof(uint64_t))
		*(uint64_t *)at = number;
	else if (!error)
		*member = (uint32_t)number;
	return error;
}

/* The number that a word stands for. */
static bool set_word(const struct config_key *key, const char *value, uint64_t *member)
{
	const struct config_choice *choice = key->kind == CONFIG_CHOICE ? NULL : key->choice;

	while (choice && choice->name && strcmp(choice->name, value) != 0)
		choice++;
	if (!choice || !choice->name)
		return false;
	*member = choice->value;
	return true;
}

static const char *set_member(const struct config_key *key, struct config *config,
			      const char *value)
{
	void *member = (char *)config + key->offset;

	if (set_word(key, value, member))
		return NULL;

	switch (key->kind) {
	case CONFIG_INTERFACE:
		return parse_interfaces(value, config);
	case CONFIG_INSTANCE:
		return parse_instance(key, value, member);
	case CONFIG_PATH:
		return parse_path(key, value, member);
	case CONFIG_FILTER:
		return parse_filter(key, value, member);
	case CONFIG_CHOICE:
		return parse_choice(key, value, member);
	case CONFIG_DURATION:
		return parse_duration(key, value, member);
	case CONFIG_SIZE:
	case CONFIG_BYTES:
		return parse_amount(key, value, member);
	case CONFIG_COUNT:
	case CONFIG_NUMBER:
	case CONFIG_RATE:
	case CONFIG_TRIGGERS:
		return set_number(key, value, member);
	}
	return "of an unknown kind";
}

int config_key_set(const struct config_key *key, struct config *config, const char *value,
		   char ret_error[CONFIG_ERROR_MAX])
{
	const char *error = set_member(key, config, value);
	char min[CONFIG_VALUE_MAX], max[CONFIG_VALUE_MAX];

	if (!error)
		return 0;
	if (error == out_of_range) {
		config_key_limit(key, key->min, min);
		config_key_limit(key, key->max, max);
		snprintf(ret_error, CONFIG_ERROR_MAX, "not in %.40s to %.40s", min, max);
	} else if (error == not_a_choice) {
		snprintf(ret_error, CONFIG_ERROR_MAX, "not one of %s", key->arg);
	} else {
		snprintf(ret_error, CONFIG_ERROR_MAX, "%s", error);
	}
	return -EINVAL;
}
