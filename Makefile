# Two commands do everything, set-up included: `make demo` and `make test`. No logic here.
UV      := .tools/bin/uv
RUN     := $(UV) run --no-sync
SYNCED  := .venv/.synced
export UV_PYTHON_DOWNLOADS := never
ARGS    ?=

.PHONY: demo test test-slow lint bench clean

demo: $(SYNCED)          ## the main job, end to end, on embedded defaults: make demo ARGS="--people 60"
	$(RUN) survey demo $(ARGS)

test: $(SYNCED)          ## every behaviour once
	$(RUN) pytest -n 2 $(ARGS)

test-slow: $(SYNCED)     ## many seeds, simulations, second engines
	$(RUN) pytest -n 2 -m slow $(ARGS)

lint: $(SYNCED)          ## ruff, types, import layers
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports

bench: $(SYNCED)         ## speed and memory, printed side by side
	$(RUN) python benchmarks/demo.py $(ARGS)
	$(RUN) python -m benchmarks.instruments

$(UV):
	python3 -m venv .tools
	.tools/bin/pip install --quiet uv==0.13.9

$(SYNCED): pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --quiet --all-extras --python "$$(command -v python3)"
	touch $@

clean:
	rm -rf .venv .tools demo-study
