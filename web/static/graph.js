// The picture of a part of the graph: it settles, is moved and enlarged, and leads to what it shows.
//
// Without this file the table on the page says the same.
import { Picture } from "./graph_canvas.js";
import { Layout } from "./graph_layout.js";

const SLICE = 11;
// A finger that moves less than this meant what lies under it.
const LEAST_MOVE = 5;
const ZOOM = 1.3;
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const frame = document.getElementById("picture");
const canvas = document.getElementById("canvas");
const note = document.getElementById("picture-note");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

function read() {
  const data = JSON.parse(frame.dataset.picture);
  const lanes = new Map();
  const edges = data.edges.map(([out, into, relation, count]) => {
    const pair = Math.min(out, into) * data.vertices.length + Math.max(out, into);
    const number = lanes.get(pair) ?? 0;
    lanes.set(pair, number + 1);
    // 0, 1, -1, 2, -2 …
    const lane = (number % 2 ? 1 : -1) * Math.ceil(number / 2);
    return { out, into, name: data.relations[relation], relation: data.full[relation], count, lane };
  });
  return {
    styles: data.styles.map(([tint, shape]) => ({ tint, shape })),
    vertices: data.vertices.map(([id, name, type, style, seed]) => ({ id, name, type, style, seed })),
    edges,
    pairs: [...lanes.keys()].map((pair) => [Math.floor(pair / data.vertices.length), pair % data.vertices.length]),
  };
}

const graph = read();
frame.hidden = false;
const aspect = Math.min(2.5, Math.max(0.5, canvas.clientWidth / canvas.clientHeight));
const layout = new Layout(graph.vertices.length, graph.pairs.filter(([a, b]) => a !== b), aspect);
document.getElementById("picture-keys").hidden = false;
const picture = new Picture(canvas, graph, layout);
let touched = false;
let asked = false;

function ask() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(show);
}

// Some steps of the arrangement and a drawing; as long as it takes, in pieces that leave the page usable.
function show() {
  asked = false;
  const until = performance.now() + SLICE;
  while (!layout.isStill && performance.now() < until) layout.step();
  if (!touched) picture.fit();
  if (layout.isStill || !calm.matches) picture.draw();
  frame.dataset.state = layout.isStill ? "still" : "moving";
  if (!layout.isStill) ask();
}

function addressOf(chosen) {
  if (chosen.vertex !== undefined) return `/graph/vertex/${graph.vertices[chosen.vertex].id}`;
  const edge = graph.edges[chosen.edge];
  const ends = { out: graph.vertices[edge.out].id, into: graph.vertices[edge.into].id, relation: edge.relation };
  return `/graph/edge?${new URLSearchParams(ends)}`;
}

function link(href, text) {
  const made = document.createElement("a");
  made.href = href;
  made.textContent = text;
  return made;
}

// Says what is chosen, for eyes and ears, with the links to it.
function choose(chosen) {
  picture.chosen = chosen;
  ask();
  if (chosen === null) {
    note.replaceChildren();
    return;
  }
  if (chosen.edge !== undefined) {
    const edge = graph.edges[chosen.edge];
    const [out, into] = [graph.vertices[edge.out].name, graph.vertices[edge.into].name];
    note.replaceChildren(link(addressOf(chosen), edge.name), ` from ${out} to ${into}, ${edge.count ? `stated ${edge.count} times` : "follows from both"}`);
    return;
  }
  const vertex = graph.vertices[chosen.vertex];
  const around = `/graph/picture?${new URLSearchParams({ seed: vertex.id })}`;
  const edges = layout.degree[chosen.vertex];
  note.replaceChildren(link(addressOf(chosen), vertex.name), ` ${vertex.type}, ${edges} beside it. `, link(around, "Picture around it"));
}

function isSame(one, other) {
  return one !== null && other !== null && one.vertex === other.vertex && one.edge === other.edge;
}

// Pointers: one drags a vertex or the picture, two enlarge it.
const pointers = new Map();
let dragged = null;
let moved = false;

function placeOf(event) {
  const box = canvas.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  const place = placeOf(event);
  pointers.set(event.pointerId, place);
  canvas.setPointerCapture(event.pointerId);
  if (pointers.size === 1) {
    moved = false;
    dragged = { found: picture.found(place.x, place.y), from: place };
  }
});

canvas.addEventListener("pointermove", (event) => {
  const place = placeOf(event);
  const before = pointers.get(event.pointerId);
  if (before === undefined) {
    canvas.style.cursor = picture.found(place.x, place.y) === null ? "grab" : "pointer";
    return;
  }
  if (pointers.size === 2) {
    pinch(event.pointerId, place);
  } else if (moved || Math.hypot(place.x - dragged.from.x, place.y - dragged.from.y) >= LEAST_MOVE) {
    drag(moved ? before : dragged.from, place);
    moved = true;
  }
  pointers.set(event.pointerId, place);
});

function drag(before, place) {
  touched = true;
  const one = dragged?.found?.vertex;
  if (one === undefined) {
    picture.x += place.x - before.x;
    picture.y += place.y - before.y;
  } else {
    // It stays where it is put.
    layout.pinned[one] = 1;
    layout.x[one] = (place.x - picture.x) / picture.scale;
    layout.y[one] = (place.y - picture.y) / picture.scale;
    layout.reheat();
  }
  ask();
}

function pinch(pointer, place) {
  touched = true;
  moved = true;
  const before = pointers.get(pointer);
  const [, other] = [...pointers].find(([id]) => id !== pointer);
  const far = (one) => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
  picture.zoom(far(place) / far(before), (place.x + other.x) / 2, (place.y + other.y) / 2);
  ask();
}

function release(event) {
  if (!pointers.delete(event.pointerId) || pointers.size > 0) return;
  const { found } = dragged;
  dragged = null;
  if (moved || event.type === "pointercancel") return;
  if (isSame(found, picture.chosen)) location.assign(addressOf(found));
  else choose(found);
}

canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);

canvas.addEventListener(
  "wheel",
  (event) => {
    // Who reads the page scrolls past the picture; who is at it enlarges it.
    if (!event.ctrlKey && document.activeElement !== canvas) return;
    event.preventDefault();
    const place = placeOf(event);
    touched = true;
    picture.zoom(Math.exp(-Math.sign(event.deltaY) * Math.min(0.25, Math.abs(event.deltaY) / 300)), place.x, place.y);
    ask();
  },
  { passive: false },
);

function enlarge(factor) {
  touched = true;
  picture.zoom(factor);
  ask();
}

function whole() {
  touched = false;
  ask();
}

// The nearest vertex that lies in a direction, straight ahead rather than aside.
function towards([dx, dy]) {
  const from = picture.chosen?.vertex ?? graph.edges[picture.chosen?.edge]?.out;
  if (from === undefined) return 0;
  let best = from;
  let least = Infinity;
  for (let one = 0; one < layout.number; one += 1) {
    const [x, y] = [layout.x[one] - layout.x[from], layout.y[one] - layout.y[from]];
    const ahead = x * dx + y * dy;
    const aside = Math.abs(x * dy - y * dx);
    if (one === from || ahead <= 0 || aside > 2 * ahead) continue;
    if (ahead + 2 * aside < least) [best, least] = [one, ahead + 2 * aside];
  }
  return best;
}

const KEYS = {
  Enter: () => picture.chosen !== null && location.assign(addressOf(picture.chosen)),
  Escape: () => choose(null),
  "+": () => enlarge(ZOOM),
  "=": () => enlarge(ZOOM),
  "-": () => enlarge(1 / ZOOM),
  0: whole,
};

canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const direction = DIRECTIONS[event.key];
  if (direction !== undefined) {
    const one = towards(direction);
    choose({ vertex: one });
    touched = true;
    picture.reveal(one);
  } else if (KEYS[event.key] !== undefined) {
    KEYS[event.key]();
  } else {
    return;
  }
  event.preventDefault();
});

document.getElementById("zoom-in").addEventListener("click", () => enlarge(ZOOM));
document.getElementById("zoom-out").addEventListener("click", () => enlarge(1 / ZOOM));
document.getElementById("zoom-all").addEventListener("click", whole);
// To change its size empties a canvas: it is drawn in the same frame, so that nobody sees that.
new ResizeObserver(() => {
  picture.resize();
  if (!touched) picture.fit();
  picture.draw();
}).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  picture.dress();
  ask();
});
ask();
