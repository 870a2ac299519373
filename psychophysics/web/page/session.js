"use strict";

/* A session as this browser keeps it: each row is in its storage before the next trial. */

class Session {
  /**
   * @param {object} design What all participants share.
   * @param {object} own What is this participant's.
   * @param {Storage} storage Where it is kept.
   */
  constructor(design, own, storage) {
    this.design = design;
    this.own = own;
    this.storage = storage;
    // Another study, set or session is kept apart.
    this.name = ["mrd", own.code, design.session, own.identity].join(":");
    this.full = false;
    this.load();
  }

  /** Read what is kept. */
  load() {
    const kept = JSON.parse(this.storage.getItem(this.name) ?? "{}");
    this.rows = kept.rows ?? [];
    this.sittings = kept.sittings ?? [];
    this.sent = kept.sent ?? false;
  }

  /** Find out whether the storage keeps anything. */
  static keeps(storage) {
    try {
      storage.setItem("mrd:try", "1");
      storage.removeItem("mrd:try");
      return true;
    } catch {
      return false;
    }
  }

  /** Return a cell of a row. */
  cell(row, name) {
    return row[this.design.columns.indexOf(name)];
  }

  /** Phase of each trial so far, and whether it was answered rightly. */
  get made() {
    return this.rows.map((row) => ({
      phase: this.cell(row, "phase"),
      correct: this.cell(row, "correct") === "1",
    }));
  }

  /** The trial to come; undefined where none is left. */
  get next() {
    return nextTrial(this.own, this.made, this.design.practice);
  }

  get finished() {
    return this.next === undefined;
  }

  /** Begin a sitting, where trials are left: another window may have gone on since the load. */
  begin(sitting) {
    this.load();
    if (this.finished) return;
    this.sittings.push(sitting);
    this.keep();
  }

  /** Add the row of a trial. */
  add(trial, found) {
    const place = { trial: this.rows.length + 1, sitting: this.sittings.length };
    this.rows.push(filledIn(trial.row, this.design.columns, { ...place, ...found }));
    this.sent = false;
    this.keep();
  }

  /** Keep what there is; `full` tells that the storage has no room for it. */
  keep() {
    const { rows, sittings, sent } = this;
    try {
      this.storage.setItem(this.name, JSON.stringify({ rows, sittings, sent }));
      this.full = false;
    } catch {
      this.full = true;
    }
  }

  /** The session as it is saved or sent. */
  get document() {
    const { design, own, rows, sittings, finished } = this;
    const { format, version, study, task, session, software, columns } = design;
    return {
      format, version, study, task, participant: own.code, session, facts: own.facts, software,
      sittings, finished, checksum: checksum(plainRows([columns, ...rows])), columns, rows,
    };
  }
}
