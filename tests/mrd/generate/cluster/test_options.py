"""Slurm options of tasks: words that are read, and words that are refused."""

import re

import pytest

from mrd.generate.cluster.options import minutes, read_options
from scenes.base.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        ("90:30", 91),  # minutes:seconds, rounded up
        ("4:00:00", 240),
        ("1:30:01", 91),
        ("2-0", 2880),
        ("1-12:30", 2190),
        ("1-23:59:59", 2880),
    ],
)
def test_times_are_read_as_slurm_reads_them(text, expected):
    assert minutes(text) == expected


@pytest.mark.parametrize("text", ["", "x", "-1", "1:2:3:4", "1:60:00", "1-24", "1.5", "٣", "4h"])
def test_other_texts_are_no_times(text):
    assert minutes(text) is None


def test_words_become_parameters_of_submitit():
    options = read_options(
        ["partition=gpu", "time=1-0", "gpus=a100:2", "cpus=8", "mem=16G", "at_once=5"]
    )
    assert options.minutes == 1440
    assert options.given["time"] == "1-0"
    assert options.parameters == {
        "partition": "gpu",
        "time": 1440,
        "gpus_per_node": "a100:2",
        "cpus_per_task": "8",
        "mem": "16G",
        "array_parallelism": 5,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--slurm: time is missing, after which a task stops and is queued again; add"),
        (["partition=gpu"], "--slurm: time is missing"),
        (["time"], "--slurm time: is no key=value; write for example time=4:00:00"),
        (["tyme=4:00:00"], "there is no key 'tyme'; did you mean 'time'? known: time, partition"),
        (["time=4", "time=5"], "--slurm time=5: time is named twice; keep one of them"),
        (["time=1"], "--slurm time=1: '1' is not a time of 2 minutes or more; write minutes, "),
        (["time=4", "at_once=0"], "--slurm at_once=0: '0' is not a whole number from 1"),
        (["time=4", "at_once=1e3"], "'1e3' is not a whole number from 1"),
        (
            ["time=4", "partition="],
            "partition=: '' is not a word without spaces and quotes",
        ),
        # A second line would be another option of the batch script.
        (["time=4", "account=me\n#SBATCH --exclusive"], "is not a word without spaces and quotes"),
    ],
)
def test_other_words_are_refused_in_one_line(words, message):
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        read_options(words)
    assert "\n" not in str(refused.value)
