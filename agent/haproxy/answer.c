/*
 * answer.c - what HAProxy's command lines answer, as structs
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/haproxy/answer.h"

#include "agent/haproxy/lines.h"

#include <string.h>

#define PID_MAX INT32_MAX
#define COUNT_MAX (1000 * 1000 * 1000)
#define SERVERS_MAX (4 * 1000 * 1000)

enum proc_part { PART_MASTER, PART_WORKERS, PART_OLD, PART_OTHER };

/* "[failed: 3]" after the number of reloads; absent before 2.5, which does not count. */
static bool failed_count(struct slice rest, int64_t *out)
{
	struct slice word;

	*out = 0;
	if (!lines_word(&rest, &word) || !slice_is(word, "[failed:"))
		return true;
	if (!lines_word(&rest, &word) || word.n < 2 || word.p[word.n - 1] != ']')
		return false;
	word.n--;
	return slice_number(word, COUNT_MAX, out);
}

/* One process: "<pid> <type> <reloads> ...". False: no such line. */
static bool proc_line(struct slice line, enum proc_part part, struct answer_proc *p, int64_t *least)
{
	struct slice pid_word, type, reloads_word;
	int64_t pid, reloads;

	if (!lines_word(&line, &pid_word) || !lines_word(&line, &type) ||
		!lines_word(&line, &reloads_word))
		return false;
	if (!slice_number(pid_word, PID_MAX, &pid) || pid == 0)
		return false;
	/* "-" where a process has none (programs). */
	if (!slice_number(reloads_word, COUNT_MAX, &reloads))
		return part == PART_OTHER;
	if (slice_is(type, "master")) {
		p->master = pid;
		p->reloads = reloads;
		return failed_count(line, &p->failed);
	}
	if (!slice_is(type, "worker"))
		return true;
	if (part == PART_OLD)
		p->old_workers++;
	/* The youngest of "# workers"; without any there, the youngest of the old ones. */
	if (*least < 0 || reloads + (part == PART_OLD ? COUNT_MAX : 0) < *least) {
		*least = reloads + (part == PART_OLD ? COUNT_MAX : 0);
		p->worker = pid;
	}
	return true;
}

int answer_proc(const char *text, size_t n, struct answer_proc *out, struct error *err)
{
	struct slice rest = { text, n }, line;
	struct answer_proc p = { 0 };
	enum proc_part part = PART_MASTER;
	int64_t least = -1;

	while (lines_next(&rest, &line)) {
		if (line.n == 0 || slice_starts(line, "#<PID>"))
			continue;
		if (slice_starts(line, "#")) {
			part = PART_OTHER;
			if (slice_is(line, "# workers"))
				part = PART_WORKERS;
			else if (slice_is(line, "# old workers"))
				part = PART_OLD;
			continue;
		}
		if (!proc_line(line, part, &p, &least))
			return error_set(err, ERR_INVALID, "unexpected line in the answer to 'show proc': '%.*s'",
				(int)(line.n < 80 ? line.n : 80), line.p);
	}
	if (p.master == 0)
		return error_set(err, ERR_INVALID, "no master in the answer to 'show proc': is this the "
						   "master's socket (haproxy -W -S ...)?");
	*out = p;
	return 0;
}

int answer_reload(const char *text, size_t n, enum answer_reload *out, struct error *err)
{
	struct slice rest = { text, n }, line = { text, 0 };

	while (lines_next(&rest, &line) && line.n == 0)
		;
	if (line.n == 0)
		*out = ANSWER_RELOAD_STARTED;
	else if (slice_is(line, "Success=1"))
		*out = ANSWER_RELOAD_DONE;
	else if (slice_is(line, "Success=0"))
		*out = ANSWER_RELOAD_REFUSED;
	else
		return error_set(err, ERR_INVALID, "unexpected answer to 'reload': '%.*s'",
			(int)(line.n < 80 ? line.n : 80), line.p);
	return 0;
}

/* "proc.lockstep: type=str value=<...>" */
static bool marker_line(struct slice line, struct answer_info *info)
{
	static const char before[] = "value=<";
	const char *p = memmem(line.p, line.n, before, sizeof(before) - 1);
	size_t n;

	if (!p || line.p[line.n - 1] != '>')
		return false;
	p += sizeof(before) - 1;
	if (p >= line.p + line.n)
		return false;
	n = (size_t)(line.p + line.n - 1 - p);
	if (n >= sizeof(info->marker))
		return false;
	memcpy(info->marker, p, n);
	info->marker[n] = '\0';
	return true;
}

int answer_info(const char *text, size_t n, struct answer_info *out, struct error *err)
{
	struct slice rest = { text, n }, line;
	struct answer_info info = { 0 };
	int64_t v;

	while (lines_next(&rest, &line)) {
		struct slice words = line, key, value;

		if (slice_starts(line, "proc.lockstep:") && !marker_line(line, &info))
			return error_set(err, ERR_INVALID, "unexpected value of proc.lockstep: '%.*s'",
				(int)(line.n < 80 ? line.n : 80), line.p);
		if (!lines_word(&words, &key) || !lines_word(&words, &value))
			continue;
		if (slice_is(key, "Pid:") && slice_number(value, PID_MAX, &v))
			info.pid = v;
		else if (slice_is(key, "Stopping:") && slice_number(value, COUNT_MAX, &v))
			info.stopping = v != 0;
		else if (slice_is(key, "Version:") && value.n < sizeof(info.version))
			memcpy(info.version, value.p, value.n);
	}
	if (info.pid == 0)
		return error_set(err, ERR_INVALID, "no 'Pid:' in the answer to 'show info': is this the "
						   "stats socket?");
	*out = info;
	return 0;
}

enum { COLUMN_BACKEND, COLUMN_NAME, COLUMN_ADDRESS, COLUMN_PORT, COLUMN_FQDN, COLUMNS };

/* "# be_id be_name ...": where each column stands; later versions may add some. */
static bool server_columns(struct slice line, size_t at[COLUMNS])
{
	static const char *const names[COLUMNS] = { "be_name", "srv_name", "srv_addr", "srv_port",
		"srv_fqdn" };
	struct slice word;
	bool seen[COLUMNS] = { false };
	size_t found = 0;

	if (!lines_word(&line, &word) || !slice_is(word, "#"))
		return false;
	for (size_t i = 0; lines_word(&line, &word); i++) {
		for (size_t c = 0; c < COLUMNS; c++) {
			if (!slice_is(word, names[c]))
				continue;
			if (seen[c])
				return false;
			seen[c] = true;
			at[c] = i;
			found++;
		}
	}
	return found == COLUMNS;
}

static bool server_line(struct slice line, const size_t at[COLUMNS], struct arena *a,
	struct answer_server *s)
{
	struct slice word, cell[COLUMNS] = { { NULL, 0 } };
	int64_t port;

	for (size_t i = 0; lines_word(&line, &word); i++)
		for (size_t c = 0; c < COLUMNS; c++)
			if (at[c] == i)
				cell[c] = word;
	for (size_t c = 0; c < COLUMNS; c++)
		if (!cell[c].p)
			return false;
	if (!slice_number(cell[COLUMN_PORT], 65535, &port))
		return false;
	s->backend = arena_strndup(a, cell[COLUMN_BACKEND].p, cell[COLUMN_BACKEND].n);
	s->name = arena_strndup(a, cell[COLUMN_NAME].p, cell[COLUMN_NAME].n);
	s->address = arena_strndup(a, cell[COLUMN_ADDRESS].p, cell[COLUMN_ADDRESS].n);
	s->fqdn = slice_is(cell[COLUMN_FQDN], "-") ?
			  NULL :
			  arena_strndup(a, cell[COLUMN_FQDN].p, cell[COLUMN_FQDN].n);
	s->port = (int)port;
	return true;
}

int answer_servers(const char *text, size_t n, struct arena *a, struct answer_servers *out,
	struct error *err)
{
	struct slice rest = { text, n }, line = { NULL, 0 };
	struct answer_servers list = { NULL, 0 };
	size_t at[COLUMNS] = { 0 }, most = 0;

	if (memchr(text, '\0', n) || !lines_next(&rest, &line) || !slice_is(line, "1"))
		return error_set(err, ERR_INVALID, "unknown format of 'show servers state'");
	if (!lines_next(&rest, &line) || !server_columns(line, at))
		return error_set(err, ERR_INVALID, "unknown columns in 'show servers state'");
	for (size_t i = 0; i < rest.n; i++)
		most += rest.p[i] == '\n';
	if (most + 1 > SERVERS_MAX)
		return error_set(err, ERR_INVALID, "more than %d lines in 'show servers state'", SERVERS_MAX);
	list.items = arena_alloc(a, (most + 1) * sizeof(*list.items));
	while (lines_next(&rest, &line)) {
		if (line.n == 0)
			continue;
		if (!server_line(line, at, a, &list.items[list.n]))
			return error_set(err, ERR_INVALID, "unexpected line in 'show servers state': '%.*s'",
				(int)(line.n < 80 ? line.n : 80), line.p);
		list.n++;
	}
	*out = list;
	return 0;
}
