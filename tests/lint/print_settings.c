/*
 * print_settings.c - docs/configuration.md to standard output
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/lint/settings_page.h"

#include <stdio.h>

int main(void)
{
	AUTO(buf_release) struct buf page = BUF_INIT;

	settings_page(&page);
	return fwrite(page.data, 1, page.len, stdout) == page.len && fflush(stdout) == 0 ? 0 : 1;
}
