"use strict";

/* A session in the browser's storage: each row is stored before the next trial. */

class Session {
  /** `design` is shared by all participants; `own` is the data of this one. */
  constructor(design, own, storage) {
    this.design = design;
    this.own = own;
    this.storage = storage;
    // Other studies, sets and sessions have other names.
    this.name = ["mrd", own.code, design.session, own.identity].join(":");
    this.full = false;
    this.load();
  }

  /** Read the session from the storage. */
  load() {
    const stored = JSON.parse(this.storage.getItem(this.name) ?? "{}");
    this.rows = stored.rows ?? [];
    this.sittings = stored.sittings ?? [];
    this.sent = stored.sent ?? false;
  }

  /** Return whether the storage can be written. */
  static isWritable(storage) {
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

  /** Phase of each trial so far, and whether it was answered correctly. */
  get answered() {
    return this.rows.map((row) => ({
      phase: this.cell(row, "phase"),
      correct: this.cell(row, "correct") === "1",
    }));
  }

  /** The next trial; undefined if none is left. */
  get next() {
    return nextTrial(this.own, this.answered, this.design.practice);
  }

  get finished() {
    return this.next === undefined;
  }

  /** Begin a sitting if trials are left; another window may have added rows since `load`. */
  begin(sitting) {
    this.load();
    if (this.finished) return;
    this.sittings.push(sitting);
    this.keep();
  }

  /** Add the row of a trial. */
  add(trial, values) {
    const place = { trial: this.rows.length + 1, sitting: this.sittings.length };
    this.rows.push(fillRow(trial.row, this.design.columns, { ...place, ...values }));
    this.sent = false;
    this.keep();
  }

  /** Write the session to the storage; `full` is set if it has no room. */
  keep() {
    const { rows, sittings, sent } = this;
    try {
      this.storage.setItem(this.name, JSON.stringify({ rows, sittings, sent }));
      this.full = false;
    } catch {
      this.full = true;
    }
  }

  /** The content that is saved or sent. */
  get document() {
    const { design, own, rows, sittings, finished } = this;
    const { format, version, study, task, session, software, columns } = design;
    return {
      format, version, study, task, participant: own.code, session, facts: own.facts, software,
      sittings, finished, checksum: checksum(plainRows([columns, ...rows])), columns, rows,
    };
  }
}
