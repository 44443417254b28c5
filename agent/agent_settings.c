/*
 * agent_settings.c - the table of lockstep-agent's settings
 *
 * What is derived from them and checked across them: agent_settings_finish.c.
 *
 * Layer: agent.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/agent_settings.h"

#include "agent/agent_settings_internal.h"
#include "agent/template/template.h"
#include "lib/os/file.h"

#define CONF struct agent_conf
#define TEMPLATE struct template_conf
#define HOUR_MS 3600000
#define DAY_MS 86400000
#define LOCK_WHY "one pipeline makes all changes in turn, there is no lock to wait for"
#define ROTATE_WHY "logs are rotated by who writes them, or by logrotate"
#define LEVEL_WHY "the agent compares what is with what must be until they agree"

/* The words are in the order of the enums. */
_Static_assert(TEMPLATE_LOCKSTEP == 0 && TEMPLATE_BARAGON == 1, "LEVEL_WORDS");
_Static_assert(OUTPUT_DEFAULT == 0 && OUTPUT_TEXT == 1 && OUTPUT_HAPROXY == 2 && OUTPUT_HAPROXY_MAP == 3 &&
		OUTPUT_NGINX == 4 && OUTPUT_HTML == 5, "OUTPUT_WORDS");

/* clang-format off */
#define TEXT_ROWS(what)                                                                                               \
	SET_STRING(TEMPLATE, inline_text, "template", NULL, 0, what),                                                  \
	SET_STRING(TEMPLATE, file, "templateFile", NULL, 0, "File with that template, relative to this YAML, instead of `template`.")
#define NAMED_ROWS                                                                                                    \
	SET_MAP(TEMPLATE, named_texts, "namedTemplates", "Other templates in place of it, by `templateName` of the service."), \
	SET_MAP(TEMPLATE, named_files, "namedTemplateFiles", "The same from files, relative to this YAML: name to file.")
#define OUTPUT_ROWS                                                                                                   \
	SET_ENUM(TEMPLATE, output, "output", "default", OUTPUT_WORDS,                                                  \
		"The file's grammar: `{{x}}` is written so that it stays one value in it, or refused. `default`: at level " \
		"`lockstep` by the file's name, `.cfg` haproxy, `.map` haproxy-map, `.conf` nginx, all others text; at " \
		"level `baragon` html."),                                                                              \
	SET_BOOL(TEMPLATE, allow_control, "allowControlCharacters", "false",                                           \
		"May `{{{x}}}` write line breaks and other control characters that a value holds?"),                  \
	SET_MODE(TEMPLATE, mode, "mode", "0644", "Of a file that is made.")

static const struct setting template_rows[] = {
	SET_STRING(TEMPLATE, filename, "filename", NULL, SETTING_REQUIRED,
		"Path below `rootPath`: with one `%s` for the service id, with two for domain and service id."),
	TEXT_ROWS("The default template."),
	NAMED_ROWS,
	OUTPUT_ROWS,
	SET_END,
};

static const struct setting collected_rows[] = {
	SET_STRING(TEMPLATE, filename, "filename", NULL, SETTING_REQUIRED,
		"Path below `rootPath`: one file for all services; with one `%s` for the number of the shard."),
	TEXT_ROWS("Rendered for each service; the fragments are joined by service id."),
	NAMED_ROWS,
	SET_STRING(TEMPLATE, header, "header", NULL, 0, "Template in front of the fragments; it sees all services."),
	SET_STRING(TEMPLATE, footer, "footer", NULL, 0, "Template behind the fragments; it sees all services."),
	SET_INT(TEMPLATE, shards, "shards", "1", 1, SHARDS_MAX,
		"More than one: that many files, `00`, `01`, ... in place of `%s`, and each service's fragment in one of "
		"them, chosen by its id."),
	OUTPUT_ROWS,
	SET_END,
};

static const struct setting group_rows[] = {
	SET_STRING(TEMPLATE, filename, "filename", NULL, SETTING_REQUIRED, "Path below `rootPath`."),
	TEXT_ROWS("Rendered once; it sees `services`, what a template of each service sees, by service id."),
	OUTPUT_ROWS,
	SET_END,
};

const struct setting agent_settings[] = {
	DAEMON_HOSTNAME_ROW(CONF, daemon),
	SET_STRING(CONF, base_url_template, "baseUrlTemplate", NULL, 0,
		"How the agent's base URI is made of host, port and context path. Absent: `http://%s:%d%s`, with `server.tls` "
		"`https://%s:%d%s`."),
	SET_LIST(CONF, templates, LIST_TEMPLATES, template_rows, "Files that are rendered for each service."),
	SET_LIST(CONF, collected, LIST_COLLECTED, collected_rows,
		"Files made of a fragment for each service of the group: the right way for HAProxy."),
	SET_LIST(CONF, group, LIST_GROUP, group_rows, "Files that are rendered once, from all services of the group."),
	SET_ENUM(CONF, level, "templateLevel", "lockstep", LEVEL_WORDS,
		"`baragon`: templates render byte for byte what the Java agent renders. `lockstep`: Handlebars of today, "
		"and values that stay values (`output`)."),
	SET_STRING(CONF, partials_dir, "partialsDirectory", NULL, 0,
		"Folder of partials, relative to this YAML, read at start: `web/server.hbs` in it is `{{> web/server}}`."),
	SET_NO_EFFECT("watchedDirectories", "no folders are copied: what writes there may write below `rootPath` itself"),
	SET_STRING(CONF, date_format, "defaultDateFormat", "yyyy-MM-dd hh:mm a", 0,
		"How `formatTimestamp` writes a time, in the letters of Java's SimpleDateFormat."),
	SET_STRING(CONF, zero_weight, "zeroWeightString", "backup", SETTING_EMPTY_OK,
		"What `preferSameRackWeighting` writes for an upstream that shall get nothing."),
	SET_STRING(CONF, weighting_format, "weightingFormat", "weight=%s", 0, "How it writes a weight; `weight %s` for HAProxy."),
	SET_STRING(CONF, purge_format, "purgeCacheUriFormat", "http://127.0.0.1:8082/purge/%s*", SETTING_EMPTY_OK,
		"Where this host's cache is told, by POST, to drop a service: `%s` is the SHA-256 of its id. Asked for by "
		"`purgeCache` of an update, or `POST /purgeCache/{serviceId}`. Empty: nothing is purged."),
	SET_MAP(CONF, extra_agent_data, "extraAgentData", "Free texts for templates, shown in the agent's metadata."),
	SET_STRING(CONF, private_ip, "privateIp", NULL, 0, "Private address in the agent's metadata."),
	SET_BOOL(CONF, skip_private_ip, "skipPrivateIp", "false", "Leave it out."),
	SET_STRING(CONF, availability_zone, "availabilityZone", NULL, 0,
		"Zone of this host for rack-aware templates and metadata. (Java asks Amazon for it.)"),
	SET_BOOL(CONF, visible_to_service, "visibleToBaragonService", "true",
		"Only `true`: every agent registers, for a host that nobody waits for cannot be kept in step."),
	SET_BOOL(CONF, register_on_startup, "registerOnStartup", "true", "Send the check-in at start."),
	SET_BOOL(CONF, deregister_on_stop, "deregisterOnGracefulShutdown", "false",
		"Send the check-in at stop, and leave the group: the host no longer counts."),
	SET_INT(CONF, max_notify_attempts, "maxNotifyServiceAttempts", "3", 1, 1000, "Attempts of a check-in call."),
	SET_DURATION(CONF, checkin_timeout_ms, "agentCheckInTimeoutMs", "60000", 1, DAY_MS, "How long a check-in may take in all."),
	SET_NO_EFFECT("exitOnStartupError", "the agent goes on trying, and says so in its status"),
	SET_INT(CONF, heartbeat_seconds, "heartbeatIntervalSeconds", "15", 1, 86400, "Period of the known-agent heartbeat."),
	SET_NO_EFFECT("configCheckIntervalSecs", "the configuration is checked before it becomes live"),
	SET_INT(CONF, state_check_seconds, "stateCheckIntervalSecs", "60", 1, 86400,
		"Period of the full comparison with the committed state, beside what ZooKeeper's watches tell."),
	SET_NO_EFFECT("saveFailedConfigs", "a refused file is never written; the answer names the place in it"),
	SET_STRING(CONF, state_file, "stateFile", NULL, 0, "File written with `RUNNING` after the start, removed at stop."),
	SET_STRING(CONF, remove_file_on_shutdown, "removeFileOnShutdown", NULL, 0, "File removed when a stop begins."),
	SET_NO_EFFECT("agentLockTimeoutMs", LOCK_WHY),
	DAEMON_CORS_ROW(CONF, daemon),
	SET_NO_EFFECT("maxReapplyConfigAttempts", LEVEL_WHY),
	SET_NO_EFFECT("enablePollingStateValidation", "the comparison is always made"),
	SET_NO_EFFECT("maxGetGloablStateAttempts", "the state is read from ZooKeeper"),
	SET_INT(CONF, resolve_names, "maxResolveCacheSize", "4000", 1, 1000000,
		"How many host names `resolveHostname` remembers; the one not used for longest goes."),
	SET_INT(CONF, resolve_seconds, "resolveCacheSeconds", "60", 1, 86400, "When it looks up a name again."),
	SET_NO_EFFECT("expireResolveCacheAfterDays", "names are looked up again after `resolveCacheSeconds`, used or not"),

	DAEMON_SERVER_ROWS(CONF, daemon),
	DAEMON_ZOOKEEPER_ROWS(CONF, daemon, "6000"),

	SET_STRING(CONF, lb.name, "loadBalancerConfig.name", NULL, SETTING_REQUIRED, "The group that this host belongs to."),
	SET_STRING(CONF, lb.root_path, "loadBalancerConfig.rootPath", NULL, SETTING_REQUIRED,
		"Folder below which every file is rendered. Only files that the agent has made are ever changed."),
	SET_STRING(CONF, lb.check_command, "loadBalancerConfig.checkConfigCommand", NULL, SETTING_REQUIRED,
		"Proves the files; no shell. It sees the future files in a private view."),
	SET_STRING(CONF, lb.reload_command, "loadBalancerConfig.reloadConfigCommand", NULL, 0,
		"Makes the load balancer read its files; required unless `haproxy.masterSocket` is set."),
	SET_DURATION(CONF, lb.command_timeout_ms, "loadBalancerConfig.commandTimeoutMs", "10000", 1, HOUR_MS,
		"How long each of them may take; then it is killed."),
	SET_STRING(CONF, lb.default_domain_key, "loadBalancerConfig.defaultDomain", NULL, 0, "Domain of services that name none."),
	SET_STRING(CONF, lb.domain_key, "loadBalancerConfig.domain", NULL, 0, "Its old name."),
	SET_STRINGS(CONF, lb.domains, "loadBalancerConfig.domains", "Domains that this host serves."),
	SET_MULTIMAP(CONF, lb.domain_aliases, "loadBalancerConfig.domainAliases", "Aliases of domains, told to the service."),
	SET_INT(CONF, lb.min_healthy_agents, "loadBalancerConfig.minHealthyAgents", "1", 0, 10000, "Told to the service with the group."),
	SET_BOOL(CONF, lb.limit_worker_count, "loadBalancerConfig.limitWorkerCount", "false",
		"Refuse to reload while more than `maxLbWorkerCount` workers live."),
	SET_STRING(CONF, lb.worker_count_command, "loadBalancerConfig.workerCountCommand", NULL, 0, "Prints how many live."),
	SET_INT(CONF, lb.max_worker_count, "loadBalancerConfig.maxLbWorkerCount", "1", 0, 10000, "That limit."),
	SET_NO_EFFECT("loadBalancerConfig.logRotateCommand", ROTATE_WHY),
	SET_NO_EFFECT("loadBalancerConfig.rotateIntervalMillis", ROTATE_WHY),
	SET_BOOL(CONF, lb.purgeable_cache_off, "loadBalancerConfig.turnOffPurgeableCacheInTemplates", "false", "A variable for templates."),
	SET_STRINGS(CONF, lb.purgeable_blocked, "loadBalancerConfig.servicesToBlockFromPurgeableCache",
		"Services for which that variable is always true."),
	SET_STRING(CONF, lb.haproxy.master_socket, "loadBalancerConfig.haproxy.masterSocket", NULL, 0,
		"HAProxy's master CLI (`haproxy -W -S <path>`): reloads are made and confirmed there."),
	SET_STRING(CONF, lb.haproxy.stats_socket, "loadBalancerConfig.haproxy.statsSocket", NULL, 0,
		"HAProxy's stats socket, level admin: what runs is read back there. Every change is a reload."),
	SET_DURATION(CONF, lb.haproxy.confirm_timeout_ms, "loadBalancerConfig.haproxy.confirmTimeoutMs", "10000", 100, HOUR_MS,
		"How long a reload may take until the new configuration is read back."),
	SET_STRING(CONF, lb.haproxy.fingerprint_key, "loadBalancerConfig.haproxy.fingerprintFile", NULL, 0,
		"File below `rootPath` that the agent writes and HAProxy must load with its own `-f`: by it the running "
		"process tells which files it has read."),

	DAEMON_AUTH_ENABLED_ROW(CONF, daemon),
	SET_NO_EFFECT("auth.key", "keys come from ZooKeeper"),

	SET_SECTION(CONF, gcloud.present, "gcloud", "Google Cloud: copied into the metadata."),
	SET_STRING(CONF, gcloud.resource_group, "gcloud.resourceGroup", NULL, 0, "Resource group."),
	SET_STRING(CONF, gcloud.project, "gcloud.project", NULL, 0, "Project."),
	SET_STRING(CONF, gcloud.region, "gcloud.region", NULL, 0, "Region."),
	SET_STRING(CONF, gcloud.backend_service, "gcloud.backendService", NULL, 0, "Backend service."),
	SET_STRING(CONF, gcloud.instance_name, "gcloud.instanceName", NULL, 0, "Instance."),

	SET_NO_EFFECT_SECTION("testing", "enabled|applyDelayMs|applyFailRate|revertDelayMs|revertFailRate",
		"failures are not made on purpose"),

	DAEMON_LOGGING_ROWS(CONF, daemon),
	DAEMON_METRICS_ROW,
	DAEMON_HTTP_CLIENT_ROWS(CONF, daemon),
	DAEMON_GRAPHITE_ROW,
	SET_END,
};
/* clang-format on */

int agent_conf_parse(const char *name, const char *text, size_t len, struct agent_conf **conf_out,
	struct settings_report *rep, struct error *err)
{
	struct arena *arena = arena_new();
	AUTO(agent_conf_free) struct agent_conf *c = arena_alloc(arena, sizeof(*c));
	int rc;

	c->arena = arena;
	c->name = arena_strdup(arena, name);
	rc = settings_parse(agent_settings, name, text, len, arena, c, &c->root, rep, err);
	if (rc == 0)
		rc = daemon_conf_finish(&c->daemon, name, c->root, arena, rep, err);
	if (rc == 0)
		rc = agent_conf_finish(c, rep, err);
	if (rc != 0)
		return rc;
	*conf_out = STEAL(c);
	return 0;
}

int agent_conf_load(const char *path, struct agent_conf **conf_out, struct settings_report *rep,
	struct error *err)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	int rc;

	rc = file_read(path, YAML_BYTES_MAX, &text, err);
	if (rc != 0)
		return rc;
	return agent_conf_parse(path, buf_cstr(&text), text.len, conf_out, rep, err);
}

void agent_conf_free(struct agent_conf **conf)
{
	struct arena *arena;

	if (!*conf)
		return;
	arena = (*conf)->arena;
	*conf = NULL;
	arena_free(&arena);
}

void agent_conf_dump(const struct agent_conf *conf, struct buf *out)
{
	settings_dump(agent_settings, conf, out);
}
