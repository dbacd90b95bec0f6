SHELL := /bin/bash
.DEFAULT_GOAL := build
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
GO ?= go
TOOLBIN := $(CURDIR)/tools/bin

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: build
build: ## build bin/picket, bin/picket-agent, bin/picket-collector
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

.PHONY: generate
generate: protoc tools-protoc ## regenerate proto/gen
	rm -rf proto/gen && mkdir -p proto/gen
	PATH=$(TOOLBIN):$$PATH protoc -I proto --go_out=. --go-grpc_out=. \
	  --go_opt=module=github.com/picketmon/picket --go-grpc_opt=module=github.com/picketmon/picket proto/*.proto

.PHONY: protoc
protoc:
	@command -v protoc >/dev/null || packaging/apt-install.sh protobuf-compiler

.PHONY: tools-protoc
tools-protoc:
	cd tools && GOBIN=$(TOOLBIN) $(GO) install google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
