"""Bring a set of an older schema version to the present one: one function a step.

A step changes an open file of its version to the next one. What a version is, its step knows; so
steps stay as they are when the schema goes on.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import h5py
import numpy as np

from scenes.base.atomic_files import whole_file
from scenes.base.errors import InputError
from stimuli import schema
from stimuli.layout import attribute
from stimuli.one_writer import one_writer
from stimuli.opening import opened_alone
from stimuli.seal import check_seal, seal

Step = Callable[[h5py.File], None]

STEPS: Mapping[int, Step] = {}
"""Version → the step from it to the next. Version 1 is the first."""


def migrated(
    path: Path, steps: Mapping[int, Step] = STEPS, newest: int = schema.SCHEMA_VERSION
) -> int:
    """Migrate a set; the file is replaced in one step, or left as it was.

    Parameters
    ----------
    path
        The file.
    steps, newest
        Of the schema.

    Returns
    -------
    int
        The version that the file had.

    Raises
    ------
    InputError
        The file was altered, is no set, is of a newer version, a step is missing, or another
        process writes the file.
    """
    path = Path(path)
    check_seal(path)
    found, provenance = _version(path)
    if found > newest:
        raise schema.of_newer_version(str(path), found, newest, provenance)
    missing = [version for version in range(found, newest) if version not in steps]
    if missing:
        raise InputError(
            f"{path}: attribute schema_version: {found}, and there is no way from {missing[0]} to "
            f"{missing[0] + 1}; build the set again"
        )
    if found == newest:
        return found
    with one_writer(path), whole_file(path) as beside:
        shutil.copyfile(path, beside)
        with h5py.File(beside, "r+") as file:
            for version in range(found, newest):
                steps[version](file)
                file.attrs["schema_version"] = version + 1
            told = json.loads(str(file.attrs["provenance"])) | {"written_by": schema.written_by()}
            file.attrs["provenance"] = json.dumps(told, sort_keys=True)
        seal(beside)
    return found


def _version(path: Path) -> tuple[int, str]:
    """Schema version of a set, and its provenance as stored."""
    with opened_alone(path) as file:
        version, kind = (attribute(file, name) for name in ("schema_version", "format"))
        provenance = str(attribute(file, "provenance"))
    if kind != schema.FORMAT or not isinstance(version, int | np.integer):
        raise InputError(f"{path}: attribute format: the file is no stimulus set of this suite")
    return int(version), provenance
