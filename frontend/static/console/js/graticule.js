// @ts-check
/** The screen of an oscilloscope: 10 by 6 divisions, the centre axes ticked in fifths. */

const COLUMNS = 10;
const ROWS = 6;
const FIFTHS = 5;
const TICK_PX = 2;

/**
 * Draw it over the whole of a box.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{left: number, top: number, width: number, height: number}} box In device pixels.
 * @param {{line: string, axis: string, ratio: number}} look Its colours, and device pixels to a CSS pixel.
 */
export function drawGraticule(context, box, { line, axis, ratio }) {
  context.save();
  context.lineWidth = ratio;
  context.setLineDash([]); // a line that is dashed leaves its pattern behind
  context.strokeStyle = line;
  stroke(context, () => {
    for (let n = 1; n < COLUMNS; n++) if (n !== COLUMNS / 2) vertical(context, box, n / COLUMNS, 0, 1);
    for (let n = 1; n < ROWS; n++) if (n !== ROWS / 2) horizontal(context, box, n / ROWS, 0, 1);
  });
  context.strokeStyle = axis;
  stroke(context, () => {
    vertical(context, box, 1 / 2, 0, 1);
    horizontal(context, box, 1 / 2, 0, 1);
    ticks(context, box, TICK_PX * ratio);
  });
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{width: number, height: number, left: number, top: number}} box
 * @param {number} reach How far a tick stands out to each side.
 */
function ticks(context, box, reach) {
  const [x, y] = [reach / box.width, reach / box.height];
  for (let n = 1; n < COLUMNS * FIFTHS; n++) {
    if (n % FIFTHS) vertical(context, box, n / (COLUMNS * FIFTHS), 1 / 2 - y, 1 / 2 + y);
  }
  for (let n = 1; n < ROWS * FIFTHS; n++) {
    if (n % FIFTHS) horizontal(context, box, n / (ROWS * FIFTHS), 1 / 2 - x, 1 / 2 + x);
  }
}

/** @param {CanvasRenderingContext2D} context @param {() => void} draw */
function stroke(context, draw) {
  context.beginPath();
  draw();
  context.stroke();
}

/** A line lies on whole pixels, or it would be twice as wide and half as dark. @param {number} at */
const sharp = (at) => Math.round(at) + 0.5;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{width: number, height: number, left: number, top: number}} box
 * @param {number} x @param {number} from @param {number} to Shares of the box.
 */
function vertical(context, box, x, from, to) {
  const at = sharp(box.left + x * box.width);
  context.moveTo(at, box.top + from * box.height);
  context.lineTo(at, box.top + to * box.height);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{width: number, height: number, left: number, top: number}} box
 * @param {number} y @param {number} from @param {number} to Shares of the box.
 */
function horizontal(context, box, y, from, to) {
  const at = sharp(box.top + y * box.height);
  context.moveTo(box.left + from * box.width, at);
  context.lineTo(box.left + to * box.width, at);
}
