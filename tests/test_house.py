"""The house keeps its rules: lint, format, types, the direction of imports; and the README names only what exists."""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import matthan

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
FOLDERS = "analytics|cluster|models|jobs|deployments|dashboards|tests|benches|docs|cameras"


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(["-m", "ruff", "check", "."], id="lint"),
        pytest.param(["-m", "ruff", "format", "--check", "."], id="format"),
        pytest.param(["-m", "mypy"], id="types"),
        pytest.param(["-c", "from importlinter.cli import lint_imports_command as lint; lint()"], id="arrows"),
    ],
)
def test_the_code_passes(call):
    done = subprocess.run([sys.executable, *call], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def test_no_code_holds_a_machines_paths_or_a_promise():
    told = []
    for path in tracked():
        if path.suffix in {".py", ".toml", ".txt", ".md", ".yaml"} or path.name in {"Makefile", "run"}:
            text = path.read_text(errors="replace")
            told += [f"{path.relative_to(ROOT)}: {found[0]}" for found in re.finditer(_UNWANTED, text)]
    assert told == []


_UNWANTED = "|".join(
    [r"/ro" + r"ot/", r"/wo" + r"rk/", r"TO" + r"DO", r"FIX" + r"ME", r"--index" + r"-url \S*http", r"Not" + r"ImplementedError\(\)"]
)


def test_no_file_of_jobs_or_dashboards_shadows_another_module():
    tops = {"analytics", "cluster", "models", "jobs", "deployments", "dashboards", "matthan"} | set(sys.stdlib_module_names)
    files = [p for folder in ("jobs", "dashboards") for p in (ROOT / folder).glob("*.py") if p.stem != "__init__"]
    assert [p.name for p in files if p.stem in tops] == []
    assert not (ROOT / "models" / "yolo.py").exists()
    assert not (ROOT / "models" / "common.py").exists()


def test_every_package_opens_with_a_word_about_itself():
    silent = [
        str(p.relative_to(ROOT))
        for p in tracked()
        if p.suffix == ".py" and p.stat().st_size and not p.read_text().lstrip().startswith(('"""', "'''", "#!"))
    ]
    assert silent == []


def spans() -> Iterator[str]:
    """What the README sets in code: inline spans, and the lines of its blocks without their comments."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", README, re.S | re.M)
    for block in blocks:
        for line in block.splitlines():
            yield re.sub(r"(^|\s)#.*", "", line).removeprefix("$ ").strip()
    outside = re.sub(r"^```.*?^```", "", README, flags=re.S | re.M)
    yield from re.findall(r"`([^`\n]+)`", outside)
    yield from re.findall(r"\]\(((?!https?:)[^)#]+)", outside)


def words_after(program: str) -> list[list[str]]:
    """Each use of `program` in the README, split into words."""
    found = [s.split() for s in spans()]
    return [w[w.index(program) :] for w in found if program in w]


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def test_every_path_in_the_readme_exists():
    wanted = {
        word.strip(".,:;()").removeprefix("./")
        for span in spans()
        for word in span.split()
        if re.match(rf"(\./)?({FOLDERS})(/[\w.*<>/-]*)?$|[\w-]+\.(md|py|toml|txt)$|Makefile$|LICENSE$", word.strip(".,:;()"))
    }
    missing = sorted(w for w in wanted if "<" not in w and "*" not in w and not (ROOT / w).exists() and w not in _PEOPLES)
    assert missing == []


_PEOPLES = {"cameras", "matthan.toml", "cameras/"}
"""What people have, not the checkout: it lies in MATTHAN_HOME."""


def test_every_matthan_command_in_the_readme_exists():
    parser = matthan.build("en")
    bad = []
    for words in words_after("matthan"):
        at = parser
        for word in words[1:]:
            known = subcommands(at)
            if not known or not re.fullmatch(r"[a-z][a-z-]*", word):
                break
            if word not in known:
                bad.append(" ".join(words))
                break
            at = known[word]
    assert bad == []


def test_every_option_of_a_matthan_command_in_the_readme_exists():
    parser = matthan.build("en")
    bad = []
    for words in words_after("matthan"):
        at = parser
        for word in words[1:]:
            at = subcommands(at).get(word, at)
        known = {o for action in at._actions for o in action.option_strings}
        flags = [word.strip("[]").split("=")[0] for word in words]
        bad += [f"{' '.join(words)}: {flag}" for flag in flags if flag.startswith("--") and flag not in known]
    assert bad == []


def test_every_make_target_in_the_readme_exists():
    targets = set(re.findall(r"^([\w-]+):", MAKEFILE, re.M))
    named = {words[1].strip(".,") for words in words_after("make") if len(words) > 1 and re.fullmatch(r"[a-z-]+[.,]?", words[1])}
    assert named <= targets


def test_every_module_run_in_the_readme_exists():
    named = {s.group(1) for span in spans() for s in re.finditer(r"python3? -m ([\w.]+)", span)}
    own = {n for n in named if re.match(rf"({FOLDERS})\b", n)}
    assert [n for n in sorted(own) if not (ROOT / f"{n.replace('.', '/')}.py").exists()] == []


def test_make_phony_targets_are_all_there():
    targets = set(re.findall(r"^([\w-]+):", MAKEFILE, re.M))
    phony = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.M).group(1).split())
    assert phony <= targets
