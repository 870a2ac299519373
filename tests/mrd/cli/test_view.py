"""``mrd view``: which scenes are shown, where the page is written, and what is refused."""

import json
import re

import pytest

from scenes.scene_files import write_scene
from tests.small_study import write_study
from tests.small_views import ball, write_run

BLUE = (0.1, 0.1, 0.8)


def data_of(page):
    """Return the data of a page."""
    found = re.search(r'<script type="application/json" id="data">(.*)</script>', page.read_text())
    return json.loads(found[1])


def shown(page):
    """Return heading, notes and names of the scenes of a page."""
    data = data_of(page)
    return data["title"], data["notes"], [side["name"] for side in data["sides"]]


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "runs" / "ball-net-s1", target=ball(), result=ball(BLUE))


@pytest.mark.parametrize("named", ["scene.json", ""])
def test_a_scene_is_shown_beside_it(mrd, tmp_path, named):
    write_scene(ball(), tmp_path)
    code, out, err = mrd("view", tmp_path / named)
    assert (code, out, err) == (0, f"{tmp_path / 'view.html'}\n", "")
    assert shown(tmp_path / "view.html") == ("ball", [], ["ball"])


def test_a_scene_of_the_library_is_shown_in_the_current_folder(mrd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bunny").mkdir()  # a folder may have the name of a scene
    assert mrd("view", "bunny")[:2] == (0, "view.html\n")
    assert shown(tmp_path / "view.html") == ("bunny", [], ["bunny"])
    without_library = (tmp_path / "view.html").stat().st_size - 1_000_000
    assert without_library < 1_000_000


def test_a_run_is_shown_with_all_its_scenes_and_images(mrd, run):
    write_run(run, target=ball(), result=ball(BLUE), start=ball((0.5, 0.5, 0.5)))
    code, out, _ = mrd("view", run)
    assert (code, out) == (0, f"{run / 'view.html'}\n")
    assert shown(run / "view.html") == ("ball-net-s1", [], ["target", "result", "start"])
    renders = [side["renders"] for side in data_of(run / "view.html")["sides"]]
    assert [list(each) for each in renders] == [["c0"]] * 3
    assert len({each["c0"] for each in renders}) == 3


def test_equal_meshes_are_stored_once(mrd, run):
    assert mrd("view", run)[0] == 0
    data = data_of(run / "view.html")
    keys = [side["objects"][0]["vertices"] for side in data["sides"]]
    assert keys[0] == keys[1]
    assert len(data["buffers"]) == 4  # vertices, faces, normals, light


def test_a_run_without_result_shows_the_target_and_says_so(mrd, tmp_path):
    folder = write_run(tmp_path / "run", target=ball())
    code, out, _ = mrd("view", folder)
    note = "This run has no result yet: the target is shown alone."
    assert (code, out) == (0, f"{note}\n{folder / 'view.html'}\n")
    assert shown(folder / "view.html") == ("run", [note], ["target"])


def test_the_page_can_be_written_elsewhere(mrd, run, tmp_path):
    page = tmp_path / "new" / "seen.html"
    assert mrd("view", run, "--out", page)[:2] == (0, f"{page}\n")
    assert page.is_file()
    assert not (run / "view.html").exists()


def test_text_of_a_scene_cannot_end_the_data(mrd, tmp_path):
    name = "</script><script>alert(1)</script><!--style-->"
    write_scene(ball(name=name), tmp_path)
    assert mrd("view", tmp_path)[0] == 0
    assert shown(tmp_path / "view.html")[0] == name
    assert "<script>alert" not in (tmp_path / "view.html").read_text()


def test_a_page_names_no_address(mrd, run):
    assert mrd("view", run)[0] == 0
    own = re.sub(r'"data:[^"]*"|"[0-9A-Za-z+/=]{200,}"', "", (run / "view.html").read_text())
    assert "http" not in own.replace("http-equiv", "")


def refused(mrd, *words):
    """Run a command that is refused; return its message."""
    code, out, err = mrd("view", *words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("bunnny", "did you mean 'bunny'?"),
        ("cup.ply", "no scene is called"),
        ("none/scene.json", "none/scene.json: there is no such file"),
        ("", "has neither scene.json nor run.json"),
    ],
)
def test_a_missing_scene_is_refused(mrd, tmp_path, monkeypatch, named, message):
    monkeypatch.chdir(tmp_path)
    assert message in refused(mrd, named or tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_study_is_refused(mrd, tmp_path):
    folder = write_study(tmp_path / "small")
    assert "is a study; name the folder of one of its runs" in refused(mrd, folder)
    assert "is a study" in refused(mrd, folder / "study.yaml")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("run.json", b"{", "run.json: cannot be read"),
        ("run.json", None, "run.json: there is no such file"),
        ("target/scene.json", None, "has no target/scene.json yet; mrd generate writes it"),
        ("target/scene.json", b"{}", "target/scene.json: "),
        ("result/scene.json", b"[]", "result/scene.json: holds no scene"),
        ("renders/target_c0.png", b"\x89PNG", "renders/target_c0.png: is no PNG, or damaged"),
    ],
)
def test_a_damaged_run_is_refused(mrd, run, file, content, message):
    (run / file).unlink()
    if content is not None:
        (run / file).write_bytes(content)
    assert message in refused(mrd, run)
    assert not (run / "view.html").exists()


@pytest.mark.parametrize("name", ["page.txt", "page"])
def test_a_page_is_called_html(mrd, run, tmp_path, name):
    message = refused(mrd, run, "--out", tmp_path / name)
    assert "the page needs a name that ends with .html" in message


def test_a_page_that_cannot_be_written_leaves_nothing(mrd, run, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused(mrd, run, "--out", tmp_path / "file" / "page.html")
    assert not (run / "view.html").exists()
