"""Files in the folder of a user's model: it imports them, but never in place of a library."""

import sys
from types import ModuleType

import pytest
import torch  # noqa: F401  (as where models are made)

from mrd.study import own_network
from scenes.base.errors import InputError

MODEL = "import {name}\n\ndef make():\n    return {name}\n"


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Give a function that writes files into a folder and returns the folder."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def study(folder="study", **files):
        (tmp_path / folder).mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / folder / f"{name}.py").write_text(text)
        return tmp_path / folder

    yield study
    for name in set(sys.modules) - before:
        del sys.modules[name]


def loaded(folder, function="make"):
    return own_network.load(own_network.located(f"own:{function}", folder))


def test_a_file_beside_the_model_is_imported_by_it(study):
    folder = study(own=MODEL.format(name="lab_helper"), lab_helper="VALUE = 3")
    assert loaded(folder)().VALUE == 3
    assert str(folder) not in sys.path


def test_a_factory_can_import_a_file_when_it_is_called(study):
    folder = study(
        own="def make():\n    import lab_late\n    return lab_late", lab_late="VALUE = 4"
    )
    assert loaded(folder)().VALUE == 4
    assert str(folder) not in sys.path


def test_two_folders_may_have_files_of_the_same_name(study):
    text = MODEL.format(name="lab_helper")
    first = study("first", own=text, lab_helper="VALUE = 1")
    second = study("second", own=text, lab_helper="VALUE = 2")
    makes = [loaded(folder) for folder in (first, second, first)]
    assert [make().VALUE for make in makes] == [1, 2, 1]
    late = "def make():\n    import lab_helper\n    return lab_helper"
    for folder in (first, second):
        (folder / "own.py").write_text(late)
    makes = [loaded(folder) for folder in (first, second)]
    assert [make().VALUE for make in makes + makes] == [1, 2, 1, 2]


@pytest.mark.parametrize("name", ["random", "statistics", "profile", "code", "numpy", "torch"])
@pytest.mark.parametrize("where", ["import {0}", "def make():\n    from {0} import something"])
def test_a_file_with_the_name_of_a_module_of_python_or_a_library_is_refused(study, name, where):
    folder = study(own=where.format(name), **{name: "raise SystemExit('executed')"})
    other = r".*(numpy|torch).__init__\.py" if name in ("numpy", "torch") else "a module of Python"
    message = rf"own\.py imports '{name}', which is both .*study/{name}\.py and {other}; rename the"
    with pytest.raises(InputError, match=message):
        loaded(folder)


@pytest.mark.parametrize("name", ["random", "torch"])
def test_modules_of_python_are_imported_if_no_file_has_their_name(study, name):
    folder = study(own=MODEL.format(name=name), lab_helper="")
    assert loaded(folder)() is sys.modules[name]


def test_a_module_that_was_loaded_without_a_file_is_named_too(study, monkeypatch):
    monkeypatch.setitem(sys.modules, "lab_memory", ModuleType("lab_memory"))
    folder = study(own=MODEL.format(name="lab_memory"), lab_memory="")
    with pytest.raises(InputError, match=r"lab_memory\.py and a module that is loaded; rename"):
        loaded(folder)


def test_a_module_of_an_environment_in_the_folder_is_not_the_users_own(study, monkeypatch):
    folder = study(own=MODEL.format(name="lab_inner"), lab_inner="VALUE = 6")
    package = study("study/site", lab_inner="VALUE = 5")
    monkeypatch.syspath_prepend(str(package))
    with pytest.raises(InputError, match=r"study/lab_inner\.py and .*site/lab_inner\.py; rename"):
        loaded(folder)


@pytest.mark.parametrize("name", ["analysis", "mrd", "psychophysics", "scenes", "stimuli"])
@pytest.mark.parametrize("where", ["import {0}", "def make():\n    from {0} import something"])
def test_a_file_with_the_name_of_a_package_of_the_suite_is_refused(study, name, where):
    folder = study(own=where.format(name), **{name: ""})
    message = rf"own\.py imports '{name}', which is both .*{name}\.py and a package of this suite; "
    with pytest.raises(InputError, match=message + "rename the first"):
        loaded(folder)


def test_a_file_with_the_name_of_an_installed_module_is_refused(study, monkeypatch):
    package = study("installed", lab_package="VALUE = 5")
    folder = study(own=MODEL.format(name="lab_package"), lab_package="VALUE = 6")
    monkeypatch.syspath_prepend(str(package))
    with pytest.raises(InputError, match=r"both .*study/lab_package\.py and .*installed/lab_pack"):
        loaded(folder)


def test_imports_of_a_file_beside_the_model_are_checked_as_well(study):
    folder = study(own=MODEL.format(name="lab_helper"), lab_helper="import stimuli", stimuli="")
    with pytest.raises(InputError, match=r"lab_helper\.py imports 'stimuli', which is both"):
        loaded(folder)


def test_a_file_that_is_not_imported_is_ignored(study):
    files = dict.fromkeys(("analysis", "mrd", "numpy", "random"), "raise SystemExit('executed')")
    folder = study(own="def make():\n    return 7", **files)
    assert loaded(folder)() == 7


def test_a_folder_that_is_on_the_path_already_is_not_added(study, monkeypatch):
    folder = study(own=MODEL.format(name="lab_helper"), lab_helper="VALUE = 8")
    monkeypatch.syspath_prepend(str(folder))
    assert loaded(folder)().VALUE == 8
    assert sys.path.count(str(folder)) == 1
