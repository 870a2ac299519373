// A pane: one view of one scene, with its caption, names and rendered image.

import { LinearToneMapping, MathUtils, ReinhardToneMapping } from "three";
import { Names } from "names";

export class Pane {
  constructor(side, scene, views, isAlone) {
    this.side = side;
    this.scene = scene;
    this.box = document.createElement("section");
    this.box.className = "pane";
    this.box.dataset.side = side.name;
    this.box.innerHTML = "<h2></h2><div class=frame></div><figure hidden><figcaption></figcaption><img></figure>";
    this.box.querySelector("h2").textContent = side.name;
    this.box.querySelector("h2").hidden = isAlone;
    this.frame = this.box.querySelector(".frame");
    this.figure = this.box.querySelector("figure");
    this.names = new Names(side, this.box);
    views.append(this.box);
  }

  get isHidden() {
    return this.box.hidden;
  }

  hide(isHidden) {
    this.box.hidden = isHidden;
    this.box.style.display = isHidden ? "none" : "";
  }

  draw(renderer, camera, target, canvas, shown) {
    const box = this.box.getBoundingClientRect();
    const [width, height] = [this.box.clientWidth, this.box.clientHeight];
    const left = box.left + this.box.clientLeft - canvas.left;
    const bottom = canvas.bottom - box.bottom + this.box.clientTop;
    renderer.setViewport(left, bottom, width, height);
    renderer.setScissor(left, bottom, width, height);
    this.#aim(camera, target, width / height, shown.camera);
    const { film } = this.side;
    renderer.toneMapping = film.tone_curve === "reinhard" ? ReinhardToneMapping : LinearToneMapping;
    renderer.toneMappingExposure = film.exposure * shown.brightness;
    this.scene.userData.markers.visible = shown.names;
    renderer.render(this.scene, camera);
    this.names.place(camera, width, height, shown.names);
    this.#frame(shown, width, height);
    this.#image(shown);
  }

  // The whole image of the chosen camera fits into the pane.
  #aim(camera, target, aspect, chosen) {
    const half = Math.tan(MathUtils.degToRad(chosen.field_of_view) / 2);
    const upright = aspect >= chosen.aspect ? half : (half * chosen.aspect) / aspect;
    camera.fov = 2 * MathUtils.radToDeg(Math.atan(upright));
    camera.aspect = aspect;
    const distance = camera.position.distanceTo(target);
    camera.near = 0.02 * distance;
    camera.far = 10 * distance + 200 * this.side.radius;
    camera.updateProjectionMatrix();
  }

  #frame(shown, width, height) {
    const across = Math.min(width, height * shown.camera.aspect);
    const up = across / shown.camera.aspect;
    this.frame.hidden = shown.isFree;
    Object.assign(this.frame.style, {
      width: `${across}px`, height: `${up}px`, left: `${(width - across) / 2}px`, top: `${(height - up) / 2}px`,
    });
  }

  #image(shown) {
    const { name } = shown.camera;
    const url = this.side.renders[name];
    this.figure.hidden = !(url && shown.renders);
    if (this.figure.hidden) return;
    const image = this.figure.querySelector("img");
    if (image.src !== url) image.src = url;
    image.alt = `rendered image of camera ${name}, ${this.side.name}`;
    this.figure.querySelector("figcaption").textContent = `rendered, ${name}`;
  }
}
