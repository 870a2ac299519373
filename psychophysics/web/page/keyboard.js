"use strict";

/* The keyboard: which key was pressed, and when. */

const PAUSE = "escape";
const GO_ON = "space";
/* What the number pad's keys count as, whatever Num Lock is; as in `psychophysics/lab/keyboard_layout.py`. */
const PAD = {
  Numpad0: ["0"],
  Numpad1: ["1", "End"],
  Numpad2: ["2", "ArrowDown"],
  Numpad3: ["3", "PageDown"],
  Numpad4: ["4", "ArrowLeft"],
  Numpad5: ["5"],
  Numpad6: ["6", "ArrowRight"],
  Numpad7: ["7", "Home"],
  Numpad8: ["8", "ArrowUp"],
  Numpad9: ["9", "PageUp"],
  NumpadEnter: ["Enter"],
  NumpadDivide: ["/"],
  NumpadSubtract: ["-"],
  NumpadEqual: ["="],
};

class Keyboard {
  /** @param {{name: string, key?: string, code?: string}[]} keys In the order of the choices. */
  constructor(keys) {
    this.keys = keys;
    this.presses = [];
    this.pause = false;
    this.waiting = null;
    this.listening = new AbortController();
    const { signal } = this.listening;
    document.addEventListener("keydown", (event) => this.pressed(event), { signal });
  }

  /** Leave all keys to the browser. */
  release() {
    this.listening.abort();
  }

  pressed(event) {
    const name = this.name(event);
    if (name === undefined || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (this.waiting) this.waiting(name);
    else if (name === PAUSE) this.pause = true;
    else this.presses.push({ name, time: event.timeStamp });
  }

  /**
   * What the study calls a key; undefined for one that means nothing here.
   *
   * What is printed on it counts before its place. Keys of the number pad count as in `PAD`;
   * letters count by place where another script or an input method is in use.
   */
  name(event) {
    if (event.key === "Escape" || event.code === "Escape") return PAUSE;
    if (event.key === " " || event.code === "Space") return GO_ON;
    const printed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const letter = /^[!-~]$/.test(event.key) ? undefined : /^Key([A-Z])$/.exec(event.code)?.[1];
    const find = (name, value) => value && this.keys.find((key) => key[name] === value);
    const tried = /^Numpad/.test(event.code)
      ? [["code", event.code], ...(PAD[event.code] ?? []).map((each) => ["key", each])]
      : [["key", printed], ["code", event.code], ["key", letter?.toLowerCase()]];
    const known = tried.map(([name, value]) => find(name, value)).find(Boolean);
    return known ? known.name : undefined;
  }

  /** Forget what was pressed so far. */
  forget() {
    this.presses = [];
  }

  /**
   * Return the first answer since `zero`, if there is one: number of the choice, key, time after.
   *
   * @throws {Paused} Escape was pressed.
   */
  answer(zero) {
    if (this.pause) throw new Paused();
    const { presses } = this;
    this.forget();
    for (const { name, time } of presses) {
      const choice = this.keys.findIndex((key) => key.name === name);
      if (choice >= 0 && time >= zero) return { choice, key: name, time: time - zero };
    }
    return undefined;
  }

  /**
   * Wait for a key of a page, or for a click on its button, which is the key that goes on; answer
   * keys are given to `tried`.
   */
  async turn(button, tried = () => {}) {
    this.pause = false;
    const name = await new Promise((resolve) => {
      this.waiting = (pressed) =>
        [GO_ON, PAUSE].includes(pressed) ? resolve(pressed) : tried(pressed);
      button.addEventListener("click", () => resolve(GO_ON));
    });
    this.waiting = null;
    this.pause = false;
    this.forget();
    return name;
  }
}
