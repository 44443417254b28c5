/*
 * metrics_page_test.c - the checked-in docs/metrics.md is the printed one
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/lint/metrics_page.h"

#include "lib/base/str.h"
#include "lib/os/file.h"
#include "tests/unit/cmocka_all.h"

static void page_is_printed(void **state)
{
	AUTO(buf_release) struct buf page = BUF_INIT, file = BUF_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	metrics_page(&page);
	if (file_read(METRICS_PAGE, 1 << 20, &file, &err) != 0)
		fail_msg("%s", err.text);
	if (!str_eq(buf_cstr(&page), buf_cstr(&file)))
		fail_msg("%s is not what the tables say: run `make docs`", METRICS_PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
