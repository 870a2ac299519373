"""Networks of one's own: where ``my_module:factory`` is found, and how it is called.

Loads no PyTorch, so that a study can be resolved without it.
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
"""Entry points of this group are networks that other packages bring."""


def is_factory(network: str) -> bool:
    """Tell whether a network's name is that of a factory, ``my_module:factory``."""
    return ":" in network


def entries() -> dict[str, EntryPoint]:
    """Name → entry point of the networks that installed packages bring."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def located(network: str, folder: Path) -> str:
    """Find the file of a factory in the study's folder.

    Parameters
    ----------
    network
        ``my_module:factory`` or ``path/to/file.py:factory``.
    folder
        The study's folder.

    Returns
    -------
    str
        ``/whole/path/my_module.py:factory``; the name as it is where no such file is there, for
        modules that are installed.
    """
    module, _, function = network.rpartition(":")
    file = folder / (module if module.endswith(".py") else f"{module}.py")
    return f"{file.absolute()}:{function}" if file.is_file() else network


def code_of(network: str) -> Path | None:
    """Give a located factory's file; None where its module is installed."""
    file = Path(network.rpartition(":")[0])
    return file if file.suffix == ".py" and file.is_file() else None


def shown(network: str) -> str:
    """Name a located factory as a study does, without the folder: ``my_module:factory``."""
    module, _, function = network.rpartition(":")
    return f"{Path(module).stem if module.endswith('.py') else module}:{function}"


def load(network: str) -> Callable[..., Any]:
    """Import a factory.

    Parameters
    ----------
    network
        As `located` gives it.

    Raises
    ------
    InputError
        Where the module does not exist or its code raises, or it holds no such function.
    """
    module, _, function = network.rpartition(":")
    is_file = module.endswith(".py")
    with naming(f"network: importing {Path(module).name}"):
        imported = _from_file(Path(module)) if is_file else _installed(module)
    found = getattr(imported, function, None)
    if not callable(found):
        valid = [name for name, value in vars(imported).items() if callable(value)]
        raise InputError(
            f"network: {module} has no function '{function}'; {nearest(function, valid)} "
            "use my_module:factory"
        )
    made: Callable[..., Any] = found
    return _called_beside(Path(module).parent, made) if is_file else made


def _called_beside(folder: Path, factory: Callable[..., Any]) -> Callable[..., Any]:
    """Give a factory that may import files of its folder when it is called, too."""

    @functools.wraps(factory)
    def called(*arguments: Any, **keywords: Any) -> Any:
        with modules_beside.importable(folder):
            return factory(*arguments, **keywords)

    return called


def load_entry(entry: EntryPoint) -> Callable[..., Any]:
    """Import the factory that an entry point names.

    Raises
    ------
    InputError
        Where its package's code raises.
    """
    with naming(f"network: loading {entry.name} ({entry.value})"):
        made: Callable[..., Any] = entry.load()
    return made


@contextmanager
def naming(call: str) -> Iterator[None]:
    """Turn whatever a user's code raises inside the block into one line that names the call."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{call} raised {type(error).__name__}: {one_line(error)}") from error


def _installed(module: str) -> ModuleType:
    if not module or importlib.util.find_spec(module.partition(".")[0]) is None:
        raise InputError(
            f"network: there is no module '{module}': put {module or 'my_module'}.py into the "
            "study's folder, or install its package"
        )
    return importlib.import_module(module)


def _from_file(path: Path) -> ModuleType:
    """Import one file under a name of its own; files beside it can be imported by it."""
    modules_beside.check_names(path)
    name = f"mrd_own_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"network: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and the like look their module up while it is being imported.
    sys.modules[name] = module
    try:
        with modules_beside.importable(path.parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
