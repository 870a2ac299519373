"use strict";

/* Rows as text: their cells, their table, and the checksum that tells whether they were altered. */

const MISSING = "n/a";

/** Write a time in seconds, from milliseconds, to a microsecond. */
function secondsText(milliseconds) {
  return String(Math.round(milliseconds * 1e3) / 1e6);
}

/**
 * Fill in a row.
 *
 * @param {string[]} row Its cells before the answer.
 * @param {string[]} columns Their names.
 * @param {Object<string, *>} found What the answer brings, by column; null is no value.
 * @returns {string[]}
 */
function filledIn(row, columns, found) {
  const cells = [...row];
  for (const [name, value] of Object.entries(found)) {
    cells[columns.indexOf(name)] = value === null ? MISSING : String(value);
  }
  return cells;
}

/** CRC-32 (ISO-HDLC, as in zip files and PNG) of a text in UTF-8, in eight hexadecimal digits. */
function checksum(text) {
  let rest = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit += 1) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  }
  return ((rest ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}

/** Text that the checksum of a session is of: cells end in tabs, rows in line feeds. */
function plainRows(rows) {
  return rows.map((cells) => cells.map((cell) => `${cell}\t`).join("") + "\n").join("");
}

/** Write a session as a table: a line that begins with # says what it is, then CSV (RFC 4180). */
function asTable({ columns, rows, ...about }) {
  const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const lines = [columns, ...rows].map((cells) => cells.map(quoted).join(","));
  return [`# ${JSON.stringify(about)}`, ...lines, ""].join("\r\n");
}
