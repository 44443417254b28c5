/*
 * bench.c - arguments and deploys of the benchmark
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/bench/bench.h"

#include "lib/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_PORT 10000
#define PORTS 50000

const char *bench_text(char *const *argv, const char *name, const char *otherwise)
{
	size_t n = strlen(name);

	for (size_t i = 1; argv[i] != NULL; i++)
		if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=')
			return argv[i] + n + 1;
	if (otherwise != NULL)
		return otherwise;
	(void)fprintf(stderr, "%s: argument %s=... is missing\n", argv[0], name);
	exit(2);
}

int64_t bench_number(char *const *argv, const char *name, int64_t otherwise)
{
	const char *text = bench_text(argv, name, otherwise == INT64_MIN ? NULL : "");
	int64_t v = otherwise;

	if (*text == '\0' || str_to_i64(text, 0, INT64_MAX, &v))
		return v;
	(void)fprintf(stderr, "%s: %s=%s is no number\n", argv[0], name, text);
	exit(2);
}

static void address_of(char out[32], int64_t k)
{
	(void)snprintf(out, 32, "127.0.0.1:%d", (int)(FIRST_PORT + k % PORTS));
}

void bench_deploy(struct bench_deploy *d, const char *prefix, int64_t k, int64_t services)
{
	(void)snprintf(
		d->service, sizeof(d->service), "%s%04lld", prefix, (long long)(k % services));
	(void)snprintf(d->id, sizeof(d->id), "%s-%08lld", d->service, (long long)k);
	(void)snprintf(d->keep, sizeof(d->keep), "127.0.0.1:9999");
	address_of(d->add, k);
	d->first = k < services;
	address_of(d->remove, d->first ? 0 : k - services);
}

void bench_body(const struct bench_deploy *d, struct buf *out)
{
	buf_printf(out,
		"{\"loadBalancerRequestId\":\"%s\",\"loadBalancerService\":{\"serviceId\":\"%s\",",
		d->id, d->service);
	buf_printf(
		out, "\"owners\":[\"bench@example.com\"],\"serviceBasePath\":\"/%s\",", d->service);
	buf_str(out,
		"\"loadBalancerGroups\":[\"" BENCH_GROUP "\"],\"options\":{}},\"addUpstreams\":[");
	if (d->first)
		buf_printf(out, "{\"upstream\":\"%s\"},", d->keep);
	buf_printf(out, "{\"upstream\":\"%s\"}],\"removeUpstreams\":[", d->add);
	if (!d->first)
		buf_printf(out, "{\"upstream\":\"%s\"}", d->remove);
	buf_str(out, "]}");
}
