/*
 * map.c - the seeded hash under map.h: SipHash-1-3 (Aumasson, Bernstein)
 *
 * Layer: lib/base.  Threads: the seed is set once, before other threads exist.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/map.h"

#include "lib/base/rand.h"

static uint64_t key[2] = { 0x9ae16a3b2f90404fu, 0xc949d7c7509e6557u };

void map_seed(uint64_t seed)
{
	struct rand_state r;

	rand_seed(&r, seed);
	key[0] = rand_u64(&r);
	key[1] = rand_u64(&r);
}

static inline uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

unsigned map_hash(const void *p, size_t n)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
			  key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u };
	const unsigned char *u = p;
	uint64_t last = (uint64_t)n << 56, m;
	size_t i;

	for (i = 0; i + 8 <= n; i += 8) {
		memcpy(&m, u + i, 8);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	for (size_t k = 0; i + k < n; k++)
		last |= (uint64_t)u[i + k] << (8 * k);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int k = 0; k < 3; k++)
		sip_round(v);
	m = v[0] ^ v[1] ^ v[2] ^ v[3];
	return (unsigned)(m ^ m >> 32);
}
