/*
 * print_metrics.c - docs/metrics.md to standard output
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/lint/metrics_page.h"

#include <stdio.h>

int main(void)
{
	AUTO(buf_release) struct buf page = BUF_INIT;

	metrics_page(&page);
	return fwrite(page.data, 1, page.len, stdout) == page.len && fflush(stdout) == 0 ? 0 : 1;
}
