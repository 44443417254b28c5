/*
 * daemon_settings.h - what the YAML of both programs has in common: server, zookeeper, auth, logging
 *
 * The rows are macros, because they stand in each program's own table.
 *
 * Layer: lib/conf.  Threads: no state; daemon_conf_finish() may ask the kernel for addresses.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_CONF_DAEMON_SETTINGS_H
#define LIB_CONF_DAEMON_SETTINGS_H

#include "lib/base/log.h"
#include "lib/conf/settings_rows.h"
#include "lib/conf/tls_settings.h"

struct connector_conf {
	const char *type, *bind_host;
	int port;
};

struct daemon_conf {
	/* Derived: what to use. */
	const char *host;         /* in URIs: `hostname`, or the first address found */
	const char *bind_host;    /* NULL = all addresses */
	int port;
	const char *scheme;       /* "http" or "https" */
	const char *context_path; /* "" or "/baragon/v2" */
	const char *admin_path;   /* "/admin" */
	const char *namespace;    /* "/baragon": in front of every path */
	enum log_level log_level;

	/* Of the file. */
	const char *hostname;
	int server_type; /* SERVER_DEFAULT, SERVER_SIMPLE */
	const char *application_context_path, *admin_context_path;
	bool cors;
	struct connector_conf connector;
	struct {
		struct connector_conf *items;
		size_t n;
	} connectors;
	const char *zk_quorum, *zk_namespace;
	struct tls_conf tls;        /* of the listener; no certificate: plain HTTP */
	struct tls_conf client_tls; /* of calls to others */
	struct limits_conf {
		int connections, per_address;
		int64_t idle_ms, request_ms;
	} limits;
	int zk_session_timeout_ms, zk_connect_timeout_ms;
	bool auth_enabled;
	int log_word;
};
enum { SERVER_DEFAULT, SERVER_SIMPLE };

extern const struct setting daemon_connector_rows[];

#define DAEMON_LEFT_TO_US "there is one listener, its limits are below `server.limits`"
#define DAEMON_CLIENT_RETRIES "the ZooKeeper client tries again by itself as long as it takes"

/* clang-format off */
#define DAEMON_HOSTNAME_ROW(owner, f)                                                                \
	SET_STRING(owner, f.hostname, "hostname", NULL, 0,                                           \
		"Host in the URI by which others reach this process. Absent: the first IPv4 address of an " \
		"interface that is up and not loopback.")

#define DAEMON_SERVER_ROWS(owner, f)                                                                 \
	SET_ENUM(owner, f.server_type, "server.type", "default", "default|simple",                   \
		"`simple` has one `connector`, `default` a list of `applicationConnectors`."),      \
	SET_STRING(owner, f.application_context_path, "server.applicationContextPath", NULL, 0,      \
		"In front of every path of the HTTP API. Absent: `/application` for `simple`, `/` for `default`."), \
	SET_STRING(owner, f.connector.type, "server.connector.type", "http", 0,            \
		"Only `http`; TLS is `server.tls`, not a type."),                                  \
	SET_INT(owner, f.connector.port, "server.connector.port", "8080", 1, 65535, "Port to listen on, for `simple`."), \
	SET_STRING(owner, f.connector.bind_host, "server.connector.bindHost", NULL, 0,               \
		"Address to listen on. Absent: all."),                                              \
	SET_LIST(owner, f.connectors, "server.applicationConnectors", daemon_connector_rows,         \
		"Listeners, for `default`; the last one of type `http` is used. None: port 8080."), \
	SET_STRING(owner, f.tls.certificate, "server.tls.certificate", NULL, 0,                      \
		"PEM file: the certificate of the listener, then those that lead to its CA. With it there is only " \
		"TLS (1.2 or later), no plain HTTP. Names of files count from the folder of this YAML; they are " \
		"read at start."),                                                                  \
	SET_STRING(owner, f.tls.key, "server.tls.key", NULL, 0, "PEM file: its private key, not encrypted."), \
	SET_STRING(owner, f.tls.ca, "server.tls.clientCa", NULL, 0,                                  \
		"PEM file: clients must show a certificate of one of these CAs. Absent: none is asked for."), \
	SET_INT(owner, f.limits.connections, "server.limits.connections", "4096", 8, 100000,         \
		"Open connections; further ones wait until one ends."),                             \
	SET_INT(owner, f.limits.per_address, "server.limits.connectionsPerAddress", "2048", 1, 100000, \
		"Of these from one address; further ones are closed at once."),                    \
	SET_DURATION(owner, f.limits.idle_ms, "server.limits.idleMs", "30000", 100, 3600000,         \
		"A connection on which nothing moves for so long is closed."),                      \
	SET_DURATION(owner, f.limits.request_ms, "server.limits.requestMs", "30000", 100, 3600000,   \
		"A request must be there, head and body, so long after its first line; else its connection is " \
		"closed."),                                                                         \
	SET_STRING(owner, f.admin_context_path, "server.adminContextPath", "/admin", 0,              \
		"Below it are `ping` and `healthcheck`, on the same port, without a key."),         \
	SET_NO_EFFECT_SECTION("server.adminConnectors", NULL,                                       \
		"there is one listener: `ping` and `healthcheck` are below `server.adminContextPath`"), \
	SET_NO_EFFECT("server.rootPath", DAEMON_LEFT_TO_US),                                        \
	SET_NO_EFFECT("server.minThreads", DAEMON_LEFT_TO_US),                                      \
	SET_NO_EFFECT("server.maxThreads", DAEMON_LEFT_TO_US),                                      \
	SET_NO_EFFECT("server.maxQueuedRequests", DAEMON_LEFT_TO_US),                               \
	SET_NO_EFFECT("server.idleThreadTimeout", DAEMON_LEFT_TO_US),                               \
	SET_NO_EFFECT("server.adminMinThreads", DAEMON_LEFT_TO_US),                                 \
	SET_NO_EFFECT("server.adminMaxThreads", DAEMON_LEFT_TO_US),                                 \
	SET_NO_EFFECT("server.shutdownGracePeriod", DAEMON_LEFT_TO_US),                             \
	SET_NO_EFFECT("server.allowedMethods", DAEMON_LEFT_TO_US),                                  \
	SET_NO_EFFECT("server.registerDefaultExceptionMappers", DAEMON_LEFT_TO_US),                 \
	SET_NO_EFFECT("server.enableThreadNameFilter", DAEMON_LEFT_TO_US),                          \
	SET_NO_EFFECT_SECTION("server.gzip", NULL, DAEMON_LEFT_TO_US),                              \
	SET_NO_EFFECT_SECTION("server.requestLog", NULL, "the log goes to standard error")

#define DAEMON_ZOOKEEPER_ROWS(owner, f, session)                                                     \
	SET_STRING(owner, f.zk_quorum, "zookeeper.quorum", NULL, SETTING_REQUIRED,                   \
		"Servers of the ensemble: `host:port,host:port,...`."),                             \
	SET_STRING(owner, f.zk_namespace, "zookeeper.zkNamespace", NULL, SETTING_REQUIRED,           \
		"Everything is kept below `/<zkNamespace>`; the same for services and agents."),    \
	SET_INT(owner, f.zk_session_timeout_ms, "zookeeper.sessionTimeoutMillis", session, 1000, 600000, \
		"How long ZooKeeper waits for a process that is silent before it counts as gone."), \
	SET_INT(owner, f.zk_connect_timeout_ms, "zookeeper.connectTimeoutMillis", "5000", 100, 600000, \
		"How long to wait for one server to accept a connection."),                         \
	SET_NO_EFFECT("zookeeper.retryBaseSleepTimeMilliseconds", DAEMON_CLIENT_RETRIES),           \
	SET_NO_EFFECT("zookeeper.retryMaxTries", DAEMON_CLIENT_RETRIES),                            \
	SET_NO_EFFECT("zookeeper.debugCuratorCallOverBytes", "it is about the log of the Java library"), \
	SET_NO_EFFECT("zookeeper.debugCuratorCallOverMillis", "it is about the log of the Java library")

#define DAEMON_AUTH_ENABLED_ROW(owner, f)                                                            \
	SET_BOOL(owner, f.auth_enabled, "auth.enabled", "false",                                     \
		"Ask for `authkey`; the keys themselves are in ZooKeeper.")
#define DAEMON_LOGGING_ROWS(owner, f)                                                                \
	SET_ENUM(owner, f.log_word, "logging.level", "INFO", "ALL|TRACE|DEBUG|INFO|WARN|ERROR|OFF",  \
		"What is logged; `ALL` and `TRACE` as `DEBUG`, `OFF` as `ERROR`."),                 \
	SET_NO_EFFECT_SECTION("logging.loggers", NULL, "there is one level for the whole process"), \
	SET_NO_EFFECT_SECTION("logging.appenders", NULL, "the log goes to standard error")

#define DAEMON_CORS_ROW(owner, f)                                                                    \
	SET_BOOL(owner, f.cors, "enableCorsFilter", "false",                                         \
		"Let web pages of any origin call the HTTP API: whoever opens such a page makes its calls.")

#define DAEMON_CLIENT_WHY "every call has its own deadline and its own rule for trying again"
#define DAEMON_HTTP_CLIENT_ROWS(owner, f)                                                           \
	SET_STRING(owner, f.client_tls.ca, "httpClient.tls.ca", NULL, 0,                             \
		"PEM file: only certificates of these CAs are believed where a URL says `https`. Absent: those that " \
		"this machine believes. Names of files count from the folder of this YAML; they are read at start."), \
	SET_STRING(owner, f.client_tls.certificate, "httpClient.tls.certificate", NULL, 0,           \
		"PEM file: the certificate to show where one is asked for (`server.tls.clientCa` of the other side)."), \
	SET_STRING(owner, f.client_tls.key, "httpClient.tls.key", NULL, 0, "PEM file: its private key, not encrypted."), \
	SET_NO_EFFECT("httpClient.maxRequestRetry", DAEMON_CLIENT_WHY),                             \
	SET_NO_EFFECT("httpClient.requestTimeoutInMs", DAEMON_CLIENT_WHY),                          \
	SET_NO_EFFECT("httpClient.connectionTimeoutInMs", DAEMON_CLIENT_WHY),                       \
	SET_NO_EFFECT("httpClient.userAgent", DAEMON_CLIENT_WHY)
#define DAEMON_METRICS_ROW                                                                          \
	SET_NO_EFFECT_SECTION("metrics", NULL, "metrics are read over HTTP")
#define DAEMON_GRAPHITE_ROW                                                                         \
	SET_NO_EFFECT_SECTION("graphite",                                                           \
		"enabled|hostname|port|prefix|hostnameOmitSuffix|periodSeconds|predicates",         \
		"nothing is sent to Graphite")
/* clang-format on */

/* Checks and derives, after settings_parse: port, context path, host, namespace, log level. */
int daemon_conf_finish(struct daemon_conf *d, const char *name, const struct yaml_node *root,
	struct arena *arena, struct settings_report *rep, struct error *err) MUST_CHECK;

/* The printf format of a setting: only %s, %d and %% may stand in it; exactly the conversions of
 * `args` ("sds"), in their order, or fewer if `fewer`. */
bool daemon_format_ok(const char *format, const char *args, bool fewer);

#endif
