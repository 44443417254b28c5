# Lockstep: build, tests, demo. `make help` lists the goals.
# SPDX-License-Identifier: Apache-2.0
MODE ?= release
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
B := build/$(MODE)
VERSION := $(shell cat VERSION)
PREFIX ?= /usr/local

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wwrite-strings -Wpointer-arith -Wcast-qual -Wformat=2 -Wundef -Wvla \
	-Wswitch-enum -Wnull-dereference -fno-common
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -ffile-prefix-map=$(CURDIR)=.
CFLAGS_dev := -O1 -g -Werror -DLOCKSTEP_DEV=1
CFLAGS_asan := -O1 -g -DLOCKSTEP_DEV=1 -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g -DLOCKSTEP_DEV=1 -fsanitize=thread
CFLAGS_fuzz := -O1 -g -DLOCKSTEP_DEV=1 -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
ifeq ($(MODE),fuzz)
CC := clang
endif
ifeq ($(CFLAGS_$(MODE)),)
$(error MODE is release, dev, asan, tsan or fuzz)
endif
CPPFLAGS += -I. -D_GNU_SOURCE -DLOCKSTEP_VERSION='"$(VERSION)"' -DLOCKSTEP_BUILD='"$(MODE)"'
ALL_CFLAGS := -std=gnu11 $(WARN) $(CFLAGS_$(MODE)) $(CFLAGS)
quote = '$(subst ','\'',$(1))'
LDLIBS := -lmicrohttpd -lgnutls -lcurl -lzookeeper_st -ljansson -lyaml -luv -lcrypto -lz -lpthread -lm

LIB_SRC := $(wildcard lib/*/*.c) $(filter-out %/main.c,$(wildcard service/*.c service/*/*.c \
	agent/*.c agent/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
PROGRAMS := build/lockstep-service build/lockstep-agent build/lockstep-view
UNIT_SRC := $(wildcard tests/unit/*_test.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)

.PHONY: all
all: $(B)/liblockstep.a $(PROGRAMS) ## build the programs (default): build/lockstep-service, -agent, -view

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

# Of the mode that was built last.
build/lockstep-%: $(B)/lockstep-% FORCE
	@cmp -s $< $@ || { cp $< $@.tmp && mv $@.tmp $@; }
.PHONY: FORCE
FORCE:

$(B)/lockstep-%: $(B)/%/main.o $(B)/liblockstep.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Started for every proof: without the libraries, and static where there is a libc.a (a sanitizer wants neither).
VIEW_STATIC := $(if $(filter release dev,$(MODE)),$(if $(filter /%,$(shell $(CC) -print-file-name=libc.a)),-static))
$(B)/lockstep-view: $(B)/agent/view/main.o $(B)/liblockstep.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(VIEW_STATIC) -o $@ $^ -lpthread

$(B)/liblockstep.a: $(LIB_OBJ)
	@rm -f $@
	@ar rcs $@ $^

$(B)/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Processes of the simulated cluster, for whoever tests one.
SIM_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/sim/*.c))

$(B)/unit/%: $(B)/tests/unit/%.o $(SIM_OBJ) $(B)/liblockstep.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

.PHONY: unit
unit: $(UNIT_BIN) ## unit tests; one alone: build/dev/unit/NAME_test
	@sh tests/run_unit.sh $(UNIT_BIN)

$(B)/print_%: $(B)/tests/lint/print_%.o $(B)/liblockstep.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# A fuzz target is one file, tests/fuzz/fuzz_NAME.c, its seeds in tests/fuzz/corpus/NAME/, and a dictionary that is
# named here. What several share are the other files of the folder.
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SHARED := $(patsubst %.c,$(B)/%.o,$(filter-out %/replay_main.c,$(filter-out tests/fuzz/fuzz_%,$(wildcard tests/fuzz/*.c))))
FUZZ_DICT_template := -dict=tests/fuzz/template.dict
FUZZ_DICT_render := -dict=tests/fuzz/template.dict
SECONDS := 60
ifeq ($(MODE),fuzz)
# What judges is not what is searched.
$(patsubst %,$(B)/tests/fuzz/%.o,compare tokens twins twins_service): ALL_CFLAGS += -fno-sanitize=fuzzer-no-link
endif

$(B)/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(FUZZ_SHARED) $(B)/liblockstep.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/fuzz/replay_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay_main.o $(FUZZ_SHARED) $(B)/liblockstep.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: fuzz-replay
fuzz-replay: $(FUZZ_NAMES:%=$(B)/fuzz/replay_%) ## all seeds of all fuzz targets once; any compiler
	@sh tests/fuzz/replay.sh $(B)/fuzz $(FUZZ_NAMES)

fuzz-%: ## fuzz-NAME: search with clang; SECONDS=60
	@$(MAKE) --no-print-directory MODE=fuzz build/fuzz/fuzz/fuzz_$*
	@mkdir -p build/fuzz/found/$*
	build/fuzz/fuzz/fuzz_$* -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
		$(FUZZ_DICT_$*) -artifact_prefix=build/fuzz/ build/fuzz/found/$* tests/fuzz/corpus/$*

.PHONY: docs
docs: $(B)/print_settings $(B)/print_lifecycle $(B)/print_metrics ## print the pages that are made from tables
	@$(B)/print_settings >docs/configuration.md.tmp && mv docs/configuration.md.tmp docs/configuration.md
	@$(B)/print_lifecycle >docs/lifecycle.md.tmp && mv docs/lifecycle.md.tmp docs/lifecycle.md
	@$(B)/print_metrics >docs/metrics.md.tmp && mv docs/metrics.md.tmp docs/metrics.md

.PHONY: lint
lint: ## layers, purity, names, sizes
	@sh tests/lint/lint.sh

# Our templates against handlebars.js, and against what handlebars.java printed.
$(B)/render_pairs: $(B)/tests/differential/render_pairs.o $(B)/liblockstep.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: differential
differential: $(B)/render_pairs ## templates against handlebars.js; COUNT=10000 SEED=1; some: T='corpus spec baragon pairs'
	@LOCKSTEP_BUILD=$(B) PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 tests/differential/run.py $(T)

# What `make test` runs, in this order; a part adds its goal by one line: TEST_GOALS += name. Each goal prints
# "name: N passed, N failed".
TEST_GOALS := lint unit contract fuzz-replay scenario differential
# The same for the sanitizers.
SANITIZE_GOALS := unit contract fuzz-replay scenario
TOOL_BIN := $(patsubst tests/integration/tools/%.c,build/tools/%,$(wildcard tests/integration/tools/*.c))

build/tools/%: tests/integration/tools/%.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARN) -o $@ $< -lpthread

build/tools/quote_value: build/tools/%: tests/integration/tools/%.c $(B)/liblockstep.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: tools
tools: $(TOOL_BIN)

.PHONY: integration
integration: $(PROGRAMS) tools ## real processes; some: make integration T='-k happy'; other build: MODE=asan
	@LOCKSTEP_BUILD=$(B) PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 tests/integration/run.py $(T)

.PHONY: demo
demo: ## build, start a cluster on free ports, show what it does; DEMO_ONCE=1 ends by itself
	@sh tests/install_deps.sh build
	@$(MAKE) --no-print-directory all tools
	@PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 demo/demo.py

.PHONY: deps
deps: ## install the Debian packages that are missing
	@sh tests/install_deps.sh test

# Compiled side by side, tested one after the other.
BUILD_ALL := $(MAKE) --no-print-directory -j$(shell nproc)
.PHONY: build-tests
build-tests: all tools $(UNIT_BIN) $(B)/render_pairs $(FUZZ_NAMES:%=$(B)/fuzz/replay_%) $(B)/scenario \
	$(B)/contract
	@:

.PHONY: test
test: deps ## install, build, run every test; at most 15 minutes on two cores
	@$(BUILD_ALL) MODE=dev build-tests
	@sh tests/run_all.sh $(foreach g,$(TEST_GOALS) integration,'MODE=dev $g')

.PHONY: sanitize
sanitize: deps ## the tests again with ASan+UBSan, some with TSan
	@$(BUILD_ALL) MODE=asan build-tests && $(BUILD_ALL) MODE=tsan build-tests
	@sh tests/run_all.sh $(foreach g,$(SANITIZE_GOALS),'MODE=asan $g') 'MODE=asan integration-asan' \
		$(foreach g,$(SANITIZE_GOALS),'MODE=tsan $g') 'MODE=tsan integration-tsan'

# The sanitizers slow everything down: deadlines are stretched.
.PHONY: integration-asan integration-tsan
integration-asan:
	@LOCKSTEP_SLOW=3 $(MAKE) --no-print-directory integration T='-m "not long"'
integration-tsan:
	@LOCKSTEP_SLOW=5 $(MAKE) --no-print-directory integration T='-k test_first_exchange'

# Many requests made up from openapi.json, to programs under ASan.
REQUESTS := 20000
SEED := 1
build/property/ready: tests/property/requirements.txt
	@sh tests/install_deps.sh property
	@rm -rf build/property
	@/usr/bin/python3 -m venv build/property
	@build/property/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: property
property: build/property/ready ## requests made up from openapi.json, under ASan; schemathesis from PyPI; REQUESTS=20000 SEED=1
	@$(MAKE) --no-print-directory MODE=asan all tools
	@REQUESTS=$(REQUESTS) SEED=$(SEED) LOCKSTEP_BUILD=build/asan LOCKSTEP_SLOW=3 PYTHONDONTWRITEBYTECODE=1 \
		exec build/property/bin/python tests/property/run.py

.PHONY: compile-commands
compile-commands: ## build/compile_commands.json, for editors and clang's tools
	@mkdir -p build
	@/usr/bin/python3 tests/lint/compile_commands.py $(call quote,$(CC) $(CPPFLAGS) $(ALL_CFLAGS)) $(LIB_SRC) \
		$(wildcard service/main.c agent/main.c agent/*/main.c tests/*/*.c) >build/compile_commands.json

.PHONY: install
install: all ## into $(DESTDIR)$(PREFIX): programs, templates, example settings
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/lockstep/templates $(DESTDIR)$(PREFIX)/share/lockstep/config
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	cp -R templates/. $(DESTDIR)$(PREFIX)/share/lockstep/templates
	install -m 644 config/*.yml $(DESTDIR)$(PREFIX)/share/lockstep/config

.PHONY: clean
clean: ## remove build/
	rm -rf build

-include $(shell find build/$(MODE) -name '*.d' 2>/dev/null)
.SECONDARY:

SCENARIO_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/scenario/*.c))
SCENARIOS := $(wildcard tests/scenario/*.scn)
# How much of it, and seconds of random histories.
SCENARIO_SECONDS := 60
SCENARIO_release := full $(SCENARIO_SECONDS)
SCENARIO_dev := full $(SCENARIO_SECONDS)
SCENARIO_asan := some 20
SCENARIO_tsan := few 20
$(B)/scenario: $(SCENARIO_OBJ) $(SIM_OBJ) $(B)/liblockstep.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: scenario
scenario: $(B)/scenario ## the protocol in one thread: scenarios, faults at every point, random histories, rules off
	@sh tests/scenario/run.sh $(B)/scenario $(SCENARIO_$(MODE)) $(SCENARIOS)

$(B)/contract: $(patsubst %.c,$(B)/%.o,$(wildcard tests/contract/*.c)) $(SIM_OBJ) $(B)/liblockstep.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: contract
contract: $(B)/contract ## the cases of tests/contract in one thread; some: make contract T='request.txt json.txt:20'
	@$(B)/contract tests/contract $(T)

# The benchmark; the release build is what counts: make bench. Its own measure runs beside it, on the same lib.
BENCH_BIN := $(patsubst %,$(B)/bench/%,floor deploys templates bare asker)
$(B)/bench/floor: $(patsubst %,$(B)/tests/bench/%.o,floor floor_txn floor_host bench) $(B)/liblockstep.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/bench/deploys $(B)/bench/templates $(B)/bench/bare $(B)/bench/asker: \
		$(B)/bench/%: $(B)/tests/bench/%.o $(B)/tests/bench/bench.o $(B)/liblockstep.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: bench
bench: deps ## ratios against what the parts cost here and now; BENCH_QUICK=1: within some minutes
	@$(MAKE) --no-print-directory all $(BENCH_BIN)
	@cd tests/bench && LOCKSTEP_BUILD=$(B) PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 bench.py
