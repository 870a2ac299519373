// Start of the page: read the data, build the scenes, and connect the controls.

import { Color, PCFSoftShadowMap, PerspectiveCamera, SRGBColorSpace, Vector3, WebGLRenderer } from "three";
import { OrbitControls } from "OrbitControls";
import { builtScene, setWireframe } from "objects";
import { addLights } from "lights";
import { listing } from "listing";
import { Pane } from "panes";

const NOTHING = "nothing";
const at = id => document.getElementById(id);
const data = JSON.parse(at("data").textContent);
const sides = data.sides;

function start() {
  at("title").textContent = data.title;
  for (const text of data.notes) at("notes").append(element("li", text));
  const renderer = new WebGLRenderer({ canvas: at("canvas"), antialias: true, alpha: true });
  renderer.outputColorSpace = SRGBColorSpace;
  renderer.shadowMap.enabled = true;
  renderer.shadowMap.type = PCFSoftShadowMap;
  renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
  const worlds = sides.map(side => {
    const scene = builtScene(side, data.buffers);
    addLights(scene, side, data.buffers, renderer);
    return scene;
  });

  // One camera and one control, so that all views turn together.
  const camera = new PerspectiveCamera();
  const control = new OrbitControls(camera, at("views"));
  const panes = sides.map((side, place) => new Pane(side, worlds[place], at("views"), sides.length === 1));
  const state = { chosen: null, isFree: false };
  let isWaiting = false;

  function draw() {
    isWaiting = false;
    const box = at("canvas").getBoundingClientRect();
    renderer.setSize(box.width, box.height, false);
    renderer.setScissorTest(false);
    renderer.setClearColor(new Color(1, 1, 1), 0);
    renderer.clear();
    renderer.setScissorTest(true);
    const shown = {
      brightness: 2 ** Number(at("brightness").value), names: at("names").checked,
      renders: at("renders").checked, camera: state.chosen, isFree: state.isFree,
    };
    for (const pane of panes) if (!pane.isHidden) pane.draw(renderer, camera, control.target, box, shown);
  }

  function redraw() {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(draw);
  }

  function choose(name) {
    const found = sides[0].cameras.find(each => each.name === name);
    if (!found) return;
    state.chosen = found;
    state.isFree = false;
    camera.matrix.fromArray(found.matrix);
    camera.matrix.decompose(camera.position, camera.quaternion, camera.scale);
    control.target.copy(onAxis(found, sides[0]));
    redraw();
  }

  function arrange() {
    const beside = at("beside").value;
    panes.forEach((pane, place) => pane.hide(place > 0 && pane.side.name !== beside));
    at("views").style.setProperty("--columns", panes.filter(pane => !pane.isHidden).length);
    redraw();
  }

  fill(at("camera"), [
    ...sides[0].cameras.map(each => [each.name, `camera ${each.name}${each.held_out ? " (held out)" : ""}`]),
    ["", "free view"],
  ]);
  const others = sides.slice(1).map(side => side.name);
  fill(at("beside"), [...others, NOTHING].map(name => [name, name]));
  at("beside").value = others.includes("result") ? "result" : NOTHING;
  at("beside-label").hidden = others.length === 0;
  at("renders-label").hidden = sides.every(side => Object.keys(side.renders).length === 0);
  at("tables").append(...sides.map(listing));

  at("controls").addEventListener("submit", event => event.preventDefault());
  at("camera").addEventListener("change", () => choose(at("camera").value));
  at("beside").addEventListener("change", arrange);
  at("wireframe").addEventListener("change", () => {
    worlds.forEach(world => setWireframe(world, at("wireframe").checked));
    redraw();
  });
  for (const id of ["brightness", "names", "renders"]) at(id).addEventListener("input", redraw);
  control.addEventListener("change", () => {
    if (state.chosen) at("camera").value = "";
    state.isFree = true;
    redraw();
  });
  window.addEventListener("texture", redraw);
  new ResizeObserver(redraw).observe(at("views"));
  arrange();
  choose(sides[0].cameras[0].name);
  draw();
  at("problem").hidden = true;
  document.body.dataset.state = "ready";
}

// The point on a camera's axis that is nearest to the main object: the view turns about it.
function onAxis(found, side) {
  const from = new Vector3(found.matrix[12], found.matrix[13], found.matrix[14]);
  const ahead = new Vector3(-found.matrix[8], -found.matrix[9], -found.matrix[10]);
  const distance = new Vector3(...side.centre).sub(from).dot(ahead);
  return from.addScaledVector(ahead, Math.max(distance, 0.1 * side.radius));
}

function fill(select, options) {
  for (const [value, text] of options) {
    const option = element("option", text);
    option.value = value;
    select.append(option);
  }
}

function element(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

try {
  start();
} catch (error) {
  const reason = /WebGL/i.test(error.message) ? "this browser has no WebGL; use another one" : error.message;
  at("problem").textContent = `The scene cannot be shown: ${reason}`;
  document.body.dataset.state = "failed";
}
