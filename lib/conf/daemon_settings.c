/*
 * daemon_settings.c - the listener, the host name and the namespace of a program
 *
 * Layer: lib/conf.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/conf/daemon_settings.h"

#include "lib/base/str.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#define CONNECTOR_WHY "the listener has no such setting"
#define TLS_WHY "certificates are named in `server.tls`, as PEM files"
#define TLS_HINT "for TLS write `server: {tls: {certificate: FILE.pem, key: FILE.pem}}`"

/* clang-format off */
const struct setting daemon_connector_rows[] = {
	SET_STRING(struct connector_conf, type, "type", "http", 0, "`http`; others are passed over. TLS is `server.tls`."),
	SET_INT(struct connector_conf, port, "port", "8080", 1, 65535, "Port to listen on."),
	SET_STRING(struct connector_conf, bind_host, "bindHost", NULL, 0, "Address to listen on. Absent: all."),
	SET_NO_EFFECT("idleTimeout", CONNECTOR_WHY),
	SET_NO_EFFECT("acceptorThreads", CONNECTOR_WHY),
	SET_NO_EFFECT("selectorThreads", CONNECTOR_WHY),
	SET_NO_EFFECT("acceptQueueSize", CONNECTOR_WHY),
	SET_NO_EFFECT("maxRequestHeaderSize", CONNECTOR_WHY),
	SET_NO_EFFECT("useForwardedHeaders", CONNECTOR_WHY),
	SET_NO_EFFECT("keyStorePath", TLS_WHY),
	SET_NO_EFFECT("keyStorePassword", TLS_WHY),
	SET_NO_EFFECT("trustStorePath", TLS_WHY),
	SET_NO_EFFECT("validateCerts", TLS_WHY),
	SET_END,
};
/* clang-format on */

/* As Java looks for it; NULL if there is none. */
static const char *first_address(struct arena *arena)
{
	char text[INET_ADDRSTRLEN];
	struct ifaddrs *all = NULL;
	const char *found = NULL;

	if (getifaddrs(&all) != 0)
		return NULL;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		struct sockaddr_in in;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
			!(i->ifa_flags & IFF_UP) || i->ifa_flags & IFF_LOOPBACK ||
			strchr(i->ifa_name, ':'))
			continue;
		memcpy(&in, i->ifa_addr, sizeof(in));
		if (inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text)))
			found = arena_strdup(arena, text);
	}
	freeifaddrs(all);
	return found;
}

struct finish {
	struct daemon_conf *d;
	const char *name;
	const struct yaml_node *root;
	struct arena *arena;
	struct settings_report *rep;
	struct error *err;
};

static void warn(struct finish *f, const char *key, const char *text)
{
	if (f->rep)
		settings_note(f->rep, false, yaml_line(f->root, key), "%s: %s", key, text);
}

static int refuse(struct finish *f, const char *key, const char *text)
{
	return settings_refuse(f->rep, f->err, f->name, yaml_line(f->root, key), key, "%s", text);
}

static int finish_simple(struct finish *f)
{
	struct daemon_conf *d = f->d;

	if (!str_eq(d->connector.type, "http"))
		return refuse(f, "server.connector.type", "must be 'http'; " TLS_HINT);
	if (d->connectors.n > 0)
		warn(f, "server.applicationConnectors", "has no effect with 'type: simple'");
	d->port = d->connector.port;
	d->bind_host = d->connector.bind_host;
	return 0;
}

static int finish_default(struct finish *f)
{
	const struct yaml_node *server = yaml_get(f->root, "server");
	struct daemon_conf *d = f->d;
	size_t plain = 0;

	if (yaml_get(server, "connector") && !yaml_get(server, "applicationConnectors"))
		warn(f, "server.connector", "has no effect without 'type: simple'");
	d->port = 8080;
	d->bind_host = NULL;
	for (size_t i = 0; i < d->connectors.n; i++) {
		const struct connector_conf *c = &d->connectors.items[i];

		if (!str_eq(c->type, "http"))
			continue;
		d->port = c->port;
		d->bind_host = c->bind_host;
		plain++;
	}
	if (d->connectors.n > 0 && plain == 0)
		return refuse(f, "server.applicationConnectors", "has none of type 'http'; " TLS_HINT);
	if (d->connectors.n > 1)
		warn(f, "server.applicationConnectors", "only the last one of type 'http' is used");
	return 0;
}

static int finish_path(struct finish *f, const char *key, const char *path, const char **out)
{
	size_t n;

	if (*path != '/' || strpbrk(path, " ?#%\"<>\\^`{|}*"))
		return refuse(f, key, "must begin with '/' and be a plain path");
	n = strlen(path);
	while (n > 0 && path[n - 1] == '/')
		n--;
	*out = arena_strndup(f->arena, path, n);
	return 0;
}

static int finish_context_path(struct finish *f)
{
	struct daemon_conf *d = f->d;
	const char *path = d->application_context_path;
	int rc;

	if (!path)
		path = d->server_type == SERVER_SIMPLE ? "/application" : "/";
	rc = finish_path(f, "server.applicationContextPath", path, &d->context_path);
	if (rc == 0)
		rc = finish_path(f, "server.adminContextPath", d->admin_context_path, &d->admin_path);
	if (rc == 0 && (*d->admin_path == '\0' || str_eq(d->admin_path, d->context_path)))
		rc = refuse(f, "server.adminContextPath", "must be another path than the API's, and longer than '/'");
	return rc;
}

static int finish_host(struct finish *f)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_:[]";
	const char *host = f->d->hostname;

	if (!host)
		host = first_address(f->arena);
	if (!host)
		return refuse(f, "hostname", "is absent, and no interface has an IPv4 address");
	if (strspn(host, allowed) != strlen(host))
		return refuse(f, "hostname", "is no host name or address");
	if (strchr(host, ':') && *host != '[')
		host = arena_printf(f->arena, "[%s]", host);
	f->d->host = host;
	return 0;
}

static int finish_namespace(struct finish *f)
{
	const char *ns = f->d->zk_namespace;

	if (strchr(ns, '/') || str_eq(ns, ".") || str_eq(ns, "..") || str_eq(ns, "zookeeper"))
		return refuse(f, "zookeeper.zkNamespace", "must be one name, without '/'");
	for (const char *p = ns; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return refuse(f, "zookeeper.zkNamespace", "has a control character");
	if (strchr(f->d->zk_quorum, '/'))
		return refuse(f, "zookeeper.quorum",
			"must not have a path, zkNamespace does that");
	f->d->namespace = arena_printf(f->arena, "/%s", ns);
	return 0;
}

static int finish_tls(struct finish *f)
{
	static const struct tls_names server = { "server.tls.certificate", "server.tls.key",
		"server.tls.clientCa", true };
	static const struct tls_names client = { "httpClient.tls.certificate", "httpClient.tls.key",
		"httpClient.tls.ca", false };
	struct daemon_conf *d = f->d;
	int rc = tls_conf_finish(&d->tls, &server, f->name, f->root, f->arena, f->rep, f->err);

	d->scheme = d->tls.certificate ? "https" : "http";
	return rc != 0 ? rc : tls_conf_finish(&d->client_tls, &client, f->name, f->root, f->arena, f->rep, f->err);
}

static enum log_level level_of(int word)
{
	static const enum log_level levels[] = { LOG_LEVEL_DEBUG, LOG_LEVEL_DEBUG, LOG_LEVEL_DEBUG,
		LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_ERROR };

	ASSERT(word >= 0 && (size_t)word < ARRAY_LEN(levels));
	return levels[word];
}

int daemon_conf_finish(struct daemon_conf *d, const char *name, const struct yaml_node *root,
	struct arena *arena, struct settings_report *rep, struct error *err)
{
	struct finish f = { d, name, root, arena, rep, err };
	int rc;

	rc = d->server_type == SERVER_SIMPLE ? finish_simple(&f) : finish_default(&f);
	if (rc == 0)
		rc = finish_context_path(&f);
	if (rc == 0)
		rc = finish_host(&f);
	if (rc == 0)
		rc = finish_namespace(&f);
	if (rc == 0)
		rc = finish_tls(&f);
	if (rc == 0)
		d->log_level = level_of(d->log_word);
	return rc;
}

bool daemon_format_ok(const char *format, const char *args, bool fewer)
{
	for (const char *p = strchr(format, '%'); p; p = strchr(p, '%')) {
		p++;
		if (*p == '%') {
			p++;
			continue;
		}
		if (*p == '\0' || *p != *args)
			return false;
		args++;
		p++;
	}
	return fewer || *args == '\0';
}
