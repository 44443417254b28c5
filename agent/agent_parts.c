/*
 * agent_parts.c - what the settings mean: templates, metadata, group, and the options of each part
 *
 * Layer: agent.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/agent_parts.h"

#include "agent/compile_errors.h"

#include <stdlib.h>
#include <time.h>

static struct strings strings_of(struct arena *a, const struct setting_strings *from)
{
	struct strings s = { arena_alloc(a, (from->n + 1) * sizeof(*s.items)), from->n };

	for (size_t i = 0; i < from->n; i++)
		s.items[i] = from->items[i];
	return s;
}

/* --- templates --- */

static const struct template_text *texts_of(struct arena *a, const struct setting_map *from)
{
	struct template_text *texts = arena_alloc(a, (from->n + 1) * sizeof(*texts));

	for (size_t i = 0; i < from->n; i++)
		texts[i] = (struct template_text){ from->items[i].key, from->items[i].value };
	return texts;
}

static void add_sources(struct arena *a, const struct template_list *list, enum template_scope scope,
	struct template_source *out, size_t *n)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct template_conf *t = &list->items[i];

		out[(*n)++] = (struct template_source){ .filename = t->filename, .text = t->text,
			.named = texts_of(a, &t->named), .n_named = t->named.n, .scope = scope, .header = t->header,
			.footer = t->footer, .shards = t->shards > 1 ? (unsigned)t->shards : 0,
			.output = (enum template_output)t->output, .allow_control = t->allow_control,
			.mode = (unsigned)t->mode };
	}
}

static void host_time(void *ctx, int64_t seconds, struct tm *out)
{
	time_t at = (time_t)seconds;

	(void)ctx;
	localtime_r(&at, out);
}

static const char *host_address(void *ctx, const char *host, struct arena *a)
{
	return resolve_address(((struct agent_parts *)ctx)->names, host, a);
}

static uint64_t names_epoch(void *ctx)
{
	return resolve_epoch(((struct agent_parts *)ctx)->names);
}

static int make_renderer(const struct agent_conf *c, struct agent_parts *p, struct settings_report *rep, struct error *err)
{
	size_t all = c->templates.n + c->collected.n + c->group.n, n = 0;
	struct template_source *rows = arena_alloc(p->arena, (all + 1) * sizeof(*rows));
	struct renderer_config cfg = { .templates = rows, .n_templates = all, .agent = &p->info,
		.domains = strings_of(p->arena, &c->lb.domains), .default_domain = c->lb.default_domain,
		.purge_off = c->lb.purgeable_cache_off,
		.purge_off_for = strings_of(p->arena, &c->lb.purgeable_blocked),
		.level = (enum template_level)c->level,
		.partials = texts_of(p->arena, &c->partials), .n_partials = c->partials.n,
		.helpers = { .date_format = c->date_format, .zero_weight = c->zero_weight,
			.weighting_format = c->weighting_format, .local_time = host_time, .resolve = host_address,
			.ctx = p } };
	struct error why = ERROR_INIT;
	int rc;

	add_sources(p->arena, &c->templates, SCOPE_SERVICE, rows, &n);
	add_sources(p->arena, &c->collected, SCOPE_COLLECTED, rows, &n);
	add_sources(p->arena, &c->group, SCOPE_GROUP, rows, &n);
	rc = renderer_new(&cfg, &p->renderer, &why);
	return rc == 0 ? 0 : compile_errors(c, &cfg, &why, rep, err);
}

/* --- metadata and group --- */

static const struct agent_gcloud *gcloud_of(const struct agent_conf *c, struct arena *a)
{
	struct agent_gcloud *g;

	if (!c->gcloud.present)
		return NULL;
	g = arena_alloc(a, sizeof(*g));
	*g = (struct agent_gcloud){ c->gcloud.resource_group, c->gcloud.project, c->gcloud.region,
		c->gcloud.backend_service, c->gcloud.instance_name };
	return g;
}

static void make_info(const struct agent_conf *c, struct agent_parts *p)
{
	struct agent_ec2 *ec2 = arena_alloc(p->arena, sizeof(*ec2));
	struct value *extra = value_map(p->arena);

	ec2->availability_zone = c->availability_zone;
	ec2->private_ip = c->skip_private_ip ? NULL : c->private_ip;
	for (size_t i = 0; i < c->extra_agent_data.n; i++)
		value_map_put(p->arena, extra, c->extra_agent_data.items[i].key,
			value_string(p->arena, c->extra_agent_data.items[i].value));
	/* By this a leader knows how it may talk to us. */
	value_map_put(p->arena, extra, "lockstep", value_string(p->arena, "1"));
	p->info = (struct agentinfo){ .base_uri = c->base_uri, .agent_id = c->agent_id, .domain = c->lb.default_domain,
		.ec2 = ec2, .gcloud = gcloud_of(c, p->arena), .extra = extra, .batch_enabled = true };
}

static const struct value *aliases_of(const struct setting_multimap *m, struct arena *a)
{
	struct value *map = value_map(a);

	for (size_t i = 0; i < m->n; i++) {
		struct value *list = value_list(a);

		for (size_t j = 0; j < m->items[i].values.n; j++)
			value_list_add(a, list, value_string(a, m->items[i].values.items[j]));
		value_map_put(a, map, m->items[i].key, list);
	}
	return map;
}

static void make_group(const struct agent_conf *c, struct agent_parts *p)
{
	p->group = (struct group){ .name = c->lb.name, .default_domain = c->lb.default_domain,
		.domains = strings_of(p->arena, &c->lb.domains),
		.domain_aliases = aliases_of(&c->lb.domain_aliases, p->arena),
		.min_healthy_agents = c->lb.min_healthy_agents };
}

/* --- options --- */

static void make_options(const struct agent_conf *c, struct agent_parts *p)
{
	const struct lb_conf *lb = &c->lb;

	p->apply = (struct apply_options){ .root_path = lb->root_path, .renderer = p->renderer,
		.outside = names_epoch, .outside_ctx = p,
		.check_command = lb->check_command, .reload_command = lb->reload_command,
		.command_timeout_ms = lb->command_timeout_ms,
		.worker_count_command = lb->limit_worker_count ? lb->worker_count_command : NULL,
		.max_workers = lb->max_worker_count,
		.master_socket = lb->haproxy.master_socket, .stats_socket = lb->haproxy.stats_socket,
		.confirm_timeout_ms = lb->haproxy.confirm_timeout_ms,
		.fingerprint_file = lb->haproxy.fingerprint_file };
	p->link = (struct link_options){ .rules = RULES_ON, .group_name = lb->name, .info = &p->info,
		.group = &p->group, .heartbeat_ms = (int64_t)c->heartbeat_seconds * 1000,
		.reconcile_ms = (int64_t)c->state_check_seconds * 1000 };
}

int agent_parts_new(const struct agent_conf *conf, struct agent_parts **parts_out, struct settings_report *rep,
	struct error *err)
{
	const struct resolve_options names = { .max_names = (size_t)conf->resolve_names,
		.keep_ms = (int64_t)conf->resolve_seconds * 1000 };
	struct agent_parts *p = xcalloc(1, sizeof(*p));
	int rc;

	p->arena = arena_new();
	make_info(conf, p);
	make_group(conf, p);
	p->names = resolve_new(&names);
	rc = make_renderer(conf, p, rep, err);
	if (rc != 0) {
		agent_parts_free(&p);
		return rc;
	}
	make_options(conf, p);
	*parts_out = p;
	return 0;
}

void agent_parts_free(struct agent_parts **parts)
{
	struct agent_parts *p = STEAL(*parts);

	if (p == NULL)
		return;
	renderer_free(&p->renderer);
	resolve_free(&p->names);
	arena_free(&p->arena);
	free(p);
}
