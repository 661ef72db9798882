// The picture of a part of the graph on a canvas: shapes and tints by type, edges with arrows, names that do not overlap.
"use strict";

const SMALL = 4.5;
const MOST_NAMES = 140;
const ARROW_FROM = 0.55;
const REACH = 7;
// How far the second edge between the same two vertices bends, in pixels.
const BEND = 16;

function outline(context, shape, x, y, radius) {
  const points = {
    square: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
    diamond: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
    triangle: [[0, -1.15], [1.15, 0.9], [-1.15, 0.9]],
    hexagon: [[-0.55, -0.95], [0.55, -0.95], [1.1, 0], [0.55, 0.95], [-0.55, 0.95], [-1.1, 0]],
    cross: [
      [-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4],
      [0.4, 1.1], [-0.4, 1.1], [-0.4, 0.4], [-1.1, 0.4], [-1.1, -0.4], [-0.4, -0.4],
    ],
  }[shape];
  context.beginPath();
  if (points === undefined) {
    context.arc(x, y, radius, 0, 2 * Math.PI);
    return;
  }
  for (const [dx, dy] of points) context.lineTo(x + dx * radius, y + dy * radius);
  context.closePath();
}

export class Picture {
  // `graph` has vertices, edges, styles and relations; `layout` says where the vertices lie.
  constructor(canvas, graph, layout) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.graph = graph;
    this.layout = layout;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.chosen = null;
    this.order = graph.vertices
      .map((_, one) => one)
      .sort((a, b) => graph.vertices[b].seed - graph.vertices[a].seed || layout.degree[b] - layout.degree[a]);
    this.dress();
    this.resize();
  }

  // Takes the colours from the style sheet, which has them for light and dark.
  dress() {
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.colours = {
      ink: colour("--ink"),
      soft: colour("--soft"),
      edge: colour("--edge"),
      paper: colour("--paper"),
      accent: colour("--accent"),
      tints: this.graph.styles.map(({ tint }) => colour(`--tint-${tint}`)),
    };
    this.font = style.fontFamily;
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    this.width = box.width;
    this.height = box.height;
    const density = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(box.width * density));
    this.canvas.height = Math.max(1, Math.round(box.height * density));
    this.context.setTransform(density, 0, 0, density, 0, 0);
  }

  // Shows all of it.
  fit() {
    const { x, y, number } = this.layout;
    const [left, right] = [Math.min(...x), Math.max(...x)];
    const [top, bottom] = [Math.min(...y), Math.max(...y)];
    const wide = (this.width - 90) / Math.max(1, right - left);
    const high = (this.height - 60) / Math.max(1, bottom - top);
    this.scale = Math.min(number < 4 ? 1.6 : 2, Math.max(0.01, Math.min(wide, high)));
    this.x = this.width / 2 - ((left + right) / 2) * this.scale;
    this.y = this.height / 2 - ((top + bottom) / 2) * this.scale;
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const scale = Math.min(8, Math.max(0.02, this.scale * factor));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
  }

  at(one) {
    return [this.layout.x[one] * this.scale + this.x, this.layout.y[one] * this.scale + this.y];
  }

  // How much smaller things are drawn where much is seen.
  far() {
    return Math.min(1, Math.max(0.5, this.scale * 1.3));
  }

  radius(one) {
    const size = (SMALL + 1.5 * Math.log2(1 + this.layout.degree[one])) * this.far();
    return this.graph.vertices[one].seed ? Math.max(size, 9) : size;
  }

  // Brings a vertex into sight.
  reveal(one) {
    const [x, y] = this.at(one);
    if (x < 40 || x > this.width - 40) this.x += this.width / 2 - x;
    if (y < 40 || y > this.height - 40) this.y += this.height / 2 - y;
  }

  // The vertex, else the edge, that lies at a place: {vertex: number} or {edge: number}; null where there is nothing.
  found(x, y) {
    let best = null;
    let least = Infinity;
    for (let one = 0; one < this.layout.number; one += 1) {
      const [ox, oy] = this.at(one);
      const distance = Math.hypot(x - ox, y - oy) - this.radius(one);
      if (distance < REACH && distance < least) [best, least] = [{ vertex: one }, distance];
    }
    if (best !== null) return best;
    this.graph.edges.forEach((edge, number) => {
      const distance = this.fromEdge(edge, x, y);
      if (distance < REACH && distance < least) [best, least] = [{ edge: number }, distance];
    });
    return best;
  }

  fromEdge(edge, x, y) {
    const [ax, ay] = this.at(edge.out);
    const [bx, by] = this.at(edge.into);
    const [cx, cy] = this.bend(edge);
    let least = Infinity;
    for (let step = 0; step <= 16; step += 1) {
      const t = step / 16;
      const px = (1 - t) * (1 - t) * ax + 2 * t * (1 - t) * cx + t * t * bx;
      const py = (1 - t) * (1 - t) * ay + 2 * t * (1 - t) * cy + t * t * by;
      // Between two samples the line is nearly straight.
      least = Math.min(least, Math.hypot(x - px, y - py) - Math.hypot(bx - ax, by - ay) / 32);
    }
    return Math.max(0, least);
  }

  // The point towards which an edge bends; in the middle for the first between two vertices.
  bend(edge) {
    const [ax, ay] = this.at(edge.out);
    const [bx, by] = this.at(edge.into);
    const length = Math.hypot(bx - ax, by - ay) || 1;
    const side = edge.out < edge.into ? 1 : -1;
    const far = edge.out === edge.into ? 40 : edge.lane * BEND * side;
    return [(ax + bx) / 2 - ((by - ay) / length) * far, (ay + by) / 2 + ((bx - ax) / length) * far];
  }

  draw() {
    const { context } = this;
    context.clearRect(0, 0, this.width, this.height);
    const near = this.chosen === null ? null : this.around(this.chosen);
    for (const edge of this.graph.edges) this.drawEdge(edge, near);
    for (let one = this.layout.number - 1; one >= 0; one -= 1) this.drawVertex(this.order[one], near);
    this.drawNames(near);
  }

  // What is bright while something is chosen.
  around(chosen) {
    const vertices = new Set();
    const edges = new Set();
    this.graph.edges.forEach((edge, number) => {
      if (chosen.edge !== number && chosen.vertex !== edge.out && chosen.vertex !== edge.into) return;
      edges.add(edge);
      vertices.add(edge.out).add(edge.into);
    });
    if (chosen.vertex !== undefined) vertices.add(chosen.vertex);
    return { vertices, edges };
  }

  drawEdge(edge, near) {
    const { context, colours } = this;
    const bright = near !== null && near.edges.has(edge);
    const [ax, ay] = this.at(edge.out);
    const [bx, by] = this.at(edge.into);
    const [cx, cy] = this.bend(edge);
    context.globalAlpha = near === null || bright ? 1 : 0.25;
    context.strokeStyle = bright ? colours.accent : colours.edge;
    context.fillStyle = context.strokeStyle;
    context.lineWidth = Math.min(3, 0.8 + 0.3 * Math.log2(Math.max(1, edge.count))) * this.far() + (bright ? 0.8 : 0);
    context.beginPath();
    if (edge.out === edge.into) {
      context.arc(ax, ay - this.radius(edge.out) - 6, 8, 0, 2 * Math.PI);
    } else {
      context.moveTo(ax, ay);
      context.quadraticCurveTo(cx, cy, bx, by);
    }
    context.stroke();
    if (edge.out !== edge.into && (this.scale > ARROW_FROM || bright)) this.drawArrow(edge, [cx, cy], [bx, by]);
    if (bright && near.edges.size <= 30) {
      this.write(edge.name, (ax + 2 * cx + bx) / 4, (ay + 2 * cy + by) / 4, colours.accent, 11);
    }
    context.globalAlpha = 1;
  }

  drawArrow(edge, [cx, cy], [bx, by]) {
    const { context } = this;
    const angle = Math.atan2(by - cy, bx - cx);
    const gap = this.radius(edge.into) + 1.5;
    const [x, y] = [bx - Math.cos(angle) * gap, by - Math.sin(angle) * gap];
    context.beginPath();
    context.moveTo(x, y);
    for (const turn of [-0.42, 0.42]) context.lineTo(x - 7 * Math.cos(angle + turn), y - 7 * Math.sin(angle + turn));
    context.closePath();
    context.fill();
  }

  drawVertex(one, near) {
    const { context, colours, graph } = this;
    const vertex = graph.vertices[one];
    const [x, y] = this.at(one);
    const radius = this.radius(one);
    context.globalAlpha = near === null || near.vertices.has(one) ? 1 : 0.3;
    outline(context, graph.styles[vertex.style].shape, x, y, radius);
    context.fillStyle = colours.tints[vertex.style];
    context.strokeStyle = colours.paper;
    context.lineWidth = 1.2;
    context.fill();
    context.stroke();
    const isChosen = this.chosen?.vertex === one;
    if (vertex.seed || isChosen) {
      context.strokeStyle = isChosen ? colours.accent : colours.ink;
      context.lineWidth = isChosen ? 3 : 1.6;
      context.beginPath();
      context.arc(x, y, radius + 4.5, 0, 2 * Math.PI);
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  // The names of the most connected come first; a name that would lie over another is left out.
  drawNames(near) {
    const taken = [];
    // Seen from far away there are more names than room.
    const most = MOST_NAMES * Math.min(1, Math.max(0.25, this.scale));
    const first = near === null ? [] : [...near.vertices];
    for (const one of new Set([...first, ...this.order])) {
      if (taken.length >= most) return;
      const [x, y] = this.at(one);
      if (x < -40 || y < -20 || x > this.width + 40 || y > this.height + 20) continue;
      if (near !== null && !near.vertices.has(one)) continue;
      const { name } = this.graph.vertices[one];
      const text = name.length > 28 ? `${name.slice(0, 27)}…` : name;
      const half = text.length * 3.2 + 3;
      const below = y + this.radius(one) + 9;
      // At the border it is moved into sight.
      const middle = Math.min(this.width - half, Math.max(half, x));
      const box = [middle - half, below - 7, middle + half, below + 7];
      if (taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1])) {
        continue;
      }
      taken.push(box);
      this.write(text, middle, below, this.colours.ink, this.graph.vertices[one].seed ? 13 : 11.5);
    }
  }

  write(text, x, y, colour, size) {
    const { context } = this;
    context.font = `${size}px ${this.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 3.5;
    context.strokeStyle = this.colours.paper;
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }
}
