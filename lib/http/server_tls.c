/*
 * server_tls.c - what is different for a listener with TLS
 *
 * libmicrohttpd does the handshakes, a step per event, with GnuTLS.  It only asks for a certificate
 * of the client, and where a handshake fails it closes without a word.  So a client without a good
 * certificate comes through, and its first request is answered with the reason, whatever it is.
 * What went wrong is gathered during the handshake: the session is gone when its end is told.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/server_internal.h"

#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define TOLD_EVERY LOOP_MS(1000)

unsigned server_tls_flags(const struct server_tls *tls)
{
	return tls->certificate ? MHD_USE_TLS : 0;
}

static struct MHD_OptionItem item(enum MHD_OPTION option, const char *text)
{
	union {
		const char *in;
		void *out;
	} p = { .in = text }; /* the library only reads */

	return (struct MHD_OptionItem){ option, 0, p.out };
}

void server_tls_options(const struct server_tls *tls, struct MHD_OptionItem *out)
{
	if (tls->certificate) {
		*out++ = item(MHD_OPTION_HTTPS_MEM_CERT, tls->certificate);
		*out++ = item(MHD_OPTION_HTTPS_MEM_KEY, tls->key);
		*out++ = item(MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES);
		if (tls->client_ca)
			*out++ = item(MHD_OPTION_HTTPS_MEM_TRUST, tls->client_ca);
	}
	*out = item(MHD_OPTION_END, NULL);
}

/* The pointer of a session cache, which there is not, leads from a session to its connection. */
static struct conn *conn_of(gnutls_session_t session)
{
	return gnutls_db_get_ptr(session);
}

static char *status_words(unsigned status)
{
	gnutls_datum_t text = { NULL, 0 };
	char *words;
	int rc = gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);

	ASSERT(rc == 0);
	while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\0'))
		text.size--;
	words = xstrndup((const char *)text.data, text.size);
	gnutls_free(text.data);
	return words;
}

/* NULL: it is good; else what is wrong, to be freed. */
static char *judge_client(gnutls_session_t session)
{
	static char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st data = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)purpose };
	unsigned n = 0, status = 0;
	int rc;

	if (!gnutls_certificate_get_peers(session, &n))
		return xstrdup("the client showed no certificate");
	rc = gnutls_certificate_verify_peers(session, &data, 1, &status);
	if (rc != 0)
		return xstrdup(gnutls_strerror(rc));
	return status == 0 ? NULL : status_words(status);
}

static int on_handshake(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
	const gnutls_datum_t *msg)
{
	struct conn *conn = conn_of(session);

	(void)when;
	(void)msg;
	if (incoming && type == GNUTLS_HANDSHAKE_CLIENT_HELLO && conn->tls == TLS_OPEN)
		conn->tls = TLS_HELLO;
	if (incoming && type == GNUTLS_HANDSHAKE_FINISHED && conn->tls != TLS_DONE) {
		conn->tls = TLS_DONE;
		if (conn->s->opt.tls.client_ca)
			conn->tls_why = judge_client(session);
	}
	return 0;
}

void server_tls_opened(struct conn *conn)
{
	const struct server_tls *tls = &conn->s->opt.tls;
	const union MHD_ConnectionInfo *info;
	gnutls_session_t session;

	if (!tls->certificate)
		return;
	info = MHD_get_connection_info(conn->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	ASSERT(info && info->tls_session);
	session = info->tls_session;
	conn->tls = TLS_OPEN;
	gnutls_db_set_ptr(session, conn);
	gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_POST, on_handshake);
}

static const char *why_refused(const struct conn *conn)
{
	if (conn->tls_why)
		return conn->tls_why;
	if (conn->tls == TLS_OPEN)
		return "what came was no TLS handshake";
	if (conn->deadline == INT64_MAX)
		return "the handshake took too long";
	return "the handshake was not completed: our certificate is not trusted there, or nothing in common";
}

bool server_tls_sound(const struct conn *conn)
{
	return conn->tls == TLS_NONE ? !conn->s->opt.tls.certificate : conn->tls == TLS_DONE;
}

void server_tls_closed(struct conn *conn)
{
	struct server *s = conn->s;
	int64_t now = loop_now(s->l);

	if (conn->tls == TLS_OPEN || conn->tls == TLS_HELLO || conn->tls_why) {
		if (s->opt.refused && !s->closing && (s->told_at == 0 || now - s->told_at >= TOLD_EVERY)) {
			s->opt.refused(s->opt.ctx, conn->peer, why_refused(conn), s->untold);
			s->told_at = now;
			s->untold = 0;
		} else {
			s->untold++;
		}
	}
	free(STEAL(conn->tls_why));
}
