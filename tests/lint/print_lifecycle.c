/*
 * print_lifecycle.c - docs/lifecycle.md to standard output
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/lint/lifecycle_page.h"

#include <stdio.h>

int main(void)
{
	AUTO(buf_release) struct buf page = BUF_INIT;

	lifecycle_page(&page);
	return fwrite(page.data, 1, page.len, stdout) == page.len && fflush(stdout) == 0 ? 0 : 1;
}
