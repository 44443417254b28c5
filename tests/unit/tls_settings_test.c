/*
 * tls_settings_test.c - certificates and keys of a YAML: what is read, and what is refused with its line
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/conf/tls_settings.h"

#include "lib/base/str.h"
#include "lib/conf/settings_rows.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/scratch.h"

#include <stdio.h>
#include <string.h>

static const char certificate[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBczCCARmgAwIBAgIURY7/Eifn2I/9diGWT5MrN7klH1AwCgYIKoZIzj0EAwIw\n"
	"DjEMMAoGA1UEAwwDb25lMCAXDTI2MTEyMjIyMjYyMloYDzIxMjYxMDI5MjIyNjIy\n"
	"WjAOMQwwCgYDVQQDDANvbmUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASH9+Nb\n"
	"70LZF2ilI4F98ElU+APG0N4RY8LxoX6Bvm5PqxXqpCnme/Mi91IUN7cm06FN4ZID\n"
	"RAvV0SlKsIkvsCwJo1MwUTAdBgNVHQ4EFgQUla1i4HfRspSCX1GAdufoVYFi75Qw\n"
	"HwYDVR0jBBgwFoAUla1i4HfRspSCX1GAdufoVYFi75QwDwYDVR0TAQH/BAUwAwEB\n"
	"/zAKBggqhkjOPQQDAgNIADBFAiAZoCJ3zVWBD2UDSFiOwzA1cmVNBZbf1BblakB1\n"
	"gPmTDQIhAK+e/engKFI1SoGpHK7RXJemOteS6mudqK+FKmCLgoGr\n"
	"-----END CERTIFICATE-----\n";
static const char key[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgh1A4E5zReBpQnQJG\n"
	"vMfaw7A7T9YgAiwBKWyL2sAgI/uhRANCAASH9+Nb70LZF2ilI4F98ElU+APG0N4R\n"
	"Y8LxoX6Bvm5PqxXqpCnme/Mi91IUN7cm06FN4ZIDRAvV0SlKsIkvsCwJ\n"
	"-----END PRIVATE KEY-----\n";
static const char other_key[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmth2RMf8AK/6Fe8j\n"
	"7ydxEM3L+pUDOGk1gvPma4jeZlehRANCAAT4Rhfv90/BGVZTQIHd6F6GY9twaZ/e\n"
	"QjNiFdajOs6wgUMBMTRcdmvXw3Ln9DnIaAFiSs/DbSsHdlUrTlj3Gu0n\n"
	"-----END PRIVATE KEY-----\n";

static const struct setting rows[] = {
	SET_STRING(struct tls_conf, certificate, "tls.certificate", NULL, 0, "x"),
	SET_STRING(struct tls_conf, key, "tls.key", NULL, 0, "x"),
	SET_STRING(struct tls_conf, ca, "tls.ca", NULL, 0, "x"),
	SET_END,
};

static const struct tls_names names = { "tls.certificate", "tls.key", "tls.ca", true };
static const struct tls_names loose = { "tls.certificate", "tls.key", "tls.ca", false };
static struct arena *arena;
static struct tls_conf conf;
static struct error err;
static char *folder;

static int load(const struct tls_names *n, const char *yaml)
{
	char name[512];
	const struct yaml_node *root = NULL;

	memset(&conf, 0, sizeof(conf));
	err = (struct error)ERROR_INIT;
	snprintf(name, sizeof(name), "%s/d.yml", folder);
	assert_int_equal(settings_parse(rows, name, yaml, strlen(yaml), arena, &conf, &root, NULL, &err), 0);
	return tls_conf_finish(&conf, n, name, root, arena, NULL, &err);
}

/* `text`: behind the path of the YAML. */
static void bad(const char *yaml, const char *text)
{
	assert_int_equal(load(&names, yaml), ERR_INVALID);
	if (!strstr(err.text, text))
		fail_msg("%s", err.text);
}

static void put(const char *name, const char *text)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", folder, name);

	assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), 0);
}

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	folder = scratch_new();
	put("a.pem", certificate);
	put("a.key", key);
	put("b.key", other_key);
	put("text", "nothing of the kind\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_free(&folder);
	arena_free(&arena);
	return 0;
}

static void nothing_is_named(void **state)
{
	(void)state;
	assert_int_equal(load(&names, "tls: {}\n"), 0);
	assert_null(conf.certificate_pem);
	assert_null(conf.key_pem);
	assert_null(conf.ca_pem);
}

/* Relative to the YAML, or absolute. */
static void files_are_read(void **state)
{
	AUTO(xfree_p) char *whole = xasprintf("tls: {certificate: a.pem, key: '%s/a.key', ca: a.pem}\n", folder);

	(void)state;
	assert_int_equal(load(&names, whole), 0);
	assert_string_equal(conf.certificate_pem, certificate);
	assert_string_equal(conf.key_pem, key);
	assert_string_equal(conf.ca_pem, certificate);
	/* Who only calls others needs none of its own. */
	assert_int_equal(load(&loose, "tls: {ca: a.pem}\n"), 0);
	assert_string_equal(conf.ca_pem, certificate);
	assert_null(conf.certificate_pem);
}

static void parts_are_missing(void **state)
{
	(void)state;
	bad("tls:\n  certificate: a.pem\n", "d.yml:1: tls.key: is required with tls.certificate");
	bad("tls:\n  key: a.key\n", "d.yml:1: tls.certificate: is required with tls.key");
	bad("tls:\n  ca: a.pem\n", "d.yml:1: tls.certificate: is required with tls.ca");
}

static void files_are_wrong(void **state)
{
	(void)state;
	bad("tls:\n  certificate: a.pem\n  key: b.key\n", "d.yml:3: tls.key: 'b.key': is not the key of the certificate");
	bad("tls:\n  certificate: text\n  key: a.key\n", "d.yml:2: tls.certificate: 'text': has no certificate (PEM)");
	bad("tls:\n  certificate: a.key\n  key: a.key\n", "d.yml:2: tls.certificate: 'a.key': has no certificate (PEM)");
	bad("tls:\n  certificate: a.pem\n  key: text\n", "d.yml:3: tls.key: 'text': ");
	bad("tls:\n  certificate: a.pem\n  key: a.pem\n", "d.yml:3: tls.key: 'a.pem': ");
	bad("tls:\n  certificate: a.pem\n  key: a.key\n  ca: text\n", "d.yml:4: tls.ca: 'text': has no certificate (PEM)");
}

static void files_are_absent(void **state)
{
	(void)state;
	bad("tls:\n  certificate: none.pem\n  key: a.key\n", "d.yml:2: tls.certificate: ");
	assert_non_null(strstr(err.text, "/none.pem"));
	bad("tls:\n  certificate: a.pem\n  key: .\n", "d.yml:3: tls.key: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_named),
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(parts_are_missing),
		cmocka_unit_test(files_are_wrong),
		cmocka_unit_test(files_are_absent),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
