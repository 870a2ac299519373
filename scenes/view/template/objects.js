// Objects of a scene as three.js meshes.

import {
  BufferAttribute, BufferGeometry, Color, DoubleSide, LinearSRGBColorSpace, Mesh, MeshPhysicalMaterial,
  NoColorSpace, RepeatWrapping, Scene, SRGBColorSpace, TextureLoader,
} from "three";

// Disney's clear layer has a quarter of the usual strength; its width depends on its gloss.
const CLEARCOAT = 0.25;

export function builtScene(side, buffers) {
  const scene = new Scene();
  for (const each of side.objects) {
    const mesh = new Mesh(geometry(each, buffers), material(each));
    mesh.name = each.name;
    mesh.matrixAutoUpdate = false;
    mesh.matrix.fromArray(each.matrix);
    mesh.castShadow = mesh.receiveShadow = true;
    scene.add(mesh);
  }
  return scene;
}

export function setWireframe(scene, isOn) {
  scene.traverse(each => {
    if (each.material instanceof MeshPhysicalMaterial) each.material.wireframe = isOn;
  });
}

export function bytesOf(text) {
  return Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer;
}

function geometry(each, buffers) {
  const result = new BufferGeometry();
  const add = (name, key, size) => {
    if (key) result.setAttribute(name, new BufferAttribute(new Float32Array(bytesOf(buffers[key])), size));
  };
  add("position", each.vertices, 3);
  add("normal", each.normals, 3);
  add("uv", each.uvs, 2);
  result.setIndex(new BufferAttribute(new Uint32Array(bytesOf(buffers[each.faces])), 1));
  if (each.normals) return result;
  const flat = result.toNonIndexed(); // shadows need normals, so flat faces get their own
  flat.computeVertexNormals();
  return flat;
}

function material(each) {
  const from = each.material;
  const result = new MeshPhysicalMaterial({
    color: new Color().setRGB(...from.base_color, LinearSRGBColorSpace),
    roughness: from.roughness,
    metalness: from.metallic,
    ior: from.eta,
    transmission: from.spec_trans,
    thickness: from.spec_trans ? 1 : 0,
    clearcoat: CLEARCOAT * from.clearcoat,
    clearcoatRoughness: Math.sqrt(0.1 + (0.001 - 0.1) * from.clearcoat_gloss),
    sheen: from.sheen,
    sheenColor: new Color(1, 1, 1),
    side: DoubleSide,
  });
  const { base_color: color, roughness, metallic } = from.textures;
  if (color) {
    result.map = texture(color, SRGBColorSpace);
    result.color.set(1, 1, 1);
  }
  if (roughness) {
    result.roughnessMap = texture(roughness, NoColorSpace);
    result.roughness = 1;
  }
  if (metallic) {
    result.metalnessMap = texture(metallic, NoColorSpace);
    result.metalness = 1;
  }
  return result;
}

function texture(url, space) {
  const result = new TextureLoader().load(url, () => window.dispatchEvent(new Event("texture")));
  result.colorSpace = space;
  result.flipY = false; // v counts from the top row
  result.wrapS = result.wrapT = RepeatWrapping;
  result.anisotropy = 4;
  return result;
}
