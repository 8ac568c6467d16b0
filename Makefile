# Two commands: `make demo` (or `make install` alone), `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export YOLO_AUTOINSTALL = false

.PHONY: install demo test test-long bench lint clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
# Ultralytics and supervision ask for opencv-python, which needs libGL.so.1; the headless build is the same module without it.
	$(BIN)/pip uninstall --quiet --yes opencv-python opencv-python-headless
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt opencv-python-headless
	touch $@

demo: install
	$(BIN)/matthan demo

test: install
	$(BIN)/python -m pytest -q -m "not long" -n 2

test-long: install
	$(BIN)/python -m pytest -q -m long

bench: install
	$(BIN)/matthan bench engine
	$(BIN)/matthan bench archive
	$(BIN)/matthan bench search

lint: install
	$(BIN)/python -m pytest -q tests/test_house.py

clean:
	rm -rf $(VENV)
