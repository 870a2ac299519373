"""What was found beside the searches and travels with a set: predicted thresholds, and reaches.

``/predicted_thresholds/<target>-<model>-<hash>`` and ``/reach/<run>`` are JSON texts, each with an
attribute ``content_hash``. They say what models tell apart and how far searches went; nobody is
shown them, so they enter neither the table nor the content hash of the set, and a set without them
is whole.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd

from scenes.base.errors import InputError, one_line
from stimuli.opening import DAMAGED
from stimuli.schema import PREDICTED_THRESHOLDS, REACH

Record = Mapping[str, Any]
Records = Mapping[str, Record]
"""By name."""

KINDS = (PREDICTED_THRESHOLDS, REACH)
SETTINGS = ("rerenders", "samples", "derivative_samples", "floor")

NOISY = 0.5  # agreement of the two halves of a derivative below which its threshold is too small


class Findings(NamedTuple):
    """Records of a study.

    Parameters
    ----------
    predicted_thresholds
        By the name of the prediction: what `fisher.json` holds, and its ``sha256``.
    reach
        By run: ``target``, ``model``, ``layer``, ``attribute``, the ``reach`` of `criterion.json`,
        and the ``sha256`` of that file.
    """

    predicted_thresholds: Records = MappingProxyType({})
    reach: Records = MappingProxyType({})

    def of(self, table: pd.DataFrame) -> "Findings":
        """Those of the targets and runs of a table of stimuli."""
        targets, runs = set(table["target"]), set(table["run"])
        predicted = self.predicted_thresholds.items()
        return Findings(
            {name: each for name, each in predicted if each["names"]["target"] in targets},
            {run: each for run, each in self.reach.items() if run in runs},
        )

    def hashes(self) -> dict[str, str]:
        """``<kind>/<name>`` → content hash."""
        return {
            f"{kind}/{name}": content_hash(record)
            for kind, records in self._asdict().items()
            for name, record in records.items()
        }


NONE = Findings()


def content_hash(record: Record) -> str:
    """SHA-256 of a record, 64 hexadecimal digits."""
    return hashlib.sha256(_text(record).encode()).hexdigest()


def write_findings(file: h5py.File, kind: str, records: Records) -> None:
    """Put records into an open file that holds none of their kind; without any, no group is made.

    Parameters
    ----------
    file
        Open for writing.
    kind
        Of `KINDS`.
    records
        Plain data, finite.
    """
    for name, record in records.items():
        made = file.require_group(kind).create_dataset(name, data=_text(record))
        made.attrs["content_hash"] = content_hash(record)


def read_findings(file: h5py.File, path: Path) -> Findings:
    """Read all findings of a set; empty where it holds none.

    Raises
    ------
    InputError
        One is damaged.
    """
    found: dict[str, dict[str, Record]] = {kind: {} for kind in KINDS}
    for kind, records in found.items():
        for name, text in file.get(kind, {}).items():
            try:
                records[name] = dict(json.loads(text.asstr()[()]))
            except DAMAGED as error:
                raise InputError(
                    f"{path}: {kind}/{name}: cannot be read ({one_line(error)}); the file is "
                    "damaged: restore it from a copy or build it again"
                ) from error
    return Findings(**found)


def finding_problems(file: h5py.File, path: Path, table: pd.DataFrame) -> Iterator[str]:
    """Tell what is not as it should be: altered records, and those of what the set does not hold.

    Parameters
    ----------
    file, path
        Of the set.
    table
        Its stimuli.
    """
    found = read_findings(file, path)
    for place, expected in found.hashes().items():
        if file[place].attrs.get("content_hash") != expected:
            yield f"{place}: attribute content_hash: is not that of its record"
    for place in found.hashes().keys() - found.of(table).hashes().keys():
        what = "run" if place.startswith(REACH) else "target"
        yield f"{place}: no stimulus is of that {what}"


def predicted_table(records: Records) -> pd.DataFrame:
    """List predicted thresholds: a row a parameter (`StimulusSet.predicted_thresholds`)."""
    columns = (
        "prediction", "target", "model", "layer", "attribute", "parameter", "threshold", "unit",
        "distance", "measure", "agreement", "clipped", "cameras", *SETTINGS, "record_sha256",
    )  # fmt: skip
    rows = [
        {
            "prediction": name,
            "target": record["names"]["target"],
            "model": record["names"]["model"],
            "layer": ";".join(record["layers"]),
            "attribute": each["attribute"],
            "parameter": each["name"],
            "threshold": _or(each["threshold"], np.inf),
            "unit": each["unit"],
            "distance": np.inf if each["threshold"] is None else _or(each["distance"], np.nan),
            "measure": each["measure"],
            "agreement": _or(each["agreement"], np.nan),
            "clipped": each["clipped"],
            "cameras": ";".join(record["cameras"]),
            **{key: record["asked"]["fisher"][key] for key in SETTINGS},
            "record_sha256": record["sha256"],
        }
        for name, record in records.items()
        for each in record["parameters"]
    ]
    return pd.DataFrame(rows, columns=columns)


def reach_table(records: Records) -> pd.DataFrame:
    """List what `mode: diverge` came to: a row a start (`StimulusSet.reach`)."""
    columns = (
        "run", "target", "model", "layer", "attribute", "reach", "measure", "control_reach",
        "control_failed_at", "start", "distance", "match", "verdict", "record_sha256",
    )  # fmt: skip
    rows = []
    for run, record in records.items():
        reach = record["reach"]
        control = reach.get("control", {})
        common = {name: record[name] for name in ("target", "model", "layer", "attribute")}
        common |= {"run": run, "measure": reach["measure"], "record_sha256": record["sha256"]}
        common |= {"reach": _or(reach["distance"], np.nan)}
        common |= {"control_reach": _or(control.get("distance"), np.nan)}
        common |= {"control_failed_at": _or(control.get("failed_at"), np.nan)}
        for start, each in enumerate(reach["starts"]):
            numbers = {name: _or(each[name], np.nan) for name in ("distance", "match")}
            rows.append(common | numbers | {"start": start, "verdict": each["verdict"]})
    return pd.DataFrame(rows, columns=columns)


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else float(value)


def _text(record: Record) -> str:
    return json.dumps(record, sort_keys=True, ensure_ascii=False, allow_nan=False)
