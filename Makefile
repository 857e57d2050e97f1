# make run    installs what is missing, builds, starts a broker on loopback and prints how to talk to it
# make test   installs what is missing, runs everything that decides whether a change is good
# The rest is listed by `make help`.

SHELL := /bin/bash
SWIFT ?= swift
PROTOS := $(sort $(wildcard Protos/agentbroker/v1/*.proto))
GENERATED := Sources/CBrokerProtos
PYTHON_GENERATED := clients/python/src/agent_broker/_protos
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# What the build, the broker and the tests need from Debian, each with a file that shows it is there.
NEEDED := libprotobuf-c-dev:/usr/include/protobuf-c/protobuf-c.h \
          libpcre2-dev:/usr/include/pcre2.h \
          libarchive-dev:/usr/include/archive.h \
          protobuf-c-compiler:/usr/bin/protoc-c \
          protobuf-compiler:/usr/bin/protoc \
          pkg-config:/usr/bin/pkg-config \
          openssl:/usr/bin/openssl \
          bubblewrap:/usr/bin/bwrap \
          git:/usr/bin/git \
          python3:/usr/bin/python3 \
          python3-venv:/usr/lib/python3.11/ensurepip/__init__.py

.PHONY: help setup build debug run test test-python test-mcp test-metrics test-dashboard torture protos protos-check format lint clean

help:
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## install what is missing (Debian packages; a Swift 6.3 toolchain has to be there)
	@command -v $(SWIFT) >/dev/null || { echo "No Swift toolchain: install Swift 6.3 from https://www.swift.org/install and put it on PATH." >&2; exit 1; }
	@missing=(); for pair in $(NEEDED); do [ -e "$${pair#*:}" ] || missing+=("$${pair%%:*}"); done; \
	if [ $${#missing[@]} -gt 0 ]; then \
	  echo "Installing: $${missing[*]}"; \
	  if ! command -v apt-get >/dev/null || { [ -n "$(SUDO)" ] && ! command -v sudo >/dev/null; }; then \
	    echo "Cannot install: no apt-get, or neither root nor sudo. Install these by hand: $${missing[*]}" >&2; exit 1; fi; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$${missing[@]}" >/dev/null; \
	fi

build: setup ## release build
	$(SWIFT) build -c release

debug: setup ## debug build, tests included
	$(SWIFT) build --build-tests

run: build ## a broker on loopback with an embedded configuration
	@exec "$$($(SWIFT) build -c release --show-bin-path)/agent-broker" serve $(ARGS)

# Programs that tests run at a terminal.
test: NEEDED += vim:/usr/bin/vim less:/usr/bin/less procps:/usr/bin/top valgrind:/usr/bin/valgrind
# And what a part of the Python client is built with.
test test-python: NEEDED += gcc:/usr/bin/gcc \
          python3-dev:$(shell python3 -c 'import sysconfig; print(sysconfig.get_path("include"))' 2>/dev/null)/Python.h
test: setup lint protos-check debug ## everything: lint, generated code, debug tests, the Python client, coding agents, some fuzzing, release build, instruction counts
	@log=$$(mktemp) && trap 'rm -f "$$log"' EXIT && set -o pipefail && \
	$(SWIFT) test --skip-build --no-parallel 2>&1 | tee "$$log" || \
	{ echo "What failed, of all that is above:"; grep -aE '✘|: error: ' "$$log"; exit 1; }
	clients/python/run-tests "$$($(SWIFT) build --show-bin-path)/agent-broker"
	Tests/MCP/run "$$($(SWIFT) build --show-bin-path)/agent-broker"
	Tests/Metrics/run "$$($(SWIFT) build --show-bin-path)/agent-broker"
	Tests/Dashboard/run --broker "$$($(SWIFT) build --show-bin-path)/agent-broker"
	"$$($(SWIFT) build --show-bin-path)/loadtest" run coding-agent --stage warm-up --stage steady --rate 50 --no-checks
	ASAN_OPTIONS=detect_leaks=0 Tests/Fuzz/run 200000
	$(SWIFT) build -c release
	loadtest/Benchmarks/check "$$($(SWIFT) build -c release --show-bin-path)"

test-python: debug ## the Python client: lint, types, tests against a broker
	clients/python/run-tests "$$($(SWIFT) build --show-bin-path)/agent-broker"

test-mcp: debug ## MCP: every tool by PyPI's official client, of both eras
	Tests/MCP/run "$$($(SWIFT) build --show-bin-path)/agent-broker"

test-metrics: debug ## dashboard and alert rules, in a Prometheus that scrapes a loaded broker
	Tests/Metrics/run "$$($(SWIFT) build --show-bin-path)/agent-broker"

test-dashboard: debug ## the dashboard in headless Chromium, against a mock and a broker
	Tests/Dashboard/run --broker "$$($(SWIFT) build --show-bin-path)/agent-broker"

torture: build ## what takes longer or needs a quiet machine
	loadtest/torture

protos: setup ## generate what C and Python need from Protos
	@rm -rf $(GENERATED) && mkdir -p $(GENERATED)/include
	@protoc-c --proto_path=Protos --c_out=$(GENERATED)/include $(PROTOS)
	@mkdir -p $(GENERATED)/agentbroker/v1 && mv $(GENERATED)/include/agentbroker/v1/*.c $(GENERATED)/agentbroker/v1/
	@rm -rf $(PYTHON_GENERATED) && mkdir -p $(PYTHON_GENERATED)
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	protoc --proto_path=Protos --python_out="$$scratch" --pyi_out="$$scratch" $(PROTOS) && \
	sed -i -E "s/^from agentbroker\.v1 import/from agent_broker._protos import/; s/'agentbroker\.v1\.(\w+_pb2)'/'agent_broker._protos.\1'/" \
	  "$$scratch"/agentbroker/v1/* && \
	cp "$$scratch"/agentbroker/v1/* $(PYTHON_GENERATED)/ && \
	echo '"""Generated by `make protos` from Protos/agentbroker/v1; nothing by hand."""' > $(PYTHON_GENERATED)/__init__.py

protos-check: setup ## fail if the generated code is not that of Protos
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	$(MAKE) --no-print-directory protos GENERATED="$$scratch/CBrokerProtos" PYTHON_GENERATED="$$scratch/_protos" && \
	diff -r "$$scratch/CBrokerProtos" Sources/CBrokerProtos >/dev/null && \
	diff -r -x __pycache__ "$$scratch/_protos" $(PYTHON_GENERATED) >/dev/null || \
	{ echo "The generated code is not what Protos gives: run 'make protos' and commit it." >&2; exit 1; }

format: ## format the Swift sources
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests loadtest

lint: ## check the format of the Swift sources
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests loadtest

clean: ## remove what was built
	rm -rf .build clients/python/build clients/python/src/*.egg-info clients/python/src/agent_broker/_wire/*.so
