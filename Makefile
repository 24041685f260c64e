# `make help` lists every command. `make demo` and `make test` are all a newcomer needs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
# Make gives the environment's variables its own values where it has some of the same name: so the names in capitals
# are only those that a user may set, and what is ours is in small letters.
venv := .venv
bin := $(venv)/bin
lab := tests/lab/lab
# Tests start hundreds of programs in Python: each would compile its modules anew where the environment says, as many
# containers' does, that nothing is to be written beside them. So it is written into the virtual environment.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX ?= $(abspath $(venv))/byte-code
# A new clone need not check anew the types of what it has in common with the one before.
export MYPY_CACHE_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ipsecping/mypy

.PHONY: help
help: ## List the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(venv)/installed: requirements/dev.txt pyproject.toml
	@echo "==> Python environment in $(venv)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: PYTHON=/path/to/python3 make ...")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get install -y -qq python3-venv >/dev/null; } || { echo "install the venv module: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(venv)
	@$(bin)/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(bin)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

.PHONY: venv
venv: $(venv)/installed ## Install the project and its development tools into .venv

.PHONY: demo
demo: venv ## Boot a cluster and an IPsec tunnel, measure it, degrade it, break it, heal it
	@$(bin)/python -u tests/lab/demo.py

.PHONY: test
test: lint test-unit test-api-timed test-waiting ## Everything: lint, unit, api (real kube-apiserver), interop, network, lab (end to end)

unit_report := $(venv)/unit-tests.xml
.PHONY: test-unit
test-unit: venv ## Unit tests (seconds, no root)
	@$(bin)/pytest -q -n 4 --dist worksteal --junitxml=$(unit_report) tests/unit

.PHONY: explore
explore: venv ## Property tests with new random examples (make test has the same ones each time)
	@$(bin)/pytest -q -n 2 --hypothesis-profile explore tests/unit

.PHONY: test-pythons
test-pythons: venv ## Unit tests on every supported Python found here, and a few of all others
	@PYTHONPATH=tests/lab $(bin)/python -u -m tests.interpreters

.PHONY: test-network
test-network: venv ## Path MTU through a real router; beside it test-systemd (root; skipped without)
	@said=$$(mktemp); $(bin)/pytest -q tests/systemd >$$said 2>&1 & guest=$$!; network=0; systemd=0; \
	  $(bin)/pytest -q -n 4 --dist worksteal tests/network || network=$$?; wait $$guest || systemd=$$?; \
	  cat $$said; rm $$said; exit $$((network | systemd))

.PHONY: test-systemd
test-systemd: venv ## The units and a CPU quota under a real systemd, in User-mode Linux (root; skipped without)
	@$(bin)/pytest -q tests/systemd

.PHONY: test-interop
test-interop: venv ## Hold prober and reflector against programs of others (the first run builds two; root for all of it)
	@PYTHONPATH=tests/lab $(bin)/pytest -q -n 4 --dist worksteal tests/interop

.PHONY: test-api
test-api: venv ## Tests against a real etcd and kube-apiserver on loopback
	@$(bin)/pytest -q -n 6 --dist worksteal tests/api

# Those of them that are about time; the others compute, with kubectl, helm and the API server, however long it takes.
api_timed := tests/api/operator tests/api/chaos
.PHONY: test-api-timed
test-api-timed: venv
	@$(bin)/pytest -q -n 6 --dist worksteal $(api_timed)

.PHONY: test-outage
test-outage: venv ## The API server away for two minutes while checks are measured (in make test: 12 s)
	@IPSECPING_TEST_OUTAGE=120 $(bin)/pytest -q tests/api/operator/test_api_outage.py

# Labs, each with its part of the tests: they mostly wait. Of one's own cluster there is one.
LABS ?= 2
.PHONY: test-lab
test-lab: venv ## End to end on real clusters and real IPsec tunnels (root; LABS=N side by side)
	@$(bin)/pytest -q -n $(if $(LAB),0,$(LABS)) --dist loadfile --no-loadscope-reorder -m "not slow" tests/e2e

# These mostly wait, for packets, rounds and a kubelet: what only computes is done meanwhile, and gives way to them.
# So are the lab's images built; where that fails, so does the lab, and says why.
.PHONY: test-waiting
test-waiting: venv test-unit
	@api=$$(mktemp); pythons=$$(mktemp); failed=0; \
	  nice -n 10 $(lab) images >/dev/null 2>&1 & \
	  nice -n 19 $(bin)/pytest -q -n 2 --dist worksteal tests/api $(addprefix --ignore=,$(api_timed)) >$$api 2>&1 & one=$$!; \
	  PYTHONPATH=tests/lab nice -n 19 $(bin)/python -u -m tests.interpreters --own $(unit_report) >$$pythons 2>&1 & two=$$!; \
	  $(MAKE) --no-print-directory test-interop test-network test-lab || failed=1; \
	  wait $$one || failed=1; wait $$two || failed=1; cat $$api $$pythons; rm $$api $$pythons; exit $$failed

.PHONY: test-lab-slow
test-lab-slow: venv ## What takes the lab minutes: a node that stays lost until its pods are replaced (root)
	@$(bin)/pytest -q -m slow tests/e2e

.PHONY: bench
bench: venv ## The agent beside other probers, and what its packet engine costs (root, at most 15 min)
	@PYTHONPATH=tests/lab timeout 600 $(bin)/python -u -m tests.bench.peers
	@PYTHONPATH=tests/lab timeout 120 $(bin)/python -u -m tests.bench.agent_load --targets 10000
	@PYTHONPATH=tests/lab timeout 90 $(bin)/python -u -m tests.bench.stamp_flood --window 64
	@PYTHONPATH=tests/lab timeout 90 $(bin)/python -u -m tests.bench.reflector_cost
	@PYTHONPATH=tests/lab timeout 90 $(bin)/python -u -m tests.bench.rtt_error

CHECKS ?= 2000
STEADY ?= 300
.PHONY: bench-scale
bench-scale: venv ## The operator with 2,000 checks, kwok nodes and simulated agents (20 min; CHECKS=N STEADY=seconds)
	@PYTHONPATH=tests/lab $(bin)/python -u -m tests.bench.scale --checks $(CHECKS) --steady $(STEADY)

PACKETS ?= 1000000
.PHONY: fuzz
fuzz: venv ## Throw a million broken packets at the reflector and the prober (PACKETS=N SEED=N)
	@PYTHONPATH=tests/lab $(bin)/python -m tests.fuzz --packets $(PACKETS) $(if $(SEED),--seed $(SEED))

.PHONY: chaos
chaos: venv ## Kill the operator, cut its way to the API, edit its children, a thousand times (FAULTS=N SEED=N)
	@PYTHONPATH=operator:probe_image:tests/lab $(bin)/python -u -m tests.api.chaos --faults $(or $(FAULTS),1000) $(if $(SEED),--seed $(SEED))

RUNS ?= 3
.PHONY: catalogue
catalogue: venv ## Break the lab in every way, diagnose it from a pod, print what was said (FAULTS=name,name RUNS=n THROUGH=operator NOFAULT=minutes; root)
	@PYTHONPATH=operator:probe_image:tests/lab $(bin)/python -u -m tests.catalogue --runs $(RUNS) $(if $(FAULTS),--faults $(FAULTS)) $(if $(THROUGH),--through $(THROUGH)) $(if $(NOFAULT),--no-fault $(NOFAULT))

MINUTES ?= 10
.PHONY: hostile
hostile: venv ## Hostile far ends, agents, authors and strangers beside honest checks (MINUTES=N HONEST=checks)
	@PYTHONPATH=operator:probe_image:tests/lab $(bin)/python -u -m tests.api.hostile --minutes $(MINUTES) $(if $(HONEST),--checks $(HONEST))

.PHONY: compare-rtt
compare-rtt: venv ## Hold 1,000 STAMP round-trip times of a pod against a packet capture (lab up)
	@PYTHONPATH=tests/lab $(bin)/python -m tests.bench.rtt_against_capture

.PHONY: lint
lint: venv ## Format check, ruff, mypy --strict, import contracts, generated files
	@echo "==> lint"
	@$(bin)/ruff format --check -q .
	@$(bin)/ruff check -q .
	@$(bin)/mypy
	@PYTHONPATH=operator:probe_image $(bin)/lint-imports --no-cache | tail -n 3
	@$(MAKE) --no-print-directory generated-check

.PHONY: format
format: venv ## Format and mend what can be mended
	@$(bin)/ruff format -q . && $(bin)/ruff check -q --fix .

.PHONY: generate
generate: venv ## Write what is made from the models and the chart: CRD, manifests/, docs/api.md, docs/settings.md
	@$(bin)/python scripts/generate.py

.PHONY: generated-check
generated-check: venv
	@$(bin)/python scripts/generate.py --check

$(venv)-release/installed: requirements/release.txt
	@$(PYTHON) -m venv $(venv)-release
	@$(venv)-release/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/release.txt
	@touch $@

.PHONY: release
release: $(venv)-release/installed ## Make all that a release has, in dist/ (SNAPSHOT=1: of what is not released; IMAGES=1 BASE_IMAGE=NAME@sha256:...)
	@$(venv)-release/bin/python scripts/release.py $(if $(SNAPSHOT),--snapshot) $(if $(IMAGES),--images --base-image "$(BASE_IMAGE)")

.PHONY: zipapp
zipapp: ## Build the prober and reflector as one file, dist/ipsecping.pyz, for hosts with Python alone
	@$(PYTHON) scripts/zipapp.py

.PHONY: lab-up
lab-up: ## Boot the lab: cluster and IPsec gateways
	@$(lab) up && $(lab) images

.PHONY: lab-down
lab-down: ## Remove the lab; build caches stay
	@$(lab) down

.PHONY: lock
lock: venv ## Refresh requirements/*.txt from pyproject.toml
	@$(bin)/pip install -q uv
	@for t in "probe:" "operator:--extra operator" "dev:--extra operator --group dev" "release:--only-group release"; do \
	  $(bin)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	    --no-annotate pyproject.toml $${t#*:} -o requirements/$${t%%:*}.txt; done
