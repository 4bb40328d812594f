# Everything a user or a developer does. `make` alone explains itself.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
READY   = $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow check bench bench-ingest bench-lstm bench-forecast bench-limits bench-rising bench-budget bench-quality bench-ablation bench-soak bench-report sample-data clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

install: $(READY) ## a virtual environment in .venv with everything in it

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; say make PYTHON=python3.12 …"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[train,notify,prometheus,report,sql,duckdb,sftp,dev]'
	@touch $@

demo: install ## train on the sample pumps, score, alert, compare with what happened, draw pages (about two minutes)
	@rm -rf runs/pump
	@$(BIN)/anomaly-lstm run pipelines/pump.toml
	@$(BIN)/anomaly-lstm report pipelines/pump.toml --since 7d --pages all
	@$(BIN)/anomaly-lstm report pipelines/pump.toml

# One thread for each of the two: threads of their own for small matrices would stand in each other's way.
test test-slow: export OPENBLAS_NUM_THREADS = 1
test test-slow: export OMP_NUM_THREADS = 1

test: install ## all tests but the slow ones
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'not slow'

test-slow: install ## the slow tests
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow

check: install ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install ## speed and memory, side by side with Keras; figures go to bench/results/
	$(BIN)/python -m bench.speed

bench-lstm: install ## where the LSTM beats the linear challenger on simulated pumps, and where it does not
	$(BIN)/python -m bench.lstm

bench-forecast: install ## forecasts of the sensors beside naive rules on simulated pumps, and how much the interval holds
	$(BIN)/python -m bench.forecast

bench-limits: install ## the time to a bound that alerts tell, beside when simulated pumps that wear came to it: [DATA=folder]
	$(BIN)/python -m bench.limits $(if $(DATA),--data "$(DATA)")

bench-rising: install ## how many sensors healthy simulated pumps list as rising, and how right that list is where a bearing wears
	$(BIN)/python -m bench.rising

bench-budget: install ## whether two healthy years of simulated pumps raise as many alerts as their return periods promise
	$(BIN)/python -m bench.budget

bench-quality: install ## detection and false alerts on public data you downloaded: DATA=folder [ONLY=skab,tep]
	@test -n "$(DATA)" || { echo "DATA is missing: say make bench-quality DATA=folder, the one below which the downloaded sets lie."; exit 2; }
	$(BIN)/python -m bench.quality "$(DATA)" $(if $(ONLY),--only "$(ONLY)")

bench-ablation: install ## what each idea of the evidence is worth on that public data: DATA=folder [ONLY=skab,tep]
	@test -n "$(DATA)" || { echo "DATA is missing: say make bench-ablation DATA=folder, the one below which the downloaded sets lie."; exit 2; }
	$(BIN)/python -m bench.ablation "$(DATA)" $(if $(ONLY),--only "$(ONLY)")

bench-ingest: install ## reading a large CSV to the grid beside pandas, Polars and DuckDB: [ROWS=4000000]
	$(BIN)/python -m pip install --quiet --disable-pip-version-check polars duckdb
	$(BIN)/python -m bench.ingest $(if $(ROWS),--rows $(ROWS))

bench-soak: install ## time, memory and disk of thousands of scheduled runs one after the other: [RUNS=10000]
	$(BIN)/python -m bench.soak $(if $(RUNS),--runs $(RUNS))

bench-report: install ## the page of a year at 1 min of 25 sensors, and of 1,000 assets: time, memory, size, and when a browser has drawn it
	$(BIN)/python -m bench.report

sample-data: install ## make sample_data/ again, the same bytes
	$(BIN)/python -m anomaly_lstm.simulation --out sample_data

clean: ## remove the environment, caches and results
	rm -rf $(VENV) runs bench/results build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
