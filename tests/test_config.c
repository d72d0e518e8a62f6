/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_config.c: the configuration from files and flags, its errors word for word, and that what
 * flowd -n prints means the same again. Holds the sample file and the man page to the table of keys.
 * Runs in the top folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flowd/config.h"
#include "flowd/confine.h"
#include "flowd/config_key.h"
#include "flowd/log.h"

#define FLAGS_MAX 32
#define TEXT_MAX 65536
#define S 1000000000ULL

static char told[TEXT_MAX]; /* on standard error, by the last load() */

/* Run config_load() with standard error in `told`. */
static int load(char **argv, struct config *config)
{
	int argc = 0, saved = dup(STDERR_FILENO), fd = memfd_create("stderr", MFD_CLOEXEC), r;
	ssize_t n;

	while (argv[argc])
		argc++;
	fflush(stderr);
	dup2(fd, STDERR_FILENO);
	memset(config, 0xa5, sizeof(*config));
	r = config_load(argc, argv, config);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	n = pread(fd, told, sizeof(told) - 1, 0);
	told[n > 0 ? n : 0] = '\0';
	close(fd);
	close(saved);
	return r;
}

/* Flags in one string, blanks between them; with the file `text` where it is not NULL. */
static int load_text(const char *text, const char *flags, struct config *config)
{
	char program[] = "flowd", option[] = "--config", path[] = "/tmp/test_config.XXXXXX";
	char copy[4096], *argv[FLAGS_MAX] = {program, option, path};
	int fd = mkstemp(path), r, n = 3;

	assert_true(fd >= 0);
	if (text)
		assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	snprintf(copy, sizeof(copy), "%s", flags);
	for (char *flag = strtok(copy, " "); flag; flag = strtok(NULL, " "))
		argv[n++] = flag;
	r = load(argv, config);
	unlink(path);
	return r;
}

static void print_to(const struct config *config, char *text)
{
	FILE *out = fmemopen(text, TEXT_MAX, "w");

	assert_non_null(out);
	config_print(config, out);
	fclose(out);
}

static void check_round_trip(const struct config *config)
{
	static char text[TEXT_MAX];
	struct config again;

	print_to(config, text);
	assert_int_equal(load_text(text, "-n", &again), 0);
	assert_string_equal(told, "");
	again.check_only = config->check_only;
	again.detach_only = config->detach_only;
	memcpy(again.read, config->read, sizeof(again.read)); /* a flag alone */
	assert_memory_equal(config, &again, sizeof(again));
}

static void test_defaults(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(load_text("", "-i eth0", &c), 0);
	assert_int_equal(c.interfaces, 1);
	assert_string_equal(c.interface[0], "eth0");
	assert_string_equal(c.instance, "default");
	assert_string_equal(c.db, "/var/lib/wireledger/ledger.db");
	assert_string_equal(c.socket, "/run/wireledger/default.sock");
	assert_int_equal(c.ingress, INGRESS_XDP);
	assert_int_equal(c.egress, EGRESS_TC);
	assert_int_equal(c.tc, TC_AUTO);
	assert_int_equal(c.slots, 65536);
	assert_int_equal(c.ring_bytes, 64 << 20);
	assert_true(c.sweep_ns == S && c.idle_ns == 15 * S);
	assert_true(c.active_ns == 60 * S && c.linger_ns == 2 * S);
	assert_true(c.durability_full && c.fragments_track);
	assert_false(c.keep_attached || c.check_only || c.detach_only || c.tunnel_inner ||
		     c.anonymize);
	assert_string_equal(c.anonymize_key, "/etc/wireledger/anonymize.key");
	assert_string_equal(c.geo_country, "none");
	assert_string_equal(c.geo_as, "none");
	assert_string_equal(c.read, "");
	assert_int_equal(c.log_level, LOG_LEVEL_INFO);
	check_round_trip(&c);
}

static const char everything[] =
	"# a comment\n"
	"[flowd]\r\n"
	"interface = eth0, eth1.100 ,veth-a\n"
	"\tinterface = wg0 ; indented, and a comment behind\n"
	"interface = veth*, !veth9,tap[0-9]\n"
	"instance = edge-1_b.c\n"
	"db: /srv/my data/l.db\n"
	"socket=/tmp/x.sock\nsocket.group = adm\ncontrol.groups = wheel, 27\n"
	"user = nobody\nconfine = log\ndebug = yes\n"
	"ingress = tc\negress = none\ntc = clsact\n"
	"slots = 1024\nring = 1048576\n"
	"sweep = 500ms\nidle = 30\nactive = 5m\nlinger = 0\n"
	"fragments = untracked\ntunnel = inner\n"
	"sample = 1/64\nsample.first = 2\nsample.triggers = malformed,reset\n"
	"sample.snaplen = 9216\nsample.filter = tcp port 443 and net 10.0.0.0/8\n"
	"sample.ring = 1M\nsample.age = 36h\nsample.size = 3M\ndrops.sample = yes\n"
	"rollup.keys = 700\nrecord.rate = 4000\nmemory.max = 300M\n"
	"durability = normal\nkeep_attached = yes\nlog_level = debug\n"
	"anonymize = prefix-preserving\nanonymize.key = /k/a y\n";

static void test_file(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(load_text(everything, "", &c), 0);
	assert_string_equal(told, "");
	assert_int_equal(c.interfaces, 7);
	assert_string_equal(c.interface[5], "!veth9");
	assert_string_equal(c.interface[1], "eth1.100");
	assert_string_equal(c.interface[3], "wg0");
	assert_int_equal(c.rollup_keys, 700);
	assert_int_equal(c.record_rate, 4000);
	assert_int_equal(c.memory_bytes, 300 << 20);
	assert_string_equal(c.instance, "edge-1_b.c");
	assert_string_equal(c.db, "/srv/my data/l.db");
	assert_string_equal(c.socket, "/tmp/x.sock");
	assert_string_equal(c.socket_group, "adm");
	assert_string_equal(c.control_groups, "wheel, 27");
	assert_string_equal(c.user, "nobody");
	assert_int_equal(c.confine, CONFINE_LOG);
	assert_true(c.debug);
	assert_int_equal(c.ingress, INGRESS_TC);
	assert_int_equal(c.egress, EGRESS_NONE);
	assert_int_equal(c.tc, TC_CLSACT);
	assert_int_equal(c.slots, 1024);
	assert_int_equal(c.ring_bytes, 1 << 20);
	assert_true(c.sweep_ns == S / 2 && c.idle_ns == 30 * S);
	assert_true(c.active_ns == 300 * S && c.linger_ns == 0);
	assert_false(c.durability_full || c.fragments_track);
	assert_true(c.keep_attached && c.tunnel_inner && c.anonymize);
	assert_string_equal(c.anonymize_key, "/k/a y");
	assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
	check_round_trip(&c);
}

static void test_flags_win(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(load_text(everything,
				   "-n -i a,b --interface=c --idle 1h --log-level err "
				   "--keep-attached=no --instance z --durability full",
				   &c),
			 0);
	assert_true(c.check_only);
	assert_int_equal(c.interfaces, 3);
	assert_string_equal(c.interface[0], "a");
	assert_string_equal(c.interface[2], "c");
	assert_true(c.idle_ns == 3600 * S);
	assert_int_equal(c.log_level, LOG_LEVEL_ERR);
	assert_false(c.keep_attached);
	assert_true(c.durability_full);
	assert_string_equal(c.instance, "z");
	assert_string_equal(c.socket, "/tmp/x.sock");
	check_round_trip(&c);
	assert_int_equal(load_text("", "--detach --instance z", &c), 0);
	assert_true(c.detach_only);
	assert_string_equal(c.socket, "/run/wireledger/z.sock");
}

/* A capture needs no interface, and takes no notice of those in the file. */
static void test_read(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(load_text("", "-r /tmp/a.pcap", &c), 0);
	assert_string_equal(c.read, "/tmp/a.pcap");
	assert_int_equal(load_text(everything, "--read - --tunnel outer", &c), 0);
	assert_string_equal(c.read, "-");
	assert_false(c.tunnel_inner);
	check_round_trip(&c);
	assert_int_equal(load_text("[flowd]\ningress=none\negress=none\n", "-r x", &c), 0);
}

/* The longest of each, which must still fit a line of the file. */
static void test_longest(void **state)
{
	char flags[1024], path[200], name[64];
	struct config c;

	(void)state;
	memset(path, 'p', sizeof(path));
	memset(name, 'n', sizeof(name));
	snprintf(flags, sizeof(flags),
		 "-n -i 123456789012345 --db /%.189s --socket /%.106s --instance %.63s "
		 "--anonymize-key /%.179s",
		 path, path, name, path);
	assert_int_equal(load_text("", flags, &c), 0);
	assert_int_equal(strlen(c.db), 190);
	assert_int_equal(strlen(c.socket), 107);
	assert_int_equal(strlen(c.anonymize_key), 180);
	check_round_trip(&c);
}

static void test_many_interfaces(void **state)
{
	char text[TEXT_MAX] = "[flowd]\n";
	size_t used = strlen(text);
	struct config c;

	(void)state;
	for (int i = 0; i < 255; i++)
		used += (size_t)sprintf(text + used, "interface = eth%d\n", i);
	assert_int_equal(load_text(text, "", &c), 0);
	assert_int_equal(c.interfaces, 255);
	check_round_trip(&c);
	strcpy(text + used, "interface = onemore\n");
	assert_int_equal(load_text(text, "", &c), -EINVAL);
	assert_non_null(strstr(told, ":257: interface 'onemore': more than 255 interfaces\n"));
}

struct bad {
	const char *file;  /* lines of section [flowd], or all where it begins with '!' */
	const char *flags; /* after --config FILE */
	const char *
		error; /* what follows the file's name in "flowd: FILE:...", or all after "flowd: " */
};

static const struct bad bad_files[] = {
	{"idle = 5x", "", ":2: idle '5x': not a duration"},
	{"idle = 5 s", "", ":2: idle '5 s': not a duration"},
	{"idle = -1s", "", ":2: idle '-1s': not a duration"},
	{"idle =", "", ":2: idle '': not a duration"},
	{"idle = 99999999999999999999999s", "",
	 ":2: idle '99999999999999999999999s': not in 100ms to 24h"},
	{"idle = 25h", "", ":2: idle '25h': not in 100ms to 24h"},
	{"idle = 99ms", "", ":2: idle '99ms': not in 100ms to 24h"},
	{"retain.flow = 101y", "", ":2: retain.flow '101y': not in 1s to 100y"},
	{"sample.age = 59s", "", ":2: sample.age '59s': not in 60s to 10y"},
	{"\n\nsweep = 9ms", "", ":4: sweep '9ms': not in 10ms to 60s"},
	{"slots = 1000", "", ":2: slots '1000': not a power of two"},
	{"slots = 32", "", ":2: slots '32': not in 64 to 16777216"},
	{"slots = 33554432", "", ":2: slots '33554432': not in 64 to 16777216"},
	{"slots = 64K", "", ":2: slots '64K': not a number"},
	{"ring = 48M", "", ":2: ring '48M': not a power of two"},
	{"ring = 4K", "", ":2: ring '4K': not in 64K to 1G"},
	{"ring = 2G", "", ":2: ring '2G': not in 64K to 1G"},
	{"ring = 32MB", "", ":2: ring '32MB': not a size"},
	{"ingress = egress", "", ":2: ingress 'egress': not one of xdp|tc|none"},
	{"keep_attached = 1", "", ":2: keep_attached '1': not one of yes|no"},
	{"instance = .x", "", ":2: instance '.x': begins with '.'"},
	{"instance = a/b", "", ":2: instance 'a/b': holds other characters"},
	{"db =", "", ":2: db '': empty"},
	{"db = a\001b", "", ":2: db 'a\001b': holds a control character"},
	{"interface = eth0,eth0", "", ":2: interface 'eth0,eth0': an interface given twice"},
	{"interface = eth0\ninterface = eth0", "",
	 ":3: interface 'eth0': an interface given twice"},
	{"interface = a,,b", "", ":2: interface 'a,,b': an empty interface name"},
	{"interface = 1234567890123456", "",
	 ":2: interface '1234567890123456': an interface name longer than 15 bytes"},
	{"interface = !", "", ":2: interface '!': an empty interface name"},
	{"interface = !1234567890123456", "",
	 ":2: interface '!1234567890123456': an interface name longer than 15 bytes"},
	{"interface = 1234567890123456789012345678901*", "",
	 ":2: interface '1234567890123456789012345678901*': a pattern longer than 31 bytes"},
	{"interface = a*/b", "", ":2: interface 'a*/b': not an interface name"},
	{"interface = a b", "", ":2: interface 'a b': not an interface name"},
	{"interface = a/b", "", ":2: interface 'a/b': not an interface name"},
	{"interface = ..", "", ":2: interface '..': not an interface name"},
	{"fragments = no", "", ":2: fragments 'no': not one of track|untracked"},
	{"anonymize = yes", "", ":2: anonymize 'yes': not one of none|prefix-preserving"},
	{"anonymize.key =", "", ":2: anonymize.key '': empty"},
	{"tunnel = both", "", ":2: tunnel 'both': not one of outer|inner"},
	{"read = x.pcap", "", ":2: read 'x.pcap': unknown key"},
	{"colour = blue", "", ":2: colour 'blue': unknown key"},
	{"keep-attached = yes", "", ":2: keep-attached 'yes': unknown key"},
	{"# fine\nidle 5s", "", ":3: not 'key = value'"},
	{"[other]", "", ":2: section 'other': unknown, only [flowd] and [interface NAME] are"},
	{"!idle = 5s\n", "", ":1: idle '5s': outside of section [flowd]"},
	{"!\n[flow]\nidle = 5x\n", "", ":2: section 'flow': unknown"},
	{"!\n[flowd\n", "", ":2: not 'key = value'"},
};

static const struct bad bad_flags[] = {
	{"", "--idle 5x", "--idle '5x': not a duration"},
	{"", "--keep-attached maybe", "--keep-attached 'maybe': not one of yes|no"},
	{"", "-i eth0 -i eth0", "-i 'eth0': an interface given twice"},
	{"", "--interface a/b", "--interface 'a/b': not an interface name"},
	{"", "--bogus", "--bogus: unknown option"},
	{"", "--check=5", "--check=5: unknown option"},
	{"", "-q", "-q: unknown option"},
	{"", "-nq", "-q: unknown option"},
	{"", "-i", "-i: needs a value"},
	{"", "--idle", "--idle: needs a value"},
	{"", "-i eth0 extra", "'extra': unexpected argument"},
	{"", "--db=", "--db '': empty"},
	{"", "-r", "-r: needs a value"},
	{"", "--read=", "-r '': empty"},
	{"", "-r x -i eth0", "-r 'x': goes with neither -i nor --detach"},
	{"", "-i eth0 -r x", "-r 'x': goes with neither -i nor --detach"},
	{"", "-r x --detach", "-r 'x': goes with neither -i nor --detach"},
	{"", "--ingress none --egress none -i a", "ingress 'none', egress 'none': nothing is left"},
	{"ingress = none\negress = none", "-n", "ingress 'none', egress 'none': nothing is left"},
	{"", "", "no interface: name one with -i"},
	{"", "-i !lo", "no interface: name one with -i"},
	{"sample.filter = tcp por 443", "-n", "sample.filter 'tcp por 443': can't parse"},
	{"", "-n --config /nonexistent/x",
	 "/nonexistent/x: cannot be read: No such file or directory"},
	{"", "-n --config /tmp", "/tmp: cannot be read: Is a directory"},
};

static void check_bad(const struct bad *bad, const char *expected)
{
	char text[4096];
	struct config c;

	if (bad->file[0] == '!')
		snprintf(text, sizeof(text), "%s", bad->file + 1);
	else
		snprintf(text, sizeof(text), "[flowd]\n%s\n", bad->file);
	assert_int_equal(load_text(text, bad->flags, &c), -EINVAL);
	if (!strstr(told, expected) || strncmp(told, "flowd: ", 7) != 0)
		fail_msg("'%s' '%s': told '%s', not '%s'", bad->file, bad->flags, told, expected);
	assert_int_equal(((unsigned char *)&c)[0], 0xa5); /* nothing was handed out */
}

static void test_bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++)
		check_bad(&bad_files[i], bad_files[i].error);
}

static void test_bad_flags(void **state)
{
	char expected[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad_flags) / sizeof(bad_flags[0]); i++) {
		snprintf(expected, sizeof(expected), "flowd: %s", bad_flags[i].error);
		check_bad(&bad_flags[i], expected);
	}
}

/* Lines that do not fit libinih's buffer are refused, not cut in two; so is a NUL. */
static void test_long_line(void **state)
{
	char text[1024] = "[flowd]\nidle = 5s ;";
	struct config c;
	size_t used = strlen(text);

	(void)state;
	memset(text + used, 'x', 600);
	strcpy(text + used + 600, "\nactive = 5x\n");
	assert_int_equal(load_text(text, "-n", &c), -EINVAL);
	assert_non_null(strstr(told, ":2: line longer than 199 bytes"));
	assert_non_null(strstr(told, ":3: active '5x'"));
}

static void test_all_errors_told(void **state)
{
	struct config c;
	int lines = 0;

	(void)state;
	assert_int_equal(load_text("[flowd]\nidle = x\nactive = y\n[z]\n", "--sweep q", &c),
			 -EINVAL);
	for (const char *p = told; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 4);
}

static void read_whole(const char *path, char *text)
{
	FILE *file = fopen(path, "re");
	size_t n;

	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	n = fread(text, 1, TEXT_MAX - 1, file);
	text[n] = '\0';
	fclose(file);
}

/* The sample has every key, and with its comment signs away it says the defaults. */
static void test_sample(void **state)
{
	static char text[TEXT_MAX], bare[TEXT_MAX], line[128];
	struct config sample, initial;
	size_t used = 0;

	(void)state;
	read_whole("flowd/flowd.conf", text);
	for (const struct config_key *key = config_keys; key->name; key++) {
		snprintf(line, sizeof(line), "\n#%s = ", key->name);
		if (!strstr(text, line))
			fail_msg("flowd/flowd.conf: key '%s' is missing", key->name);
	}
	assert_int_equal(load_text(text, "-n", &sample), 0);
	for (const char *p = text; *p; p++) {
		if (*p == '#' && p[1] != ' ' && p[1] != '\n' && (p == text || p[-1] == '\n'))
			continue;
		bare[used++] = *p;
	}
	assert_int_equal(load_text(bare, "-n", &sample), 0);
	assert_string_equal(told, "");
	assert_int_equal(load_text("", "-n -i eth0", &initial), 0);
	assert_memory_equal(&sample, &initial, sizeof(sample));
}

/* The man page has an entry of each key: ".It Cm KEY" in one list, the flag in the synopsis' list. */
static void test_man_page(void **state)
{
	static char text[TEXT_MAX], entry[64];

	(void)state;
	read_whole("flowd/flowd.8", text);
	for (const struct config_key *key = config_keys; key->name; key++) {
		snprintf(entry, sizeof(entry), "\n.It Cm %s ", key->name);
		if (!strstr(text, entry))
			fail_msg("flowd/flowd.8: key '%s' is missing", key->name);
		if (!key->initial)
			continue;
		snprintf(entry, sizeof(entry), "Default: %s.", key->initial);
		if (!strstr(strstr(text, key->name), entry))
			fail_msg("flowd/flowd.8: key '%s': no '%s'", key->name, entry);
	}
}

static void test_keys_are_sound(void **state)
{
	char value[CONFIG_VALUE_MAX], again[CONFIG_VALUE_MAX], error[CONFIG_ERROR_MAX];
	struct config c = {0};

	(void)state;
	for (const struct config_key *key = config_keys; key->name; key++) {
		assert_ptr_equal(config_key_find(key->name), key);
		assert_non_null(key->arg);
		assert_non_null(key->help);
		if (!key->initial)
			continue;
		assert_int_equal(config_key_set(key, &c, key->initial, error), 0);
		config_key_get(key, &c, 0, value);
		assert_int_equal(config_key_set(key, &c, value, error), 0);
		config_key_get(key, &c, 0, again);
		assert_string_equal(value, again);
	}
	assert_null(config_key_find("nonesuch"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),       cmocka_unit_test(test_file),
		cmocka_unit_test(test_flags_win),      cmocka_unit_test(test_read),
		cmocka_unit_test(test_longest),	       cmocka_unit_test(test_many_interfaces),
		cmocka_unit_test(test_bad_files),      cmocka_unit_test(test_bad_flags),
		cmocka_unit_test(test_long_line),      cmocka_unit_test(test_all_errors_told),
		cmocka_unit_test(test_sample),	       cmocka_unit_test(test_man_page),
		cmocka_unit_test(test_keys_are_sound),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
