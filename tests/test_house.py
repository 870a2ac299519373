"""Rules of the project: imports, dependencies, layout, and the targets of make."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.paths import ROOT

PACKAGES = ("scenes", "stimuli", "psychophysics", "analysis", "mrd")
LISTINGS = ["debian-packages.txt", "debian-packages-tests.txt"]
RENDERERS_AND_NETWORKS = {"cholespy", "drjit", "mitsuba", "timm", "torch", "torchvision"}
WINDOWS = {"psychopy", "pyglet"}

# Package → modules that importing it must not load.
FORBIDDEN = {
    "scenes": RENDERERS_AND_NETWORKS
    | WINDOWS
    | {"h5py", "matplotlib", "pandas", "typer", "stimuli", "psychophysics", "analysis", "mrd"},
    "stimuli": RENDERERS_AND_NETWORKS | WINDOWS | {"psychophysics", "analysis", "mrd"},
    "psychophysics": RENDERERS_AND_NETWORKS | WINDOWS | {"analysis", "mrd"},
    "analysis": RENDERERS_AND_NETWORKS | WINDOWS | {"mrd"},
}
# Modules of mrd that load on the experiment computer and on the analyst's laptop.
LIGHT = (
    "mrd.rendering.backend",
    "mrd.study.model_section",
    "mrd.workflow.doctor",
    "mrd.rendering.llvm",
    "mrd.study.run_directory",
    "mrd.study.study",
)


def modules(package: str) -> list[str]:
    files = sorted((ROOT / package).rglob("*.py"))
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    return [name.removesuffix(".__init__") for name in names]


def loaded_by(names: list[str], environment: dict[str, str]) -> set[str]:
    script = (
        f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = run([sys.executable, "-c", script], environment)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def run(
    command: list[str], environment: dict[str, str], cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )


# Imports ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", FORBIDDEN)
def test_package_loads_nothing_heavier_than_itself(package):
    loaded = loaded_by(modules(package), dict(os.environ))
    assert package in loaded
    assert loaded & FORBIDDEN[package] == set()


def test_command_line_and_study_load_without_renderer_and_networks():
    names = [*LIGHT, *modules("mrd/cli")]
    assert loaded_by(names, dict(os.environ)) & (RENDERERS_AND_NETWORKS | WINDOWS) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_package_files_hold_a_docstring_and_nothing_else(package):
    files = sorted((ROOT / package).rglob("__init__.py"))
    assert files
    for file in files:
        body = ast.parse(file.read_text()).body
        assert len(body) == 1, file
        assert ast.get_docstring(ast.Module(body, [])), file


def test_base_install_runs_the_command_line(base_install):
    done = run([sys.executable, "-m", "mrd.cli.main", "--version"], base_install)
    assert done.returncode == 0, done.stderr
    names = [*LIGHT, *modules("mrd/cli"), *modules("scenes"), *modules("stimuli")]
    assert "pydantic" in loaded_by(names, base_install)


def test_base_install_has_no_renderer(base_install):
    done = run([sys.executable, "-c", "import mitsuba"], base_install)
    assert "No module named 'mitsuba'" in done.stderr


def declared(extras: tuple[str, ...]) -> set[str]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*table["dependencies"]]
    for extra in extras:
        lines += table["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(line).name) for line in lines}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("scenes", ()),
        ("stimuli", ()),
        ("mrd/cli", ()),
        ("psychophysics", ("lab",)),
        ("analysis", ("analysis", "bayes")),
        ("mrd", ("generate", "dinov2", "cluster")),
        ("benchmarks", ("generate", "dev")),
        ("tests", ("generate", "dinov2", "lab", "analysis", "docs", "dev")),
    ],
)
def test_imported_packages_are_declared(folder, extras):
    own = {*PACKAGES, "benchmarks", "conftest", "tests"}
    distributions = metadata.packages_distributions()
    undeclared = set()
    for file in sorted((ROOT / folder).rglob("*.py")):
        names = imported(ast.parse(file.read_text())) - sys.stdlib_module_names - own
        for name in names - {"pydantic_core"}:  # pydantic's other half, at the one version it pins
            candidates = {canonicalize_name(d) for d in distributions.get(name, [name])}
            if not candidates & declared(extras):
                undeclared.add(f"{file.relative_to(ROOT)}: {name}")
    assert undeclared == set()


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


# Files ------------------------------------------------------------------------------------------


def syntax_trees() -> Iterator[tuple[Path, ast.AST]]:
    for folder in (*PACKAGES, "benchmarks", "environment"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file, ast.walk(ast.parse(file.read_text()))


def test_no_weights_are_unpickled():
    for file, nodes in syntax_trees():
        for node in nodes:
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                place = f"{file.relative_to(ROOT)}:{node.lineno}"
                assert given.get("weights_only") == "True", f"{place}: torch.load unpickles"


def test_constraints_are_bare_versions():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins == sorted(set(pins))
    wrong = [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin)]
    assert wrong == []


def test_constraints_cover_what_make_installs(distributions_of):
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines}
    needed = distributions_of(
        {"generate", "dinov2", "lab", "analysis", "bayes", "cluster", "docs", "dev"}
    ) - {
        "mrd-suite",
        "setuptools",
    }
    assert {"torch", "mitsuba", "numpy", "pytest"} <= needed
    assert needed - pinned == set()


def test_installed_packages_support_the_oldest_supported_python():
    """Debian 12 has Python 3.11.2; this machine may have a newer one."""
    asking = {
        each.name: wanted
        for each in metadata.distributions()
        if (wanted := each.metadata.get("Requires-Python"))
    }
    assert "numpy" in asking
    too_new = {name for name, wanted in asking.items() if "3.11.2" not in SpecifierSet(wanted)}
    assert not too_new, "pin older versions of these in constraints.txt"


def test_torch_and_torchvision_of_the_constraints_belong_together():
    from mrd.workflow import doctor

    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line and "#" not in line)
    if metadata.version("torchvision") != pins["torchvision"]:
        pytest.fail("the environment is not that of constraints.txt: make venv")
    requirements = metadata.requires("torchvision")
    assert doctor.mismatch(pins["torch"], pins["torchvision"], requirements) == ""


def test_ci_runs_make_test_and_nothing_else():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in lines if line.startswith("make")] == ["make test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_hooks_are_parts_of_make_lint():
    hooks = re.findall(r"entry: make (\w+)", (ROOT / ".pre-commit-config.yaml").read_text())
    parts = re.search(r"^lint: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert parts is not None
    assert parts[1].split() == hooks


# make, on a project like this one without dependencies ----------------------------------------


@pytest.fixture
def prepare() -> ModuleType:
    """Return environment/prepare.py as a module."""
    spec = importlib.util.spec_from_file_location("prepare", ROOT / "environment" / "prepare.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def small_house(tmp_path: Path) -> Path:
    """Return a project with this one's Makefile and script, without dependencies."""
    return build_small_house(tmp_path)


@pytest.fixture(scope="module")
def made_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return such a project with its environment; every test leaves it complete."""
    house = build_small_house(tmp_path_factory.mktemp("house"))
    first = make(house, "venv")
    assert first.returncode == 0, first.stderr
    assert "environment: creating .venv with Python 3." in first.stderr
    return house


def build_small_house(folder: Path) -> Path:
    for name in (
        "Makefile",
        *(f"environment/{name}" for name in ("prepare.py", *LISTINGS)),
    ):
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    (folder / "mrd" / "rendering").mkdir(parents=True)
    for name in ("mrd/__init__.py", "mrd/rendering/__init__.py", "mrd/rendering/llvm.py"):
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "constraints.txt").write_text("numpy==2.0.0\n")
    (folder / "backend.py").write_text(BUILD_BACKEND)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "small-house"\nversion = "1"\n'
    )
    return folder


# Builds an empty wheel, so that no test needs a package index.
BUILD_BACKEND = """
from zipfile import ZipFile

INFO = "small_house-1.dist-info"


def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "small_house-1-py3-none-any.whl"
    with ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr(
            f"{INFO}/METADATA",
            "Metadata-Version: 2.1\\nName: small-house\\nVersion: 1\\n"
            "Provides-Extra: generate\\nProvides-Extra: dev\\n",
        )
        wheel.writestr(
            f"{INFO}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        )
        wheel.writestr(f"{INFO}/RECORD", "")
    return name
"""


def make(house: Path, *targets: str) -> subprocess.CompletedProcess[str]:
    # An outer make would pass on its settings.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return run(["make", "--no-print-directory", *targets], environment, house)


def test_a_second_make_installs_and_prints_nothing(made_house):
    python = made_house / ".venv" / "bin" / "python"
    script = "from importlib.metadata import version; print(version('small-house'))"
    assert run([str(python), "-c", script], {}).stdout == "1\n"
    second = make(made_house, "venv")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")


def test_changed_versions_install_again_into_the_same_environment(made_house):
    made = (made_house / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    with (made_house / "constraints.txt").open("a") as file:
        file.write("scipy==1.14.0\n")
    again = make(made_house, "venv")
    assert "environment: updating .venv: the required packages have changed" in again.stderr
    assert "creating" not in again.stderr
    assert (made_house / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == made
    assert make(made_house, "venv").stderr == ""


def test_changed_settings_of_tools_install_nothing(made_house):
    with (made_house / "pyproject.toml").open("a") as file:
        file.write("[tool.ruff]\nline-length = 100\n")
    assert make(made_house, "venv").stderr == ""


def test_failed_installation_is_one_line_and_tried_again(made_house):
    (made_house / ".venv" / "complete").unlink()
    backend = made_house / "backend.py"
    backend.write_text("raise SystemExit(3)")
    failed = make(made_house, "venv")
    assert failed.returncode == 2
    assert "environment: completing .venv: packages are missing" in failed.stderr
    assert "environment: pip could not install into .venv" in failed.stderr
    backend.write_text(BUILD_BACKEND)
    assert make(made_house, "venv").returncode == 0
    assert make(made_house, "venv").stderr == ""


def test_environment_without_its_python_is_made_again(made_house):
    python = made_house / ".venv" / "bin" / "python"
    python.unlink()
    assert "creating .venv" in make(made_house, "venv").stderr
    assert python.exists()


def without_apt(house: Path, target: str, commands: Path) -> subprocess.CompletedProcess[str]:
    """Make a target where apt-get is missing, and all other commands exist."""
    commands.mkdir()
    for name in ("make", "sh"):
        (commands / name).symlink_to(shutil.which(name))
    (commands / "python3.11").symlink_to(Path(sys.executable).resolve())
    return run(["make", "--no-print-directory", target], {"PATH": str(commands)}, house)


def test_without_apt_one_line_names_the_missing_packages(small_house, tmp_path):
    listing = small_house / "environment" / LISTINGS[0]
    listing.write_text(
        "# a comment\n\npython3-venv  module ensurepip\nabsent-one  program no-such-program-here\n"
        "absent-two  library libnosuchlibrary.so.1  # why\nabsent-three  module no_such_module\n"
    )
    stopped = without_apt(small_house, "venv", tmp_path / "commands")
    assert stopped.returncode == 2
    lines = [line for line in stopped.stderr.splitlines() if not line.startswith("make: ***")]
    assert lines == [
        "environment: missing system packages (Debian's names): absent-one absent-two "
        "absent-three; this system has no apt-get: install equivalent packages "
        "(environment/debian-packages.txt says what each is for)"
    ]
    assert not (small_house / ".venv").exists()


@pytest.mark.parametrize("target", ["packages", "test"])
def test_packages_of_the_tests_are_required_by_the_tests_only(made_house, tmp_path, target):
    needs = ("python3-venv  module ensurepip\n", "absent  program no-such-program-here\n")
    for name, needed in zip(LISTINGS, needs, strict=True):
        (made_house / "environment" / name).write_text(needed)
    assert make(made_house, "venv").stderr == ""
    stopped = without_apt(made_house, target, tmp_path / "commands")
    assert stopped.returncode == 2
    assert "environment/debian-packages-tests.txt says what each is for" in stopped.stderr


def test_without_python_one_line_says_so(small_house, tmp_path):
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("make", "sh"):
        (commands / name).symlink_to(shutil.which(name))
    stopped = run(["make", "--no-print-directory", "venv"], {"PATH": str(commands)}, small_house)
    assert stopped.returncode == 2
    assert stopped.stderr.splitlines()[0] == "environment: no Python 3.11 or newer found"


def test_a_system_package_is_required_only_if_its_content_is_missing(prepare):
    listing = (
        "one  program sh\ntwo  library libc.so.6\nthree  module ensurepip\nfour  llvm\n"
        "five  program no-such-program-here\n"
    )
    assert prepare.missing_packages(listing) == ["five"]


def test_llvm_is_required_if_there_is_none(prepare, monkeypatch):
    from mrd.rendering import llvm

    monkeypatch.setattr(llvm, "usual_folders", list)
    monkeypatch.delenv(llvm.VARIABLE, raising=False)
    assert prepare.missing_packages("libllvm19  llvm\n") == ["libllvm19"]


def test_the_list_holds_llvm(prepare):
    assert re.search(r"^libllvm19\s+llvm\b", prepare.PACKAGES.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", LISTINGS)
def test_a_list_is_satisfied_here(prepare, name):
    assert prepare.missing_packages((ROOT / "environment" / name).read_text()) == []


# The layout --------------------------------------------------------------------------------------


def test_mrd_is_nine_folders():
    found = {path.name for path in (ROOT / "mrd").iterdir() if path.name != "__pycache__"}
    assert found == {
        "__init__.py", "cli", "criterion", "generate", "measures", "models", "rendering",
        "search", "study", "workflow",
    }  # fmt: skip


def test_no_source_file_is_longer_than_400_lines():
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    longest = {str(path): len(path.read_text().splitlines()) for path in paths}
    assert {path: lines for path, lines in longest.items() if lines > 400} == {}
