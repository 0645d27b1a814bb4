# Everything a person or CI does here. Each target sets up what it needs, once: see scripts/setup.py.

.DEFAULT_GOAL := help
PYTHON ?=
# the local stack's own defaults, for targets that talk to it; not exported: the tests run stacks of their own
AWS_PORT ?= 4566
LOCAL_DATA ?= .local/data

PY = .venv/bin/python
SETUP = @PYTHON="$(PYTHON)" sh scripts/setup.sh
# the SAM CLI phones home unless told not to; `sam build` looks for the runtime's interpreter on PATH
SAM = PATH="$(CURDIR)/.venv/bin:$$PATH" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-central-1 .venv-sam/bin/sam
# what to build for: the Python installed here, unless told (RUNTIME=python3.13: it must be on PATH then)
RUNTIME ?= $$($(PY) -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
ARCHITECTURE ?= arm64

.PHONY: help setup run test unit integration e2e simulate mutants check format demo bench verify openapi sdk lock build cost deploy clean clean-data

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1:/p' Makefile | awk -F: '{ printf "make %-11s %s\n", $$1, $$2 }'

setup: ## install everything at once (each target installs what it needs by itself)
	$(SETUP)

run: ## run the whole system on this machine, until Ctrl-C (API_PORT=…, AWS_PORT=…, DYNAMODB_PORT=…, ARGS=--empty)
	$(SETUP) run worker dynamodb web
	@PYTHONPATH=.:local exec $(PY) -m undocked template.yaml --stack refledger --python .venv-worker/bin/python \
		--preload pydantic,refledger.entry.config,refledger.entry.http,refledger.entry.events.batch \
		--parameter StripeMode=any --parameter PythonRuntime=$(RUNTIME) --parameter FreshSignInMinutes=1440 \
		--parameter LinkBase='$${API}' --parameter PagesIssuer='$${API}/_local/issuer' --people scripts/people.json \
		--when-ready "$(PY) scripts/seed.py $(filter --empty,$(ARGS))" --welcome scripts/welcome.txt $(filter-out --empty,$(ARGS))

# Levels: rules and pages, in half a minute; operations and handlers on a table in memory, DynamoDB itself, and the real state machine;
# running stacks. Those that need stacks come by themselves: a stack at rest still takes a share of the machine.
UNIT = tests/domain tests/docs tests/house tests/adapters
# The longest begin first, so that both workers end together: xdist would begin with the largest number of tests.
STACKS = tests/web tests/e2e local/undocked_tests tests/cli
BY_STACK = --dist loadgroup --no-loadscope-reorder
PYTEST = $(PY) -m pytest -n 2

test: ## run all tests (ARGS="tests/domain -x" runs some)
	$(SETUP) dev worker dynamodb web browser
ifeq ($(ARGS),)
	$(PYTEST) -p tests.support.covered --dist loadfile tests $(STACKS:%=--ignore=%)
	$(PYTEST) $(BY_STACK) $(STACKS)
else
	$(PY) -m pytest $(ARGS)
endif

unit: ## run the tests of rules, pages and adapters: no process, half a minute
	$(SETUP) dev
	$(PYTEST) --dist loadfile $(UNIT) -m "not dynamodb_local" $(ARGS)

integration: ## run the tests of operations and handlers, against DynamoDB Local, and of the real state machine
	$(SETUP) dev worker dynamodb
	$(PYTEST) --dist loadfile tests $(STACKS:%=--ignore=%) $(UNIT:%=--ignore=%) $(ARGS)
	$(PYTEST) $(UNIT) -m dynamodb_local $(ARGS)

e2e: ## run the tests that need running stacks
	$(SETUP) dev worker dynamodb web browser
	$(PYTEST) $(BY_STACK) $(STACKS) $(ARGS)

simulate: ## everything in any order, with faults: SEEDS=… runs, or one again: ARGS="--seed 17"; alone, the long proofs too
	$(SETUP) dev worker dynamodb
	PYTHONPATH=.:local:layers/core/python $(PY) -m tests.support.simulator --seeds $(or $(SEEDS),20000) $(ARGS)
ifeq ($(SEEDS)$(ARGS),)
	PYTHONPATH=.:local:layers/core/python $(PY) -m tests.support.simulator --long --seeds 1000
	NEW_SEEDS=1 SIMULATE_RUNS=$${SIMULATE_RUNS:-100} SIMULATE_STEPS=$${SIMULATE_STEPS:-60} INTERRUPTED_PAIRS=all CORRUPTIONS=all DOCUMENT_CASES=20 DEATHS=all ORDER_HISTORIES=100 ORDER_ORDERS=20 ORDER_PERMUTATIONS=120 FIGURE_HISTORIES=30 FIGURE_STEPS=150 MEMORY_HISTORIES=2000 CONFORMANCE_HISTORIES=200 \
		$(PY) -m pytest tests/proof tests/operations tests/functions/test_payout_events.py tests/store/test_memory.py tests/adapters/test_conformance.py \
			tests/e2e/test_document.py
endif

mutants: ## take away the guards of the money, one at a time, and see that a test fails (ARGS="first-payment-once …")
	$(SETUP) dev
	PYTHONPATH=.:local:layers/core/python $(PY) scripts/mutants.py $(ARGS)

check: ## lint, format, types, house rules, state machine, template, the API's document, console and portal, build
	$(SETUP) dev sam api-lint web
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) scripts/house_rules.py
	$(PY) scripts/lint_asl.py
	$(SAM) validate --lint --template template.yaml
	$(PY) scripts/lint_template.py
	$(PY) scripts/lint_openapi.py
	$(PY) scripts/check_web.py
	@$(MAKE) build
	$(PY) scripts/check_build.py

format: ## put the code into the form that `make check` wants
	$(SETUP) dev
	$(PY) -m ruff check --fix-only --exit-zero .
	$(PY) -m ruff format .

demo: ## tell the story of a reward against a running `make run`
	$(SETUP) run
	$(PY) scripts/demo.py

bench: ## measure, and write docs/benchmarks.md (ARGS=ends measures one part; see benchmarks/)
	$(SETUP) dev worker dynamodb
	PYTHONPATH=local $(PY) -m benchmarks $(ARGS)

verify: ## re-derive every balance of the running local stack from its journal
	$(SETUP) run
	@AWS_PORT=$(AWS_PORT) bin/refledger verify --local $(ARGS)

sdk: ## write the SDKs' calls and types from the API's document (sdk/python, sdk/typescript)
	$(SETUP) dev
	$(PY) scripts/sdk.py

openapi: ## write what is made from the code: openapi.json, the API's pages, template.yaml, docs/access.md, duties.md, lifecycles.md, data-model.md
	$(SETUP) dev
	@mkdir -p .local
	$(PY) scripts/openapi.py > .local/openapi.json
	mv .local/openapi.json functions/docs/openapi.json
	$(PY) scripts/api_page.py > functions/docs/index.html
	$(PY) scripts/template.py > .local/template.yaml
	mv .local/template.yaml template.yaml
	$(PY) scripts/template.py --routes > .local/routes.json
	mv .local/routes.json functions/dispatch/routes.json
	$(PY) scripts/access_page.py > .local/access.md
	mv .local/access.md docs/access.md
	$(PY) scripts/duties_page.py > .local/duties.md
	mv .local/duties.md docs/duties.md
	$(PY) scripts/lifecycles_page.py > .local/lifecycles.md
	mv .local/lifecycles.md docs/lifecycles.md
	$(PY) scripts/data_model_page.py > .local/data-model.md
	mv .local/data-model.md docs/data-model.md
	$(PY) scripts/decisions_page.py > .local/decisions.md
	mv .local/decisions.md docs/decisions/README.md

build: ## build what `sam deploy` uploads, with byte code, in .aws-sam
	$(SETUP) dev sam web
	$(SAM) build --cached --template template.yaml \
		--parameter-overrides PythonRuntime=$(RUNTIME) Architecture=$(ARCHITECTURE)
	@PATH="$(CURDIR)/.venv/bin:$$PATH"; export PATH; $(RUNTIME) scripts/compile_build.py

cost: ## what a stack costs a month in which nobody calls it (ARGS="Name=value …")
	$(SETUP) dev
	@$(PY) scripts/cost.py $(ARGS)

deploy: ## build, check and deploy a stage: STAGE=dev|prod [SET="Name=value …"] (docs/first-deploy.md)
	$(SETUP) dev
	@$(PY) scripts/deploy.py --check "$(STAGE)"
	@$(MAKE) build
	$(PY) scripts/check_build.py
	@$(PY) scripts/deploy.py "$(STAGE)"

lock: ## resolve requirements/*.in afresh into pinned files (ARGS=dev for one)
	$(SETUP) dev
	$(PY) scripts/lock.py $(ARGS)

clean: ## remove what was built, installed and fetched; data stays
	rm -rf .venv .venv-worker .venv-sam .aws-sam .local/dynamodb-local .local/pip .local/setup.lock
	rm -rf web/node_modules web/src/shared/schema.d.ts functions/web/site functions/embed/site .local/web.made-from
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find benchmarks functions layers local scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: ## remove the local stack's data
	rm -rf "$(LOCAL_DATA)"
