SHELL := /bin/bash
.DEFAULT_GOAL := build
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
GO ?= go
# Without the web page of gRPC's tracing, which would bring html/template into the agent.
TAGS := grpcnotrace
TOOLBIN := $(CURDIR)/tools/bin

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

GOBUILD = CGO_ENABLED=0 $(GO) build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)'

# The web UI and the programs that do not hold it at the same time, then the one that does.
.PHONY: build
build: ## build the web UI and bin/picket, bin/picket-agent, bin/picket-collector, bin/picket-demo
	@$(MAKE) --no-print-directory -j2 web programs
	$(GOBUILD) -o bin/ ./cmd/picket-collector

.PHONY: web
web: $(if $(shell command -v npm),web/dist/index.html,no-web)

# Of the collector all but its last step.
.PHONY: programs
programs:
	$(GOBUILD) -o bin/ ./cmd/picket ./cmd/picket-agent ./cmd/picket-demo
	$(GOBUILD) ./collector/...

# Without Node the collector answers pages with a placeholder; everything else is whole.
.PHONY: no-web
no-web:
	@echo "npm is not installed: building without the web UI" >&2

# Not npm ci: it insists on the linter's binaries for all other systems, which not every registry has.
NPM_INSTALL := npm install --no-save --prefer-offline --no-audit --no-fund --loglevel error

# The packages that building takes. Those of tests and generators stay where they are.
web/node_modules/.build: web/package-lock.json
	cd web && $(NPM_INSTALL) $(if $(wildcard web/node_modules/.all),,--omit=dev)
	@touch $@

# The packages of tests and generators besides.
web/node_modules/.all: web/node_modules/.build
	cd web && $(NPM_INSTALL)
	@touch $@

web/dist/index.html: web/node_modules/.build $(shell find web/src web/public web/index.html web/vite.config.ts web/package.json -type f)
	cd web && npm run --silent build

.PHONY: run
run: build ## start a collector and an agent for this host, data in ./var
	@exec packaging/make-run.sh

.PHONY: test
test: servers build web/node_modules/.all ## all tests, with race detector, real servers and a real browser; installs what they need
	PICKET_TEST_SERVERS=1 $(GO) test -race -timeout 25m ./...
	cd web && npm test --silent
	cd web && npm run --silent e2e

.PHONY: screenshots
screenshots: servers build web/node_modules/.all ## every page, light and dark, wide and narrow, in web/screenshots/
	cd web && npm run --silent screenshots

# What the tests run beside Picket. Debian's daemons are kept from starting; tests start them on free ports with data of their own.
SERVERS := postgresql prometheus prometheus-node-exporter dbus-daemon curl chromium fonts-dejavu-core
.PHONY: servers
servers:
	@packaging/apt-install.sh $(SERVERS)

.PHONY: lint
lint: $(TOOLBIN)/golangci-lint ## the house's rules: .golangci.yml
	$(TOOLBIN)/golangci-lint run --timeout 20m ./...

.PHONY: soak
soak: servers $(TOOLBIN)/nfpm ## the long runs: kill -9 by the hundred, ten thousand corruptions, twelve hours of outage, a booted Debian; needs root
	@packaging/apt-install.sh systemd-container debootstrap
	PICKET_SOAK=1 PICKET_TEST_SERVERS=1 $(GO) test -count=1 -timeout 60m -v -run 'Kill|Corrupt|Model|Away|Units|Order' ./agent/buffer ./collector/cmdb ./test

.PHONY: bench
bench: build servers web/node_modules/.all ## speed beside peers in the same run, and of the pages; figures stand in docs/performance.md
	@failed=; run() { echo "== $$*"; "$$@" || failed="$$failed; $$*"; }; \
	for b in agent append remotewrite ingest fleet web inventory; do run $(GO) run ./bench/$$b; done; \
	run $(GO) run ./bench/openmetrics -days 1; \
	run env PICKET_TEST_SERVERS=1 $(GO) test -run '^$$' -bench . -benchtime 40x -timeout 30m ./collector/cmdb; \
	[ -z "$$failed" ] || { echo "a bar is missed, or it failed$$failed" >&2; exit 1; }

.PHONY: package
package: build $(TOOLBIN)/nfpm ## deb packages and tarballs in dist/
	VERSION=$(VERSION) packaging/package.sh

.PHONY: clean
clean: ## delete what was built; ./var stays
	rm -rf bin dist tools/bin web/node_modules web/screenshots
	find web/dist -mindepth 1 ! -name placeholder.html -delete

$(TOOLBIN)/golangci-lint: tools/go.mod
	cd tools && GOBIN=$(TOOLBIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(TOOLBIN)/nfpm: tools/go.mod
	cd tools && GOBIN=$(TOOLBIN) $(GO) install github.com/goreleaser/nfpm/v2/cmd/nfpm

.PHONY: generate
generate: $(TOOLBIN)/protoc-gen-go web/node_modules/.all ## regenerate proto/gen and web/src/api/gen
	@packaging/apt-install.sh protobuf-compiler
	rm -rf proto/gen && mkdir -p proto/gen
	PATH=$(TOOLBIN):$$PATH protoc -I proto --go_out=. --go-grpc_out=. \
	  --go_opt=module=github.com/picketmon/picket --go-grpc_opt=module=github.com/picketmon/picket proto/*.proto
	cd web && npm run --silent generate

$(TOOLBIN)/protoc-gen-go: tools/go.mod
	cd tools && GOBIN=$(TOOLBIN) $(GO) install google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
