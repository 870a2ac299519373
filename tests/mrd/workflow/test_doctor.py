"""`mrd doctor`, on this machine and on machines that lack something."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mrd.rendering import backend, llvm
from mrd.study.provenance import installed
from mrd.workflow import doctor
from mrd.workflow.doctor import Check
from tests.paths import ROOT

NAMES = [
    "Python",
    "backend",
    "LLVM",
    "GPU",
    "torch",
    "display",
    "PsychoPy",
    "writing",
    "free disk",
]


@pytest.fixture
def without_gpu(monkeypatch):
    """Hide a GPU, and the LLVM that an earlier test may have chosen."""
    monkeypatch.setattr(backend, "find_gpu", lambda: (None, "hidden"))
    monkeypatch.delenv(llvm.VARIABLE, raising=False)


def rows_of(printed):
    rows = json.loads(printed)
    assert [row["name"] for row in rows] == NAMES
    assert all(set(row) == {"name", "ok", "value", "advice"} for row in rows)
    return {row["name"]: row for row in rows}


def test_this_machine_is_usable(mrd):
    code, out, err = mrd("doctor", "--json")
    assert (code, err) == (0, "")
    rows = rows_of(out)
    assert {row["ok"] for row in rows.values()} <= {True, False, None}
    assert rows["backend"]["ok"]
    assert "does not render" not in rows["backend"]["value"]
    assert rows["torch"]["ok"]
    assert doctor.usable([Check(**row) for row in rows.values()])


@pytest.mark.usefixtures("without_gpu")
def test_without_llvm_the_table_is_complete_and_the_exit_code_2(mrd, monkeypatch):
    monkeypatch.setattr(llvm, "usual_folders", list)
    code, out, err = mrd("doctor", "--json")
    assert (code, err) == (2, "")
    rows = rows_of(out)
    assert rows["backend"] == {
        "name": "backend",
        "ok": False,
        "value": "none",
        "advice": llvm.advice(),
    }
    assert rows["LLVM"]["ok"] is False
    assert rows["LLVM"]["value"] == "no libLLVM at all"
    code, out, _ = mrd("doctor")
    assert code == 2
    for name in NAMES:
        assert name in out


@pytest.mark.usefixtures("without_gpu")
def test_unusable_libraries_are_listed(mrd, monkeypatch, tmp_path):
    (tmp_path / "libLLVM-15.so.1").write_text("no library")
    (tmp_path / "libLLVM-21.so").write_text("no library")
    monkeypatch.setattr(llvm, "usual_folders", lambda: [tmp_path])
    code, out, _ = mrd("doctor", "--json")
    assert code == 2
    assert rows_of(out)["LLVM"]["value"] == (
        f"{tmp_path}/libLLVM-21.so (does not load); "
        f"{tmp_path}/libLLVM-15.so.1 (LLVM 15, older than 17)"
    )


def test_the_base_install_gets_the_whole_table_and_what_to_install(base_install):
    done = subprocess.run(
        [sys.executable, "-c", "from mrd.cli.main import run; run(['doctor', '--json'])"],
        env=dict(base_install) | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    rows = rows_of(done.stdout)
    assert rows["backend"]["ok"] is False
    assert "mitsuba is not installed" in rows["backend"]["value"]
    assert rows["LLVM"]["ok"] is True
    assert rows["torch"]["ok"] is False
    assert rows["torch"]["value"] == "torch is not installed"
    assert "'.[generate]'" in rows["torch"]["advice"]


def test_a_render_that_aborts_is_reported_in_one_line(monkeypatch):
    # LLVM 15 aborts the process: it prints an error first, and much else after it.
    died = "import sys, os\nprint('LLVM ERROR: Cannot select: fmaximum\\nmore', file=sys.stderr)\n"
    monkeypatch.setattr(doctor, "_TRIAL", f"{died}sys.stderr.flush()\nos.abort()")
    check = doctor.check_backend()[0]
    assert check.ok is False
    assert check.value.endswith("does not render: LLVM ERROR: Cannot select: fmaximum")
    assert not doctor.usable([check, Check("torch", True, "")])


def test_a_render_that_aborts_without_a_message(monkeypatch):
    monkeypatch.setattr(doctor, "_TRIAL", "import os\nos.abort()")
    assert doctor.check_backend()[0].value.endswith("does not render: the trial ended with -6")


@pytest.mark.parametrize(
    ("torch", "torchvision", "requirements", "trouble"),
    [
        ("2.15.0", "0.29.2", ["numpy", "torch==2.15.0", "pillow>=5"], ""),
        ("2.15.0+cpu", "0.29.2+cpu", ["torch==2.15.0"], ""),
        ("2.14.0", "0.29.2", ["torch==2.15.0"], ", which needs torch 2.15.0"),
        ("2.15.0+cpu", "0.29.2", ["torch==2.15.0"], ": different builds (cpu, standard)"),
        ("2.15.0", "0.29.2+cu130", ["torch (==2.15.0)"], ": different builds (standard, cu130)"),
        ("2.15.0", "0.29.2", ["torchaudio==1.0"], ""),
    ],
)
def test_torch_and_torchvision_must_belong_together(torch, torchvision, requirements, trouble):
    assert doctor.mismatch(torch, torchvision, requirements) == trouble


@pytest.mark.parametrize(
    ("system", "environment", "value"),
    [
        ("darwin", {}, "the system's own"),
        ("win32", {}, "the system's own"),
        ("linux", {"DISPLAY": ":7"}, "DISPLAY=:7"),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, "WAYLAND_DISPLAY=wayland-0"),
    ],
)
def test_a_display_is_found(system, environment, value):
    assert doctor.check_display(system, environment) == Check("display", True, value)


def test_a_missing_display_is_not_an_error():
    assert doctor.check_display("linux", {"DISPLAY": ""}).ok is None


def test_psychopy_is_not_imported():
    script = (
        "import sys\nfrom mrd.workflow import doctor\ndoctor.check_psychopy()\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert "mrd.workflow.doctor" in done.stdout.split()
    assert "psychopy" not in done.stdout.split()


def test_versions_are_those_installed():
    assert installed("pytest") == pytest.__version__
    assert installed("no-such-distribution") is None


def test_a_writable_folder(tmp_path):
    assert doctor.check_writing(tmp_path) == Check("writing", True, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path):
    check = doctor.check_writing(tmp_path / "missing")
    assert check.ok is False
    assert check.value == f"{tmp_path / 'missing'}: No such file or directory"
    assert doctor.check_writing(Path("/proc")).ok is False


def test_without_a_writable_folder_nothing_is_usable(tmp_path):
    whole = [Check("backend", True, ""), Check("torch", True, "")]
    assert doctor.usable([*whole, doctor.check_writing(tmp_path)])
    assert not doctor.usable([*whole, doctor.check_writing(tmp_path / "missing")])


def test_free_disk_space(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_DISK", 0.0)
    assert doctor.check_disk(tmp_path).ok is True
    monkeypatch.setattr(doctor, "LEAST_DISK", 1e9)
    check = doctor.check_disk(tmp_path)
    assert check.ok is False
    assert check.value.endswith(" GB")
    assert check.advice == "make room: 1000000000 GB"
    assert doctor.check_disk(tmp_path / "missing").ok is False
