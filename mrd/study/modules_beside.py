"""Modules in the folder of a user's model file: they can be imported only while its code runs.

The folder is put last on Python's path, so that its files never replace a module of Python, of a
library or of this suite. An import that could mean either is refused.
"""

import ast
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from scenes.base.errors import OWN_PACKAGES, InputError

# Folder of a model file → its imported modules: two folders may have modules of the same name.
_loaded: dict[Path, dict[str, ModuleType]] = {}


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Let modules of a folder be imported inside the block; installed modules come first."""
    for other, modules in _loaded.items():
        if other != folder:
            for name, module in modules.items():
                if sys.modules.get(name) is module:
                    del sys.modules[name]
    sys.modules.update(_loaded.get(folder, {}))
    before, path = set(sys.modules), list(sys.path)
    if str(folder) not in path:
        sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path[:] = path
        new = {name: sys.modules[name] for name in set(sys.modules) - before}
        beside = {name: each for name, each in new.items() if _is_below(folder, _file_of(each))}
        _loaded[folder] = _loaded.get(folder, {}) | beside


def check_names(path: Path) -> None:
    """Raise `InputError` if a model file imports a file of its folder named like another module.

    Files that are imported in turn are checked as well.
    """
    waiting, seen = [path], {path}
    while waiting:
        file = waiting.pop()
        for name in sorted(_imports(file)):
            own = _beside(file.parent if file.name != "__init__.py" else path.parent, name)
            if own is None:
                continue
            if other := _taken_by(name, own):
                raise InputError(
                    f"network: {file.name} imports '{name}', which is both {own} and {other}; "
                    "rename the first, and change the import"
                )
            if own not in seen:
                seen.add(own)
                waiting.append(own)


def _imports(file: Path) -> set[str]:
    """Return the top-level names of the modules that a file imports."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # reported when it is imported
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names


def _beside(folder: Path, name: str) -> Path | None:
    files = (folder / name / "__init__.py", folder / f"{name}.py")
    return next((file for file in files if file.is_file()), None)


def _taken_by(name: str, own: Path) -> str:
    """Return what else has the name of the user's file `own`, for a message; "" if nothing has."""
    if name in OWN_PACKAGES:
        return "a package of this suite"
    if name in sys.stdlib_module_names:
        return "a module of Python"
    loaded = sys.modules.get(name)
    if loaded is None:
        with suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(name)
            if spec and spec.origin and not _is_same(own, spec.origin):
                return spec.origin
        return ""
    if any(modules.get(name) is loaded for modules in _loaded.values()):  # beside a model file
        return ""
    file = _file_of(loaded) or "a module that is loaded"
    return "" if _is_same(own, file) else file


def _file_of(module: ModuleType) -> str | None:
    return getattr(module, "__file__", None)


def _is_same(own: Path, file: str) -> bool:
    with suppress(OSError):
        return own.samefile(file)
    return False


def _is_below(folder: Path, file: str | None) -> bool:
    return file is not None and Path(file).absolute().is_relative_to(folder.absolute())
