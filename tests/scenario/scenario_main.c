/*
 * scenario_main.c - runs the scenarios: as told, with a fault at every point, with rules switched off, and at random
 *
 *	scenario plain FILE...              each as it is told
 *	scenario points EVERY FILE...       each again with every fault at every store operation and every call; with
 *	                                    EVERY = n only each n-th of these runs
 *	scenario random COUNT SECONDS SEED  seeded random histories
 *	scenario rules FILE...              each rule off: something must break
 *	scenario one FILE [SEED]            one, with its story
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/scenario/history.h"
#include "lib/base/str.h"
#include "tests/scenario/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct rules rules_on = RULES_ON;

static struct script *load(const char *path)
{
	struct script *s;
	struct error err = ERROR_INIT;

	if (script_load(path, &s, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(2);
	}
	return s;
}

static bool run_one(const struct script *s, uint64_t seed, const struct rules *rules, const struct fault *fault, bool expectations,
	bool story, uint64_t *ops, uint64_t *calls, char broken[512])
{
	struct world *w = world_new(seed, rules);
	bool ok;

	if (fault != NULL)
		w->fault = *fault;
	ok = script_run(s, w, expectations);
	if (ops != NULL)
		*ops = w->ops;
	if (calls != NULL)
		*calls = w->calls;
	snprintf(broken, 512, "%s", w->broken);
	if (story)
		fputs(buf_cstr(&w->story), stdout);
	world_free(&w);
	return ok;
}

static int plain(int n, char **files)
{
	int failed = 0;

	for (int i = 0; i < n; i++) {
		struct script *s = load(files[i]);
		char broken[512];

		for (uint64_t seed = 1; seed <= 5; seed++) {
			if (run_one(s, seed, &rules_on, NULL, true, false, NULL, NULL, broken))
				continue;
			failed++;
			printf("FAILED %s (seed %llu): %s\n", files[i], (unsigned long long)seed, broken);
			run_one(s, seed, &rules_on, NULL, true, true, NULL, NULL, broken);
			break;
		}
		script_free(&s);
	}
	printf("scenarios: %d passed, %d failed\n", n - failed, failed);
	return failed != 0;
}

/* --- a fault at every point --------------------------------------------------------------------------------------- */

struct sweep {
	const struct script *s;
	unsigned long every, seen;
	unsigned long runs, failed;
};

static void with_fault(struct sweep *sw, struct fault f)
{
	char broken[512];

	if (sw->seen++ % sw->every != 0)
		return;
	sw->runs++;
	if (run_one(sw->s, 1, &rules_on, &f, false, false, NULL, NULL, broken))
		return;
	sw->failed++;
	printf("FAILED %s with fault %d %s %s %s number %llu: %s\n", sw->s->path, (int)f.kind, f.of_call ? "call" : "operation",
		f.after ? "after" : "before", f.callee ? "callee" : "", (unsigned long long)f.number, broken);
	if (sw->failed == 1)
		run_one(sw->s, 1, &rules_on, &f, false, true, NULL, NULL, broken);
}

static void every_point(struct sweep *sw, uint64_t ops, uint64_t calls)
{
	for (uint64_t i = 1; i <= ops && sw->failed < 5; i++)
		for (int after = 0; after < 2; after++) {
			with_fault(sw, (struct fault){ .kind = FAULT_KILL, .number = i, .after = after });
			with_fault(sw, (struct fault){ .kind = FAULT_CUT, .number = i, .after = after });
		}
	for (uint64_t i = 1; i <= calls && sw->failed < 5; i++) {
		for (int after = 0; after < 2; after++) {
			with_fault(sw, (struct fault){ .kind = FAULT_KILL, .of_call = true, .number = i, .after = after });
			with_fault(sw, (struct fault){ .kind = FAULT_KILL, .of_call = true, .number = i, .after = after, .callee = true });
			with_fault(sw, (struct fault){ .kind = FAULT_CUT, .of_call = true, .number = i, .after = after });
		}
		with_fault(sw, (struct fault){ .kind = FAULT_DOUBLE, .of_call = true, .number = i });
		with_fault(sw, (struct fault){ .kind = FAULT_DELAY, .of_call = true, .number = i });
	}
}

static int points(unsigned long every, int n, char **files)
{
	unsigned long runs = 0, failed = 0, seen = 0;

	for (int i = 0; i < n; i++) {
		struct script *s = load(files[i]);
		struct sweep sw = { .s = s, .every = every, .seen = seen };
		uint64_t ops, calls;
		char broken[512];

		run_one(s, 1, &rules_on, NULL, false, false, &ops, &calls, broken);
		every_point(&sw, ops, calls);
		runs += sw.runs;
		failed += sw.failed;
		seen = sw.seen;
		script_free(&s);
	}
	printf("fault points: %lu passed, %lu failed\n", runs - failed, failed);
	return failed != 0;
}

/* --- rules off ---------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t offset;
} rule_names[] = {
	{ "intent", offsetof(struct rules, intent) }, { "join", offsetof(struct rules, join) }, { "gver", offsetof(struct rules, gver) },
	{ "cas", offsetof(struct rules, cas) }, { "readback", offsetof(struct rules, readback) },
	{ "target", offsetof(struct rules, target) }, { "absent", offsetof(struct rules, absent) },
	{ "known", offsetof(struct rules, known) }, { "leave", offsetof(struct rules, leave) },
};

static bool breaks_something(const struct rules *rules, int n, char **files, char broken[512])
{
	for (int i = 0; i < n; i++) {
		struct script *s = load(files[i]);

		for (uint64_t seed = 1; seed <= 8; seed++) {
			bool ok = run_one(s, seed, rules, NULL, false, false, NULL, NULL, broken);

			if (ok)
				continue;
			printf("  %s (seed %llu)\n", s->path, (unsigned long long)seed);
			script_free(&s);
			return true;
		}
		script_free(&s);
	}
	for (uint64_t seed = 1; seed <= 3000; seed++)
		if (!history_run(seed, rules, false, broken)) {
			printf("  random history, seed %llu\n", (unsigned long long)seed);
			return true;
		}
	return false;
}

static int rules_off(int n, char **files)
{
	unsigned passed = 0, failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(rule_names); i++) {
		struct rules rules = rules_on;
		char broken[512] = "";

		*(bool *)(void *)((char *)&rules + rule_names[i].offset) = false;
		printf("without %s:\n", rule_names[i].name);
		if (breaks_something(&rules, n, files, broken)) {
			printf("  %s\n", broken);
			passed++;
		} else {
			printf("  FAILED: nothing breaks\n");
			failed++;
		}
	}
	printf("rules: %u passed, %u failed\n", passed, failed);
	return failed != 0;
}

static int64_t number(const char *text, int64_t least)
{
	int64_t n;

	if (str_to_i64(text, least, INT64_MAX, &n))
		return n;
	fprintf(stderr, "scenario: '%s' is no number from %lld on\n", text, (long long)least);
	exit(2);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc >= 3 && strcmp(argv[1], "plain") == 0)
		return plain(argc - 2, argv + 2);
	if (argc >= 4 && strcmp(argv[1], "points") == 0)
		return points((unsigned long)number(argv[2], 1), argc - 3, argv + 3);
	if (argc >= 3 && strcmp(argv[1], "rules") == 0)
		return rules_off(argc - 2, argv + 2);
	if (argc == 5 && strcmp(argv[1], "random") == 0)
		return history_many((unsigned long)number(argv[2], 0), (unsigned)number(argv[3], 0), (uint64_t)number(argv[4], 0));
	if (argc == 3 && strcmp(argv[1], "history") == 0) {
		char broken[512];

		return !history_run((uint64_t)number(argv[2], 0), &rules_on, true, broken);
	}
	if (argc >= 3 && strcmp(argv[1], "one") == 0) {
		struct script *s = load(argv[2]);
		char broken[512];
		bool ok = run_one(s, argc > 3 ? (uint64_t)number(argv[3], 0) : 1, &rules_on, NULL, true, true, NULL, NULL, broken);

		script_free(&s);
		return !ok;
	}
	fprintf(stderr, "usage: scenario plain|rules FILE... | points EVERY FILE... | random COUNT SECONDS SEED | one FILE [SEED] | history SEED\n");
	return 2;
}
