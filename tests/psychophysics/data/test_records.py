"""Records of sessions."""

import csv
import json
import multiprocessing
from pathlib import Path

import pytest

from psychophysics.answer import Answer
from psychophysics.data import bids_names, columns, records
from psychophysics.tasks.registry import TASKS
from psychophysics.trials import generate_trials
from scenes.base.errors import InputError

ODDITY = TASKS["oddity"]
FACTS = {"StimulusSet": "abc", "Experiment": {"task": "oddity", "vary": ["noise"]}, "Seed": 5}


def opened(folder, facts=FACTS, participant="01", **words):
    return records.open_record(
        folder, participant, "01", ODDITY, facts, {"Started": "now"}, **words
    )


@pytest.fixture
def rows(config, condition):
    trials = generate_trials([condition()], config(), 3, [""])
    made = [next(trials)] + [trials.send(True) for _ in range(5)]
    return [columns.row(trial, Answer(1, "2", 0.5), ODDITY, 1) for trial in made]


def lines(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file, delimiter="\t"))


def test_a_row_is_on_disk_when_write_returns(tmp_path, rows):
    with opened(tmp_path) as record:
        for number, row in enumerate(rows, start=1):
            record.write(row)
            assert lines(record.path)[number:] == [row]


def test_names_are_those_of_bids(tmp_path):
    path = bids_names.table_path(tmp_path, "07", "02", TASKS["match_to_sample"])
    assert path.relative_to(tmp_path).as_posix() == (
        "sub-07/ses-02/beh/sub-07_ses-02_task-matchToSample_run-01_beh.tsv"
    )


def test_every_column_is_described_and_filled(tmp_path, rows):
    with opened(tmp_path) as record:
        record.write(rows[0])
        record.close(finished=True)
    header, row = lines(record.path)
    assert len(row) == len(header) == len(set(header))
    sidecar = json.loads(record.path.with_suffix(".json").read_text())
    for name in header:
        assert sidecar[name]["Description"]
    assert sidecar["Session"] == FACTS
    of = dict(zip(header, row, strict=True))
    assert (of["response"], of["key"], of["response_time"]) == ("second", "2", "0.5")
    assert of["block"] == "n/a"


def test_an_unfinished_session_is_resumed(tmp_path, rows):
    with opened(tmp_path) as record:
        for row in rows[:3]:
            record.write(row)
    with opened(tmp_path) as record:
        assert len(record.answered) == record.rows == 3
        assert record.sitting == 2
        assert record.answered[0].stimuli == tuple(rows[0][24::10])
        record.write(rows[3])
    assert lines(record.path)[1:] == rows[:4]


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_row_that_was_cut_off_is_removed(tmp_path, rows, cut):
    with opened(tmp_path) as record:
        for row in rows[:3]:
            record.write(row)
    content = record.path.read_bytes()
    record.path.write_bytes(content[:-cut])
    with opened(tmp_path) as record:
        assert record.rows == 2
        record.write(rows[2])
    assert record.path.read_bytes() == content


def test_a_full_disk_is_an_error(tmp_path, rows):
    """/dev/full of Linux behaves like a device without space."""

    def session():
        with opened(tmp_path) as record:
            record.file.close()
            record.file = full
            record.write(rows[0])

    full = Path("/dev/full").open("ab")  # noqa: SIM115  the record closes it
    with pytest.raises(InputError, match=r"_beh\.tsv: cannot be written: No space left on devi"):
        session()
    assert full.closed
    with opened(tmp_path) as record:
        assert record.rows == 0


def test_a_finished_session_is_refused(tmp_path):
    with opened(tmp_path) as record:
        record.close(finished=True)
    with (
        pytest.raises(records.SessionFinished, match="is finished; start another with --session"),
        opened(tmp_path),
    ):
        pass
    with pytest.raises(records.SessionFinished, match="is finished"):
        records.check_open(tmp_path, "01", "01", ODDITY, FACTS)
    records.check_open(tmp_path, "01", "02", ODDITY, FACTS)


def test_a_session_without_a_row_starts_again(tmp_path, rows):
    """Its facts may change; a row that was cut off does not count."""
    with opened(tmp_path) as record:
        pass
    header = record.path.read_bytes()
    record.path.write_bytes(header + b"1\tmain")
    other = FACTS | {"StimulusSet": "abd"}
    records.check_open(tmp_path, "01", "01", ODDITY, other)
    with opened(tmp_path, other) as record:
        assert record.path.read_bytes() == header
        assert (record.answered, record.sitting) == ([], 2)
        record.write(rows[0])
    sidecar = json.loads(record.path.with_suffix(".json").read_text())
    assert sidecar["Session"] == other
    with pytest.raises(records.SessionChanged, match=r"abd then, abc now"), opened(tmp_path):
        pass


def test_a_session_is_not_resumed_with_another_set(tmp_path, rows):
    with opened(tmp_path) as record:
        record.write(rows[0])
    other = FACTS | {"StimulusSet": "abd"}
    with (
        pytest.raises(records.SessionChanged, match=r"another StimulusSet \(abc then, abd now\)"),
        opened(tmp_path, other),
    ):
        pass
    with pytest.raises(records.SessionChanged, match="another StimulusSet"):
        records.check_open(tmp_path, "01", "01", ODDITY, other)
    other = FACTS | {"Experiment": {"task": "oddity", "vary": ["camera"]}}
    with (
        pytest.raises(records.SessionChanged, match=r"Experiment \(vary: \['noise'\] then, \['c"),
        opened(tmp_path, other),
    ):
        pass


def test_damage_is_an_error(tmp_path, rows):
    with opened(tmp_path) as record:
        for row in rows[:2]:
            record.write(row)
    whole = record.path.read_text()
    record.path.write_text(whole.replace("\tvase\t", "\tvase", 1))
    with pytest.raises(InputError, match="line 2 has 53 cells, not 54"), opened(tmp_path):
        pass
    record.path.write_text(whole.replace("trial", "tral", 1))
    with pytest.raises(InputError, match="line 1 is not the header"), opened(tmp_path):
        pass
    other_line_ends = whole.replace("\n", "\r").encode()
    record.path.write_bytes(other_line_ends)
    with pytest.raises(InputError, match="line 1 is not the header"), opened(tmp_path):
        pass
    assert record.path.read_bytes() == other_line_ends
    dropped = columns.names(ODDITY).index("dropped_2")
    cells = [*rows[0][:dropped], "few", *rows[0][dropped + 1 :]]
    record.path.write_text(whole + "\t".join(cells) + "\n")
    with (
        pytest.raises(InputError, match="line 4: dropped frames 'few' are not a whole number"),
        opened(tmp_path),
    ):
        pass
    record.path.write_text(whole)
    record.path.with_suffix(".json").unlink()
    with (
        pytest.raises(InputError, match=r"sidecar .* is missing; restore it"),
        opened(tmp_path),
    ):
        pass


def _hold(folder, ready, done):
    with opened(folder):
        ready.set()
        done.wait(20)


def test_two_processes_cannot_run_one_session(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    ready, done = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(tmp_path, ready, done))
    other.start()
    try:
        assert ready.wait(60)
        with (
            pytest.raises(InputError, match="is running in another process"),
            opened(tmp_path),
        ):
            pass
    finally:
        done.set()
        other.join()


@pytest.mark.parametrize("code", ["Anna B", "a_1", "", "ä", "01/..", "x" * 33])
def test_codes_are_letters_and_digits(code):
    with pytest.raises(InputError, match="use 1 to 32 letters and digits"):
        bids_names.check_code(code, "participant")
