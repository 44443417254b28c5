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

#include <stdlib.h>
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

static int compare_racks(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* A run of equal racks. */
struct count {
	const char *rack;
	int64_t n;
};

/* Into `counts`, which has room for n; how many there are. */
static size_t count_racks(const char *const *racks, size_t n, struct count *counts)
{
	const char **sorted = xcalloc(n, sizeof(*sorted));
	size_t runs = 0;

	for (size_t i = 0; i < n; i++)
		sorted[i] = racks[i];
	qsort(sorted, n, sizeof(*sorted), compare_racks);
	for (size_t i = 0; i < n; i++) {
		if (runs == 0 || strcmp(counts[runs - 1].rack, sorted[i]) != 0)
			counts[runs++] = (struct count){ sorted[i], 0 };
		counts[runs - 1].n++;
	}
	xfree_p(&sorted);
	return runs;
}

static int64_t count_of(const struct count *counts, size_t runs, const char *rack)
{
	for (size_t i = 0; i < runs; i++)
		if (strcmp(counts[i].rack, rack) == 0)
			return counts[i].n;
	return 0;
}

/* Of an upstream in another rack, when the own one cannot carry everything. */
static int64_t foreign_weight(const struct count *counts, size_t runs, int64_t n, int64_t in_rack, wide cap,
	wide pending)
{
	wide extra = cap - quotient(1, in_rack), total = 0;

	if (pending <= 0 || extra <= 0)
		return 0;
	for (size_t i = 0; i < runs; i++) {
		wide spare = cap - quotient(1, counts[i].n);

		if (spare > 0)
			total += spare * counts[i].n;
	}
	return round_up(quotient(extra, total) * pending * ((wide)runs * n), (wide)ONE * ONE);
}

int rack_weight(const char *zone, const char *const *racks, size_t n, const char *own, int64_t *weight_out,
	struct error *err)
{
	AUTO(xfree_p) struct count *counts = NULL;
	int64_t in_zone = 0, in_rack;
	wide cap, load;
	size_t runs = 0;

	if (n > RACK_UPSTREAMS_MAX)
		return error_set(err, ERR_INVALID, "more than %d upstreams have racks", RACK_UPSTREAMS_MAX);
	if (n > 0 && zone != NULL && own != NULL) {
		counts = xcalloc(n, sizeof(*counts));
		runs = count_racks(racks, n, counts);
		in_zone = count_of(counts, runs, zone);
	}
	if (in_zone == 0) {
		*weight_out = 1;
		return 0;
	}
	cap = quotient((wide)runs, (wide)n);
	load = quotient(1, in_zone);
	if (strcmp(zone, own) == 0) {
		*weight_out = load < cap ? 1 : round_up(cap * ((wide)runs * (wide)n), ONE);
		return 0;
	}
	in_rack = count_of(counts, runs, own);
	if (load > cap && in_rack == 0)
		return error_set(err, ERR_INVALID, "no upstream of the list is in rack '%.100s'", own);
	*weight_out = load > cap ? foreign_weight(counts, runs, (int64_t)n, in_rack, cap, load - cap) : 0;
	return 0;
}
