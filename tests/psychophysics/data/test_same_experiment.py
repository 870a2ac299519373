"""Before a session of a person: the set is that of the others, and another experiment is named."""

import shutil

import pytest

from psychophysics import experiment
from psychophysics.data import json_files, same_experiment, session_files
from psychophysics.observers import Psychometric, SimulatedObserver
from scenes.base.errors import InputError
from stimuli.stimulus_set import StimulusSet
from tests.paths import DATA
from tests.small_set import write_small_set

RECORDED = DATA / "sessions"
OTHER = "0" * 64


@pytest.fixture
def data(tmp_path):
    """Return recorded sessions of the small set."""
    return shutil.copytree(RECORDED, tmp_path / "data")


@pytest.fixture
def asked(small_experiment):
    """Return their experiment."""
    return recorded_as(small_experiment)


def recorded_as(small_experiment, **words):
    timing = {"fixation": 0.1, "stimulus": 0.1, "blank": 0.1, "interval": 0.2, "feedback": 0.1}
    asked = {"attributes": ["shape"], "comparisons": ["result"], "timing": timing}
    asked |= {"procedure": {"kind": "constant_stimuli", "trials": 2}}
    return small_experiment(**(asked | words))


def of_another_set(data, code):
    (path,) = session_files.sidecars(data, [code])
    with_set = path.read_text()
    (own,) = {line.split('"')[3] for line in with_set.splitlines() if '"StimulusSet"' in line}
    path.write_text(with_set.replace(own, OTHER))


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_session_with_another_set_is_refused_at_its_start(data, asked):
    of_another_set(data, "01")
    before = files(data)
    message = (
        r"data: holds sessions of stimulus set 000000000000 \(1, such as 01/01\), and "
        rf"{asked.stimuli.path} is {asked.stimuli.content_hash[:12]}; restore that set to "
        "continue, or move those sessions to another folder to start with this one"
    )
    with pytest.raises(InputError, match=message):
        experiment.seat(asked, data, "03", "01", "person")
    assert files(data) == before
    seat = experiment.seat(asked, data, "sim01", "01", "simulated")  # can be simulated again
    assert seat.number == 2


def test_the_set_that_was_kept_is_named(data, small_experiment, small_set, tmp_path):
    for name in ("stimuli.h5", "stimuli-000000000000.h5"):
        shutil.copyfile(small_set, tmp_path / name)
    of_another_set(data, "01")
    with pytest.raises(InputError, match=r"restore that set \(.*stimuli-000000000000\.h5\) to con"):
        same_experiment.check_set(
            data, same_experiment.sessions_of_people(data), "1" * 64, tmp_path / "stimuli.h5"
        )


def test_sessions_without_a_trial_are_ignored(data, asked):
    shutil.rmtree(data / "sub-01")
    of_another_set(data, "02")
    table = next(data.glob("sub-02/**/*_beh.tsv"))
    table.write_text(table.read_text().splitlines()[0] + "\n")
    experiment.seat(asked, data, "03", "01", "person")


def test_the_same_set_built_again_or_without_its_models_is_the_same(
    data, small_set, config, tmp_path
):
    import h5py

    from stimuli.storage import seal

    again = write_small_set(tmp_path / "again.h5")
    with h5py.File(again, "r+") as file:
        del file["models"]["other"]
    seal(again)
    with StimulusSet(again) as one, StimulusSet(small_set) as other:
        assert one.content_hash == other.content_hash
        assert one.models != other.models
    asked = experiment.prepare("small", 1, config(attributes=["shape"]), again)
    experiment.seat(asked, data, "03", "01", "person")


def test_another_experiment_is_reported(data, asked, small_experiment):
    said = []
    experiment.seat(asked, data, "03", "01", "person", said.append)
    assert said == []
    longer = recorded_as(small_experiment, presentation="space", rest_every=7)
    seat = experiment.seat(longer, data, "03", "01", "person", said.append)
    assert said == [
        f"{data}: holds sessions of another experiment (2; presentation: time in those, space in "
        "this one); mrd analyse does not pool them with this one"
    ]
    assert seat.number == 2


def test_sidecars_are_read_once(data, asked, monkeypatch):
    read = []

    def read_json(path):
        read.append(path)
        return json_files.read_json(path)

    monkeypatch.setattr(same_experiment, "read_json", read_json)
    experiment.seat(asked, data, "03", "01", "person")
    assert sorted(read) == sorted(session_files.sidecars(data))


def test_a_long_value_is_cut(data, asked):
    for path in session_files.sidecars(data):
        path.write_text(path.read_text().replace('"training"', f'"{"x" * 500}"'))
    said = []
    experiment.seat(asked, data, "03", "01", "person", said.append)
    (text,) = said
    assert f"(2; cameras: {'x' * 40} in those, training in this one);" in text


def test_a_recorded_session_is_resumed(data, asked):
    """With the numbers, orders and keys that it was begun with."""
    follows = Psychometric(0.5, 1.0, 0.04)
    seat = experiment.seat(asked, data, "02", "01", "person")
    outcome = experiment.run(
        asked, seat, data, lambda _, rng: SimulatedObserver(follows, asked.task, rng), {}
    )
    assert outcome.finished
    assert outcome.trials == 6
