/*
 * main.c - lockstep-agent: its command line
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/agent_daemon.h"
#include "agent/render_cli.h"
#include "agent/view/view.h"
#include "lib/base/log.h"
#include "lib/base/str.h"

#include <stdio.h>
#include <stdlib.h>

#define EXIT_USAGE 2

static const char usage[] =
	"usage: lockstep-agent FILE.yml                  run the agent\n"
	"       lockstep-agent --check-config FILE.yml   read the file and compile its templates, no more\n"
	"       lockstep-agent --dump-settings FILE.yml  print what is in force, as YAML\n"
	"       lockstep-agent --render [--service ID] [--state STATE.json] [--out FOLDER] FILE.yml\n"
	"                                                print the files that it would make, touch nothing; the state\n"
	"                                                is as GET /state gives it ('-': standard input), or ZooKeeper's\n"
	"       lockstep-agent --version | --help\n"
	"Every setting: docs/configuration.md.  SIGTERM or SIGINT stops the agent; HAProxy keeps serving.\n";

enum mode { MODE_RUN, MODE_CHECK, MODE_DUMP, MODE_RENDER };

struct options {
	enum mode mode;
	const char *file;
	struct render_options render;
};

static int usage_error(const char *what, const char *arg)
{
	fprintf(stderr, "lockstep-agent: %s '%s'\n%s", what, arg, usage);
	return EXIT_USAGE;
}

/* Where the value of this option goes; NULL: it is none. */
static const char **value_of(struct options *opt, const char *arg)
{
	if (str_eq(arg, "--service"))
		return &opt->render.service;
	if (str_eq(arg, "--state"))
		return &opt->render.state_file;
	return str_eq(arg, "--out") ? &opt->render.out : NULL;
}

static bool mode_of(struct options *opt, const char *arg)
{
	static const char *const names[] = { [MODE_CHECK] = "--check-config", [MODE_DUMP] = "--dump-settings",
		[MODE_RENDER] = "--render" };

	for (size_t i = MODE_CHECK; i < ARRAY_LEN(names); i++)
		if (str_eq(arg, names[i])) {
			opt->mode = (enum mode)i;
			return true;
		}
	return false;
}

/* -1: go on; else the status to exit with. */
static int parse_args(int argc, char **argv, struct options *opt)
{
	const char *needs_render = NULL, **value;

	for (int i = 1; i < argc; i++) {
		if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h")) {
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		}
		if (str_eq(argv[i], "--version")) {
			printf("lockstep-agent %s (%s)\n", LOCKSTEP_VERSION, LOCKSTEP_BUILD);
			return EXIT_SUCCESS;
		}
		value = value_of(opt, argv[i]);
		if (value != NULL && (i + 1 == argc || *argv[i + 1] == '\0'))
			return usage_error("a value is missing behind", argv[i]);
		if (value != NULL) {
			needs_render = argv[i];
			*value = argv[++i];
		} else if (mode_of(opt, argv[i])) {
			continue;
		} else if (argv[i][0] == '-' || opt->file != NULL) {
			return usage_error("unexpected argument", argv[i]);
		} else {
			opt->file = argv[i];
		}
	}
	if (needs_render != NULL && opt->mode != MODE_RENDER)
		return usage_error("only with --render:", needs_render);
	if (opt->file == NULL) {
		fprintf(stderr, "lockstep-agent: which YAML file?\n%s", usage);
		return EXIT_USAGE;
	}
	return -1;
}

/* To standard error, as a compiler says it. */
static void print_notes(const char *file, const struct settings_report *rep)
{
	for (size_t i = 0; i < rep->n; i++)
		fprintf(stderr, "%s:%d: %s%s\n", file, rep->notes[i].line, rep->notes[i].error ? "" : "warning: ",
			rep->notes[i].text);
	if (rep->errors + rep->warnings > rep->n)
		fprintf(stderr, "%s: and %zu more\n", file, rep->errors + rep->warnings - rep->n);
}

static void log_notes(const char *file, const struct settings_report *rep)
{
	for (size_t i = 0; i < rep->n; i++)
		log_at(rep->notes[i].error ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, NULL, "setting", "file", file, "line",
			log_int(rep->notes[i].line), "text", rep->notes[i].text, (char *)NULL);
}

static void print_templates(const struct agent_conf *c, const struct template_list *list, const char *what)
{
	char word[64];

	for (size_t i = 0; i < list->n; i++) {
		const struct template_conf *t = &list->items[i];
		const struct template_source src = { .filename = t->filename, .output = (enum template_output)t->output };

		printf("%s: output %s, %s", t->filename,
			settings_word(OUTPUT_WORDS, (int)renderer_output(&src, (enum template_level)c->level), word), what);
		if (t->shards > 1)
			printf(", %d shards", t->shards);
		putchar('\n');
	}
}

static int check(const struct options *opt, const struct agent_conf *conf)
{
	char word[64];

	printf("%s is valid\n", opt->file);
	printf("templates are rendered at level %s", settings_word(LEVEL_WORDS, conf->level, word));
	if (conf->partials.n > 0)
		printf(", with %zu partials", conf->partials.n);
	putchar('\n');
	print_templates(conf, &conf->templates, "a file for each service");
	print_templates(conf, &conf->collected, "a fragment for each service");
	print_templates(conf, &conf->group, "one template for the group");
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int dump(const struct agent_conf *conf)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	agent_conf_dump(conf, &text);
	return fputs(buf_cstr(&text), stdout) >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const struct agent_conf *conf, const struct agent_parts *parts)
{
	struct error err = ERROR_INIT;

	log_set_level(conf->daemon.log_level);
	if (agent_daemon_run(conf, parts, &err) == 0)
		return EXIT_SUCCESS;
	log_error(NULL, "cannot start", "reason", err.text);
	return EXIT_FAILURE;
}

static int act(const struct options *opt)
{
	AUTO(settings_report_release) struct settings_report rep = SETTINGS_REPORT_INIT;
	AUTO(agent_conf_free) struct agent_conf *conf = NULL;
	AUTO(agent_parts_free) struct agent_parts *parts = NULL;
	struct error err = ERROR_INIT;
	int rc = agent_conf_load(opt->file, &conf, &rep, &err);

	if (rc == 0)
		rc = agent_parts_new(conf, &parts, &rep, &err);
	if (opt->mode == MODE_RUN)
		log_notes(opt->file, &rep);
	else
		print_notes(opt->file, &rep);
	if (rc != 0) {
		if (opt->mode == MODE_RUN)
			log_error(NULL, "cannot start", "reason", err.text);
		else if (rep.errors == 0) /* else it is among the notes */
			fprintf(stderr, "%s: %s\n", opt->file, err.text);
		return EXIT_FAILURE;
	}
	switch (opt->mode) {
	case MODE_CHECK:
		return check(opt, conf);
	case MODE_DUMP:
		return dump(conf);
	case MODE_RENDER:
		return render_cli_run(conf, parts, &opt->render);
	case MODE_RUN:
		break;
	}
	return run(conf, parts);
}

int main(int argc, char **argv)
{
	struct options opt = { .mode = MODE_RUN };
	int rc;

	/* The agent runs itself so, to prove files that are not live yet. */
	if (argc > 1 && str_eq(argv[1], "view"))
		return view_main(argc - 1, argv + 1);
	rc = parse_args(argc, argv, &opt);
	return rc >= 0 ? rc : act(&opt);
}
