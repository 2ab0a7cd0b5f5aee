# `make run` and `make test` are enough for users; the rest is for development.
.DEFAULT_GOAL := help
.PHONY: help run test setup build check lint vulns fmt arch tidy browser e2e bench soak hostile field clean .penstock/e2e/openai-go .penstock/e2e/openai-go-3.31

GO     ?= go
PYTHON ?= python3
GOLANGCI    := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0

# ONNX Runtime is loaded through cgo: without a C compiler the build must fail, not omit it.
export CGO_ENABLED := 1

RUNTIME := .penstock/onnxruntime/libonnxruntime.$(if $(filter Darwin,$(shell uname -s)),dylib,so)
GGUF    := .penstock/cache/SmolLM2-135M-Instruct.Q4_1.gguf
MODEL   := .penstock/models/smollm2-135m-instruct
SDK     := .penstock/openai-3.54.0
E2E     := .penstock/e2e
FIELD   := litellm kserve guidellm aiperf
BENCH   := .penstock/bench-clip
# A changed importer rebuilds the model.
IMPORTER := $(filter-out %_test.go,$(wildcard llm/gguf/*.go))

help: ## list the targets
	@sed -n 's/^\([a-z0-9]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run: setup build ## fetch what is missing, build, and serve the playground
	@./penstock serve

test: setup ## run every test except those of make browser, e2e and field
	$(GO) test -race ./...

setup: $(RUNTIME) $(MODEL)/.imported ## fetch ONNX Runtime and SmolLM2 into .penstock/ (once)

build: ## build ./penstock
	@command -v $(GO) >/dev/null || { echo "setup: there is no Go here: install Go 1.21 or newer, it fetches the version it needs" >&2; exit 1; }
	@command -v $$($(GO) env CC) >/dev/null || { echo "setup: there is no C compiler here: install gcc or clang, or name one in CC" >&2; exit 1; }
	$(GO) build -o penstock ./cmd/penstock

check: lint vulns ## static checks: lint and vulns

lint: ## golangci-lint, gofumpt included
	$(GOLANGCI) run ./...

vulns: ## known vulnerabilities, if their database can be reached
	@out=$$($(GOVULNCHECK) ./... 2>&1); case $$? in \
	  0) echo "govulncheck: none" ;; \
	  3) echo "$$out"; exit 1 ;; \
	  *) echo "govulncheck: not run: $$(echo "$$out" | tail -n 1)" ;; esac

fmt: ## format the code
	$(GOLANGCI) fmt

arch: ## redraw the picture of the packages in ARCHITECTURE.md
	$(GO) run ./scripts/archpicture -w

tidy: ## tidy go.mod here and in examples/
	$(GO) mod tidy
	cd examples/own-kind && $(GO) mod tidy

browser: setup build $(SDK) ## tests that need Chromium or OpenAI's Python SDK: the playground, the README
	$(GO) test -tags browser -run 'ReadmePython|Playground|Event|Foreign' ./cmd/penstock ./web

e2e: setup build $(E2E)/python/.installed $(E2E)/python-2.30/.installed $(E2E)/javascript/.installed $(E2E)/openai-go $(E2E)/openai-go-3.31 ## tests with real clients, each against a running ./penstock (needs npm and nginx)
	$(GO) test -tags e2e -count=1 ./test/clients

field: setup build $(FIELD:%=.penstock/field/%/.installed) .penstock/field/codex/.installed ## larger programs: litellm, Codex, tritonclient, kserve, GuideLLM, aiperf (3 GB)
	$(GO) test -tags field -count=1 ./test/field

bench: setup build $(BENCH)/.installed ## compare relays (nginx if installed), kinds of model and CLIP with Python: docs/*.svg (15 minutes, on an idle machine)
	$(GO) run ./bench/relay -json docs/relay.json -svg docs/relay.svg
	$(GO) run ./bench/httpkind -json docs/httpkind.json -svg docs/httpkind.svg
	$(GO) run ./bench/clip -json docs/clip.json -svg docs/clip.svg

soak: ## all kinds of client, cut at random, for ten minutes (or make soak FOR=1h)
	$(GO) run -race ./test/soak -for $(or $(FOR),10m)

hostile: setup build ## 1,000 hostile clients against ./penstock: its memory, its other clients, what is left
	$(GO) run ./test/hostile -penstock ./penstock -for $(or $(FOR),1m)

clean: ## remove the binary, not what was fetched (rm -r .penstock removes that)
	rm -f penstock

$(RUNTIME) $(GGUF): scripts/setup/fetch.py
	@command -v $(PYTHON) >/dev/null || { echo "setup: there is no $(PYTHON) here: install python3 with pip" >&2; exit 1; }
	@$(PYTHON) scripts/setup/fetch.py $@

$(MODEL)/.imported: $(GGUF) $(IMPORTER)
	@$(MAKE) --no-print-directory build
	@rm -rf $(MODEL) $(MODEL).part
	@./penstock import $(GGUF) $(MODEL).part >/dev/null
	@mv $(MODEL).part $(MODEL)
	@touch $@

$(SDK):
	@rm -rf $@.part
	@PIP_ROOT_USER_ACTION=ignore $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-warn-conflicts --target $@.part openai==3.54.0
	@mv $@.part $@

$(E2E)/python/.installed: test/clients/python/requirements.txt
$(E2E)/python-2.30/.installed: test/clients/python/requirements-2.30.txt
$(BENCH)/.installed: bench/clip/requirements.txt
$(E2E)/python/.installed $(E2E)/python-2.30/.installed $(BENCH)/.installed:
	@rm -rf $(@D)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(E2E)/javascript/.installed: test/clients/javascript/package.json test/clients/javascript/package-lock.json
	@command -v npm >/dev/null || { echo "e2e: there is no npm here: install Node.js with npm" >&2; exit 1; }
	@rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D)
	@npm ci --prefix $(@D) --no-audit --no-fund --loglevel=error
	@touch $@

# Without dependencies, as all are pinned: GuideLLM's torch is left out.
$(FIELD:%=.penstock/field/%/.installed): .penstock/field/%/.installed: test/field/python/requirements-%.txt
	@rm -rf $(@D)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

.penstock/field/codex/.installed: test/field/javascript/package.json test/field/javascript/package-lock.json
	@command -v npm >/dev/null || { echo "field: there is no npm here: install Node.js with npm" >&2; exit 1; }
	@rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D)
	@npm ci --prefix $(@D) --no-audit --no-fund --loglevel=error
	@touch $@

$(E2E)/openai-go:
	$(GO) build -tags e2e -o $@ ./test/clients/golang

$(E2E)/openai-go-3.31:
	$(GO) build -tags e2e -modfile=test/clients/golang/v3.31.mod -o $@ ./test/clients/golang
