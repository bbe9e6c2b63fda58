# Every target is a verb, or verb/noun. `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO ?= go
BIN := bin/branchline
# The packages in which goroutines meet: the race detector runs on these.
CONCURRENT := ./internal/event ./internal/login ./internal/live ./internal/natsfeed ./internal/store ./internal/tree ./internal/server

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z/]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: run
run: web build/api ## Install what is missing, start PostgreSQL, load sample data, serve on http://localhost:8000
	@exec $(BIN) dev

.PHONY: dev
dev: web ## The same, with reload of the Go side and, on http://localhost:5173, of the web side
	@$(GO) build -o bin/branchline-reload ./cmd/branchline-reload
	@exec bin/branchline-reload

.PHONY: build
build: web build/api ## Build the program with the web app

.PHONY: build/api
build/api: ## Build the program with the web app as it was last built
	@[ -e $(BIN) ] || echo 'building the program (the first time takes a minute or two)'
	@$(GO) build -trimpath -ldflags '-s -w' -o $(BIN) ./cmd/branchline

.PHONY: web
web: ## Build the web app (needs Node 20.19+ or 22.12+; without it, pages say so)
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory -s web/dist/index.html; \
	else echo 'web: npm is not installed, so the web app is not built; the API works without it.'; fi

WEB_SOURCES := $(shell find web/src web/public web/*.html web/*.ts web/*.mjs web/package-lock.json schema.graphqls -type f -not -path 'web/src/gql/*' 2>/dev/null)
web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	@echo 'web: building the web app'; cd web && npm run --silent build -- --logLevel warn && touch dist/index.html

web/node_modules/.package-lock.json: web/package-lock.json
	@echo 'web: installing the JavaScript packages'; cd web && npm ci --no-audit --no-fund --loglevel error && touch node_modules/.package-lock.json

.PHONY: test
test: ## Run all tests against a real PostgreSQL, which they start themselves
	@$(GO) tool gotestsum --format pkgname -- -timeout 20m ./...

.PHONY: test/race
test/race: ## Run the tests of the packages with concurrency under the race detector
	@$(GO) tool gotestsum --format pkgname -- -race -timeout 20m $(CONCURRENT)

.PHONY: test/web
test/web: build ## Test the web app: its parts, and the whole in Chromium (CHROMIUM names it where it is not /usr/bin/chromium)
	@cd web && npm run --silent unit && npm run --silent e2e

.PHONY: fuzz
fuzz: ## Fuzz each parser for 20 seconds
	@for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package 2>/dev/null | grep '^Fuzz' || true); do \
	    echo "$$package $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime 20s $$package; \
	  done; \
	done

.PHONY: bench
bench: build/api ## Measure the program beside bare floors in the same run, and print the ratios
	@$(GO) run ./cmd/branchline-bench

.PHONY: lint
lint: ## Look for mistakes: go vet and staticcheck; tsc and oxlint where the web side is installed
	@$(GO) vet ./...
	@$(GO) tool staticcheck ./...
	@if [ -d web/node_modules ]; then cd web && npm run --silent check; fi

.PHONY: generate
generate: ## Write the generated files anew
	@$(GO) tool gqlgen generate
	@cd internal/live/internal/testschema && $(GO) tool gqlgen generate --config gqlgen.yml
	@$(GO) run ./cmd/branchline config --format markdown > docs/configuration.md
	@$(GO) run ./cmd/branchline config --format env > .env.example

.PHONY: verify
verify: ## Fail when generated code, formatting, go.mod or documents are stale
	@unformatted=$$($(GO) tool gofumpt -l $$(git ls-files '*.go' | grep -vE 'generated|models_gen')); \
	  if [ -n "$$unformatted" ]; then echo "not formatted with gofumpt: $$unformatted"; exit 1; fi
	@$(GO) mod tidy -diff
	@stale=$$($(GO) fix -diff ./... 2>/dev/null || true); if [ -n "$$stale" ]; then echo "$$stale"; echo 'run: go fix ./...'; exit 1; fi
	@before=$$(git status --porcelain; git diff | git hash-object --stdin); $(MAKE) --no-print-directory generate; \
	  after=$$(git status --porcelain; git diff | git hash-object --stdin); \
	  if [ "$$before" != "$$after" ]; then echo 'generated files were stale:'; git status --porcelain; exit 1; fi

.PHONY: db/reset
db/reset: ## Throw the private database of `make run` away
	@$(GO) run ./cmd/branchline dev --reset
