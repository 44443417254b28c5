/*
 * render_cli.c - lockstep-agent --render: the files that an agent would make, shown and not put anywhere
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/render_cli.h"

#include "agent/render_live.h"
#include "agent/core/mapkeys.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STATE_BYTES_MAX ((size_t)32 << 20) /* of one JSON text */
#define FOLDER_MODE 0755
#define READ_BYTES 65536

static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void say(const char *fmt, ...)
{
	va_list ap;

	fputs("lockstep-agent: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* --- the state --- */

void render_input_release(struct render_input *in)
{
	for (size_t i = 0; i < in->n; i++)
		target_service_unref(&in->services[i]);
	for (size_t i = 0; i < in->n_blames; i++) {
		free(in->blames[i].service);
		free(in->blames[i].reason);
	}
	free(in->services);
	free(in->blames);
	*in = (struct render_input){ .group = in->group };
}

void render_input_add(struct render_input *in, const struct service_state *s)
{
	if (s->service == NULL || !strings_have(&s->service->groups, in->group))
		return;
	GROW(in->services, in->n, in->cap);
	in->services[in->n++] = target_service_new(s);
}

void render_input_blame(struct render_input *in, const char *service, const char *reason)
{
	GROW(in->blames, in->n_blames, in->cap_blames);
	in->blames[in->n_blames++] = (struct render_blame){ xstrdup(service), xstrdup(reason) };
}

int render_input_parse(struct render_input *in, const char *text, size_t n, struct error *err)
{
	struct arena *a = arena_new();
	struct records list = { NULL, 0 };
	const struct service_state *states;
	int rc = record_decode_list(&service_state_record, text, n, a, &list, err);

	states = list.items;
	for (size_t i = 0; rc == 0 && i < list.n; i++)
		if (states[i].service == NULL)
			rc = error_set(err, ERR_INVALID, "[%zu].service: may not be null", i);
	for (size_t i = 0; rc == 0 && i < list.n; i++)
		render_input_add(in, &states[i]);
	arena_free(&a);
	return rc;
}

static int read_stdin(struct buf *out, struct error *err)
{
	char bytes[READ_BYTES];
	size_t n;

	while ((n = fread(bytes, 1, sizeof(bytes), stdin)) > 0) {
		if (out->len + n > STATE_BYTES_MAX)
			return error_set(err, ERR_INVALID, "standard input: is larger than %zu bytes", STATE_BYTES_MAX);
		buf_append(out, bytes, n);
	}
	return ferror(stdin) ? error_errno(err, errno, "standard input") : 0;
}

static int read_state(const struct agent_conf *conf, const struct render_options *opt, struct render_input *in,
	struct error *err)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	int rc;

	if (opt->state_file == NULL)
		return render_live(conf, in, err);
	rc = str_eq(opt->state_file, "-") ? read_stdin(&text, err) : file_read(opt->state_file, STATE_BYTES_MAX, &text, err);
	if (rc != 0)
		return rc;
	rc = render_input_parse(in, buf_cstr(&text), text.len, err);
	if (rc != 0)
		error_in(err, "%s", opt->state_file);
	return rc;
}

/* --- the files --- */

static bool is_own(const struct render_blame *b, const char *service)
{
	return service == NULL || str_eq(b->service, service);
}

/* Every service that is wrong is said. */
static int build(const struct agent_parts *parts, const struct render_input *in, const char *service, struct arena *a,
	struct strings *idle_out, struct fileset **fs_out)
{
	const struct service_state **states = xcalloc(in->n + 1, sizeof(*states));
	struct fileset_blames blames = FILESET_BLAMES_INIT;
	struct error err = ERROR_INIT;
	size_t n = 0, broken = 0;
	struct timespec now;
	int rc;

	for (size_t i = 0; i < in->n; i++)
		if (service == NULL || str_eq(in->services[i]->id, service))
			states[n++] = &in->services[i]->state;
	for (size_t i = 0; i < in->n_blames; i++)
		if (is_own(&in->blames[i], service)) {
			say("service '%s': %s", in->blames[i].service, in->blames[i].reason);
			broken++;
		}
	clock_gettime(CLOCK_REALTIME, &now);
	rc = fileset_build(parts->renderer, NULL, states, NULL, n, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
		fs_out, &blames, &err);
	*idle_out = mapkeys_idle(states, n, a);
	for (size_t i = 0; i < blames.n; i++)
		say("service '%s': %s", blames.items[i].service_id, blames.items[i].message);
	if (rc != 0 && blames.n == 0)
		say("%s", err.text);
	if (rc == 0 && n == 0 && broken == 0 && service != NULL)
		say("there is no service '%s' in group '%s'", service, in->group);
	fileset_blames_release(&blames);
	free(states);
	return rc != 0 || broken > 0 || (n == 0 && service != NULL) ? EXIT_FAILURE : EXIT_SUCCESS;
}

bool render_cli_part(const struct fileset_file *f, const char *service, struct buf *out)
{
	size_t before = out->len;

	if (service != NULL && f->scope == SCOPE_GROUP)
		return false;
	for (size_t i = 0; i < f->n_pieces; i++)
		if (service == NULL || f->scope == SCOPE_SERVICE || str_eq(f->pieces[i].owner, service))
			buf_append(out, f->pieces[i].data, f->pieces[i].size);
	return service == NULL || f->scope == SCOPE_SERVICE || out->len > before;
}

static int print(const char *path, const struct buf *text)
{
	bool open = text->len > 0 && text->data[text->len - 1] != '\n';

	printf("==> %s <==\n", path);
	fwrite(buf_cstr(text), 1, text->len, stdout);
	if (open)
		putchar('\n');
	return ferror(stdout) ? -1 : 0;
}

static int write_below(const char *folder, const struct fileset_file *f, const struct buf *text, struct error *err)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", folder, f->path);
	char *slash = strrchr(path, '/');
	int rc;

	*slash = '\0';
	rc = file_make_dirs_unsynced(path, FOLDER_MODE, err);
	*slash = '/';
	return rc != 0 ? rc : file_write_unsynced(path, buf_cstr(text), text->len, f->mode, err);
}

static int put(const struct fileset *fs, const struct strings *idle, struct arena *a, const struct render_options *opt)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct error err = ERROR_INIT;
	int rc = opt->out != NULL ? file_make_dirs_unsynced(opt->out, FOLDER_MODE, &err) : 0;

	for (size_t i = 0; rc == 0 && i < fs->n; i++) {
		const char *yielded;

		buf_clear(&text);
		if (!render_cli_part(&fs->files[i], opt->service, &text))
			continue;
		yielded = mapkeys_yielded(&fs->files[i], idle, a);
		if (yielded != NULL) {
			buf_clear(&text);
			buf_append(&text, yielded, fs->files[i].size);
		}
		rc = opt->out != NULL ? write_below(opt->out, &fs->files[i], &text, &err) : print(fs->files[i].path, &text);
	}
	if (rc != 0 && opt->out != NULL)
		say("%s", err.text);
	if (opt->out == NULL && (rc != 0 || fflush(stdout) != 0)) {
		say("standard output: %s", strerror(errno));
		rc = -1;
	}
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- the command --- */

/* Links followed; of the nearest folder above that exists. From libc's malloc. */
static char *real_place(const char *path)
{
	AUTO(xfree_p) char *p = xstrdup(path);
	char *slash, *real = realpath(p, NULL);

	while (real == NULL && (slash = strrchr(p, '/')) != NULL) {
		*slash = '\0';
		real = realpath(slash != p ? p : "/", NULL);
	}
	return real != NULL ? real : realpath(".", NULL);
}

static bool is_below(const char *path, const char *folder)
{
	char *place = real_place(path), *root = realpath(folder, NULL);
	size_t n = root != NULL ? strlen(root) : 0;
	bool below = root != NULL && place != NULL && str_starts(place, root) && (place[n] == '/' || place[n] == '\0');

	free(place);
	free(root);
	return below;
}

static int check_out(const char *folder, const char *root_path, struct error *err)
{
	char **names = NULL;
	size_t n = 0;
	int rc = file_list(folder, &names, &n, err); /* none if it is not there */

	file_list_free(&names, n);
	if (rc == 0 && n > 0)
		return error_set(err, ERR_INVALID, "folder '%s' is not empty", folder);
	if (rc == 0 && is_below(folder, root_path))
		return error_set(err, ERR_INVALID, "folder '%s' is in rootPath, where only the agent writes", folder);
	return rc;
}

static int render(const struct agent_conf *conf, const struct agent_parts *parts, const struct render_options *opt,
	struct render_input *in)
{
	AUTO(fileset_free) struct fileset *fs = NULL;
	AUTO(arena_free) struct arena *a = arena_new();
	struct strings idle;
	struct error err = ERROR_INIT;
	int rc = opt->out != NULL ? check_out(opt->out, conf->lb.root_path, &err) : 0;

	if (rc == 0)
		rc = read_state(conf, opt, in, &err);
	if (rc != 0) {
		say("%s", err.text);
		return EXIT_FAILURE;
	}
	rc = build(parts, in, opt->service, a, &idle, &fs);
	return rc == EXIT_SUCCESS ? put(fs, &idle, a, opt) : rc;
}

int render_cli_run(const struct agent_conf *conf, const struct agent_parts *parts, const struct render_options *opt)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct render_input in = { .group = conf->lb.name };
	int status;

	sigaction(SIGPIPE, &ignore, NULL); /* who has stopped reading is told as other errors are */
	status = render(conf, parts, opt, &in);
	render_input_release(&in);
	return status;
}
