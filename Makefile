# Everything a developer or CI calls. The first call builds .venv from the locked requirements; later calls are quick.
PY := .venv/bin/python
BIN := .venv/bin
PYTHON ?= python3.11
# The tests start hundreds of processes: each module is compiled once, whatever the environment says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo demo-scheduled run test screenshots bindings readme format lint types bench bench-check soak fuzz audit sbom ci clean lock
help:            ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | column -t -s '	'

.venv/.done: .ci/requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r .ci/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
.peers/.done: .ci/peers.lock
	$(PYTHON) -m venv .peers
	.peers/bin/pip install --quiet --disable-pip-version-check --require-hashes -r .ci/peers.lock
	@touch $@

setup: .venv/.done                       ## the virtual environment
demo: .venv/.done                        ## read three simulated meters by SOAP and show it
	$(BIN)/cas demo
demo-scheduled: .venv/.done              ## a repeating job, its events, a notification pushed by a meter
	$(BIN)/cas demo --scheduled
run: .venv/.done                         ## the service, until you stop it
	$(BIN)/cas serve
test: .venv/.done .peers/.done           ## all tests, in random order, in parallel
	$(BIN)/pytest -n 2 --dist worksteal $(ARGS)
screenshots: .venv/.done                 ## the README's pictures of the console, by its tests in a browser
	SCREENSHOTS=tests/browser/screenshots $(BIN)/pytest -n 0 -q tests/browser/test_night.py -k pictures
bindings: .venv/.done                    ## classes from the schemas; XSD=path of a revision, DRY=1 only prints, ADOPT=1 keeps it
	$(PY) -m codegen.bindings $(if $(DRY),--dry-run) $(if $(ADOPT),--adopt) $(XSD)
readme: .venv/.done                      ## renew the tables of the README
	$(PY) -m codegen.clauses && $(PY) -m codegen.quirks && $(PY) -m codegen.peers && $(PY) -m codegen.settings && $(PY) -m codegen.system_events
format: .venv/.done                      ## rewrite the sources in the house style
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .
lint: .venv/.done                        ## style, import rules, generated files
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/lint-imports
	$(PY) -m codegen.bindings --check && $(PY) -m codegen.clauses --check && $(PY) -m codegen.quirks --check
	$(PY) -m codegen.settings --check && $(PY) -m codegen.peers --check && $(PY) -m codegen.system_events --check
types: .venv/.done                       ## mypy --strict on everything
	$(BIN)/mypy
.bench/.done: .ci/bench.lock
	$(PYTHON) -m venv .bench
	.bench/bin/pip install --quiet --disable-pip-version-check --require-hashes -r .ci/bench.lock
	@touch $@
bench: .venv/.done .bench/.done          ## benchmarks, side by side with their floors
	$(PY) -m tests.benchmarks $(ARGS)
bench-check: .venv/.done .bench/.done    ## fail where a ratio is worse than the one that is kept, beyond the noise
	$(PY) -m tests.benchmarks --check $(ARGS)
soak: .venv/.done                        ## processes killed at random under load, for minutes
	$(PY) -m tests.faults.soak $(ARGS)
.fuzz/.done: .venv/.done .ci/fuzz.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --target .fuzz -r .ci/fuzz.lock
	@touch $@
fuzz: .venv/.done .fuzz/.done            ## coverage-guided fuzzing of every parser of foreign octets
	PYTHONPATH=.fuzz $(PY) -m tests.fuzz $(ARGS)
.audit/.done: .ci/audit.lock
	$(PYTHON) -m venv .audit
	.audit/bin/pip install --quiet --disable-pip-version-check --require-hashes -r .ci/audit.lock
	@touch $@
audit: .audit/.done                      ## known weaknesses of what is shipped and of what builds it; needs the network
	.audit/bin/pip-audit --strict --require-hashes --disable-pip -r .ci/runtime.lock -r .ci/build.lock -r .ci/requirements.lock
sbom: .audit/.done                       ## what is shipped, with hashes: cosem-access-service.cdx.json (CycloneDX)
	.audit/bin/cyclonedx-py requirements .ci/runtime.lock --pyproject pyproject.toml --output-reproducible \
		--validate -o cosem-access-service.cdx.json
ci: .venv/.done .peers/.done             ## what CI runs
	$(MAKE) --jobs=2 --output-sync lint types
	$(MAKE) test
lock: .venv/.done                        ## renew the locked requirements
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv
	.venv-lock/bin/uv pip compile --quiet --no-header --no-annotate --generate-hashes --python-version 3.11 --group dev pyproject.toml -o .ci/requirements.lock
	.venv-lock/bin/uv pip compile --quiet --no-header --no-annotate --generate-hashes --python-version 3.11 -c .ci/requirements.lock pyproject.toml -o .ci/runtime.lock
	.venv-lock/bin/uv pip compile --quiet --no-header --no-annotate --generate-hashes --python-version 3.11 -c .ci/requirements.lock --group build -o .ci/build.lock
	.venv-lock/bin/uv pip compile --quiet --no-header --no-annotate --generate-hashes --python-version 3.11 --group peers -o .ci/peers.lock
	.venv-lock/bin/uv pip compile --quiet --no-header --no-annotate --generate-hashes --python-version 3.11 --group bench -o .ci/bench.lock
	.venv-lock/bin/uv pip compile --quiet --no-header --no-annotate --generate-hashes --python-version 3.11 --group audit -o .ci/audit.lock
	.venv-lock/bin/uv pip compile --quiet --no-header --no-annotate --generate-hashes --python-version 3.11 --group fuzz -o .ci/fuzz.lock
	rm -rf .venv-lock
clean:                                   ## remove what the targets made
	rm -rf .venv .peers .bench .audit .fuzz .cas cosem-access-service.cdx.json
