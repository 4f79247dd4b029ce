// @ts-check
/**
 * Charts: signals over time on the screen of an oscilloscope, drawn by uPlot.
 *
 * A chart is a `figure[data-chart]` with its data as JSON inside, so that the first
 * paint has it; the page's socket then sends the same again, once a second at most,
 * and the line steps. Nothing is tweened. What the lines say is said in words too: the
 * server sends the sentence with the numbers.
 */
import { drawGraticule } from "./graticule.js";

const LINE_PX = 1.5;
const BLOOM_PX = 5;
const BLOOM_ALPHA = 0.16;
const AREA_ALPHA = 0.1;
const DASH_PX = [4, 3];
const TOPS = [1.5, 3, 6, 9];
const LABELS = 3;
const LONE_PX = 3;

/** @typedef {{name: string, mark: "ch" | "dir", value: string, said: string, values: (number | null)[], is_area?: boolean, is_dashed?: boolean}} Signal */
/** @typedef {{sentence: string, least: number, axis: string[], unit?: string, signals: Signal[]}} Data */
/** @typedef {{plot: any, element: HTMLElement, data: Data, sizes: ResizeObserver}} Chart */

/** The charts of the page by the id of their figure. @type {Map<string, Chart>} */
const charts = new Map();

/** @param {AbortSignal} signal */
export function startCharts(signal) {
  const look = new MutationObserver(() => redraw());
  look.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw, { signal });
  matchMedia("(prefers-contrast: more)").addEventListener("change", redraw, { signal });
  document.addEventListener("channelscope:charts", (event) => {
    if (event instanceof CustomEvent) for (const [id, data] of Object.entries(event.detail)) step(id, data);
  }, { signal });
  document.addEventListener("channelscope:visited", () => find(), { signal });
  document.addEventListener("htmx:after:swap", () => find(), { signal });
  signal.addEventListener("abort", () => {
    look.disconnect();
    for (const id of [...charts.keys()]) tearDown(id);
  });
  find();
}

/** Draw the charts that have come to the page, and let go of those that have left it. */
async function find() {
  for (const [id, { plot }] of charts) if (!plot.root.isConnected) tearDown(id);
  const waiting = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("figure[data-chart]")]);
  if (!waiting.some((figure) => !charts.has(figure.id))) return;
  const { default: uPlot } = await import("../vendor/uplot/uPlot.esm.js");
  for (const figure of waiting) if (figure.isConnected && !charts.has(figure.id)) build(uPlot, figure);
}

/** @param {any} uPlot @param {HTMLElement} figure */
function build(uPlot, figure) {
  const element = /** @type {HTMLElement | null} */ (figure.querySelector("[data-plot]"));
  const said = figure.querySelector("script[type='application/json']")?.textContent;
  if (!element || !said) return;
  /** @type {Data} */
  const data = JSON.parse(said);
  element.replaceChildren();
  const box = () => ({ width: element.clientWidth, height: element.clientHeight });
  const plot = new uPlot({
    ...box(),
    padding: [0, 0, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: false, range: (/** @type {any} */ u) => [0, u.data[0].length - 1] },
      y: { range: () => [0, topOf(charts.get(figure.id)?.data ?? data)] },
    },
    series: [{}, ...data.signals.flatMap((one) => linesOf(element, one))],
    hooks: { drawClear: [(/** @type {any} */ u) => drawGraticule(u.ctx, u.bbox, screenOf(element))] },
  }, columnsOf(data), element);
  const sizes = new ResizeObserver(() => plot.setSize(box()));
  sizes.observe(element);
  charts.set(figure.id, { plot, element, data, sizes });
  write(figure, data);
}

/**
 * Show newer data in a chart.
 *
 * @param {string} id
 * @param {Data} data
 */
function step(id, data) {
  const figure = document.getElementById(id);
  const chart = charts.get(id);
  if (!figure || !chart) return;
  chart.data = data;
  chart.plot.setData(columnsOf(data));
  write(figure, data);
}

/** @param {string} id */
function tearDown(id) {
  const chart = charts.get(id);
  charts.delete(id);
  chart?.sizes.disconnect();
  chart?.plot.destroy();
}

function redraw() {
  for (const { plot } of charts.values()) plot.redraw(false);
}

/** Each signal is drawn twice: its bloom, which dark screens have, and its line. @param {Data} data */
function columnsOf({ signals }) {
  const length = Math.max(...signals.map(({ values }) => values.length));
  return [Array.from({ length }, (_, n) => n), ...signals.flatMap(({ values }) => [values, values])];
}

/** @param {HTMLElement} element @param {Signal} signal */
function linesOf(element, signal) {
  const ink = () => styleOf(element, "", signal).color;
  const points = { show: false, filter: lone, size: LONE_PX, width: 0, stroke: ink, fill: ink };
  return [
    { points: { show: false }, width: BLOOM_PX, stroke: () => hasBloom(element, signal) ? faint(ink(), BLOOM_ALPHA) : "transparent" },
    {
      points,
      width: LINE_PX,
      stroke: ink,
      fill: signal.is_area ? () => faint(ink(), AREA_ALPHA) : undefined,
      dash: signal.is_dashed ? DASH_PX : undefined,
    },
  ];
}

/** The words and figures around the screen. @param {HTMLElement} figure @param {Data} data */
function write(figure, data) {
  figure.querySelector("[data-plot]")?.setAttribute("aria-label", data.sentence);
  for (const { name, said } of data.signals) {
    const value = figure.querySelector(`[data-signal="${CSS.escape(name)}"]`);
    if (value && value.textContent !== said) value.textContent = said;
  }
  const top = topOf(data);
  label(figure.querySelector("[data-axis]"), Array.from({ length: LABELS + 1 }, (_, n) => numeral((top * (LABELS - n)) / LABELS)));
  label(figure.querySelector("[data-times]"), data.axis);
}

/** @param {Element | null} axis @param {string[]} labels */
function label(axis, labels) {
  if (!axis || axis.textContent === labels.join("")) return;
  axis.replaceChildren(...labels.map((one) => Object.assign(document.createElement("span"), { textContent: one })));
}

/**
 * The values between two gaps: no line leads to them, so that they need a point.
 *
 * @param {any} plot @param {number} series
 */
function lone(plot, series) {
  const values = plot.data[series];
  const is = (/** @type {number} */ n) => values[n] !== null && values[n] !== undefined;
  const found = values.flatMap((/** @type {any} */ _, /** @type {number} */ n) => (is(n) && !is(n - 1) && !is(n + 1) ? [n] : []));
  return found.length ? found : null;
}

/** The least round number above all values that three labels can divide. @param {Data} data */
function topOf({ signals, least }) {
  const most = Math.max(least, ...signals.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const power = 10 ** Math.floor(Math.log10(most / TOPS[0]));
  return power * (TOPS.find((top) => most <= top * power * 1.0001) ?? TOPS[0] * 10);
}

/** @param {number} value */
function numeral(value) {
  const rounded = Number(value.toPrecision(3));
  if (rounded >= 10_000) return `${Number((rounded / 1000).toPrecision(3))}k`;
  return String(rounded);
}

/**
 * What the stylesheet says of a part of the screen: a canvas has no cascade of its own.
 *
 * @param {HTMLElement} element
 * @param {string} part A class.
 * @param {Signal} [signal]
 */
function styleOf(element, part, signal) {
  const probe = document.createElement("i");
  probe.hidden = true;
  probe.className = part;
  if (signal) probe.dataset[signal.mark] = signal.value;
  element.append(probe);
  const { color, stroke } = getComputedStyle(probe);
  probe.remove();
  return { color, stroke };
}

/** @param {HTMLElement} element */
function screenOf(element) {
  return { line: styleOf(element, "grat").stroke, axis: styleOf(element, "grat-axis").stroke, ratio: devicePixelRatio };
}

/** @param {HTMLElement} element @param {Signal} signal */
function hasBloom(element, signal) {
  return !["rgba(0, 0, 0, 0)", "transparent", "none"].includes(styleOf(element, "bloom", signal).stroke);
}

/** @param {string} color "rgb(…)", as a computed style has it. @param {number} alpha */
function faint(color, alpha) {
  return color.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
}
