"""Fixtures for all tests: a reproducible seed, reduced or full counts, the renderer.

A test's seed depends on its name and on the base seed (``--seed``, printed in the header), so a
test draws the same numbers alone and with others. A failure prints the command that repeats it.
"""

import hashlib
import os
import secrets
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import ModuleType

import hypothesis
import numpy as np
import pytest

from tests.paths import ROOT

DEFAULT_SEED = 20240229

# The slowest files start first, so that no process is left with one of them at the end.
LONGEST = (
    "end_to_end/test_generate.py",
    "mrd/generate/cluster/test_submit.py",
    "faults/test_killed_steps.py",
    "psychophysics/web/test_in_browser.py",
    "psychophysics/lab/test_real_window.py",
    "mrd/rendering/test_gradients.py",
    "end_to_end/test_generate_stopped.py",
    "end_to_end/test_any_folder.py",
    "test_house.py",
    "end_to_end/test_two_at_once.py",
    "mrd/generate/test_widest_series.py",
    "faults/test_killed_sessions.py",
    "mrd/search/test_flip.py",
    "psychophysics/lab/test_lab_environment.py",
    "mrd/models/test_from_torchvision.py",
    "mrd/generate/test_images.py",
    # Slowest at full counts.
    "statistical/test_ratios_from_sessions.py",
    "statistical/test_invariance_ratio.py",
    "statistical/test_recovery_of_observers.py",
    "statistical/test_group_models.py",
    "statistical/test_analysis_recovery.py",
    "analysis/statistics/test_hierarchical.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mrd")
    group.addoption(
        "--seed",
        default=str(DEFAULT_SEED),
        help="base seed of every random draw: a whole number, or 'fresh' for a new one",
    )
    group.addoption("--full", action="store_true", help="full counts (make test-full)")


def pytest_configure(config: pytest.Config) -> None:
    _keep_to_one_processor()
    config.addinivalue_line("markers", "full: at full counts alone (make test-full)")
    text = config.getoption("--seed")
    if text != "fresh" and not text.isdecimal():
        raise pytest.UsageError(f"--seed {text}: use a whole number, or 'fresh'")
    config.kills = kills_asked(os.environ.get("MRD_KILLS", ""))
    config.base_seed = secrets.randbelow(2**31) if text == "fresh" else int(text)
    # Examples are fixed, so that a failure repeats; the full run draws new ones, and prints the
    # line that repeats a failure.
    common = {"deadline": None, "print_blob": True}
    hypothesis.settings.register_profile("reduced", max_examples=25, derandomize=True, **common)
    hypothesis.settings.register_profile("full", max_examples=200, **common)
    hypothesis.settings.load_profile("full" if config.getoption("--full") else "reduced")


def kills_asked(text: str) -> int | None:
    """Return the number of kills per step in `MRD_KILLS` (tests/faults); None if unset."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 7 and int(text) > 0):
        raise pytest.UsageError(f"MRD_KILLS={text}: use a whole number from 1 to 999999")
    return int(text)


def _keep_to_one_processor() -> None:
    """Bind a worker of pytest-xdist to one processor; renderer and networks would use all.

    This precedes the import of Dr.Jit, which starts a thread per processor. Child processes inherit
    the binding.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and hasattr(os, "sched_setaffinity"):
        there = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {there[int(worker.removeprefix("gw")) % len(there)]})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--full"):
        left = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
    rank = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


def pytest_report_header(config: pytest.Config) -> str:
    counts = "full" if config.getoption("--full") else "reduced"
    return f"counts: {counts}; replay with --seed {config.base_seed}"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Return the seed of this test, and print it."""
    base = request.config.base_seed
    text = f"{base}:{request.node.nodeid}"
    value = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
    print(f"seed {value} (replay: pytest --seed {base} '{request.node.nodeid}')")
    return value


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """Return this test's random generator."""
    return np.random.default_rng(seed)


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Return whether this is the full run."""
    return request.config.getoption("--full")


@pytest.fixture(scope="session")
def count(full: bool) -> Callable[[int, int], int]:
    """Return a function that chooses a count: ``count(reduced, full)``."""
    return lambda reduced, complete: complete if full else reduced


@pytest.fixture(scope="session")
def kills(
    request: pytest.FixtureRequest, count: Callable[[int, int], int]
) -> Callable[[int, int], int]:
    """Return a function for the number of kills: ``kills(reduced, full)``, or ``MRD_KILLS``."""
    asked: int | None = request.config.kills
    return lambda reduced, complete: asked or count(reduced, complete)


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a stimulus set of 168 images of 16² with every role; do not change it."""
    from tests.small_set import write_small_set

    return write_small_set(tmp_path_factory.mktemp("set") / "stimuli.h5")


@pytest.fixture
def mrd(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Return a function that runs ``mrd`` in this process: exit code, stdout, stderr."""
    from mrd.cli.main import run

    def mrd(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit, match=r"^\d+$") as ended:
            run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return mrd


@pytest.fixture(scope="session")
def mi() -> ModuleType:
    """Return Mitsuba with its variant set."""
    from mrd.rendering import backend

    backend.activate()
    import mitsuba

    return mitsuba


@pytest.fixture(scope="session")
def distributions_of() -> Callable[[set[str]], set[str]]:
    """Return a function: the installed distributions that some extras of the project require."""
    return _closure


@pytest.fixture(scope="session")
def base_install(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment variables of a process that has only the base install.

    Its site-packages is a folder of links to the required packages.
    """
    return _environment_of(set(), tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def generate_install(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment variables of a process with the extra `generate` alone."""
    return _environment_of({"generate"}, tmp_path_factory.mktemp("generate"))


@pytest.fixture(scope="session")
def lab_install(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment variables of a process with the extra `lab`: no torch, no mitsuba."""
    return _environment_of({"lab"}, tmp_path_factory.mktemp("lab"))


def _environment_of(extras: set[str], site: Path) -> dict[str, str]:
    for name in _closure(extras) - {"mrd-suite"}:
        for file in metadata.distribution(name).files or []:
            entry = site / file.parts[0]
            if file.parts[0] != ".." and not entry.exists():
                entry.symlink_to(metadata.distribution(name).locate_file(file.parts[0]))
    information = metadata.distribution("mrd-suite").locate_file("")
    for folder in Path(str(information)).glob("mrd_suite-*.dist-info"):
        (site / folder.name).symlink_to(folder)
    # A start hook removes the interpreter's own site-packages from the path.
    hook = "import sys\nsys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
    (site / "sitecustomize.py").write_text(hook)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}


def _closure(extras: set[str]) -> set[str]:
    """Return the project's requirements with all their installed dependencies."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: set[str] = set()
    waiting = [("mrd-suite", frozenset(extras))]
    seen = set(waiting)
    while waiting:
        name, wanted = waiting.pop()
        found.add(name)
        for line in metadata.requires(name) or []:
            need = Requirement(line)
            marker = need.marker
            if marker and not any(marker.evaluate({"extra": e}) for e in (wanted or {""})):
                continue
            item = (canonicalize_name(need.name), frozenset(need.extras))
            if item not in seen:
                seen.add(item)
                waiting.append(item)
    return found
