/*
 * agent_settings_finish.c - what follows from the agent's settings, and what they must not be together
 *
 * Layer: agent.  Threads: no state; reads template files.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/agent_settings_internal.h"

#include "agent/core/dateformat.h"
#include "agent/core/helpers.h"
#include "agent/core/layout.h"
#include "agent/link/purge.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

#include <string.h>

#define TEXT_BYTES_MAX (1024u * 1024u)

/* --- what went wrong --- */

static void refuse_line(struct finish *f, int line, const char *key, const char *text)
{
	int rc = settings_refuse(f->rep, f->rc == 0 ? f->err : NULL, f->c->name, line, key, "%s", text);

	if (f->rc == 0)
		f->rc = rc;
}

void finish_refuse(struct finish *f, const char *key, const char *text)
{
	refuse_line(f, yaml_line(f->c->root, key), key, text);
}

void finish_refuse_at(struct finish *f, const struct conf_place *p, const char *text)
{
	refuse_line(f, p->line, p->key, text);
}

void finish_warn(struct finish *f, const char *key, const char *text)
{
	if (f->rep)
		settings_note(f->rep, false, yaml_line(f->c->root, key), "%s: %s", key, text);
}

/* --- files of the operator's --- */

const char *finish_path(struct finish *f, const char *file)
{
	const char *slash = strrchr(f->c->name, '/');
	size_t folder = slash ? (size_t)(slash - f->c->name) + 1 : 0;

	return *file == '/' ? file : arena_printf(f->c->arena, "%.*s%s", (int)folder, f->c->name, file);
}

int finish_read(struct finish *f, const char *path, const char **text_out, size_t *len_out, struct error *err)
{
	AUTO(buf_release) struct buf data = BUF_INIT;
	int rc = file_read(path, TEXT_BYTES_MAX, &data, err);

	if (rc == 0 && (!utf8_valid(buf_cstr(&data), data.len) || memchr(buf_cstr(&data), 0, data.len)))
		rc = error_set(err, ERR_INVALID, "'%s' is no UTF-8 text", path);
	if (rc != 0)
		return rc;
	*text_out = arena_strndup(f->c->arena, buf_cstr(&data), data.len);
	*len_out = data.len;
	return 0;
}

/* --- the load balancer --- */

static void finish_root_path(struct finish *f)
{
	struct lb_conf *lb = &f->c->lb;
	size_t n = strlen(lb->root_path);

	while (n > 1 && lb->root_path[n - 1] == '/')
		n--;
	if (*lb->root_path != '/' || n == 1)
		finish_refuse(f, "loadBalancerConfig.rootPath", "must be an absolute path, and not '/' itself");
	lb->root_path = arena_strndup(f->c->arena, lb->root_path, n);
}

static void finish_group_name(struct finish *f)
{
	static const char key[] = "loadBalancerConfig.name";
	const char *name = f->c->lb.name;

	if (strchr(name, '/') || str_eq(name, ".") || str_eq(name, ".."))
		finish_refuse(f, key, "must be a name, without '/'");
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f) {
			finish_refuse(f, key, "has a control character");
			return;
		}
}

/* Written relative to rootPath, or whole. */
static void finish_fingerprint(struct finish *f)
{
	static const char key[] = "loadBalancerConfig.haproxy.fingerprintFile";
	struct lb_conf *lb = &f->c->lb;
	const char *file = lb->haproxy.fingerprint_key;
	struct error why = ERROR_INIT;
	size_t n = strlen(lb->root_path);
	enum layout_kind kind = LAYOUT_PLAIN;

	if (!file)
		return;
	if (*file == '/' && (!str_starts(file, lb->root_path) || file[n] != '/')) {
		finish_refuse(f, key, "must be below loadBalancerConfig.rootPath");
		return;
	}
	if (*file == '/')
		file += n + 1;
	if (layout_check(file, &kind, &why) != 0)
		finish_refuse(f, key, why.text);
	else if (kind != LAYOUT_PLAIN)
		finish_refuse(f, key, "is one file: '%s' may not stand in it");
	else
		lb->haproxy.fingerprint_file = file;
	if (!lb->haproxy.stats_socket)
		finish_warn(f, key, "cannot be read back without statsSocket");
}

static void finish_purge(struct finish *f)
{
	const char *format = f->c->purge_format;
	struct error why = ERROR_INIT;

	if (*format != '\0' && purge_check_format(format, &why) != 0)
		finish_refuse(f, "purgeCacheUriFormat", why.text);
}

static void finish_lb(struct finish *f)
{
	struct lb_conf *lb = &f->c->lb;

	lb->default_domain = lb->default_domain_key ? lb->default_domain_key : lb->domain_key;
	if (lb->limit_worker_count && !lb->worker_count_command)
		finish_warn(f, "loadBalancerConfig.limitWorkerCount", "has no effect without workerCountCommand");
	finish_group_name(f);
	finish_root_path(f);
	finish_fingerprint(f);
	if (!lb->reload_command && !lb->haproxy.master_socket)
		finish_refuse(f, "loadBalancerConfig.reloadConfigCommand",
			"is required, unless haproxy.masterSocket is set");
}

/* --- formats --- */

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

static void finish_formats(struct finish *f)
{
	AUTO(buf_release) struct buf uri = BUF_INIT;
	struct agent_conf *c = f->c;
	const char *format = c->base_url_template;
	struct error why = ERROR_INIT;

	if (!format)
		format = c->daemon.tls.certificate ? "https://%s:%d%s" : "http://%s:%d%s";
	if (helpers_check_format(c->weighting_format, &why) != 0)
		finish_refuse(f, "weightingFormat", why.text);
	if (dateformat_check(c->date_format, &why) != 0)
		finish_refuse(f, "defaultDateFormat", why.text);
	if (!daemon_format_ok(format, "sds", true)) {
		finish_refuse(f, "baseUrlTemplate",
			"may have '%s' (host), '%d' (port), '%s' (context path) in this order only");
		return;
	}
	put_base_uri(&uri, format, &c->daemon);
	c->base_uri = arena_strdup(c->arena, buf_cstr(&uri));
	c->agent_id = arena_printf(c->arena, "%s:%d", c->daemon.host, c->daemon.port);
}

int agent_conf_finish(struct agent_conf *c, struct settings_report *rep, struct error *err)
{
	struct finish f = { c, rep, err, 0 };

	if (!c->visible_to_service)
		finish_refuse(&f, "visibleToBaragonService", "may only be true: every agent registers");
	if (c->templates.n + c->collected.n + c->group.n == 0)
		finish_warn(&f, LIST_TEMPLATES, "there are none, and no " LIST_COLLECTED " or " LIST_GROUP ": no file is rendered");
	finish_lb(&f);
	finish_templates(&f);
	finish_partials(&f);
	finish_formats(&f);
	finish_purge(&f);
	return f.rc;
}
