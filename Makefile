# What a developer types. Every target works on a fresh clone with Go only;
# `make test` finds or installs the rest.

SHELL := /bin/bash
GO ?= go
TEST_FLAGS ?= -race -timeout 20m
PACKAGES ?= ./...

.PHONY: help build test short lint bench generate check-generated check-specs image clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

build: ## build the one binary, bin/meseta
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/meseta ./cmd/meseta

test: ## run every test; installs what they need where it may
	./it/prepare.sh
	$(GO) test $(TEST_FLAGS) $(PACKAGES)

short: ## run the tests that need no other program
	$(GO) test -short ./...

lint: ## check formatting, vet, and that generated code is up to date
	@test -z "$$(gofmt -l $$(git ls-files '*.go' | grep -v '^gen/'))" || { gofmt -l $$(git ls-files '*.go' | grep -v '^gen/'); echo "run gofmt -w on these files"; exit 1; }
	$(GO) vet ./...
	$(MAKE) --no-print-directory check-generated

generate: ## generate code from openapi/
	$(GO) generate ./...

check-generated: generate ## fail if generated code differs from what is committed
	@git diff --exit-code -- gen || { echo "gen/ is out of date: commit what make generate made"; exit 1; }

check-specs: ## hold openapi/ against a linter, TypeScript and Python; needs npm
	openapi/check.sh

bench: ## run the benchmarks; see docs/benchmarks.md
	$(GO) test -run '^$$' -bench . -benchtime 3x ./it/bench/... ./master/allocator/...

image: build ## build the container image meseta:latest
	docker build -t meseta:latest .

clean: ## remove what was built
	rm -rf bin
