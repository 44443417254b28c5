/*
 * shares.c - shares of groups of upstreams in the traffic, as weights of their servers
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/shares.h"

#include "agent/core/checks.h"

#include <string.h>

/* The servers that divide one share between them. */
struct pool {
	int64_t share, servers, weight;
};

/* One per named group, and the last for all others. */
struct pools {
	const struct value *shares;
	struct pool at[SHARES_MAX_GROUPS + 1];
	size_t n;
};

static int read_shares(const struct value *shares, const char *name, struct pools *ps, struct error *err)
{
	int64_t sum = 0;

	if (shares->kind != VALUE_MAP || shares->u.map.n > SHARES_MAX_GROUPS)
		return checks_refuse(name, shares, "is no map of groups, 32 at most", err);
	*ps = (struct pools){ .shares = shares, .n = shares->u.map.n + 1 };
	for (size_t i = 0; i < shares->u.map.n; i++) {
		const struct value *v = shares->u.map.members[i].value;

		if (v->kind != VALUE_INT || v->u.i < 0 || v->u.i > 100)
			return checks_refuse(name, v, "is no whole number from 0 to 100", err);
		ps->at[i].share = v->u.i;
		sum += v->u.i;
	}
	if (sum > 100)
		return checks_refuse(name, shares, "adds up to more than 100", err);
	ps->at[ps->n - 1].share = 100 - sum;
	return 0;
}

static const char *group_of(const struct value *server)
{
	const struct value *group = value_get(server, "group");

	return group != NULL && group->kind == VALUE_STRING ? group->u.s : "default";
}

static struct pool *pool_of(struct pools *ps, const char *group)
{
	for (size_t i = 0; i < ps->shares->u.map.n; i++)
		if (strcmp(ps->shares->u.map.members[i].key, group) == 0)
			return &ps->at[i];
	return &ps->at[ps->n - 1];
}

static int64_t common_divisor(int64_t x, int64_t y)
{
	while (y != 0) {
		int64_t rest = x % y;

		x = y;
		y = rest;
	}
	return x;
}

/* The smallest whole weights in exactly these proportions; false: one would be too great. */
static bool exact(struct pools *ps)
{
	int64_t multiple = 1, divisor = 0, most = 0;

	for (size_t i = 0; i < ps->n; i++) {
		if (ps->at[i].servers == 0 || ps->at[i].share == 0)
			continue;
		multiple *= ps->at[i].servers / common_divisor(multiple, ps->at[i].servers);
		if (multiple > INT64_C(1) << 40)
			return false;
	}
	for (size_t i = 0; i < ps->n; i++)
		if (ps->at[i].servers > 0 && ps->at[i].share > 0) {
			ps->at[i].weight = ps->at[i].share * (multiple / ps->at[i].servers);
			divisor = common_divisor(ps->at[i].weight, divisor);
			most = ps->at[i].weight > most ? ps->at[i].weight : most;
		}
	if (most / divisor > SHARES_MAX_WEIGHT)
		return false;
	for (size_t i = 0; i < ps->n; i++)
		ps->at[i].weight /= divisor;
	return true;
}

/* The greatest is 256, and the others in proportion to it. */
static void rounded(struct pools *ps)
{
	const struct pool *top = NULL;

	for (size_t i = 0; i < ps->n; i++) {
		const struct pool *p = &ps->at[i];

		if (p->servers > 0 && (top == NULL || p->share * top->servers > top->share * p->servers))
			top = p;
	}
	for (size_t i = 0; i < ps->n; i++) {
		struct pool *p = &ps->at[i];
		int64_t below = p->servers * top->share;

		p->weight = 0;
		if (p->servers > 0 && p->share > 0)
			p->weight = (p->share * top->servers * SHARES_MAX_WEIGHT + below / 2) / below;
		if (p->servers > 0 && p->share > 0 && p->weight == 0)
			p->weight = 1;
	}
}

int shares_weights(const struct value *servers, const struct value *shares, const char *name, struct arena *a,
	const struct value **out, struct error *err)
{
	struct value *weights;
	struct pools ps;
	int64_t served = 0;
	int rc;

	*out = value_null();
	if (shares->kind == VALUE_NULL)
		return 0;
	rc = read_shares(shares, name, &ps, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; servers->kind == VALUE_LIST && i < servers->u.list.n; i++)
		pool_of(&ps, group_of(servers->u.list.items[i]))->servers++;
	for (size_t i = 0; i < ps.n; i++)
		served += ps.at[i].servers > 0 ? ps.at[i].share : 0;
	if (served == 0)
		return 0;
	if (!exact(&ps))
		rounded(&ps);
	weights = value_map(a);
	for (size_t i = 0; i < servers->u.list.n; i++) {
		const char *group = group_of(servers->u.list.items[i]);

		if (value_get(weights, group) == NULL)
			value_map_put(a, weights, group,
				value_text(a, arena_printf(a, "%d", (int)pool_of(&ps, group)->weight)));
	}
	*out = weights;
	return 0;
}
