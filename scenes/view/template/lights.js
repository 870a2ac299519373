// Light of the environment and lamps, as three.js lights in the same units.

import {
  AmbientLight, BackSide, BufferGeometry, CircleGeometry, Color, DataTexture, DirectionalLight,
  EquirectangularReflectionMapping, Group, HalfFloatType, Line, LineBasicMaterial, LinearFilter,
  LinearSRGBColorSpace, Mesh, MeshBasicMaterial, PlaneGeometry, PMREMGenerator, PointLight, RepeatWrapping,
  RGBAFormat, SphereGeometry, SpotLight, Vector3,
} from "three";
import { bytesOf } from "objects";

const ONE = 0x3c00; // 1 as a 16-bit float
const WIDEST = Math.PI / 2; // three.js allows no wider spot
const SHADOW_PIXELS = 1024;
const MOST_SHADOWS = 4; // lights that cast shadows: each needs textures

export function addLights(scene, side, buffers, renderer) {
  const map = environmentMap(side.light, buffers);
  const generator = new PMREMGenerator(renderer);
  scene.environment = generator.fromEquirectangular(map).texture;
  generator.dispose();
  const grey = side.film.background;
  scene.background = typeof grey === "number" ? new Color().setRGB(grey, grey, grey, "srgb") : map;
  scene.userData.markers = new Group();
  scene.add(scene.userData.markers);
  scene.add(new AmbientLight(linear(side.indirect))); // light of lamps that surfaces reflect
  const lights = side.lamps.map(lamp => addLamp(scene, lamp, side));
  for (const sun of side.light.suns) lights.push(addLamp(scene, { kind: "sun", ...sun }, side));
  lights.slice(0, MOST_SHADOWS).forEach(light => castShadows(light, side.radius));
}

// Where the name of a lamp stands.
export function lampPlace(lamp, side) {
  if (lamp.kind !== "sun") return new Vector3(...lamp.place);
  return new Vector3(...side.centre).addScaledVector(new Vector3(...lamp.direction), 1.5 * side.radius);
}

// Our first column is behind (−z) and rows count from the top; three.js begins a quarter earlier
// (−x) and at the bottom.
function environmentMap(light, buffers) {
  const { width, height } = light;
  const rgb = new Uint16Array(bytesOf(buffers[light.pixels]));
  const rgba = new Uint16Array(4 * width * height).fill(ONE);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = 3 * (row * width + column);
      const to = 4 * ((height - 1 - row) * width + ((column + width / 4) % width));
      rgba.set(rgb.subarray(from, from + 3), to);
    }
  }
  const map = new DataTexture(rgba, width, height, RGBAFormat, HalfFloatType);
  map.mapping = EquirectangularReflectionMapping;
  map.colorSpace = LinearSRGBColorSpace;
  map.minFilter = map.magFilter = LinearFilter;
  map.wrapS = RepeatWrapping;
  map.needsUpdate = true;
  return map;
}

function addLamp(scene, lamp, side) {
  const light = lightOf(lamp, side);
  scene.add(light);
  if (light.target) {
    light.target.position.set(...(lamp.toward ?? side.centre));
    scene.add(light.target);
  }
  const shape = emitter(lamp);
  if (shape) scene.add(...shape);
  else scene.userData.markers.add(marker(lamp, side));
  return light;
}

function lightOf(lamp, side) {
  let light;
  switch (lamp.kind) {
    case "sun":
      light = new DirectionalLight(linear(lamp.strength));
      light.position.set(...side.centre);
      light.position.addScaledVector(new Vector3(...lamp.direction), 10 * side.radius);
      return light;
    case "spot":
      light = new SpotLight(linear(lamp.strength), 1, 0, radians(lamp.angle), 0.25);
      break;
    case "rectangle":
    case "disc":
      // Falls about as the cosine to the lamp's front.
      light = new SpotLight(linear(lamp.intensity), 1, 0, WIDEST, 1);
      light.shadow.focus = 0.7;
      break;
    default:
      light = new PointLight(linear(lamp.intensity ?? lamp.strength));
  }
  light.position.set(...lamp.place);
  return light;
}

function castShadows(light, radius) {
  light.castShadow = true;
  light.shadow.mapSize.set(SHADOW_PIXELS, SHADOW_PIXELS);
  light.shadow.bias = -0.0005;
  light.shadow.normalBias = 0.01 * radius;
  const view = light.shadow.camera;
  if (light.isDirectionalLight) {
    view.left = view.bottom = -4 * radius;
    view.right = view.top = 4 * radius;
    [view.near, view.far] = [radius, 20 * radius];
  } else {
    [view.near, view.far] = [0.05 * radius, 100 * radius];
  }
}

// An area lamp is visible: bright in front, black behind.
function emitter(lamp) {
  const front = new MeshBasicMaterial({ color: linear(lamp.strength) });
  if (lamp.kind === "sphere") {
    const ball = new Mesh(new SphereGeometry(lamp.radius, 32, 16), front);
    ball.position.set(...lamp.place);
    return [ball];
  }
  if (lamp.kind !== "rectangle" && lamp.kind !== "disc") return null;
  const shape = lamp.kind === "disc" ? new CircleGeometry(lamp.radius, 48) : new PlaneGeometry(...lamp.size);
  return [front, new MeshBasicMaterial({ color: 0, side: BackSide })].map(material => {
    const mesh = new Mesh(shape, material);
    mesh.position.set(...lamp.place);
    const toward = new Vector3(...lamp.toward);
    const ahead = toward.clone().sub(mesh.position).normalize();
    if (Math.abs(ahead.y) > 0.999) mesh.up.set(0, 0, 1);
    mesh.lookAt(toward);
    return mesh;
  });
}

// Points and the sun have no size: they are marked by a dot, and by a line toward what they face.
function marker(lamp, side) {
  const group = new Group();
  const place = lampPlace(lamp, side);
  const color = new Color(1, 0.65, 0);
  const dot = new Mesh(new SphereGeometry(0.04 * side.radius), new MeshBasicMaterial({ color, toneMapped: false }));
  dot.position.copy(place);
  group.add(dot);
  if (lamp.kind !== "point") {
    const toward = lamp.kind === "sun" ? side.centre : lamp.toward;
    const ahead = new Vector3(...toward).sub(place).setLength(0.4 * side.radius);
    const points = [place, place.clone().add(ahead)];
    const line = new LineBasicMaterial({ color, toneMapped: false });
    group.add(new Line(new BufferGeometry().setFromPoints(points), line));
  }
  return group;
}

function linear(rgb) {
  return new Color().setRGB(...rgb, LinearSRGBColorSpace);
}

function radians(degrees) {
  return (degrees * Math.PI) / 180;
}
