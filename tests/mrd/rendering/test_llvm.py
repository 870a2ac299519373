"""Finding LLVM, with real libraries: installed ones, and copies with other names."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy._core._multiarray_umath
import pytest

from mrd.rendering import llvm

INSTALLED, _ = llvm.find()
EVERY = sorted(
    {
        path.resolve()
        for folder in llvm.usual_folders()
        for path in folder.glob("libLLVM*")
        if llvm._NAME.match(path.name)
    }
)


@pytest.fixture(autouse=True)
def _no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(llvm.VARIABLE, raising=False)


@pytest.fixture(scope="session")
def usable() -> llvm.Library:
    assert INSTALLED is not None, f"the tests need an LLVM; {llvm.advice()}"
    return INSTALLED


@pytest.fixture(scope="session")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, Path], Path]:
    """Return a function that places a library: copied once (they are large), then linked."""
    folder = tmp_path_factory.mktemp("libraries")

    def place(source: Path, target: Path) -> Path:
        copy = folder / source.name
        if not copy.exists():
            shutil.copyfile(source, copy)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(copy)
        return target

    return place


def test_finds_the_newest_usable_llvm(usable):
    assert int(usable.version.split(".")[0]) >= 17
    assert usable.version.count(".") == 2
    assert usable.path == usable.path.resolve()


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_version_is_read_from_every_installed_llvm(path, tmp_path, placed):
    major = int(llvm._named(path).version.split(".")[0])
    nameless = placed(path, tmp_path / "libLLVM.so")
    found, refused = llvm.find([tmp_path])
    if major >= llvm.OLDEST:
        assert found is not None
        assert found.path == nameless
        assert found.version.startswith(f"{major}.")
    else:
        assert found is None
        assert [library.trouble for library in refused] == ["older than 17"]


def test_version_comes_from_the_file_not_from_its_name(usable, tmp_path, placed):
    placed(usable.path, tmp_path / "libLLVM-99.so")
    found, refused = llvm.find([tmp_path])
    assert found is not None
    assert found.version == usable.version
    assert refused == []


def test_a_library_that_reports_an_old_version_is_refused(usable, monkeypatch):
    monkeypatch.setattr(llvm, "OLDEST", int(usable.version.split(".")[0]) + 1)
    assert llvm.ask(usable.path).trouble == f"older than {llvm.OLDEST}"


def test_newer_broken_files_are_skipped_and_named(usable, tmp_path, placed):
    (tmp_path / "libLLVM-98.so").write_text("no library")
    with usable.path.open("rb") as file:
        (tmp_path / "libLLVM.so.97.1").write_bytes(file.read(100_000))
    (tmp_path / "libLLVM-96.so").mkdir()
    placed(usable.path, tmp_path / "libLLVM-19.so")
    found, refused = llvm.find([tmp_path])
    assert found is not None
    assert found.path.name == "libLLVM-19.so"
    assert [(library.path.name, library.trouble) for library in refused] == [
        ("libLLVM-98.so", "does not load"),
        ("libLLVM.so.97.1", "does not load"),
        ("libLLVM-96.so", "no such file"),
    ]


def test_a_library_that_reports_no_version_counts_as_old():
    library = llvm.ask(Path(numpy._core._multiarray_umath.__file__))
    assert library.trouble == "older than 17"


def test_nothing_found():
    assert llvm.find([Path("/no/such/folder")]) == (None, [])


@pytest.mark.parametrize(
    "name",
    ["libLLVMSupport.so", "libLLVM-19.so.py", "libclang-19.so", "LLVM-C.so", "mylibLLVM-19.so"],
)
def test_files_with_other_names_are_ignored(name, usable, tmp_path):
    (tmp_path / name).symlink_to(usable.path)
    assert llvm.find([tmp_path]) == (None, [])


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("libLLVM-15.so.1", "15"),
        ("libLLVM-14.0.6.so.1", "14"),
        ("libLLVM.so.19.1", "19"),
        ("libLLVM-19.so", "19"),
        ("libLLVM-21.dylib", "21"),
        ("libLLVM.so.1", ""),
        ("libLLVM.dylib", ""),
        ("libLLVM.so", ""),
        ("LLVM-C.dll", ""),
    ],
)
def test_version_of_a_name(name, version):
    assert llvm._named(Path("/", name)).version == version


def test_order_is_by_number_not_by_letter(tmp_path):
    for name in ("libLLVM-9.so", "libLLVM-18.so", "libLLVM-100.so", "libLLVM.so.20.1"):
        (tmp_path / name).write_text("no library")
    _, refused = llvm.find([tmp_path])
    names = [library.path.name for library in refused]
    assert names == ["libLLVM-100.so", "libLLVM.so.20.1", "libLLVM-18.so", "libLLVM-9.so"]


def test_the_library_of_the_setting_comes_first(usable, tmp_path, monkeypatch, placed):
    own = placed(usable.path, tmp_path / "mine.so")
    monkeypatch.setenv(llvm.VARIABLE, str(own))
    found, _ = llvm.find()
    assert found is not None
    assert found.path == own


@pytest.mark.parametrize("content", [None, "no library"])
def test_the_library_of_the_setting_is_checked(content, usable, tmp_path, monkeypatch):
    own = tmp_path / "mine.so"
    if content is not None:
        own.write_text(content)
    monkeypatch.setenv(llvm.VARIABLE, str(own))
    found, refused = llvm.find()
    assert found == usable
    trouble = "no such file" if content is None else "does not load"
    assert refused == [llvm.Library(own, "", trouble)]
    assert str(refused[0]) == f"{own} ({trouble})"


@pytest.mark.parametrize(
    ("platform", "place"),
    [
        ("darwin", "opt/homebrew/opt/llvm@19/lib/libLLVM.dylib"),
        ("darwin", "usr/local/opt/llvm/lib/libLLVM.dylib"),
        ("darwin", "opt/local/libexec/llvm-19/lib/libLLVM.dylib"),
        ("linux", "usr/lib64/libLLVM.so.19.1"),
        ("linux", "usr/lib64/llvm19/lib64/libLLVM.so.19.1"),
        ("linux", "usr/lib/llvm-19/lib/libLLVM.so.1"),
        ("linux", "usr/local/lib/libLLVM-19.so"),
    ],
)
def test_usual_folders_of_each_system(platform, place, usable, tmp_path, monkeypatch, placed):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "python"))
    library = placed(usable.path, tmp_path / place)
    found, _ = llvm.find(llvm.usual_folders(platform, {}, tmp_path))
    assert found == llvm.Library(library, usable.version)


@pytest.mark.parametrize(
    ("platform", "variable", "below"),
    [
        ("linux", "CONDA_PREFIX", "lib"),
        ("darwin", "CONDA_PREFIX", "lib"),
        ("win32", "CONDA_PREFIX", "Library/bin"),
        ("linux", "LD_LIBRARY_PATH", ""),
        ("darwin", "DYLD_LIBRARY_PATH", ""),
        ("win32", "PATH", ""),
        ("win32", "PROGRAMFILES", "LLVM/bin"),
    ],
)
def test_folders_from_environment_variables(platform, variable, below, tmp_path):
    folders = llvm.usual_folders(platform, {variable: str(tmp_path)}, tmp_path / "root")
    assert tmp_path / below in folders
