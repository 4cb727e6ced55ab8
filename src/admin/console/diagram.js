// The state diagram: where each state stands on a wide and on a narrow page.

import { drawn } from "./elements.js";
import { LEVELS } from "./words.js";

const WIDE = { size: [640, 304], box: [134, 42], at: {
  "startup": [68, 23], "recover": [236, 23], "recover-wait": [404, 23], "recover-done": [572, 23],
  "paused": [68, 109], "communications-interrupted": [236, 109], "normal": [572, 109],
  "shutdown": [68, 195], "partner-down": [236, 195], "potential-conflict": [404, 195], "conflict-done": [572, 195],
  "resolution-interrupted": [404, 281],
} };
const NARROW = { size: [340, 420], box: [150, 42], at: {
  "startup": [76, 24], "recover": [264, 24], "recover-done": [76, 98], "recover-wait": [264, 98],
  "normal": [76, 172], "communications-interrupted": [264, 172], "conflict-done": [76, 246], "partner-down": [264, 246],
  "potential-conflict": [76, 320], "resolution-interrupted": [264, 320], "paused": [76, 396], "shutdown": [264, 396],
} };
const EDGES = [
  ["startup", "recover"], ["startup", "communications-interrupted"], ["recover", "recover-wait"], ["recover-wait", "recover-done"], ["recover-done", "normal"],
  ["normal", "communications-interrupted"], ["communications-interrupted", "normal"], ["communications-interrupted", "partner-down"],
  ["communications-interrupted", "potential-conflict"], ["partner-down", "normal"], ["partner-down", "potential-conflict"],
  ["potential-conflict", "conflict-done"], ["conflict-done", "normal"], ["potential-conflict", "resolution-interrupted"],
  ["resolution-interrupted", "potential-conflict"], ["resolution-interrupted", "partner-down"],
];
export const narrow = matchMedia("(max-width: 46rem)");

// Where the line from the middle of a box leaves it.
function border([x, y], [toX, toY], [width, height]) {
  const [dx, dy] = [toX - x, toY - y];
  const scale = Math.min(width / 2 / Math.abs(dx || 1e-9), height / 2 / Math.abs(dy || 1e-9));
  return [x + dx * scale, y + dy * scale];
}

function edge(layout, from, to) {
  const [a, b] = [layout.at[from], layout.at[to]];
  const [x1, y1] = border(a, b, layout.box);
  const [x2, y2] = border(b, a, layout.box);
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const side = (turn) => `${x2 - 8 * Math.cos(angle + turn)},${y2 - 8 * Math.sin(angle + turn)}`;
  return [drawn("line", { class: "edge", x1, y1, x2, y2 }), drawn("polygon", { class: "head", points: `${x2},${y2} ${side(0.4)} ${side(-0.4)}` })];
}

function node(layout, state, isOwn, isPartner) {
  const [[x, y], [width, height]] = [layout.at[state], layout.box];
  const lit = [isOwn ? "lit" : "", isPartner ? "partner" : ""].join(" ").trim();
  const made = drawn("g", { "class": lit, "data-state": state, "data-level": LEVELS[state] || "warn" });
  made.append(drawn("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: 6 }));
  const words = state.length > 20 ? state.replace("-", "-\n").split("\n") : [state];
  words.forEach((word, line) => {
    const text = drawn("text", { x, y: y + 4 + (line - (words.length - 1) / 2) * 14 });
    text.append(word);
    made.append(text);
  });
  return made;
}

export function showDiagram(made, told) {
  const partner = told["partner-state"];
  const shown = `${told.state} ${partner} ${narrow.matches}`;
  if (made.shown === shown) return;
  made.shown = shown;
  const layout = narrow.matches ? NARROW : WIDE;
  const [width, height] = layout.size;
  const label = `This server is in ${told.state}; the partner ${partner ? `was last heard in ${partner}` : "was never heard"}`;
  const svg = drawn("svg", { "viewBox": `0 0 ${width} ${height}`, "role": "img", "aria-label": label });
  svg.append(...EDGES.flatMap(([from, to]) => edge(layout, from, to)));
  svg.append(...Object.keys(layout.at).map((state) => node(layout, state, state === told.state, state === partner)));
  made.diagram.replaceChildren(svg);
}
