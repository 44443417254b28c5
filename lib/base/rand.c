/*
 * rand.c - xoroshiro128+ seeded through splitmix64 (Blackman, Vigna)
 *
 * Layer: lib/base.  Threads: one owner per object.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/rand.h"

#include "lib/base/str.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static uint64_t splitmix64(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void rand_seed(struct rand_state *r, uint64_t seed)
{
	r->s[0] = splitmix64(&seed);
	r->s[1] = splitmix64(&seed);
}

void rand_seed_os(struct rand_state *r)
{
	ssize_t n;

	do
		n = getrandom(r->s, sizeof(r->s), 0);
	while (n < 0 && errno == EINTR);
	ASSERT(n == (ssize_t)sizeof(r->s)); /* always whole up to 256 bytes */
	if (r->s[0] == 0 && r->s[1] == 0)
		r->s[0] = 1; /* the one state it could never leave */
}

static inline uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

uint64_t rand_u64(struct rand_state *r)
{
	uint64_t a = r->s[0], b = r->s[1], result = a + b;

	b ^= a;
	r->s[0] = rotl(a, 24) ^ b ^ b << 16;
	r->s[1] = rotl(b, 37);
	return result;
}

uint64_t rand_below(struct rand_state *r, uint64_t bound)
{
	uint64_t skip, x;

	ASSERT(bound > 0);
	skip = -bound % bound; /* 2^64 mod bound: drawn again, so that no value is favoured */
	do
		x = rand_u64(r);
	while (x < skip);
	return x % bound;
}

void rand_uuid(struct rand_state *r, char out[37])
{
	uint64_t v[2] = { rand_u64(r), rand_u64(r) };
	unsigned char u[16];
	char hex[33];
	size_t from = 0, to = 0;

	for (size_t i = 0; i < sizeof(u); i++)
		u[i] = (unsigned char)(v[i / 8] >> 8 * (i % 8));
	u[6] = (unsigned char)((u[6] & 0x0f) | 0x40);
	u[8] = (unsigned char)((u[8] & 0x3f) | 0x80);
	hex_encode(hex, u, sizeof(u));
	while (from < 32) {
		if (from == 8 || from == 12 || from == 16 || from == 20)
			out[to++] = '-';
		out[to++] = hex[from++];
	}
	out[to] = '\0';
}
