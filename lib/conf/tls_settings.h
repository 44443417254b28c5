/*
 * tls_settings.h - certificates and keys that a YAML names: read at start, and looked at
 *
 * Files are PEM; a relative name counts from the folder of the YAML.  What cannot work is said here,
 * with the line, and not by the first handshake.
 *
 * Layer: lib/conf (GnuTLS).  Threads: no state; blocks, for it reads files.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_CONF_TLS_SETTINGS_H
#define LIB_CONF_TLS_SETTINGS_H

#include "lib/conf/settings.h"

struct tls_conf {
	/* Of the file. */
	const char *certificate, *key, *ca;
	/* The texts; NULL where no file is named. Live as long as the arena. */
	const char *certificate_pem, *key_pem, *ca_pem;
};

/* How the three are called in the YAML; also whether certificate and key must be there. */
struct tls_names {
	const char *certificate, *key, *ca;
	bool required; /* if there is a CA */
};

/* Reads and checks. `root` and `name`: of settings_parse(). */
int tls_conf_finish(struct tls_conf *t, const struct tls_names *names, const char *name,
	const struct yaml_node *root, struct arena *arena, struct settings_report *rep,
	struct error *err) MUST_CHECK;

#endif
