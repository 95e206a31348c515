# make setup   an environment of its own in .venv, from hashed locks
# make demo    the main job on fixtures/: findings, and out/report.html
# make test    every check: format, lint, types, import contracts, tests
# make lint | types | format | lock | clean

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := setup
.DELETE_ON_ERROR:
.PHONY: setup test demo lint types format lock clean airflow foreign browser

BIN := .venv/bin
UV := $(BIN)/uv
# What the user's shell says about other environments is not about ours.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
# Like pip, trust what the machine trusts: a company's own authority, too.
export UV_SYSTEM_CERTS ?= 1

setup: .venv/.made

.venv/.made: requirements/dev.txt requirements/uv.txt pyproject.toml .ci/venv
	@.ci/venv .venv requirements/uv.txt
	@$(UV) pip sync -q --python .venv --require-hashes requirements/dev.txt
	@$(UV) pip install -q --python .venv --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "setup: ready in .venv"

airflow: .venv-airflow/.made .venv-airflow2/.made

# Airflow's pins are not ours, so each major version gets an environment of its own.
# That of 2.11 stays empty where Python is too new for it: its tests are skipped.
.venv-airflow/.made .venv-airflow2/.made: .venv-%/.made: requirements/%.txt | .venv/.made
	@echo "airflow: making .venv-$* (about 200 MB, once)"
	@.ci/venv .venv-$*
	@$(UV) pip sync -q --python .venv-$* --require-hashes $<
	@touch $@

foreign: .foreign/.made

# DAG files that nobody here wrote, from a source distribution; never committed.
.foreign/.made: requirements/foreign.txt | .venv/.made
	@rm -rf .foreign
	@$(BIN)/python -m pip download -q --disable-pip-version-check --no-deps --no-build-isolation \
		--require-hashes --dest .foreign -r requirements/foreign.txt
	@tar -xzf .foreign/*.tar.gz -C .foreign --strip-components=1
	@touch $@

test: setup airflow foreign
	@.ci/checks

lint: setup
	@$(BIN)/ruff format --check -q .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports

types: setup
	@$(BIN)/mypy
	@$(BIN)/pyright

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# Newest releases that fit, for all of Python 3.11 to 3.14. Changes only what
# pyproject.toml asks for; `make lock UPGRADE=--upgrade` takes newer releases.
COMPILE = $(UV) pip compile -q --universal --python-version 3.11 $(UPGRADE) \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock"
lock: setup
	@$(COMPILE) pyproject.toml --extra gcp -o requirements/run.txt
	@$(COMPILE) pyproject.toml --extra gcp --extra kingfisher --group dev -c requirements/run.txt -o requirements/dev.txt
	@$(COMPILE) --group uv -c requirements/dev.txt -o requirements/uv.txt
	@$(COMPILE) --group airflow -o requirements/airflow.txt
	@$(COMPILE) --group airflow2 -o requirements/airflow2.txt

clean:
	@rm -rf .venv .venv-airflow .venv-airflow2 .foreign out dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An invented company with flaws: status 1, findings, is what it should end with.
demo: setup
	@$(BIN)/dagwarden scan --config fixtures/demo/operator.toml --as-of 2026-11-20 \
		-o out/report.html; status=$$?; [ $$status -eq 1 ] || exit $$status
	@echo "The auditor's report is in out/report.html: open it in a browser."
