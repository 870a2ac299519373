"use strict";

/* Key presses and their times. */

const PAUSE = "escape";
const GO_ON = "space";
/* Keys that the number pad's keys count as, with Num Lock on or off; as in `lab/keyboard_layout.py`. */
const PAD = {
  Numpad0: ["0"], Numpad1: ["1", "End"], Numpad2: ["2", "ArrowDown"], Numpad3: ["3", "PageDown"],
  Numpad4: ["4", "ArrowLeft"], Numpad5: ["5"], Numpad6: ["6", "ArrowRight"], Numpad7: ["7", "Home"],
  Numpad8: ["8", "ArrowUp"], Numpad9: ["9", "PageUp"], NumpadEnter: ["Enter"],
  NumpadDivide: ["/"], NumpadSubtract: ["-"], NumpadEqual: ["="],
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

  /** Stop listening. */
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
   * Return the study's name of a key, or undefined.
   *
   * The symbol of a key takes precedence over its place. Keys of the number pad count as in `PAD`;
   * letters count by place if another script or an input method is in use.
   */
  name(event) {
    if (event.key === "Escape" || event.code === "Escape") return PAUSE;
    if (event.key === " " || event.code === "Space") return GO_ON;
    const printed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const letter = /^[!-~]$/.test(event.key) ? undefined : /^Key([A-Z])$/.exec(event.code)?.[1];
    const find = (name, value) => value && this.keys.find((key) => key[name] === value);
    const candidates = /^Numpad/.test(event.code)
      ? [["code", event.code], ...(PAD[event.code] ?? []).map((each) => ["key", each])]
      : [["key", printed], ["code", event.code], ["key", letter?.toLowerCase()]];
    return candidates.map(([name, value]) => find(name, value)).find(Boolean)?.name;
  }

  /** Discard all presses so far. */
  forget() {
    this.presses = [];
  }

  /** Return the first answer since `zero`: choice, key and time; throw Paused after Escape. */
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

  /** Wait for GO_ON, PAUSE or a click on a page's button, which is GO_ON; pass other keys on. */
  async waitOnPage(button, otherKey = () => {}) {
    this.pause = false;
    const name = await new Promise((resolve) => {
      this.waiting = (pressed) =>
        [GO_ON, PAUSE].includes(pressed) ? resolve(pressed) : otherKey(pressed);
      button.addEventListener("click", () => resolve(GO_ON));
    });
    this.waiting = null;
    this.pause = false;
    this.forget();
    return name;
  }
}
