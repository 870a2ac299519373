"""The report of sessions on disk, opened in a real browser at two widths."""

import base64
import io
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from analysis.config import AnalysisConfig, ExclusionsConfig
from analysis.findings import pixel_metamers, results
from analysis.report.provenance import ReportSource
from analysis.report import figures, files, page, provenance, study_report
from analysis.statistics import level_zero, model_observers
from scenes.base.errors import InputError
from stimuli.pixel_metamers import read_pixel_metamers
from stimuli.stimulus_set import StimulusSet
from tests import simulated_study

CONFIG = AnalysisConfig(overdispersion=False, draws=100)
NAME = "<script>alert(1)</script> & co"

OVERLAPPING = """
const boxes = [...document.querySelectorAll('h1, h2, p, li, summary, figure, .table')]
  .filter(e => e.checkVisibility()).map(e => [e, e.getBoundingClientRect()]);
return boxes.flatMap(([a, r], i) => boxes.slice(i + 1)
  .filter(([b, s]) => !a.contains(b) && !b.contains(a) &&
    r.left < s.right - 1 && s.left < r.right - 1 && r.top < s.bottom - 1 && s.top < r.bottom - 1)
  .map(([b]) => a.textContent.slice(0, 40) + ' | ' + b.textContent.slice(0, 40)));
"""


SOURCE = ReportSource(NAME, "data-simulated", "a" * 64, "b" * 64, simulated=True)


def results_of(trials, **tables):
    """Give results that hold only some tables."""
    main = trials[trials["phase"] == "main"]
    with_axis = main.assign(x=main["level"])
    return results.Results(tables, {}, with_axis, pd.DataFrame(), [], "level")


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.mark.parametrize("width", [1400, 400])
def test_in_a_browser(report, browser, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(report.page.as_uri())
    assert browser.get_log("browser") == []
    requests = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    addresses = {
        each["params"]["request"]["url"].partition(":")[0]
        for each in requests
        if each["method"] == "Network.requestWillBeSent"
    }
    assert addresses <= {"file", "data"}  # nothing is loaded from a network
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(OVERLAPPING) == []
    images = browser.find_elements(By.CSS_SELECTOR, "img")
    assert len(images) >= 10
    loaded = "return [...document.images].every(i => i.complete && i.naturalWidth > 0)"
    assert browser.execute_script(loaded)
    assert browser.find_elements(By.CSS_SELECTOR, "script") == []


def test_every_figure_has_its_table_and_both_formats(report):
    folder = report.page.parent
    for picture in (folder / "figures").glob("*.png"):
        assert picture.with_suffix(".svg").is_file()
        table = pd.read_csv(folder / "tables" / f"{picture.stem}.csv")
        assert len(table)
        assert table["data_sha256"].nunique() == table["code_version"].nunique() == 1
    assert {path.stem for path in (folder / "figures").glob("*.png")} == {
        "agreement", "cross_table", "invariance", "predicted_thresholds", "psychometric", "reach",
        "sensitivity",
    }  # fmt: skip


def test_numbers_of_the_page_are_in_the_tables(report):
    numbers = json.loads((report.page.parent / files.NUMBERS).read_text())
    assert numbers == json.loads(json.dumps(report.numbers))
    table = pd.read_csv(report.page.parent / "tables" / "invariance.csv")
    html = report.page.read_text()
    for value in table["log2_ratio"]:
        assert f"{value:.3g}".replace("-", "−") in html
    assert numbers["left_out"] == {}


def test_models_see_what_they_were_given(report):
    rows = pd.DataFrame(report.numbers["tables"]["invariance"]).set_index(["condition", "observer"])
    ratio = rows["log2_ratio"]
    # glossy hardly sees shape, shapely hardly material.
    assert ratio["shape, by shapely", "glossy/late"] > ratio["shape, by shapely", "shapely/late"]
    assert (
        ratio["material, by shapely", "shapely/late"] > ratio["material, by shapely", "glossy/late"]
    )


def test_recovery_is_a_section_of_its_own(report):
    table = pd.DataFrame(report.numbers["tables"]["recovery"])
    assert table["run"].tolist() == ["vase-shape-shapely-s2"] * 2  # a run that nobody saw
    assert table["outcome"].tolist() == ["recovered"] * 2
    assert dict(zip(table["measure"], table["error"], strict=True)) == {
        "chamfer": 0.004, "volume_iou": 0.97,
    }  # fmt: skip
    html = report.page.read_text()
    assert html.index('id="searches"') < html.index('id="recovery"')
    assert "<td>recovered</td>" in html
    assert "<th>class rule</th>" in html


def test_names_are_escaped(trials):
    html = page.render_page(results_of(trials), SOURCE, CONFIG, {}, {})
    assert "<script>" not in html
    assert "<h1>&lt;script&gt;alert(1)&lt;/script&gt; &amp; co: people against models</h1>" in html


def test_discriminated_rerender_is_reported_first(trials):
    correct = trials["correct"].where(trials["level"] > 0, 1)
    table = level_zero.level_zero(trials.assign(correct=correct))
    found = results_of(trials, level_zero=table)
    html = page.render_page(found, SOURCE, CONFIG, {}, {})
    assert html.index("People discriminate a re-render from its target") < html.index("<h2")


def test_nothing_is_written_when_data_are_refused(study_copy):
    out = study_copy / "elsewhere"
    rules = CONFIG.model_copy(update={"exclude": ExclusionsConfig(participants=("99",))})
    with pytest.raises(InputError, match="there are no data of 99"):
        study_report.make(study_copy, "x", rules, simulated=True, out=out)
    assert list(out.iterdir()) == []


def test_no_data(tmp_path, made_study):
    shutil.copy(made_study / "stimuli.h5", tmp_path)
    with pytest.raises(InputError, match="there is no such folder; mrd experiment run makes it"):
        study_report.make(tmp_path, "x", CONFIG)


def test_files_of_an_earlier_report_are_replaced(trials, tmp_path):
    for name in ("tables/hierarchical.csv", "figures/cross_table.svg", "stimuli/kept.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("earlier")
    # So are leftovers of an interrupted analysis.
    (tmp_path / ".tables-abcd_123" / "fresh").mkdir(parents=True)
    (tmp_path / ".index-abcd_123.html").touch()
    found = results_of(trials, level_zero=level_zero.level_zero(trials))
    files.write(found, tmp_path, SOURCE, CONFIG)
    assert [path.name for path in (tmp_path / "tables").iterdir()] == ["level_zero.csv"]
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        "psychometric.png", "psychometric.svg",
    }  # fmt: skip
    # Other files are kept.
    assert (tmp_path / "stimuli" / "kept.png").read_text() == "earlier"
    assert {path.name for path in tmp_path.iterdir()} == {
        "tables", "figures", "stimuli", "results.json", "index.html", ".index.html.lock",
    }  # fmt: skip


def test_report_names_the_trials_that_models_were_fitted_to(report, trials, made_study):
    others = "control trials of the other targets"
    people = "the answers of the other participants on control trials"
    html = report.page.read_text()
    assert html.count(others) == 2  # in the note of the section, and under methods
    assert people not in html
    found = results_of(trials[trials["target"] == "bunny"])
    with StimulusSet(made_study / "stimuli.h5") as stimuli:
        layers = study_report.distances(stimuli, found.trials)
    found.tables["model_decisions"] = model_observers.predict(found.trials, layers)[1]
    found.tables["invariance"] = pd.DataFrame(report.numbers["tables"]["invariance"])
    html = page.render_page(found, SOURCE, CONFIG, {}, {})
    assert html.count(people) == 2
    assert others not in html


def test_examples_show_results_of_searches(made_study, report, trials):
    html = report.page.read_text()
    for caption in (
        "bunny: shape, by shapely, metamer",
        "vase: shape, by shapely, result",  # it failed its criterion
        "vase: shape, by shapely, control",
        "vase: target",
    ):
        assert f'alt="{caption}"' in html
    with StimulusSet(made_study / "stimuli.h5") as stimuli:
        shown = study_report.examples(stimuli, trials)["vase: shape, by shapely, result"]
        ids = [f"vase-shape_result-1_{c}_own_{n}" for c in ("c0", "c1") for n in range(3)]
        ends = [stimuli.image(name) for name in ids]
    picture = np.asarray(Image.open(io.BytesIO(shown)))
    assert any((picture == end).all() for end in ends)


def test_the_table_of_searches_has_their_warnings(report):
    rows = report.numbers["tables"]["searches"]
    warnings = {row["run"]: row["warnings"] for row in rows}
    assert warnings.pop("vase-shape-shapely-s1") == ". ".join(simulated_study.WARNINGS)
    assert set(warnings.values()) == {""}
    assert f"<td class=\"text\">{'. '.join(simulated_study.WARNINGS)}</td>" in report.page.read_text()


def test_scene_metamers_are_shown_with_pixel_metamers(made_study, report):
    html = report.page.read_text()
    title = "bunny: shape, by shapely (late), camera c0"
    for caption in (
        "target",
        "scene metamer: match 0.95, RMS 0.0321",
        "pixel result: match 0.951, RMS 0.234",
    ):
        assert html.count(f'alt="{title}: {caption}"') == 1
        assert f"<figcaption>{caption}</figcaption>" in html
    table = pd.read_csv(report.page.parent / "tables" / "against_pixels.csv")
    assert table["camera"].tolist() == ["c0", "c1"]
    assert table["reached"].tolist() == [True, False]
    assert table["pixel_match"].tolist() == [0.951, 0.9]
    with StimulusSet(made_study / "stimuli.h5") as stimuli:
        (entry,) = read_pixel_metamers(stimuli).values()
    shown = html.split(f'" alt="{title}: pixel')[0].rpartition("base64,")[2]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown))))
    assert np.array_equal(picture, entry.pixel[0])


def test_caption_says_if_matches_differ(rng):
    entry = simulated_study.pixel_metamer(rng)
    last = {**entry.record, "cameras": entry.record["cameras"][1:]}
    (trio,) = pixel_metamers.trios([replace(entry, record=last)])
    captions = ["pixel result: match 0.9, RMS 0.234, not at equal match"]
    assert list(trio.pictures)[2:] == captions


def test_report_stores_hashes_of_findings(report):
    found = provenance.read_source(report.page.parent)["source"]["findings"]
    kinds = {name.partition("/")[0] for name in found}
    assert kinds == {"pixel_metamers", "predicted_thresholds", "reach", "recovery", "warnings"}


def test_pictures_are_complete(report):
    uri = report.page.read_text().split("data:image/png;base64,")[1].split('"')[0]
    assert base64.b64decode(uri)[:4] == b"\x89PNG"


def test_points_are_at_the_mean_of_their_levels():
    from matplotlib.figure import Figure

    trials = pd.DataFrame({"x": [1.039, 1.041, 2.223], "correct": [3, 9, 10], "n": [10, 30, 10]})
    axes = Figure().subplots()
    figures._points(axes, trials, 0, "people")
    (line,) = axes.containers[0].lines[:1]
    np.testing.assert_allclose(line.get_xdata(), [(1.039 * 10 + 1.041 * 30) / 40, 2.223])
    np.testing.assert_allclose(line.get_ydata(), [0.3, 1.0])


def test_ticks_of_log_axes_do_not_overlap():
    assert list(figures.log_ticks(0.1, 1.0)) == pytest.approx([0.1, 0.2, 0.5, 1.0])
    assert list(figures.log_ticks(0.143, 0.286)) == [0.143, 0.286]  # .2 alone is between them
    assert len(figures.log_ticks(0.002, 30)) == 13


def test_the_note_of_a_figure_covers_no_other_text(tmp_path):
    names = [f"net/{layer}" for layer in range(5)]  # a legend of two full rows below the figure
    rows = [("p1", "p2", True), *(("p1", name, False) for name in names)]
    table = pd.DataFrame(rows, columns=["observer_a", "observer_b", "people"]).assign(
        condition="a", level=1, kappa=0.5,
        noise_ceiling=0.5, noise_ceiling_low=0.4, noise_ceiling_high=0.6,
    )  # fmt: skip
    figures.save(figures.agreement(table), tmp_path, "agreement", "a note")
    drawn = (tmp_path / "agreement.svg").read_text(encoding="utf-8")
    found = re.findall(r'<text [^>]* y="([^"]+)"[^>]*>([^<]+)', drawn)
    heights = {text: float(y) for y, text in found}
    note = heights.pop("a note")
    assert {"net/4 with people", "people", "level"} < set(heights)
    assert note < min(heights.values()) - 5  # y grows downward


@pytest.mark.parametrize(("layers", "judged_by"), [(2, [""]), (3, ["big", "small"])])
def test_models_of_many_layers_have_their_own_panels(layers, judged_by):
    names = [f"{model}/{layer}" for model in ("small", "big") for layer in range(layers)]
    rows = [("p1", "p2", True), *(("p1", name, False) for name in names)]
    table = pd.DataFrame(rows, columns=["observer_a", "observer_b", "people"])
    table = table.merge(pd.DataFrame({"condition": ["a", "b"]}), how="cross").assign(
        level=1, kappa=0.5, noise_ceiling=0.5, noise_ceiling_low=0.4, noise_ceiling_high=0.6
    )
    drawn = figures.agreement(table)
    assert [axes.get_title() for axes in drawn.axes] == [
        f"{condition}\njudged by {model}" if model else condition
        for condition in ("a", "b")
        for model in judged_by
    ]
    lines = [axes.get_legend_handles_labels()[1] for axes in drawn.axes]
    each = layers * 2 // len(judged_by)
    assert [len(set(labels) - {"people"}) for labels in lines] == [each] * len(drawn.axes)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.5, np.inf, " (log₂ ratio at least 0.5, 95 %; corrected p 0.01)"),
        (-np.inf, -2.0, " (log₂ ratio at most −2, 95 %; corrected p 0.01)"),
        (-np.inf, np.inf, ""),
        (0.25, 1.0, " (log₂ ratio 0.6, 95 % 0.25 to 1; corrected p 0.01)"),
    ],
)
def test_headlines_report_bounds(low, high, text):
    row = {"condition": "shape", "observer": "net", "reading": "so it is", "p_holm": 0.01}
    row |= {"log2_ratio": 0.6, "log2_ratio_low": low, "log2_ratio_high": high}
    found = results.Results(
        {"invariance": pd.DataFrame([row])}, {}, pd.DataFrame(), pd.DataFrame(), [], "level"
    )
    assert page.headlines(found) == [f"shape, net: so it is{text}"]
