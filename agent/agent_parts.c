/*
 * agent_parts.c - what the settings mean: templates, metadata, group, and the options of each part
 *
 * Layer: agent.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/agent_parts.h"

#include <stdlib.h>

/* --- templates --- */

static struct template_source per_service(const struct template_conf *t)
{
	return (struct template_source){ .filename = t->filename, .text = t->text };
}

static struct template_source collected(const struct collected_conf *t)
{
	return (struct template_source){ .filename = t->filename, .text = t->text, .scope = SCOPE_COLLECTED,
		.header = t->header, .footer = t->footer, .mode = (unsigned)t->mode };
}

static void put_named(struct arena *a, struct template_source *s, const struct setting_map *named)
{
	struct template_text *texts = arena_alloc(a, (named->n + 1) * sizeof(*texts));

	for (size_t i = 0; i < named->n; i++)
		texts[i] = (struct template_text){ named->items[i].key, named->items[i].value };
	s->named = texts;
	s->n_named = named->n;
}

static struct strings strings_of(struct arena *a, const struct setting_strings *from)
{
	struct strings s = { arena_alloc(a, (from->n + 1) * sizeof(*s.items)), from->n };

	for (size_t i = 0; i < from->n; i++)
		s.items[i] = from->items[i];
	return s;
}

static int make_renderer(const struct agent_conf *c, struct agent_parts *p, struct error *err)
{
	size_t n = c->templates.n + c->collected.n;
	struct template_source *rows = arena_alloc(p->arena, (n + 1) * sizeof(*rows));
	struct renderer_config cfg = { .templates = rows, .n_templates = n, .agent = &p->info,
		.domains = strings_of(p->arena, &c->lb.domains), .default_domain = c->lb.default_domain,
		.purge_off = c->lb.purgeable_cache_off,
		.purge_off_for = strings_of(p->arena, &c->lb.purgeable_blocked) };

	for (size_t i = 0; i < c->templates.n; i++) {
		rows[i] = per_service(&c->templates.items[i]);
		put_named(p->arena, &rows[i], &c->templates.items[i].named);
	}
	for (size_t i = 0; i < c->collected.n; i++) {
		struct template_source *row = &rows[c->templates.n + i];

		*row = collected(&c->collected.items[i]);
		put_named(p->arena, row, &c->collected.items[i].named);
	}
	return renderer_new(&cfg, &p->renderer, err);
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

int agent_parts_new(const struct agent_conf *conf, struct agent_parts **parts_out, struct error *err)
{
	struct agent_parts *p = xcalloc(1, sizeof(*p));
	int rc;

	p->arena = arena_new();
	make_info(conf, p);
	make_group(conf, p);
	rc = make_renderer(conf, p, err);
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
	arena_free(&p->arena);
	free(p);
}
