"""A user's own networks: how ``my_module:factory`` is found, imported and called.

This module does not import PyTorch, so that a study can be resolved without it.
"""

import functools
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from mrd.study import modules_beside
from scenes.base.errors import InputError, nearest, one_line

GROUP = "mrd.models"
"""Entry points of this group are networks of other packages."""


def is_factory(network: str) -> bool:
    """Return whether a network's name is that of a factory, ``my_module:factory``."""
    return ":" in network


def entries() -> dict[str, EntryPoint]:
    """Return the networks that other installed packages offer: name → entry point."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def located(network: str, folder: Path) -> str:
    """Return ``/whole/path/my_module.py:factory`` if `folder` has the file, else `network`.

    `network` is ``my_module:factory`` or ``path/to/file.py:factory``.
    """
    module, _, function = network.rpartition(":")
    file = folder / (module if module.endswith(".py") else f"{module}.py")
    return f"{file.absolute()}:{function}" if file.is_file() else network


def code_of(network: str) -> Path | None:
    """Return the file of a factory (a name from `located`), or None if its module is installed."""
    file = Path(network.rpartition(":")[0])
    return file if file.suffix == ".py" and file.is_file() else None


def shown(network: str) -> str:
    """Return ``my_module:factory``: the name from `located` without its folder."""
    module, _, function = network.rpartition(":")
    return f"{Path(module).stem if module.endswith('.py') else module}:{function}"


def load(network: str) -> Callable[..., Any]:
    """Import a factory, named as by `located`; raise `InputError` if that fails."""
    module, _, function = network.rpartition(":")
    is_file = module.endswith(".py")
    with naming(f"network: importing {Path(module).name}"):
        imported = _from_file(Path(module)) if is_file else _installed(module)
    factory = getattr(imported, function, None)
    if not callable(factory):
        valid = [name for name, value in vars(imported).items() if callable(value)]
        raise InputError(
            f"network: {module} has no function '{function}'; {nearest(function, valid)} "
            "use my_module:factory"
        )
    return _with_neighbours(Path(module).parent, factory) if is_file else factory


def load_entry(entry: EntryPoint) -> Callable[..., Any]:
    """Import the factory of an entry point; raise `InputError` if its package raises an error."""
    with naming(f"network: loading {entry.name} ({entry.value})"):
        factory: Callable[..., Any] = entry.load()
    return factory


@contextmanager
def naming(call: str) -> Iterator[None]:
    """Turn any error of a user's code in the block into an `InputError` that names `call`."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{call} raised {type(error).__name__}: {one_line(error)}") from error


def _with_neighbours(folder: Path, factory: Callable[..., Any]) -> Callable[..., Any]:
    """Return a factory whose calls, too, can import other files of its folder."""

    @functools.wraps(factory)
    def called(*arguments: Any, **keywords: Any) -> Any:
        with modules_beside.importable(folder):
            return factory(*arguments, **keywords)

    return called


def _installed(module: str) -> ModuleType:
    if not module or importlib.util.find_spec(module.partition(".")[0]) is None:
        raise InputError(
            f"network: there is no module '{module}': put {module or 'my_module'}.py into the "
            "study's folder, or install its package"
        )
    return importlib.import_module(module)


def _from_file(path: Path) -> ModuleType:
    modules_beside.check_names(path)
    name = f"mrd_own_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"network: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up during the import
    try:
        with modules_beside.importable(path.parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
