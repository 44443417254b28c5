/*
 * lifecycle_page.h - docs/lifecycle.md from the table in service/core/lifecycle.c; printed by `make docs`,
 * compared with the checked-in page by a unit test
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LINT_LIFECYCLE_PAGE_H
#define TESTS_LINT_LIFECYCLE_PAGE_H

#include "service/core/lifecycle.h"

#define LIFECYCLE_PAGE "docs/lifecycle.md"

static inline void lifecycle_page(struct buf *out)
{
	buf_str(out,
		"# The life of a batch\n\n"
		"<!-- Printed by `make docs` from service/core/lifecycle.c. -->\n\n"
		"The leader takes requests from the queue in batches. A batch is always in one of four phases:\n\n"
		"| phase | on the hosts | written |\n|---|---|---|\n"
		"| PREPARING | old | nothing |\n"
		"| FORWARD | old, becoming new | the decision record says forward |\n"
		"| BACK | new, becoming old | the decision record says back, or there never was one to turn |\n"
		"| RELEASING | old | nothing; preparations are being dropped |\n\n"
		"After each event (an answer, a watch, a deadline) the rows below are tried from the top. The first row of "
		"the batch's phase whose condition holds says what is done next. The names of the transitions are those of "
		"`docs/protocol.md`; a `-` writes nothing.\n\n");
	lifecycle_print(out);
	buf_str(out,
		"\nDeadlines: PREPARING `worker.prepareDeadlineMs`, FORWARD `worker.applyDeadlineMs`, BACK "
		"`worker.revertDeadlineMs`, RELEASING one second. They count from the moment the phase was entered.\n");
}

#endif
