"""Study files with any error: one line, exit code 2, quickly.

Hypothesis breaks one study that has every section, and shrinks a failing example.
"""

import copy
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from mrd.cli.main import run
from mrd.study.study import grid, read_study
from mrd.study.yaml_file import Location, read_document
from scenes.base.errors import InputError
from tests.paths import ROOT

WHOLE = read_document(ROOT / "studies" / "demo" / "study.yaml").data
LONGEST = 60  # seconds; reading takes about 0.1, more on a busy machine

# The profile is chosen by --full before this file is read.
FULL = hypothesis.settings.get_current_profile_name() == "full"
EXAMPLES = 500 if FULL else 8
campaign = hypothesis.settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def places(node: Any, location: Location = ()) -> Iterator[Location]:
    """Yield every place of a document except its root."""
    pairs = enumerate(node) if isinstance(node, list) else getattr(node, "items", tuple)()
    for key, value in pairs:
        yield (*location, key)
        yield from places(value, (*location, key))


def at(document: Any, location: Location) -> Any:
    """Return the value at a place."""
    for key in location:
        document = document[key]
    return document


def nested(depth: int, kind: str) -> Any:
    """Return a value nested in `depth` lists or mappings."""
    value: Any = 1
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


PLACES = list(places(WHOLE))
MAPPINGS = [(), *(place for place in PLACES if isinstance(at(WHOLE, place), dict))]

strange = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, -(10**30), 2**31, 2**63, 2**64, 10**400]),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(["", ".", "..", "../x", "/", "a/b", "\0", "NaN", "yes", "1e999", "x" * 5000]),
    st.lists(st.integers() | st.text(max_size=5), max_size=4),
    st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=5), max_size=3),
    st.builds(nested, st.integers(5, 60), st.sampled_from(["list", "mapping"])),
)
# Values that are allowed nowhere in a study.
never_allowed = st.builds(nested, st.integers(5, 60), st.sampled_from(["list", "mapping"]))
NUMBERS = [
    place
    for place in PLACES
    if isinstance(at(WHOLE, place), int | float) and not isinstance(at(WHOLE, place), bool)
]
# Numbers outside of every range, written as YAML.
out_of_range = st.sampled_from([".nan", ".inf", "-.inf", "1.0e+308", str(10**30), f"-{10**400}"])


@contextmanager
def soon() -> Iterator[None]:
    """Raise TimeoutError instead of hanging."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"not read within {LONGEST} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def written(folder: Path, document: Any) -> Path:
    """Write a document as JSON, a subset of YAML."""
    path = folder / "study.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def read_or_refused(path: Path) -> str | None:
    """Read a study; return the error message, or None."""
    with soon():
        try:
            grid(read_study(path))
        except InputError as error:
            return str(error)
    return None


def check_one_line(complaint: str) -> None:
    """Check that a message is one printable line."""
    assert complaint.splitlines() == [complaint]
    complaint.encode("utf-8")


def check_exit(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Check one line on stderr, exit code 2, and no new files."""
    before = sorted(path.parent.iterdir())
    capsys.readouterr()
    with soon(), pytest.raises(SystemExit, match=r"^2$"):
        run(["status", str(path)])
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    check_one_line(said.err.removesuffix("\n"))
    assert sorted(path.parent.iterdir()) == before


def test_the_whole_study_is_fine(tmp_path):
    assert read_or_refused(written(tmp_path, WHOLE)) is None


@campaign
@given(place=st.sampled_from(PLACES), value=strange)
def test_a_strange_value_is_read_or_refused_in_one_line(place, value, tmp_path):
    document = copy.deepcopy(WHOLE)
    at(document, place[:-1])[place[-1]] = value
    complaint = read_or_refused(written(tmp_path, document))
    if complaint is not None:
        check_one_line(complaint)


@campaign
@given(place=st.sampled_from(PLACES), value=never_allowed)
def test_what_is_allowed_nowhere_exits_with_2(place, value, tmp_path, capsys):
    document = copy.deepcopy(WHOLE)
    at(document, place[:-1])[place[-1]] = value
    check_exit(written(tmp_path, document), capsys)


@campaign
@given(place=st.sampled_from(NUMBERS), value=out_of_range)
def test_a_number_out_of_every_range_exits_with_2(place, value, tmp_path, capsys):
    document = copy.deepcopy(WHOLE)
    at(document, place[:-1])[place[-1]] = "THE NUMBER"
    path = written(tmp_path, document)
    path.write_text(path.read_text().replace('"THE NUMBER"', value), encoding="utf-8")
    check_exit(path, capsys)


@campaign
@given(
    place=st.sampled_from(MAPPINGS),
    key=st.text(max_size=20).map(lambda text: f"no-{text}"),
    value=never_allowed,
)
def test_an_unknown_key_exits_with_2(place, key, value, tmp_path, capsys):
    document = copy.deepcopy(WHOLE)
    at(document, place)[key] = value
    check_exit(written(tmp_path, document), capsys)


@campaign
@given(data=st.data())
def test_a_file_with_damaged_bytes_is_read_or_refused_in_one_line(data, tmp_path):
    content = bytearray(json.dumps(WHOLE, indent=1).encode())
    for _ in range(data.draw(st.integers(1, 3), "damages")):
        start = data.draw(st.integers(0, len(content) - 1), "start")
        length = data.draw(st.integers(0, 20), "length")
        content[start : start + length] = data.draw(st.binary(max_size=20), "bytes")
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    complaint = read_or_refused(path)
    if complaint is not None:
        check_one_line(complaint)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1", "cp1252", "shift-jis"])
def test_a_file_in_another_encoding_exits_with_2(encoding, tmp_path, capsys):
    text = f"# §\n{json.dumps(WHOLE)}"
    (tmp_path / "study.yaml").write_bytes(text.encode(encoding))
    check_exit(tmp_path / "study.yaml", capsys)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
@pytest.mark.parametrize("depth", [100, pytest.param(60_000, marks=pytest.mark.full)])
def test_deep_nesting_exits_with_2(depth, opening, closing, tmp_path, capsys):
    path = tmp_path / "study.yaml"
    path.write_text(f"name: {opening * depth}1{closing * depth}\n", encoding="utf-8")
    check_exit(path, capsys)
