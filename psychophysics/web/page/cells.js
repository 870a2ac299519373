"use strict";

/* Rows as text: cells, tables, and the checksum of rows. */

const MISSING = "n/a";

/** Return a time in milliseconds as text in seconds, rounded to a microsecond. */
function secondsText(milliseconds) {
  return String(Math.round(milliseconds * 1e3) / 1e6);
}

/** Return a row with the cells in `values` (column → value, null for none) filled in. */
function fillRow(row, columns, values) {
  const cells = [...row];
  for (const [name, value] of Object.entries(values)) {
    cells[columns.indexOf(name)] = value === null ? MISSING : String(value);
  }
  return cells;
}

/** Return the CRC-32 (ISO-HDLC, as in zip files) of a text in UTF-8, in 8 hexadecimal digits. */
function checksum(text) {
  let rest = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit += 1) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  }
  return ((rest ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}

/** Return the text for a session's checksum: cells end in tabs, rows in line feeds. */
function plainRows(rows) {
  return rows.map((cells) => cells.map((cell) => `${cell}\t`).join("") + "\n").join("");
}

/** Return a session as a table: a line of JSON that begins with #, then CSV (RFC 4180). */
function asTable({ columns, rows, ...about }) {
  const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const lines = [columns, ...rows].map((cells) => cells.map(quoted).join(","));
  return [`# ${JSON.stringify(about)}`, ...lines, ""].join("\r\n");
}
