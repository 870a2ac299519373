"""A set that sessions were run with is kept when another set takes its name."""

import shutil

import h5py
import pytest

from mrd.workflow import keep_shown_set
from mrd.workflow.keep_shown_set import content_hash, kept_if_shown, sessions_with
from psychophysics import experiment
from psychophysics.config import ExperimentConfig
from psychophysics.observers import Psychometric, SimulatedObserver
from scenes.base.atomic_files import whole_file
from scenes.base.errors import InputError


@pytest.fixture(scope="module")
def made(small_set, tmp_path_factory):
    """Return a folder with a set and two sessions, one of them with another set."""
    folder = tmp_path_factory.mktemp("shown")
    path = shutil.copy(small_set, folder / "stimuli.h5")
    session(path, "01")
    other_session = session(path, "02")
    text = other_session.read_text().replace(content_hash(path), "0" * 64)
    other_session.write_text(text)
    return folder


@pytest.fixture
def study(made, tmp_path):
    """Return a copy of the folder that a test may change."""
    return shutil.copytree(made, tmp_path / "study")


def session(path, participant):
    """Run a session with a set; returns its description."""
    data = path.parent / "data"
    asked = experiment.prepare("small", 1, ExperimentConfig(catch=0), path)
    follows = Psychometric(threshold=0.5, width=1.0, lapse=0.0)
    experiment.run(
        asked,
        experiment.seat(asked, data, participant, "01", "person"),
        data,
        lambda _seat, rng: SimulatedObserver(follows, asked.task, rng),
        {},
        durable=False,
    )
    return next((data / f"sub-{participant}").rglob("*_beh.json"))


def other(path):
    """Put another set in the place of one, as a build does: a new file takes the name."""
    beside = shutil.copy(path, path.with_suffix(".new"))
    with h5py.File(beside, "r+") as file:
        file.attrs["content_hash"] = "f" * 64
    beside.replace(path)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_shown_set_is_kept_when_another_takes_its_place(study):
    path = study / "stimuli.h5"
    before, found = path.read_bytes(), content_hash(path)
    with kept_if_shown(path, study / "data") as kept:
        other(path)
    assert kept == keep_shown_set.Kept(study / f"stimuli-{found[:12]}.h5", found, 1)
    assert kept.path.read_bytes() == before
    assert content_hash(path) == "f" * 64
    # Nobody was shown the other one.
    with kept_if_shown(path, study / "data") as kept:
        other(path)
    assert kept is None
    assert names(study) == ["data", f"stimuli-{found[:12]}.h5", "stimuli.h5"]


def test_a_set_that_a_link_leads_to_is_kept(study, tmp_path_factory):
    """`stimuli.h5 → /scratch/stimuli.h5`: the new set is written there, and the old one stays."""
    path, real = study / "stimuli.h5", tmp_path_factory.mktemp("scratch") / "large.h5"
    path.rename(real)
    path.symlink_to(real)
    before, found = real.read_bytes(), content_hash(path)
    with kept_if_shown(path, study / "data") as kept, whole_file(path) as beside:
        beside.write_bytes(b"another set")
    assert path.is_symlink()
    assert real.read_bytes() == b"another set"
    assert kept.path.read_bytes() == before
    assert not kept.path.is_symlink()
    assert found[:12] in kept.path.name


@pytest.mark.parametrize("name", ["../../x", "", "f" * 63, "F" * 64, "/etc/x" * 11])
def test_a_hash_that_is_none_names_no_file(study, name):
    path = study / "stimuli.h5"
    with h5py.File(path, "r+") as file:
        file.attrs["content_hash"] = name
    assert content_hash(path) is None
    with kept_if_shown(path, study / "data") as kept:
        path.unlink()
    assert kept is None
    assert names(study) == ["data"]


def test_where_there_are_no_links_it_is_copied(study, monkeypatch):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(keep_shown_set.os, "link", refuse)
    path = study / "stimuli.h5"
    before = path.read_bytes()
    with kept_if_shown(path, study / "data") as kept:
        other(path)
    assert kept.path.read_bytes() == before


def test_a_set_that_stays_or_comes_again_has_no_second_name(study):
    path = study / "stimuli.h5"
    with kept_if_shown(path, study / "data") as kept:
        assert kept.path.exists()
    assert names(study) == ["data", "stimuli.h5"]
    with (
        pytest.raises(InputError, match="no run can be taken"),
        kept_if_shown(path, study / "data"),
    ):
        raise InputError("no run can be taken")
    assert names(study) == ["data", "stimuli.h5"]


def test_what_was_kept_before_stays(study):
    path = study / "stimuli.h5"
    earlier = study / f"stimuli-{content_hash(path)[:12]}.h5"
    earlier.write_text("kept")
    with kept_if_shown(path, study / "data"):
        pass
    assert earlier.read_text() == "kept"


def test_without_a_set_or_sessions_there_is_nothing_to_keep(small_set, tmp_path):
    with kept_if_shown(tmp_path / "stimuli.h5", tmp_path / "data") as kept:
        assert kept is None
    path = shutil.copy(small_set, tmp_path / "stimuli.h5")
    with kept_if_shown(path, tmp_path / "data") as kept:
        assert kept is None
    path.write_text("no set")
    assert content_hash(path) is None
    assert names(tmp_path) == ["stimuli.h5"]


def test_a_description_that_cannot_be_read_is_named(study):
    (study / "data/sub-01/ses-01/beh/sub-01_notes.json").mkdir()
    with pytest.raises(InputError, match=r"sub-01_notes.json: cannot be read: Is a directory"):
        sessions_with("0" * 64, study / "data")
