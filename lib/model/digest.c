/*
 * digest.c - SHA-256 by libcrypto
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/digest.h"

#include <openssl/evp.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

#define DIGEST_BYTES 32

struct digest {
	EVP_MD_CTX *md;
};

struct digest *digest_new(void)
{
	struct digest *d = xcalloc(1, sizeof(*d));

	d->md = EVP_MD_CTX_new();
	ASSERT(d->md != NULL);
	ASSERT(EVP_DigestInit_ex(d->md, EVP_sha256(), NULL) == 1);
	return d;
}

void digest_add(struct digest *d, const void *p, size_t n)
{
	if (n > 0)
		ASSERT(EVP_DigestUpdate(d->md, p, n) == 1);
}

void digest_finish(struct digest **d_take, char out[DIGEST_HEX])
{
	struct digest *d = STEAL(*d_take);
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	ASSERT(EVP_DigestFinal_ex(d->md, md, &n) == 1);
	ASSERT(n == DIGEST_BYTES);
	hex_encode(out, md, n);
	EVP_MD_CTX_free(d->md);
	xfree_p(&d);
}

void digest_hex(const void *p, size_t n, char out[DIGEST_HEX])
{
	struct digest *d = digest_new();

	digest_add(d, p, n);
	digest_finish(&d, out);
}
