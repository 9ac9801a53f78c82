# Every target sets up what it needs first (.ci/setup: .venv, pinned packages, compiled modules); a second run is fast.
#   make demo      an instance with venue and two strategies for 20 s, then its checks     DEMO="--for 60 --keep DIR" for other arguments
#   make test      the suite                                                               TESTS="tests/core -k replay" for a part
#   make simulate  200 seeds of a whole instance on a virtual clock, with faults         SEEDS="1..10000 --events 2000 --record FILE" for more
#   make lint      ruff, mypy, cython-lint, generated files
#   make bench     the three benchmarks; all of them and the page: .venv/bin/python -m ringfence.bench all --report docs/performance.md
#   make build     sdist and wheel in dist/
#   make docs      docs/records.md and the C and Cython records, from ipc/schema.py; docs/order-states.md, from core/transitions.py
#   make clean     everything that can be made again
PYTHON ?= python3
DEMO ?=
TESTS ?=
SEEDS ?= 1..200 --events 6000
RUN = .venv/bin/python -m ringfence

export PYTHON
unexport PYTHONPATH PYTHONHOME

.PHONY: demo test simulate lint bench build docs clean setup setup-all
.NOTPARALLEL:

demo: setup
	@.venv/bin/ringfence demo $(DEMO)

test: setup-all
	@.ci/test $(TESTS)

simulate: setup-all
	@.venv/bin/ringfence simulate --jobs 2 --seed $(SEEDS)

lint: setup-all
	@.ci/lint

bench: setup-all
	@$(RUN).bench ring
	@$(RUN).bench engine
	@$(RUN).bench fix

build: setup
	@.venv/bin/python setup.py -q sdist bdist_wheel > build/build.log 2>&1 || { tail -n 40 build/build.log; exit 1; }
	@ls dist

docs: setup
	@$(RUN).tools.gen_records

clean:
	@rm -rf .venv build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find core ipc gateways strategies backtest tools bench -name '*.so' -type f -delete
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@.ci/setup run

setup-all:
	@.ci/setup all
