/*
 * prove.c - the stage that asks the operator's check command about the would-be files
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/apply_internal.h"
#include "agent/view/view.h"
#include "agent/haproxy/config.h"
#include "agent/haproxy/proof.h"
#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

void blame_add(struct report *r, const char *service_id, const char *message)
{
	struct blame *grown;

	for (size_t i = 0; i < r->n_blames; i++)
		if (str_eq(r->blames[i].service_id, service_id))
			return;
	grown = xrealloc(r->blames, (r->n_blames + 1) * sizeof(*grown));
	grown[r->n_blames].service_id = arena_strdup(r->arena, service_id);
	grown[r->n_blames].message = arena_strdup(r->arena, message);
	r->blames = grown;
	r->n_blames++;
}

/* A path as the command wrote it, as a name below rootPath; NULL: not below. */
static const char *below_root(const struct apply *a, const char *path)
{
	const char *const roots[] = { a->root, a->opt.root_path };

	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		size_t n = strlen(roots[i]);

		while (n > 1 && roots[i][n - 1] == '/')
			n--;
		if (strncmp(path, roots[i], n) == 0 && path[n] == '/')
			return path + n + 1;
	}
	return *path == '/' ? NULL : path;
}

/* A relative path was written from some working folder: any of our files that ends so. */
static const char *owner_of(const struct apply *a, const struct proof_mark *mark)
{
	const struct fileset *fs = a->plan->fileset;
	const char *name = below_root(a, mark->file);
	const char *owner;

	if (!name)
		return NULL;
	owner = fileset_owner(fs, name, mark->line);
	for (size_t i = 0; !owner && *mark->file != '/' && i < fs->n; i++)
		if (str_ends(fs->files[i].path, name) || str_ends(name, fs->files[i].path))
			owner = fileset_owner(fs, fs->files[i].path, mark->line);
	return owner;
}

static const char *owner_of_name(const struct apply *a, const struct config *c, const char *name)
{
	const struct config_section *s = config_find(c, name);

	return s ? fileset_owner(a->plan->fileset, s->file, s->line) : NULL;
}

static struct config *read_plan(const struct plan *p)
{
	struct config *c = config_new();

	for (size_t i = 0; i < p->n; i++)
		config_add(c, p->files[i].name, p->files[i].data, p->files[i].size);
	return c;
}

static bool is_suspect(const struct work_item *item, const char *id)
{
	for (size_t i = 0; i < item->n_suspects; i++)
		if (str_eq(item->suspects[i], id))
			return true;
	return false;
}

/* What this batch changes is to blame before what stood already. */
static void suspects_first(const struct work_item *item, struct report *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n_blames; i++)
		if (is_suspect(item, r->blames[i].service_id))
			r->blames[kept++] = r->blames[i];
	if (kept > 0)
		r->n_blames = kept;
}

void blame_output(struct apply *a, const char *output, size_t n)
{
	struct arena *arena = arena_new();
	struct proof_marks marks;
	struct config *config = NULL;
	const char *headline = proof_headline(output, n, arena);

	proof_marks(output, n, arena, &marks);
	for (size_t i = 0; i < marks.n; i++) {
		const char *owner;

		if (!marks.items[i].file && !config)
			config = read_plan(a->plan);
		owner = marks.items[i].file ? owner_of(a, &marks.items[i]) :
					      owner_of_name(a, config, marks.items[i].name);
		if (owner)
			blame_add(a->report, owner, marks.items[i].message);
	}
	suspects_first(a->item, a->report);
	if (a->report->n_blames == 0 && a->item->n_suspects == 1)
		blame_add(a->report, a->item->suspects[0], headline ? headline : "the check command refused it");
	config_free(&config);
	free(marks.items);
	arena_free(&arena);
}

static int judge(struct apply *a, const struct proc_result *res, struct error *err)
{
	struct arena *arena;
	const char *headline;

	if (res->exit_status == 0 && !res->timed_out)
		return 0;
	if (a->view && res->exit_status == VIEW_EXIT_FAILED &&
		str_starts(buf_cstr(&res->output), VIEW_PREFIX))
		return error_set(err, ERR_SYSTEM, "%.200s", buf_cstr(&res->output));
	report_detail(a->report, buf_cstr(&res->output), res->output.len);
	if (res->timed_out)
		return error_set(err, ERR_REFUSED, "the check command did not end in time");
	blame_output(a, buf_cstr(&res->output), res->output.len);
	arena = arena_new();
	headline = proof_headline(buf_cstr(&res->output), res->output.len, arena);
	if (res->signal)
		error_set(err, ERR_REFUSED, "the check command was ended by signal %d", res->signal);
	else
		error_set(err, ERR_REFUSED, "the check command ended with %d: %s", res->exit_status,
			headline ? headline : "no output");
	arena_free(&arena);
	return ERR_REFUSED;
}

static size_t words_count(char *const *words)
{
	size_t n = 0;

	while (words && words[n])
		n++;
	return n;
}

static int check_in_view(struct apply *a, struct proc_result *res, struct error *err)
{
	const char *const *before = apply_view_argv(a);
	AUTO(xfree_p) char *stage = apply_home_path(a, "stage", NULL);
	AUTO(xfree_p) char *hide = apply_home_path(a, "hide", NULL);
	AUTO(xfree_p) char *work = apply_home_path(a, "view", NULL);
	const char *const own[] = { "--root", a->root, "--stage", stage, "--hide", hide, "--work", work, "--" };
	size_t n = 0, n_check = words_count(a->check);
	AUTO(xfree_p) const char **argv = NULL;

	while (before[n])
		n++;
	argv = xcalloc(n + ARRAY_LEN(own) + n_check + 1, sizeof(*argv));
	memcpy(argv, before, n * sizeof(*argv));
	memcpy(argv + n, own, sizeof(own));
	n += ARRAY_LEN(own);
	for (size_t i = 0; i < n_check; i++)
		argv[n + i] = a->check[i];
	return command_run(a, "checkConfigCommand", argv, res, err);
}

/* Without a private view: with the files in place for as long as the command runs. */
static int check_in_place(struct apply *a, struct proc_result *res, struct error *err)
{
	bool changed = a->report->changed;
	int rc;

	rc = publish_run(a, err);
	if (rc == 0)
		rc = command_run(a, "checkConfigCommand", (const char *const *)a->check, res, err);
	publish_undo(a);
	a->idle = false;
	if (rc == 0 && !a->report->undone)
		return error_set(err, ERR_SYSTEM, "%s", a->report->error.text);
	a->report->changed = changed;
	return rc;
}

static bool must_prove(const struct apply *a)
{
	const struct work_item *item = a->item;

	if (a->plan->proved || !a->check)
		return false;
	return apply_changes_files(a->plan) || item->force_reload;
}

int prove_run(struct apply *a, struct error *err)
{
	struct proc_result res = { .output = BUF_INIT };
	int rc;

	rc = apply_changes_files(a->plan) || must_prove(a) ? publish_stage(a, err) : 0;
	if (rc != 0 || !must_prove(a)) {
		a->idle = true;
		a->plan->proved = rc == 0;
		return rc;
	}
	rc = a->view ? check_in_view(a, &res, err) : check_in_place(a, &res, err);
	if (rc == 0)
		rc = judge(a, &res, err);
	proc_result_release(&res);
	a->plan->proved = rc == 0;
	return rc;
}
