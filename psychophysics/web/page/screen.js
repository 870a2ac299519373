"use strict";

/* Frames, sizes and drawing. A pixel of the canvas is a pixel of the screen. */

const FRAMES_MEASURED = 90;
const CARD = { width: 8.56, height: 5.398 }; // cm: ISO/IEC 7810 ID-1

class Screen {
  /** `design` is shared by all participants; `pixelsPerCm` counts CSS pixels. */
  constructor(design, pixelsPerCm) {
    this.design = design;
    this.pixelsPerCm = pixelsPerCm;
    this.ratio = window.devicePixelRatio;
    this.refreshRate = 60;
    this.halted = false;
    this.canvas = document.createElement("canvas");
    this.canvas.hidden = true;
    document.body.append(this.canvas);
    this.context = this.canvas.getContext("2d", { alpha: false });
    const grey = design.background < 127.5 ? 230 : 20;
    this.ink = `rgb(${grey} ${grey} ${grey})`;
    this.paper = `rgb(${design.background} ${design.background} ${design.background})`;
    this.prepared = { images: [], masks: [] };
  }

  // ---- Frames -----------------------------------------------------------------------------------

  /** Wait for the next frame, and return its time in ms; what is drawn next is shown in it. */
  frame() {
    return new Promise((resolve) => {
      requestAnimationFrame((time) => this.halted || resolve(time));
    });
  }

  /** Measure the frames per second, from the median time between frames. */
  async measure() {
    const times = [];
    while (times.length < FRAMES_MEASURED) times.push(await this.frame());
    const settled = times.slice(FRAMES_MEASURED / 3);
    const gaps = settled.slice(1).map((time, place) => time - settled[place]);
    this.refreshRate = 1000 / gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)];
  }

  /** Length of a frame in milliseconds. */
  get frameLength() {
    return 1000 / this.refreshRate;
  }

  /** Return the number of frames that is nearest to a duration above 0. */
  frames(seconds) {
    return Math.max(1, Math.round(seconds * this.refreshRate));
  }

  // ---- Sizes ------------------------------------------------------------------------------------

  /** Return the number of screen pixels that are as long as `pixels` of the study's display. */
  length(pixels) {
    const cm = pixels * this.design.cm_per_pixel;
    return Math.max(1, Math.round(cm * this.pixelsPerCm * this.ratio));
  }

  /** Return the width and height that a trial needs for images of this size. */
  extent(width, height) {
    const farthest = (axis) => Math.max(...this.design.schedule.places.map((p) => Math.abs(p[axis])));
    return [
      Math.round((2 * farthest(0) + 1) * this.length(width)),
      Math.round((2 * farthest(1) + 1) * this.length(height)),
    ];
  }

  /** Width and height of the window. */
  get size() {
    return [window.innerWidth, window.innerHeight].map((side) => Math.round(side * this.ratio));
  }

  /** Whether the zoom was changed since the size of the screen was measured. */
  get zoomed() {
    return window.devicePixelRatio !== this.ratio;
  }

  // ---- Drawing ----------------------------------------------------------------------------------

  /** Decode and scale images, and make their masks, before they are drawn. */
  async prepare(images) {
    await Promise.all(images.map((image) => image.decode()));
    const parts = this.design.schedule.parts;
    const masked = parts.some((part) => part.kind === "mask");
    this.prepared.images = images.map((image) => this.scaled(image));
    this.prepared.masks = masked ? this.prepared.images.map((image) => noise(image)) : [];
  }

  /** Return a canvas with an image at its size on the screen. */
  scaled(image) {
    const canvas = document.createElement("canvas");
    canvas.width = this.length(image.naturalWidth);
    canvas.height = this.length(image.naturalHeight);
    const context = canvas.getContext("2d", { alpha: false });
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  /** Show the empty screen. */
  blank() {
    this.draw({ kind: "blank", images: [] });
  }

  /** Draw a part of a trial, which is shown in this frame. */
  draw(part) {
    this.fill();
    const stored = part.kind === "mask" ? this.prepared.masks : this.prepared.images;
    for (const number of part.images) {
      const { width, height } = stored[number];
      const [left, top] = this.corner(number, width, height);
      this.context.drawImage(stored[number], left, top);
    }
    if (part.kind === "fixation") this.sign("+");
    if (part.kind === "question") this.sign("?");
    this.patch(part.kind === "images");
    this.canvas.dataset.part = part.kind;
  }

  /** Return the left and top of an image in whole pixels; y of a place points up. */
  corner(number, width, height) {
    const [x, y] = this.design.schedule.places[number];
    const across = Math.round(x * width);
    const up = Math.round(y * height);
    return [
      Math.floor((this.canvas.width - width) / 2) + across,
      Math.floor((this.canvas.height - height) / 2) - up,
    ];
  }

  fill() {
    const [width, height] = this.size;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.canvas.style.width = `${width / this.ratio}px`;
      this.canvas.style.height = `${height / this.ratio}px`;
    }
    this.context.fillStyle = this.paper;
    this.context.fillRect(0, 0, width, height);
  }

  sign(text) {
    this.context.fillStyle = this.ink;
    this.context.font = `${48 * this.ratio}px sans-serif`;
    this.context.textAlign = "center";
    this.context.textBaseline = "middle";
    this.context.fillText(text, this.canvas.width / 2, this.canvas.height / 2);
  }

  /** Draw the patch for a photodiode, if there is one: white while images are shown. */
  patch(lit) {
    if (this.design.photodiode === null) return;
    const { size, corner } = this.design.photodiode;
    const left = corner.endsWith("right") ? this.canvas.width - size : 0;
    const top = corner.startsWith("bottom") ? this.canvas.height - size : 0;
    this.context.fillStyle = lit ? "white" : "black";
    this.context.fillRect(left, top, size, size);
  }
}

/** Return coloured noise of an image's size, in patches of an eighth of its width. */
function noise(image) {
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  canvas.height = image.height;
  const context = canvas.getContext("2d", { alpha: false });
  const side = Math.max(Math.floor(image.width / 8), 1);
  for (let left = 0; left < image.width; left += side) {
    for (let top = 0; top < image.height; top += side) {
      const [red, green, blue] = crypto.getRandomValues(new Uint8Array(3));
      context.fillStyle = `rgb(${red} ${green} ${blue})`;
      context.fillRect(left, top, side, side);
    }
  }
  return canvas;
}
