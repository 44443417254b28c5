/*
 * configuration_page_test.c - the checked-in page is the printed one, and the tables are in order
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/lint/settings_page.h"

#include "lib/base/str.h"
#include "lib/os/file.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

static void page_is_printed(void **state)
{
	AUTO(buf_release) struct buf page = BUF_INIT, file = BUF_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	settings_page(&page);
	if (file_read(SETTINGS_PAGE, 1 << 20, &file, &err) != 0)
		fail_msg("%s", err.text);
	if (!str_eq(buf_cstr(&page), buf_cstr(&file)))
		fail_msg("%s is not what the tables say: run `make docs`", SETTINGS_PAGE);
}

static void check_table(const struct setting *rows)
{
	for (const struct setting *s = rows; s->key; s++) {
		size_t n = strcspn(s->key, ".");

		assert_non_null(s->help);
		assert_true(*s->help != '\0');
		for (const struct setting *t = s + 1; t->key; t++)
			if (str_eq(s->key, t->key))
				fail_msg("two rows for '%s'", s->key);
		/* Rows with an effect of one section stand together, or the dump would open it twice. */
		for (const struct setting *t = s + 1; t->key && !(s->flags & SETTING_NO_EFFECT); t++) {
			const struct setting *prev = t - 1;

			while (prev->flags & SETTING_NO_EFFECT && prev > s)
				prev--;
			if (t->flags & SETTING_NO_EFFECT || s->key[n] != '.' ||
				strncmp(t->key, s->key, n + 1) != 0)
				continue;
			if (strncmp(prev->key, s->key, n + 1) != 0)
				fail_msg("'%s' stands apart from its section", t->key);
		}
		if (s->kind == SETTING_LIST)
			check_table(s->rows);
	}
}

static void tables_are_in_order(void **state)
{
	(void)state;
	check_table(service_settings);
	check_table(agent_settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_is_printed),
		cmocka_unit_test(tables_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
