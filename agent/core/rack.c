/*
 * rack.c - how much of an agent's traffic an upstream gets, so that racks are evenly loaded
 *
 * Quantities are integers of 10^-10; a product of two has the scale 10^20.
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/rack.h"

#include "lib/base/mem.h"

#include <string.h>

#define ONE INT64_C(10000000000)

__extension__ typedef __int128 wide;

/* x / y to ten decimals, half up; both are not negative. */
static wide quotient(wide x, wide y)
{
	return (2 * x * ONE + y) / (2 * y);
}

static int64_t round_up(wide x, wide unit)
{
	return (int64_t)((x + unit - 1) / unit);
}

/* A rack and how often it occurs. */
struct count {
	const char *rack;
	int64_t n;
};

struct counts {
	struct count *slots; /* by hash; free ones have no rack */
	size_t mask;
	int64_t racks;
};

static void counts_release(struct counts *c)
{
	xfree_p(&c->slots);
}

static struct count *count_at(const struct counts *c, const char *rack)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (const char *p = rack; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
	for (size_t i = (size_t)(hash >> 32) & c->mask;; i = (i + 1) & c->mask)
		if (c->slots[i].rack == NULL || strcmp(c->slots[i].rack, rack) == 0)
			return &c->slots[i];
}

static void count_racks(const char *const *racks, size_t n, struct counts *c)
{
	size_t size = 16;

	while (size < 2 * n)
		size *= 2;
	c->slots = xcalloc(size, sizeof(*c->slots));
	c->mask = size - 1;
	for (size_t i = 0; i < n; i++) {
		struct count *at = count_at(c, racks[i]);

		if (at->rack == NULL)
			c->racks++;
		at->rack = racks[i];
		at->n++;
	}
}

/* Of an upstream in another rack, when the own one cannot carry everything. */
static int64_t foreign_weight(const struct counts *c, int64_t n, int64_t in_rack, wide cap, wide pending)
{
	wide extra = cap - quotient(1, in_rack), total = 0;

	if (pending <= 0 || extra <= 0)
		return 0;
	for (size_t i = 0; i <= c->mask; i++) {
		wide spare = c->slots[i].n > 0 ? cap - quotient(1, c->slots[i].n) : 0;

		if (spare > 0)
			total += spare * c->slots[i].n;
	}
	return round_up(quotient(extra, total) * pending * ((wide)c->racks * n), (wide)ONE * ONE);
}

int rack_weight(const char *zone, const char *const *racks, size_t n, const char *own, int64_t *weight_out,
	struct error *err)
{
	AUTO(counts_release) struct counts c = { NULL, 0, 0 };
	int64_t in_zone = 0, in_rack;
	wide cap, load;

	if (n > RACK_UPSTREAMS_MAX)
		return error_set(err, ERR_INVALID, "more than %d upstreams have racks", RACK_UPSTREAMS_MAX);
	if (n > 0 && zone != NULL && own != NULL) {
		count_racks(racks, n, &c);
		in_zone = count_at(&c, zone)->n;
	}
	if (in_zone == 0) {
		*weight_out = 1;
		return 0;
	}
	cap = quotient(c.racks, (wide)n);
	load = quotient(1, in_zone);
	if (strcmp(zone, own) == 0) {
		*weight_out = load < cap ? 1 : round_up(cap * ((wide)c.racks * (wide)n), ONE);
		return 0;
	}
	in_rack = count_at(&c, own)->n;
	if (load > cap && in_rack == 0)
		return error_set(err, ERR_INVALID, "no upstream of the list is in rack '%.100s'", own);
	*weight_out = load > cap ? foreign_weight(&c, (int64_t)n, in_rack, cap, load - cap) : 0;
	return 0;
}
