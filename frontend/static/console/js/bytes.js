// @ts-check
/** Bytes as people write them. */

/**
 * @param {string} text Hex digits; spaces, line ends and colons between them are free.
 * @returns {Uint8Array<ArrayBuffer>}
 * @throws {Error} That says which character is no hex digit.
 */
export function bytesOf(text) {
  const digits = text.replace(/[\s:]/g, "");
  const wrong = digits.match(/[^0-9a-f]/i);
  if (wrong) throw new Error(`Not a hex digit: ${wrong[0]}`);
  if (digits.length % 2) throw new Error("An odd number of hex digits");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** @param {Uint8Array} bytes */
export function hexOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** @param {string | Uint8Array | ArrayBuffer} payload */
export function sizeOf(payload) {
  const size = typeof payload === "string" ? new TextEncoder().encode(payload).length : payload.byteLength;
  return sizeInWords(size);
}

/** @param {number} size In bytes. */
export function sizeInWords(size) {
  if (size < 1000) return `${size} B`;
  const [scaled, unit] = size < 1e6 ? [size / 1e3, "kB"] : [size / 1e6, "MB"];
  return `${scaled < 10 ? scaled.toFixed(1) : Math.round(scaled)} ${unit}`;
}
