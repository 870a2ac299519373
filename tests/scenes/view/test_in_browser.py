"""The page in a real Chromium, with WebGL in software."""

import hashlib
import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from scenes.arrays import Picture
from scenes.camera import Ring
from scenes.lamps import DiscLamp, PointLamp, RectangleLamp, SphereLamp, SpotLamp, Sun
from scenes.lighting import Constant, EnvironmentMap, SunSky, map_directions
from scenes.material import Material
from scenes.pose import Pose
from scenes.shape import MeshShape
from scenes.view.page import Side, view_page
from scenes.view.pictures import render_url
from tests.paths import ROOT
from tests.small_views import ball

RED, BLUE = (0.8, 0.1, 0.1), (0.1, 0.1, 0.8)
DRAWN = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb",
        "--disable-background-networking", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


class View:
    """A page in the browser."""

    def __init__(self, browser, page, width=1000, height=640, expected="ready"):
        self.browser = browser
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        for log in ("browser", "performance"):
            browser.get_log(log)  # of other pages
        browser.get(page.as_uri())
        state = "return document.body.dataset.state"
        WebDriverWait(browser, 60).until(lambda _: browser.execute_script(state))
        assert browser.execute_script(state) == expected
        self.drawn()

    def drawn(self):
        self.browser.execute_async_script(DRAWN)

    def find(self, name):
        return self.browser.find_element(By.ID, name)

    def pane(self, name):
        return self.browser.find_element(By.CSS_SELECTOR, f".pane[data-side='{name}']")

    def panes(self):
        panes = self.browser.find_elements(By.CSS_SELECTOR, ".pane")
        return {each.get_attribute("data-side"): each for each in panes if each.is_displayed()}

    def pixels(self, name):
        """Return what a pane shows, (H, W, 3) from 0 to 1, without its edge."""
        self.drawn()
        image = Image.open(io.BytesIO(self.pane(name).screenshot_as_png)).convert("RGB")
        return np.asarray(image)[2:-2, 2:-2] / 255

    def click(self, name):
        self.find(name).click()
        self.drawn()

    def choose(self, name, value):
        Select(self.find(name)).select_by_value(value)
        self.drawn()

    def drag(self, name, right, down=0):
        action = ActionChains(self.browser).move_to_element(self.pane(name)).click_and_hold()
        action.move_by_offset(right // 2, down // 2).move_by_offset(right // 2, down // 2)
        action.release().perform()
        self.drawn()


WITHOUT_WEBGL = "HTMLCanvasElement.prototype.getContext = () => null;"


def test_without_webgl_the_page_says_so(browser, tmp_path):
    page = tmp_path / "view.html"
    page.write_text(view_page("a ball", [Side("ball", ball())]), encoding="utf-8")
    command = "Page.addScriptToEvaluateOnNewDocument"
    added = browser.execute_cdp_cmd(command, {"source": WITHOUT_WEBGL})
    try:
        view = View(browser, page, expected="failed")
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
    assert "this browser has no WebGL; use another one" in view.find("problem").text
    assert not view.find("controls").is_displayed()


@pytest.fixture
def opened(browser, tmp_path):
    """Return a function that writes and opens a page of scenes by name."""

    def open_page(notes=(), width=1000, height=640, renders=None, **scenes):
        sides = [Side(name, scene, (renders or {}).get(name, {})) for name, scene in scenes.items()]
        page = tmp_path / "view.html"
        page.write_text(view_page("a ball", sides, notes), encoding="utf-8")
        return View(browser, page, width, height)

    return open_page


def reds(pixels):
    """Return where a picture is red."""
    return (pixels[..., 0] > 0.25) & (pixels[..., 0] > 2 * pixels[..., 2])


def blues(pixels):
    return reds(pixels[..., ::-1])


def middle(mask):
    """Return the column, as a share of the width, in the middle of a mask."""
    return float(np.nonzero(mask)[1].mean() / mask.shape[1])


def test_two_scenes_are_shown_without_network_and_errors(opened, browser):
    view = opened(target=ball(RED), result=ball(BLUE), notes=["A note."])
    assert browser.get_log("browser") == []
    entries = [json.loads(each["message"])["message"] for each in browser.get_log("performance")]
    addresses = {
        each["params"]["request"]["url"].partition(":")[0]
        for each in entries
        if each["method"] == "Network.requestWillBeSent"
    }
    assert addresses <= {"file", "data", "blob"}
    assert view.find("title").text == "a ball"
    assert not view.find("problem").is_displayed()
    assert view.find("notes").text == "A note."
    assert "not the renderer's image" in browser.find_element(By.TAG_NAME, "header").text
    left, right = view.pixels("target"), view.pixels("result")
    assert left.shape == right.shape
    assert reds(left).mean() > 0.03
    assert blues(right).mean() > 0.03
    assert not blues(left).any()
    assert not reds(right).any()
    assert left[-5, 5] == pytest.approx([0.5] * 3, abs=0.01)  # the grey background


def test_the_canvas_holds_the_scenes(opened, browser):
    opened(target=ball(RED))
    script = """
    const done = arguments[0], canvas = document.getElementById('canvas');
    document.getElementById('brightness').dispatchEvent(new Event('input'));
    requestAnimationFrame(() => {
      const gl = canvas.getContext('webgl2');
      const pixels = new Uint8Array(4 * canvas.width * canvas.height);
      gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
      let red = 0;
      for (let i = 0; i < pixels.length; i += 4) red += pixels[i] > 2 * pixels[i + 2];
      done(red / (pixels.length / 4));
    });"""
    assert browser.execute_async_script(script) > 0.02


def test_turning_one_turns_both(opened):
    view = opened(target=ball(RED), result=ball(BLUE))
    start = middle(reds(view.pixels("target"))), middle(blues(view.pixels("result")))
    assert start[0] == pytest.approx(start[1], abs=0.01)
    assert start[0] > 0.53  # the ball is right of the middle
    for dragged in ("target", "result"):
        before = middle(reds(view.pixels("target")))
        view.drag(dragged, 120)
        after = middle(reds(view.pixels("target"))), middle(blues(view.pixels("result")))
        assert abs(after[0] - before) > 0.02
        assert after[0] == pytest.approx(after[1], abs=0.01)
    assert Select(view.find("camera")).first_selected_option.text == "free view"


def test_wireframe_shows_what_is_behind(opened):
    view = opened(target=ball(RED))
    full = view.pixels("target")
    view.click("wireframe")
    wires = view.pixels("target")
    assert 0.01 < reds(wires).sum() / reds(full).sum() < 0.5
    view.click("wireframe")
    np.testing.assert_array_equal(view.pixels("target"), full)


def test_cameras_are_chosen_from_a_list(opened):
    view = opened(target=ball(RED), result=ball(BLUE))
    select = Select(view.find("camera"))
    texts = [each.text for each in select.options]
    assert texts == ["camera c0", "camera c1", "camera c2", "camera h0 (held out)", "free view"]
    seen = {}
    for name in ("c1", "h0", "c0"):
        view.choose("camera", name)
        seen[name] = view.pixels("target")
        at = middle(reds(seen[name])), middle(blues(view.pixels("result")))
        assert at[0] == pytest.approx(at[1], abs=0.01)
    assert np.abs(seen["c1"] - seen["h0"]).mean() > 0.002
    view.drag("result", 100, 40)
    assert np.abs(view.pixels("target") - seen["c0"]).mean() > 0.002
    view.choose("camera", "c0")
    np.testing.assert_array_equal(view.pixels("target"), seen["c0"])


@pytest.mark.parametrize("field", [30.0, 60.0])
def test_the_view_has_the_field_of_view_of_the_camera(opened, field):
    centred = {"pose": Pose(), "cameras": Ring(count=1, field_of_view=field, resolution=16)}
    view = opened(target=ball(RED, **centred))
    pixels = view.pixels("target")
    high = np.ptp(np.nonzero(reds(pixels).any(axis=1))[0]) / pixels.shape[0]
    expected = np.tan(np.arcsin(1 / 5)) / np.tan(np.radians(field / 2))
    assert high == pytest.approx(expected, rel=0.06)


def test_the_start_is_shown_by_a_choice(opened):
    grey = ball((0.1, 0.6, 0.1))
    view = opened(target=ball(RED), result=ball(BLUE), start=grey)
    select = Select(view.find("beside"))
    assert [each.text for each in select.options] == ["result", "start", "nothing"]
    assert list(view.panes()) == ["target", "result"]
    view.choose("beside", "start")
    assert list(view.panes()) == ["target", "start"]
    green = view.pixels("start")
    assert ((green[..., 1] > 0.25) & (green[..., 1] > 2 * green[..., 0])).mean() > 0.03
    view.choose("beside", "nothing")
    assert list(view.panes()) == ["target"]
    assert reds(view.pixels("target")).any()


def test_one_scene_has_no_choice(opened):
    view = opened(ball=ball(RED))
    assert not view.find("beside").is_displayed()
    assert not view.find("renders").is_displayed()


def test_names_of_objects_and_lamps_are_shown(opened):
    view = opened(target=ball(RED, surroundings=["ground"]))
    view.drag("target", 0, -60)
    labels = view.pane("target").find_elements(By.CSS_SELECTOR, ".name")
    assert {each.text for each in labels if each.is_displayed()} >= {"object", "ground"}
    label = next(each for each in labels if each.text == "object").rect
    box = view.pane("target").rect
    assert box["x"] < label["x"] < box["x"] + box["width"]
    view.click("names")
    assert not any(each.is_displayed() for each in labels)


def test_the_rendered_image_of_the_camera_is_shown(opened, tmp_path):
    Image.new("RGB", (16, 16), (0, 255, 0)).save(tmp_path / "c1.png")
    view = opened(target=ball(RED), renders={"target": {"c1": render_url(tmp_path / "c1.png")}})
    figure = view.pane("target").find_element(By.TAG_NAME, "figure")
    assert not figure.is_displayed()
    view.choose("camera", "c1")
    assert figure.is_displayed()
    assert figure.text == "rendered, c1"
    assert (view.pixels("target") == [0, 1, 0]).all(axis=-1).any()
    view.click("renders")
    assert not figure.is_displayed()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (400, 800)])
def test_views_have_equal_size_and_fit(opened, browser, width, height):
    view = opened(width=width, height=height, target=ball(RED), result=ball(BLUE))
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    first, second = (each.rect for each in view.panes().values())
    assert (first["width"], first["height"]) == (second["width"], second["height"])
    assert first["height"] > 300
    beside = first["y"] == second["y"]
    assert beside == (width == 1280)
    if beside:
        assert second["y"] + second["height"] <= height
    assert reds(view.pixels("target")).any()
    assert blues(view.pixels("result")).any()


def lit_from(kind, sign):
    """Return a white ball that one light reaches from the right (sign 1) or from the left."""
    place = (6.0 * sign, 0.0, 0.0)
    side = map_directions(16, 32)[..., :1]
    from_side = np.broadcast_to(np.where(sign * side > 0.5, 3.0, 0.0), (16, 32, 3))
    lamps = {
        "point": PointLamp(place=place, intensity=60.0),
        "spot": SpotLamp(place=place, intensity=60.0),
        "rectangle": RectangleLamp(place=place, radiance=60.0),
        "disc": DiscLamp(place=place, radiance=60.0),
        "sphere": SphereLamp(place=place, radiance=200.0),
        "sun": Sun(elevation=0.0, azimuth=90.0 * sign),
    }
    light = Constant(radiance=0.0)
    if kind == "map":
        light = EnvironmentMap(radiance=Picture(from_side))
    lamps = {"key": lamps[kind]} if kind in lamps else {}
    return ball((0.8, 0.8, 0.8), pose=Pose(), lighting=light, lamps=lamps)


@pytest.mark.parametrize("kind", ["map", "point", "spot", "rectangle", "disc", "sphere", "sun"])
def test_light_comes_from_its_side(opened, kind):
    view = opened(target=lit_from(kind, 1), result=lit_from(kind, -1))
    view.click("names")  # no marker
    for name, sign in (("target", 1), ("result", -1)):
        pixels = view.pixels(name).mean(axis=2)
        y, x = np.array(pixels.shape) // 2
        left, right = pixels[y - 20 : y + 20, x - 100 : x], pixels[y - 20 : y + 20, x : x + 100]
        assert sign * (right.mean() - left.mean()) > 0.1


def test_a_diffuse_surface_has_the_brightness_that_physics_gives(opened):
    # A ball of albedo 0.5 under constant light of radiance 0.8 reflects 0.4: 0.665 as sRGB.
    plain = {"pose": Pose(), "lamps": {}, "lighting": Constant(radiance=0.8)}
    matte = Material(base_color=0.5, roughness=1.0, eta=1.01)
    view = opened(ball=ball(material=matte, **plain))
    pixels = view.pixels("ball")
    height, width, _ = pixels.shape
    assert pixels[height // 2 + 30, width // 2 + 30] == pytest.approx([0.665] * 3, abs=0.03)


def test_scenes_with_everything_are_shown(opened, browser):
    texture = Picture(np.tile([[[0.9, 0.1, 0.1]], [[0.1, 0.1, 0.9]]], (1, 2, 1)))
    view = opened(
        textured=ball(
            material=Material(
                base_color=texture, roughness=0.5, metallic=0.2, clearcoat=1, sheen=1
            ),
            shape=MeshShape(surface="spot", normals="flat"),
            surroundings=["cornell"],
            film={"exposure": 0.5, "tone_curve": "reinhard"},
        ),
        result=ball(
            material=Material.model_validate("translucent"),
            lighting=SunSky(sun_elevation=30),
            surroundings=["table", "wall", "occluder"],
            film={},
        ),
    )
    assert browser.get_log("browser") == []
    assert view.pixels("textured").std() > 0.02
    assert view.pixels("result").std() > 0.02
    view.click("listing")
    tables = view.find("tables").text
    assert "texture, mean 0.5, 0.1, 0.5" in tables
    assert "exposure 0.5" in tables
    assert "(estimated)" in tables
    assert "lamp: rectangle" in tables


def test_vendored_files_are_those_of_the_licences():
    folder = ROOT / "scenes" / "view" / "vendor"
    listed = dict(re.findall(r"^\| `(\S+\.js)` .*`([0-9a-f]{64})` \|$",
                             (folder / "LICENCES.md").read_text(), re.MULTILINE))  # fmt: skip
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.js")
    }
    assert found == listed
