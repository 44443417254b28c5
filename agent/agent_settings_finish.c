/*
 * agent_settings_finish.c - what follows from the agent's settings, and what they must not be together
 *
 * Layer: agent.  Threads: no state; reads the template files.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/agent_settings_internal.h"

#include "agent/core/layout.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

#include <stdio.h>
#include <string.h>

#define TEMPLATE_BYTES_MAX (1024u * 1024u)

struct finish {
	struct agent_conf *c;
	const char *name;
	const struct yaml_node *root;
	struct settings_report *rep;
	struct error *err;
};

static int refuse(struct finish *f, const char *key, const char *text)
{
	return settings_refuse(f->rep, f->err, f->name, yaml_line(f->root, key), key, "%s", text);
}

static void warn(struct finish *f, const char *key, const char *text)
{
	if (f->rep)
		settings_note(f->rep, false, yaml_line(f->root, key), "%s: %s", key, text);
}

/* An element of a list, in messages: its key and its line. */
struct place {
	char key[96];
	int line;
};

static struct place place_of(struct finish *f, const char *list, size_t i, const char *key)
{
	const struct yaml_node *node = yaml_get(f->root, list);
	struct place p = { "", 1 };
	char *end = p.key;

	ASSERT(node && node->kind == YAML_LIST && i < node->n);
	p.line = node->items[i].line;
	for (size_t k = 0; k < node->items[i].value->n; k++)
		if (str_eq(node->items[i].value->items[k].key, key))
			p.line = node->items[i].value->items[k].line;
	end += snprintf(p.key, sizeof(p.key), "%s[%zu].%s", list, i, key);
	ASSERT(end < p.key + sizeof(p.key));
	return p;
}

static int refuse_at(struct finish *f, const struct place *p, const char *text)
{
	return settings_refuse(f->rep, f->err, f->name, p->line, p->key, "%s", text);
}

/* Java forgives a leading slash. */
static int finish_filename(struct finish *f, const struct place *p, const char **filename,
	enum layout_kind *kind_out)
{
	struct error why = ERROR_INIT;

	*filename += strspn(*filename, "/");
	if (layout_check(*filename, kind_out, &why) != 0)
		return refuse_at(f, p, why.text);
	return 0;
}

/* The folder of the YAML, with its '/', or "". */
static const char *folder_of(struct finish *f)
{
	const char *slash = strrchr(f->name, '/');

	return slash ? arena_strndup(f->c->arena, f->name, (size_t)(slash - f->name) + 1) : "";
}

static int read_template(struct finish *f, const struct place *p, const char *file,
	const char **text_out)
{
	AUTO(buf_release) struct buf data = BUF_INIT;
	struct error why = ERROR_INIT;
	const char *path = file;
	int rc;

	if (*file != '/')
		path = arena_printf(f->c->arena, "%s%s", folder_of(f), file);
	rc = file_read(path, TEMPLATE_BYTES_MAX, &data, &why);
	if (rc == 0 && (!utf8_valid(buf_cstr(&data), data.len) || memchr(buf_cstr(&data), 0, data.len)))
		rc = error_set(&why, ERR_INVALID, "'%s' is no UTF-8 text", path);
	if (rc != 0)
		return refuse_at(f, p, why.text);
	*text_out = arena_strndup(f->c->arena, buf_cstr(&data), data.len);
	return 0;
}

/* `template` or `templateFile`; *text_out stays NULL if neither is given. */
static int finish_text(struct finish *f, const char *list, size_t i, const char *inline_text,
	const char *file, const char **text_out)
{
	struct place p;

	*text_out = inline_text;
	if (!file)
		return 0;
	p = place_of(f, list, i, "templateFile");
	if (inline_text)
		return refuse_at(f, &p, "stands beside 'template': only one of them may");
	return read_template(f, &p, file, text_out);
}

static int finish_templates(struct finish *f)
{
	struct agent_conf *c = f->c;

	for (size_t i = 0; i < c->templates.n; i++) {
		struct template_conf *t = &c->templates.items[i];
		struct place p = place_of(f, "templates", i, "filename");
		enum layout_kind kind;
		int rc = finish_filename(f, &p, &t->filename, &kind);

		if (rc == 0)
			rc = finish_text(f, "templates", i, t->inline_text, t->file, &t->text);
		if (rc == 0 && !t->text && t->named.n == 0)
			rc = refuse_at(f, &p, "has no template, no templateFile and no namedTemplates");
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int finish_collected(struct finish *f)
{
	struct agent_conf *c = f->c;

	for (size_t i = 0; i < c->collected.n; i++) {
		struct collected_conf *t = &c->collected.items[i];
		struct place p = place_of(f, "collectedTemplates", i, "filename");
		enum layout_kind kind = LAYOUT_PLAIN;
		int rc = finish_filename(f, &p, &t->filename, &kind);

		if (rc == 0 && kind != LAYOUT_PLAIN)
			rc = refuse_at(f, &p, "is one file for all services: '%s' may not stand in it");
		if (rc == 0)
			rc = finish_text(f, "collectedTemplates", i, t->inline_text, t->file, &t->text);
		if (rc == 0 && !t->text && t->named.n == 0)
			rc = refuse_at(f, &p, "has no template, no templateFile and no namedTemplates");
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* Two entries for one file would overwrite each other. */
static int refuse_same_files(struct finish *f)
{
	struct agent_conf *c = f->c;
	const char *print = c->lb.haproxy.fingerprint_file;

	for (size_t i = 0; i < c->templates.n + c->collected.n; i++) {
		bool plain = i < c->templates.n;
		size_t at = plain ? i : i - c->templates.n;
		const char *name = plain ? c->templates.items[at].filename :
					   c->collected.items[at].filename;
		bool same = print && str_eq(name, print);
		struct place p;

		for (size_t j = 0; j < i && !same; j++)
			same = str_eq(name, j < c->templates.n ?
						    c->templates.items[j].filename :
						    c->collected.items[j - c->templates.n].filename);
		if (!same)
			continue;
		p = place_of(f, plain ? "templates" : "collectedTemplates", at, "filename");
		return refuse_at(f, &p, "another entry has the same file");
	}
	return 0;
}

static int finish_root_path(struct finish *f)
{
	struct lb_conf *lb = &f->c->lb;
	size_t n = strlen(lb->root_path);

	while (n > 1 && lb->root_path[n - 1] == '/')
		n--;
	if (*lb->root_path != '/' || n == 1)
		return refuse(f, "loadBalancerConfig.rootPath",
			"must be an absolute path, and not '/' itself");
	lb->root_path = arena_strndup(f->c->arena, lb->root_path, n);
	return 0;
}

static int finish_group_name(struct finish *f)
{
	const char *name = f->c->lb.name;

	if (strchr(name, '/') || str_eq(name, ".") || str_eq(name, ".."))
		return refuse(f, "loadBalancerConfig.name", "must be a name, without '/'");
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return refuse(f, "loadBalancerConfig.name", "has a control character");
	return 0;
}

/* Written relative to rootPath, or whole. */
static int finish_fingerprint(struct finish *f)
{
	static const char key[] = "loadBalancerConfig.haproxy.fingerprintFile";
	struct lb_conf *lb = &f->c->lb;
	const char *file = lb->haproxy.fingerprint_key;
	struct error why = ERROR_INIT;
	size_t n = strlen(lb->root_path);
	enum layout_kind kind;

	if (!file)
		return 0;
	if (*file == '/') {
		if (!str_starts(file, lb->root_path) || file[n] != '/')
			return refuse(f, key, "must be below loadBalancerConfig.rootPath");
		file += n + 1;
	}
	if (layout_check(file, &kind, &why) != 0)
		return refuse(f, key, why.text);
	if (kind != LAYOUT_PLAIN)
		return refuse(f, key, "is one file: '%s' may not stand in it");
	lb->haproxy.fingerprint_file = file;
	if (!lb->haproxy.stats_socket)
		warn(f, key, "cannot be read back without statsSocket");
	return 0;
}

static int finish_lb(struct finish *f)
{
	struct lb_conf *lb = &f->c->lb;
	int rc;

	lb->default_domain = lb->default_domain_key ? lb->default_domain_key : lb->domain_key;
	if (lb->limit_worker_count && !lb->worker_count_command)
		warn(f, "loadBalancerConfig.limitWorkerCount", "has no effect without workerCountCommand");
	rc = finish_group_name(f);
	if (rc == 0)
		rc = finish_root_path(f);
	if (rc == 0)
		rc = finish_fingerprint(f);
	if (rc == 0 && !lb->reload_command && !lb->haproxy.master_socket)
		rc = refuse(f, "loadBalancerConfig.reloadConfigCommand",
			"is required, unless haproxy.masterSocket is set");
	return rc;
}

/* As printf(format, host, port, context path); daemon_format_ok() has seen the format. */
static void put_base_uri(struct buf *out, const char *format, const struct daemon_conf *d)
{
	int arg = 0;

	for (const char *p = format; *p; p++) {
		if (*p != '%') {
			buf_char(out, *p);
		} else if (*++p == '%') {
			buf_char(out, '%');
		} else {
			arg++;
			if (arg == 2)
				buf_printf(out, "%d", d->port);
			else
				buf_str(out, arg == 1 ? d->host : d->context_path);
		}
	}
}

static int finish_formats(struct finish *f)
{
	AUTO(buf_release) struct buf uri = BUF_INIT;
	struct agent_conf *c = f->c;

	if (!daemon_format_ok(c->base_url_template, "sds", true))
		return refuse(f, "baseUrlTemplate",
			"may have '%s' (host), '%d' (port), '%s' (context path) in this order only");
	put_base_uri(&uri, c->base_url_template, &c->daemon);
	c->base_uri = arena_strdup(c->arena, buf_cstr(&uri));
	c->agent_id = arena_printf(c->arena, "%s:%d", c->daemon.host, c->daemon.port);
	return 0;
}

int agent_conf_finish(struct agent_conf *c, const char *name, const struct yaml_node *root,
	struct settings_report *rep, struct error *err)
{
	struct finish f = { c, name, root, rep, err };
	int rc;

	if (!c->visible_to_service)
		return refuse(&f, "visibleToBaragonService", "may only be true: every agent registers");
	if (c->templates.n == 0 && c->collected.n == 0)
		warn(&f, "templates", "there are none, and no collectedTemplates: no file is rendered");
	rc = finish_lb(&f);
	if (rc == 0)
		rc = finish_templates(&f);
	if (rc == 0)
		rc = finish_collected(&f);
	if (rc == 0)
		rc = refuse_same_files(&f);
	if (rc == 0)
		rc = finish_formats(&f);
	return rc;
}
