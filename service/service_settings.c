/*
 * service_settings.c - the table of lockstep-service's settings, and what is derived from them
 *
 * Layer: service.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/service_settings.h"

#include "lib/base/str.h"
#include "lib/os/file.h"
#include "lib/records/paths.h"

#include <string.h>

#define CONF struct service_conf
#define HOUR_MS 3600000
#define AS_SOON "queued requests wake the worker at once, there is no poll to bound"
#define NOT_HERE "this service does not do it"

/* clang-format off */
const struct setting service_settings[] = {
	DAEMON_HOSTNAME_ROW(CONF, daemon),
	SET_STRING(CONF, master_key, "masterAuthKey", NULL, SETTING_SECRET,
		"The key that opens `/auth/keys`, where keys are listed, added and ended; asked for even if `auth.enabled` is "
		"false. Absent: only stored keys of the role `master` open it."),
	SET_BOOL(CONF, enforce_target_agent_count, "enforceTargetAgentCount", "false",
		"Refuse a request when a group has fewer agents than its target count."),
	SET_INT(CONF, default_target_agent_count, "defaultTargetAgentCount", "1", 0, 10000,
		"Target count of a group for which none was set."),
	SET_INT(CONF, absent_host_grace_seconds, "absentHostGraceSeconds", "300", 0, 31536000,
		"How long a host whose agent is gone still counts, because its HAProxy may go on serving: until "
		"then requests for its group fail and name it. 0: it stops counting at once, as in Java."),
	SET_BOOL(CONF, allow_mixed_services, "allowMixedServices", "false",
		"Lead even while a service of another kind takes part in the election. What SUCCESS promises is then "
		"only what the Java service promises."),
	SET_ENUM(CONF, upstream_syntax, "upstreamSyntax", "strict", "strict|token",
		"`strict`: an upstream is `host:port`, `a.b.c.d:port` or `[v6]:port`. `token`: any printable text without "
		"space, quotes, backtick and `# ; { } \\ $`."),
	SET_INT(CONF, max_waiters, "maxWaiters", "1000", 1, 100000,
		"Requests with `wait=` that are held at a time; who comes then is answered at once."),
	SET_INT(CONF, resolve_names, "maxResolveCacheSize", "4000", 1, 1000000,
		"How many host names of services with `preResolveUpstreamDNS` are remembered, 1000 at least; the one not used for "
		"longest goes."),
	SET_INT(CONF, resolve_seconds, "resolveCacheSeconds", "60", 1, 86400, "When the next request looks up a name again."),
	SET_INT(CONF, agent_max_attempts, "agentMaxAttempts", "5", 1, 1000,
		"Java agents only: how often one may fail to apply a request before it is taken back. Lockstep's are asked until "
		"`worker.applyDeadlineMs`."),
	SET_DURATION(CONF, agent_request_timeout_ms, "agentRequestTimeoutMs", "60000", 1000, HOUR_MS,
		"Java agents only: how long one call may take, at most `worker.agentCallTimeoutMs`."),
	SET_STRING(CONF, agent_batch_url, "agentBatchRequestUriFormat", "%s/batch", 0,
		"Java agents only: where one takes batches. `%s` is its base URI."),
	SET_STRING(CONF, agent_request_url, "agentRequestUriFormat", "%s/request/%s", 0,
		"Java agents without `batchEnabled` only: where one takes a request. The second `%s` is its id."),
	SET_NO_EFFECT("agentPurgeCacheRequestUriFormat", "caches are not purged"),
	SET_NO_EFFECT("maxConcurrentRequestsPerAgent", "an agent has one call at a time, with many requests in it"),
	SET_NO_EFFECT("workerIntervalMs", "`worker.intervalMs` took its place"),
	DAEMON_CORS_ROW(CONF, daemon),
	SET_NO_EFFECT("expireResolveCacheAfterDays", "names are looked up again after `resolveCacheSeconds`, used or not"),

	DAEMON_SERVER_ROWS(CONF, daemon),
	DAEMON_ZOOKEEPER_ROWS(CONF, daemon, "10000"),

	SET_BOOL(CONF, worker.enabled, "worker.enabled", "true", "Take part in the election of the leader, and stand in `/workers`. False: only answer HTTP."),
	SET_DURATION(CONF, worker.interval_ms, "worker.intervalMs", "1000", 1, HOUR_MS,
		"Period of the look-over that finds what a lost notice would have hidden. Requests do not wait for it."),
	SET_INT(CONF, worker.max_batch_size, "worker.maxBatchSize", "50", 1, 10000, "Requests decided together."),
	SET_DURATION(CONF, worker.prepare_deadline_ms, "worker.prepareDeadlineMs", "30000", 100, HOUR_MS,
		"By when every host must have proved a request; else it is FAILED and nothing was touched."),
	SET_DURATION(CONF, worker.apply_deadline_ms, "worker.applyDeadlineMs", "60000", 100, HOUR_MS,
		"By when every host must run a decided request; else it is taken back everywhere."),
	SET_DURATION(CONF, worker.revert_deadline_ms, "worker.revertDeadlineMs", "60000", 100, HOUR_MS,
		"By when every host must be back; else the request ends and the message names the hosts."),
	SET_DURATION(CONF, worker.agent_call_timeout_ms, "worker.agentCallTimeoutMs", "15000", 100, HOUR_MS,
		"How long one call to an agent may take; a long apply is asked again."),
	SET_DURATION(CONF, worker.java_settle_ms, "worker.javaAgentSettleMs", "25000", 1, HOUR_MS,
		"Java agents only: so long after a call without an answer one may still carry it out. Their `agentLockTimeoutMs` and "
		"twice their `commandTimeoutMs`. A REVERT is believed only if it was sent later."),
	SET_DURATION(CONF, worker.repost_after_ms, "worker.repostAfterMs", "120000", 0, HOUR_MS,
		"A scheduler's `…-ADD-<n>` that was SUCCESS so long ago is done anew if it is posted again and its upstreams are gone; 0: never."),
	SET_NO_EFFECT("worker.initialDelayMs", AS_SOON),
	SET_NO_EFFECT("worker.maxRequestsPerPoll", AS_SOON),

	DAEMON_AUTH_ENABLED_ROW(CONF, daemon),
	SET_STRING(CONF, auth_key, "auth.key", NULL, SETTING_SECRET, "A key that is put into ZooKeeper at start, with the owner `baragon`."),

	SET_BOOL(CONF, history.enabled, "history.enabled", "true", "Remove what is too much of the requests that have ended."),
	SET_INT(CONF, history.max_requests, "history.maxRequestsPerService", "50", 1, 100000000,
		"How many of a service are kept, 4000 at most. The oldest go in the transaction that ends the next; those of the last two "
		"minutes stay, up to 200 more."),
	SET_INT(CONF, history.max_total, "history.maxRequests", "100000", 1000, 100000000,
		"How many of all services are kept, about. If a look at all services finds more, those with the most keep fewer, until the "
		"sum fits."),
	SET_BOOL(CONF, history.purge_old, "history.purgeOldRequests", "true", "Remove those that are too old."),
	SET_INT(CONF, history.purge_days, "history.purgeOldRequestsAfterDays", "30", 1, 36500, "What too old means."),
	SET_INT(CONF, history.purge_hours, "history.purgeEveryHours", "24", 1, 8760,
		"How often all services are looked at, also those without new requests and those that are gone."),
	SET_INT(CONF, history.fetch_max, "history.maxResponsesToFetch", "1000", 1, 100000000,
		"At most so many, and 5000, are told by `GET /request/history/{serviceId}`."),
	SET_NO_EFFECT("history.workerInitialDelayHours", "the first look is a minute after a leader has started"),
	SET_NO_EFFECT("history.purgeWhenDateNotFound", "every entry has its time"),

	SET_STRINGS(CONF, purge_templates, "purgeCache.enabledTemplates",
		"Updates of services with these templates are marked `purgeCache`: agents purge their caches."),
	SET_STRINGS(CONF, purge_excluded, "purgeCache.excludedServiceIds", "Services whose updates never are."),

	DAEMON_LOGGING_ROWS(CONF, daemon),
	DAEMON_METRICS_ROW,
	DAEMON_HTTP_CLIENT_ROWS(CONF, daemon),
	DAEMON_GRAPHITE_ROW,
	SET_NO_EFFECT_SECTION("ui", "title|baseUrl|navColor|allowEdit|allowEditKey", "there are no web pages"),
	SET_NO_EFFECT("auth.uiWriteEnabled", "there are no web pages"),
	SET_NO_EFFECT_SECTION("elb",
		"enabled|awsAccessKeyId|awsAccessKeySecret|awsRegion|awsEndpoint|intervalSeconds|initialDelaySeconds|"
		"removeLastHealthyEnabled|removeKnownAgentEnabled|removeKnownAgentMinutes|deregisterEnabled|"
		"failWhenNoElbForVpc|checkForCorrectVpc|awsElbClientRetries|awsElbClientBackoffBaseDelayMilliseconds|"
		"awsElbClientBackoffMaxBackoffMilliseconds|defaultCheckInWaitTimeMs", NOT_HERE),
	SET_NO_EFFECT_SECTION("gcloud",
		"enabled|googleCredentialsFile|googleCredentials|defaultCheckInWaitTimeMs", NOT_HERE),
	SET_NO_EFFECT_SECTION("edgeCache", "enabled|edgeCache|integrationSettings", NOT_HERE),
	SET_NO_EFFECT_SECTION("sentry", "dsn|prefix", NOT_HERE),
	SET_END,
};
/* clang-format on */

/* Settings that read well alone and together cannot work. */
static void warn_deadlines(const struct service_conf *c, const struct yaml_node *root,
	struct settings_report *rep)
{
	const struct worker_conf *w = &c->worker;

	if (rep && w->java_settle_ms >= w->revert_deadline_ms)
		settings_note(rep, false, yaml_line(root, "worker.javaAgentSettleMs"),
			"worker.javaAgentSettleMs: is not shorter than worker.revertDeadlineMs: no Java agent that missed a call can be put back in time");
	if (rep && w->agent_call_timeout_ms > w->prepare_deadline_ms)
		settings_note(rep, false, yaml_line(root, "worker.agentCallTimeoutMs"),
			"worker.agentCallTimeoutMs: is longer than worker.prepareDeadlineMs, which ends it");
}

/* It is stored as a node, and agents look for it there. */
static int check_key(const struct service_conf *c, const char *name, const struct yaml_node *root, struct settings_report *rep,
	struct error *err)
{
	if (c->auth_key == NULL || *c->auth_key == '\0' || path_name_ok(c->auth_key))
		return 0;
	return settings_refuse(rep, err, name, yaml_line(root, "auth.key"), "auth.key",
		"cannot be the name of a node in ZooKeeper: 1 to 250 bytes, no '/', no control characters");
}

int service_conf_parse(const char *name, const char *text, size_t len,
	struct service_conf **conf_out, struct settings_report *rep, struct error *err)
{
	struct arena *arena = arena_new();
	AUTO(service_conf_free) struct service_conf *c = arena_alloc(arena, sizeof(*c));
	const struct yaml_node *root = NULL;
	int rc;

	c->arena = arena;
	rc = settings_parse(service_settings, name, text, len, arena, c, &root, rep, err);
	if (rc == 0)
		rc = daemon_conf_finish(&c->daemon, name, root, arena, rep, err);
	if (rc == 0)
		rc = check_key(c, name, root, rep, err);
	if (rc != 0)
		return rc;
	warn_deadlines(c, root, rep);
	if (c->master_key != NULL && *c->master_key == '\0')
		c->master_key = NULL;
	if (c->auth_key != NULL && *c->auth_key == '\0')
		c->auth_key = NULL;
	c->base_uri = arena_printf(arena, "%s://%s:%d%s", c->daemon.scheme, c->daemon.host, c->daemon.port,
		c->daemon.context_path);
	*conf_out = STEAL(c);
	return 0;
}

int service_conf_load(const char *path, struct service_conf **conf_out, struct settings_report *rep,
	struct error *err)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	int rc;

	rc = file_read(path, YAML_BYTES_MAX, &text, err);
	if (rc != 0)
		return rc;
	return service_conf_parse(path, buf_cstr(&text), text.len, conf_out, rep, err);
}

void service_conf_free(struct service_conf **conf)
{
	struct arena *arena;

	if (!*conf)
		return;
	arena = (*conf)->arena;
	*conf = NULL;
	arena_free(&arena);
}

void service_conf_dump(const struct service_conf *conf, struct buf *out)
{
	settings_dump(service_settings, conf, out);
}
