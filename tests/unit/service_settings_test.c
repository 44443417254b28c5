/*
 * service_settings_test.c - files of Java services, our example, and what is refused
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/service_settings.h"

#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

#define MINIMAL "zookeeper: {quorum: 'zk1:2181', zkNamespace: baragon}\nhostname: h\n"

static struct service_conf *conf;
static struct settings_report rep = SETTINGS_REPORT_INIT;
static struct error err;

static int teardown(void **state)
{
	(void)state;
	settings_report_release(&rep);
	service_conf_free(&conf);
	err = (struct error)ERROR_INIT;
	return 0;
}

static void good(const char *text)
{
	teardown(NULL);
	if (service_conf_parse("s.yml", text, strlen(text), &conf, &rep, &err) != 0)
		fail_msg("refused: %s", err.text);
	assert_int_equal(rep.errors, 0);
}

static void bad(const char *text, const char *message)
{
	teardown(NULL);
	assert_int_equal(service_conf_parse("s.yml", text, strlen(text), &conf, &rep, &err), ERR_INVALID);
	assert_null(conf);
	assert_string_equal(err.text, message);
	assert_int_equal(rep.errors, 1);
}

/* The sample of the Java documentation, with everything that may stand in it. */
static const char java_sample[] =
	"server:\n"
	"  type: simple\n"
	"  applicationContextPath: /baragon/v2\n"
	"  adminContextPath: /admin\n"
	"  connector:\n"
	"    type: http\n"
	"    port: 8080\n"
	"  requestLog:\n"
	"    appenders:\n"
	"      - type: file\n"
	"        currentLogFilename: ../logs/access.log\n"
	"logging:\n"
	"  level: WARN\n"
	"  loggers:\n"
	"    \"com.hubspot.baragon\": DEBUG\n"
	"zookeeper:\n"
	"  quorum: zk1.example.com:2181,zk2.example.com:2181\n"
	"  sessionTimeoutMillis: 60000\n"
	"  connectTimeoutMillis: 5000\n"
	"  retryBaseSleepTimeMilliseconds: 1000\n"
	"  retryMaxTries: 3\n"
	"  zkNamespace: baragon\n"
	"hostname: lb-service.example.com\n"
	"masterAuthKey: baragonmaster\n"
	"auth:\n"
	"  enabled: true\n"
	"  key: abc123\n"
	"agentMaxAttempts: 5\n"
	"agentRequestTimeoutMs: 60000\n"
	"agentRequestUriFormat: '%s/request/%s'\n"
	"agentBatchRequestUriFormat: '%s/batch'\n"
	"worker:\n"
	"  enabled: true\n"
	"  intervalMs: 500\n"
	"  initialDelayMs: 0\n"
	"  maxBatchSize: 100\n"
	"  maxRequestsPerPoll: 10\n"
	"httpClient:\n"
	"  maxRequestRetry: 5\n"
	"  requestTimeoutInMs: 10000\n"
	"history:\n"
	"  purgeOldRequests: true\n"
	"  purgeOldRequestsAfterDays: 7\n"
	"  maxRequestsPerService: 1000\n"
	"purgeCache:\n"
	"  enabledTemplates: [http, '']\n"
	"  excludedServiceIds:\n"
	"    - never\n"
	"elb:\n"
	"  enabled: true\n"
	"  awsAccessKeyId: AKIA\n"
	"  awsAccessKeySecret: s3cret\n"
	"ui:\n"
	"  title: Baragon\n"
	"enforceTargetAgentCount: true\n"
	"defaultTargetAgentCount: 2\n"
	"edgeCache:\n"
	"  enabled: false\n"
	"  integrationSettings: {apiKey: k}\n";

static void java_file(void **state)
{
	static const struct {
		int line;
		const char *start;
	} notes[] = {
		{ 8, "server.requestLog: known, has no effect: " },
		{ 14, "logging.loggers: known, has no effect: " },
		{ 20, "zookeeper.retryBaseSleepTimeMilliseconds: known, has no effect: " },
		{ 21, "zookeeper.retryMaxTries: known, has no effect: " },
		{ 35, "worker.initialDelayMs: known, has no effect: " },
		{ 37, "worker.maxRequestsPerPoll: known, has no effect: " },
		{ 39, "httpClient.maxRequestRetry: known, has no effect: " },
		{ 40, "httpClient.requestTimeoutInMs: known, has no effect: " },
		{ 49, "elb: known, has no effect: " },
		{ 53, "ui: known, has no effect: " },
		{ 57, "edgeCache: known, has no effect: " },
	};

	(void)state;
	good(java_sample);
	assert_int_equal(rep.n, ARRAY_LEN(notes));
	for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
		if (!str_starts(rep.notes[i].text, notes[i].start))
			fail_msg("%s", rep.notes[i].text);
		assert_int_equal(rep.notes[i].line, notes[i].line);
	}
	assert_string_equal(conf->base_uri, "http://lb-service.example.com:8080/baragon/v2");
	assert_string_equal(conf->daemon.context_path, "/baragon/v2");
	assert_string_equal(conf->daemon.namespace, "/baragon");
	assert_string_equal(conf->daemon.zk_quorum, "zk1.example.com:2181,zk2.example.com:2181");
	assert_int_equal(conf->daemon.zk_session_timeout_ms, 60000);
	assert_int_equal(conf->daemon.log_level, LOG_LEVEL_WARN);
	assert_true(conf->daemon.auth_enabled);
	assert_string_equal(conf->auth_key, "abc123");
	assert_string_equal(conf->master_key, "baragonmaster");
	assert_int_equal(conf->worker.max_batch_size, 100);
	assert_int_equal(conf->agent_max_attempts, 5);
	assert_int_equal(conf->agent_request_timeout_ms, 60000);
	assert_string_equal(conf->agent_batch_url, "%s/batch");
	assert_int_equal(conf->worker.interval_ms, 500);
	assert_int_equal(conf->purge_templates.n, 2);
	assert_string_equal(conf->purge_excluded.items[0], "never");
	assert_true(conf->enforce_target_agent_count);
	assert_int_equal(conf->default_target_agent_count, 2);
}

static void secrets_are_masked(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	(void)state;
	good(java_sample);
	service_conf_dump(conf, &b);
	assert_null(strstr(buf_cstr(&b), "abc123"));
	assert_null(strstr(buf_cstr(&b), "baragonmaster"));
	assert_null(strstr(buf_cstr(&b), "s3cret"));
	assert_non_null(strstr(buf_cstr(&b), "\nauth:\n  enabled: true\n  key: \"********\"\n"));
	assert_non_null(strstr(buf_cstr(&b), "\n  maxBatchSize: 100\n"));
}

static void defaults(void **state)
{
	AUTO(buf_release) struct buf first = BUF_INIT, again = BUF_INIT;

	(void)state;
	good(MINIMAL);
	assert_int_equal(rep.n, 0);
	assert_string_equal(conf->base_uri, "http://h:8080");
	assert_string_equal(conf->daemon.context_path, "");
	assert_null(conf->daemon.bind_host);
	assert_int_equal(conf->worker.prepare_deadline_ms, 30000);
	assert_int_equal(conf->worker.apply_deadline_ms, 60000);
	assert_int_equal(conf->worker.revert_deadline_ms, 60000);
	assert_int_equal(conf->worker.agent_call_timeout_ms, 15000);
	assert_int_equal(conf->worker.max_batch_size, 50);
	assert_int_equal(conf->absent_host_grace_seconds, 300);
	assert_false(conf->allow_mixed_services);
	assert_int_equal(conf->upstream_syntax, UPSTREAM_SYNTAX_WORD_STRICT);
	assert_int_equal(conf->daemon.log_level, LOG_LEVEL_INFO);
	/* What is printed says the same when it is read. */
	service_conf_dump(conf, &first);
	good(buf_cstr(&first));
	assert_int_equal(rep.n, 0);
	service_conf_dump(conf, &again);
	assert_string_equal(buf_cstr(&first), buf_cstr(&again));
}

static void listeners(void **state)
{
	(void)state;
	good(MINIMAL "server: {type: simple}\n");
	assert_string_equal(conf->base_uri, "http://h:8080/application");
	good(MINIMAL "server: {type: simple, applicationContextPath: /, connector: {port: 9, bindHost: 127.0.0.1}}\n");
	assert_string_equal(conf->base_uri, "http://h:9");
	assert_string_equal(conf->daemon.bind_host, "127.0.0.1");
	good(MINIMAL "server:\n  applicationContextPath: /a/b/\n  applicationConnectors:\n"
		     "    - {type: http, port: 8081}\n    - {type: https, port: 8443, keyStorePath: x}\n"
		     "    - {port: 8082, bindHost: '::1'}\n");
	assert_string_equal(conf->base_uri, "http://h:8082/a/b");
	assert_string_equal(conf->daemon.bind_host, "::1");
	assert_int_equal(rep.n, 2);
	assert_string_equal(rep.notes[1].text,
		"server.applicationConnectors: only the last one of type 'http' is used");
	good(MINIMAL "server: {connector: {port: 9}}\n");
	assert_int_equal(conf->daemon.port, 8080);
	assert_string_equal(rep.notes[0].text, "server.connector: has no effect without 'type: simple'");
	good("zookeeper: {quorum: 'z:1', zkNamespace: n}\nhostname: '::1'\n");
	assert_string_equal(conf->base_uri, "http://[::1]:8080");
	bad(MINIMAL "server: {type: simple, connector: {type: https, port: 8443}}\n",
		"s.yml:3: server.connector.type: must be 'http'; "
		"for TLS write `server: {tls: {certificate: FILE.pem, key: FILE.pem}}`");
	bad(MINIMAL "server:\n  applicationConnectors:\n    - {type: https}\n",
		"s.yml:4: server.applicationConnectors: has none of type 'http'; "
		"for TLS write `server: {tls: {certificate: FILE.pem, key: FILE.pem}}`");
	bad(MINIMAL "server: {applicationContextPath: x}\n",
		"s.yml:3: server.applicationContextPath: must begin with '/' and be a plain path");
	good(MINIMAL "enableCorsFilter: true\nserver: {adminContextPath: /ops/}\n");
	assert_string_equal(conf->daemon.admin_path, "/ops");
	assert_true(conf->daemon.cors);
	bad(MINIMAL "server: {adminContextPath: x}\n", "s.yml:3: server.adminContextPath: must begin with '/' and be a plain path");
	bad(MINIMAL "server: {adminContextPath: /}\n",
		"s.yml:3: server.adminContextPath: must be another path than the API's, and longer than '/'");
	bad(MINIMAL "server: {adminContextPath: /a, applicationContextPath: /a/}\n",
		"s.yml:3: server.adminContextPath: must be another path than the API's, and longer than '/'");
}

static void refused(void **state)
{
	(void)state;
	bad("hostname: h\nzookeeper:\n  zkNamespace: n\n", "s.yml:2: zookeeper.quorum: is required");
	bad("hostname: h\nzookeeper:\n  zkNamespace: a/b\n  quorum: z:1\n",
		"s.yml:3: zookeeper.zkNamespace: must be one name, without '/'");
	bad("hostname: h\nzookeeper:\n  zkNamespace: a\n  quorum: z:1/x\n",
		"s.yml:4: zookeeper.quorum: must not have a path, zkNamespace does that");
	bad("hostname: a b\nzookeeper: {quorum: 'z:1', zkNamespace: n}\n",
		"s.yml:1: hostname: is no host name or address");
	bad(MINIMAL "worker: {maxBatchSize: 0}\n",
		"s.yml:3: worker.maxBatchSize: is out of range 1..10000: '0'");
	bad(MINIMAL "worker: {applyDeadlineMs: 99}\n",
		"s.yml:3: worker.applyDeadlineMs: is out of range 100..3600000: '99'");
	bad(MINIMAL "auth: {key: [secret]}\n", "s.yml:3: auth.key: must be a text, not a list");
	bad(MINIMAL "auth: {key: a/b}\n",
		"s.yml:3: auth.key: cannot be the name of a node in ZooKeeper: 1 to 250 bytes, no '/', no control characters");
	bad(MINIMAL "upstreamSyntax: any\n", "s.yml:3: upstreamSyntax: must be one of strict, token: 'any'");
}

static void files(void **state)
{
	(void)state;
	if (service_conf_load("config/service.example.yml", &conf, &rep, &err) != 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < rep.n; i++)
		fail_msg("line %d: %s", rep.notes[i].line, rep.notes[i].text);
	assert_string_equal(conf->base_uri, "http://127.0.0.1:8080/baragon/v2");
	teardown(NULL);
	assert_int_equal(service_conf_load("config/absent.yml", &conf, &rep, &err), ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "config/absent.yml"));
	assert_null(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(java_file, teardown),
		cmocka_unit_test_teardown(secrets_are_masked, teardown),
		cmocka_unit_test_teardown(defaults, teardown),
		cmocka_unit_test_teardown(listeners, teardown),
		cmocka_unit_test_teardown(refused, teardown),
		cmocka_unit_test_teardown(files, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
