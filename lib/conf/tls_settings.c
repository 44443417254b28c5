/*
 * tls_settings.c - certificates and keys of a YAML: read and checked
 *
 * Layer: lib/conf (GnuTLS).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/conf/tls_settings.h"

#include "lib/base/str.h"
#include "lib/os/file.h"

#include <gnutls/gnutls.h>
#include <string.h>

#define PEM_BYTES_MAX (1024u * 1024u)

struct check {
	const char *name;
	const struct yaml_node *root;
	struct arena *arena;
	struct settings_report *rep;
	struct error *err;
};

static int refuse(struct check *c, const char *key, const char *file, const char *why)
{
	return settings_refuse(c->rep, c->err, c->name, yaml_line(c->root, key), key, "'%s': %s", file, why);
}

static int missing(struct check *c, const char *key, const char *because)
{
	return settings_refuse(c->rep, c->err, c->name, yaml_line(c->root, key), key,
		"is required with %s", because);
}

static int read_pem(struct check *c, const char *key, const char *file, const char **pem_out)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	const char *slash = strrchr(c->name, '/'), *path = file;
	struct error why = ERROR_INIT;

	if (*file != '/' && slash)
		path = arena_printf(c->arena, "%.*s/%s", (int)(slash - c->name), c->name, file);
	if (file_read(path, PEM_BYTES_MAX, &text, &why) != 0)
		return settings_refuse(c->rep, c->err, c->name, yaml_line(c->root, key), key, "%s", why.text);
	if (memchr(buf_cstr(&text), 0, text.len))
		return refuse(c, key, file, "is no PEM file");
	*pem_out = arena_strndup(c->arena, buf_cstr(&text), text.len);
	return 0;
}

static gnutls_datum_t datum(const char *pem)
{
	union {
		const char *in;
		unsigned char *out;
	} bytes = { .in = pem }; /* the library only reads */

	return (gnutls_datum_t){ .data = bytes.out, .size = (unsigned)strlen(pem) };
}

static gnutls_certificate_credentials_t credentials(void)
{
	gnutls_certificate_credentials_t cred = NULL;
	int rc = gnutls_certificate_allocate_credentials(&cred);

	ASSERT(rc == 0);
	return cred;
}

static int check_certificates(struct check *c, const char *key, const char *file, const char *pem)
{
	gnutls_certificate_credentials_t cred = credentials();
	gnutls_datum_t text = datum(pem);
	int rc = gnutls_certificate_set_x509_trust_mem(cred, &text, GNUTLS_X509_FMT_PEM);

	gnutls_certificate_free_credentials(cred);
	if (rc > 0)
		return 0;
	if (rc == 0 || rc == GNUTLS_E_NO_CERTIFICATE_FOUND)
		return refuse(c, key, file, "has no certificate (PEM)");
	return refuse(c, key, file, gnutls_strerror(rc));
}

static int check_pair(struct check *c, const struct tls_conf *t, const struct tls_names *n)
{
	gnutls_certificate_credentials_t cred = credentials();
	gnutls_datum_t crt = datum(t->certificate_pem), key = datum(t->key_pem);
	int rc = gnutls_certificate_set_x509_key_mem(cred, &crt, &key, GNUTLS_X509_FMT_PEM);

	gnutls_certificate_free_credentials(cred);
	if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return refuse(c, n->key, t->key, "is not the key of the certificate");
	if (rc == GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR)
		return refuse(c, n->key, t->key, "has no private key (PEM)");
	return rc < 0 ? refuse(c, n->key, t->key, gnutls_strerror(rc)) : 0;
}

int tls_conf_finish(struct tls_conf *t, const struct tls_names *n, const char *name,
	const struct yaml_node *root, struct arena *arena, struct settings_report *rep, struct error *err)
{
	struct check c = { name, root, arena, rep, err };
	int rc = 0;

	if (!t->certificate && (t->key || (t->ca && n->required)))
		return missing(&c, n->certificate, t->key ? n->key : n->ca);
	if (t->certificate && !t->key)
		return missing(&c, n->key, n->certificate);
	if (t->certificate)
		rc = read_pem(&c, n->certificate, t->certificate, &t->certificate_pem);
	if (rc == 0 && t->key)
		rc = read_pem(&c, n->key, t->key, &t->key_pem);
	if (rc == 0 && t->ca)
		rc = read_pem(&c, n->ca, t->ca, &t->ca_pem);
	if (rc == 0 && t->certificate)
		rc = check_certificates(&c, n->certificate, t->certificate, t->certificate_pem);
	if (rc == 0 && t->certificate)
		rc = check_pair(&c, t, n);
	if (rc == 0 && t->ca)
		rc = check_certificates(&c, n->ca, t->ca, t->ca_pem);
	return rc;
}
