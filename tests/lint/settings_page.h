/*
 * settings_page.h - docs/configuration.md from the tables of both programs; printed by `make docs`,
 * compared with the checked-in page by a unit test
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LINT_SETTINGS_PAGE_H
#define TESTS_LINT_SETTINGS_PAGE_H

#include "agent/agent_settings.h"
#include "service/service_settings.h"

#define SETTINGS_PAGE "docs/configuration.md"

static inline void settings_page(struct buf *out)
{
	buf_str(out,
		"# Configuration\n\n"
		"<!-- Printed by `make docs` from service/service_settings.c, agent/agent_settings.c and "
		"lib/conf/daemon_settings.h. -->\n\n"
		"Each program reads one YAML file, and the file of a Baragon service or agent may be used as it "
		"stands. Commented examples: `config/service.example.yml`, `config/agent.example.yml`.\n\n"
		"- `--check-config` reads the file, says what is wrong with it and ends; `--dump-settings` prints "
		"what is in force. `lockstep-agent --render` prints the files that an agent would make, from the live "
		"namespace or from a state file, and touches nothing.\n"
		"- An unknown key, or one that has no effect, is a warning with its line. A value of the wrong kind "
		"or out of range stops the start, with file, line and key.\n"
		"- The keys below are written with dots: `worker.maxBatchSize` is `maxBatchSize:` below `worker:`.\n"
		"- Milliseconds may also be written `250ms`, `30s`, `5m`, `1h`, `2d`. Numbers and `true`, `false` may "
		"be quoted. A key without a value, or with `null`, has its default.\n"
		"- Aliases (`*name`) work; merge keys (`<<`), a key twice, several documents and tags do not. A file "
		"has at most 1 MiB, 100000 nodes and 32 levels.\n\n"
		"## lockstep-service\n");
	settings_docs(service_settings, out);
	buf_str(out, "\n## lockstep-agent\n");
	settings_docs(agent_settings, out);
}

#endif
