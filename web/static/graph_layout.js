// Where the vertices of a picture lie: springs along edges, repulsion between all, a little pull to the middle.
//
// Repulsion is approximated with a quadtree (Barnes and Hut, Nature 324, 1986), so that 2,000 vertices settle within
// seconds. Nothing is random: the same part of the graph gives the same picture.
"use strict";

const REST = 34;
// Room for the many that hang on one: an edge is longer by this for each root of them.
const ROOM = 7;
const REPULSION = 1000;
const PULL = 0.012;
const FRICTION = 0.62;
const COOLING = 0.977;
const STILL = 0.004;
const REHEATED = 0.25;
// How small a cell must look from a vertex to stand for all in it.
const OPENING = 0.81;
const DEEPEST = 24;
const FARTHEST = 1e5;

// A quadtree over points: for each cell its mass, its centre of mass, its width and four children.
class Quadtree {
  constructor(x, y) {
    const [left, right] = [Math.min(...x), Math.max(...x)];
    const [top, bottom] = [Math.min(...y), Math.max(...y)];
    this.x = x;
    this.y = y;
    this.cells = [];
    this.root = this.cell(left, top, Math.max(right - left, bottom - top, 1) + 1);
    for (let point = 0; point < x.length; point += 1) this.insert(point);
  }

  cell(left, top, width) {
    return { left, top, width, mass: 0, sumX: 0, sumY: 0, point: -1, children: null };
  }

  childOf(cell, point) {
    const half = cell.width / 2;
    const right = this.x[point] >= cell.left + half ? 1 : 0;
    const low = this.y[point] >= cell.top + half ? 1 : 0;
    const place = right + 2 * low;
    cell.children[place] ??= this.cell(cell.left + right * half, cell.top + low * half, half);
    return cell.children[place];
  }

  insert(point) {
    let cell = this.root;
    for (let depth = 0; ; depth += 1) {
      cell.mass += 1;
      cell.sumX += this.x[point];
      cell.sumY += this.y[point];
      if (cell.children === null) {
        // Points at the same place share a cell in the end.
        if (cell.mass === 1 || depth === DEEPEST) {
          cell.point = cell.mass === 1 ? point : -1;
          return;
        }
        const before = cell.point;
        cell.point = -1;
        cell.children = [null, null, null, null];
        const child = this.childOf(cell, before);
        child.mass = 1;
        child.sumX = this.x[before];
        child.sumY = this.y[before];
        child.point = before;
      }
      cell = this.childOf(cell, point);
    }
  }
}

export class Layout {
  // `links` are pairs of vertices; each pair counts once, however many edges there are.
  // A picture that is wider than high has room beside, not below.
  constructor(number, links, aspect = 1) {
    this.number = number;
    this.pullX = PULL / aspect;
    this.pullY = PULL * aspect;
    this.links = links;
    this.x = new Float64Array(number);
    this.y = new Float64Array(number);
    this.vx = new Float64Array(number);
    this.vy = new Float64Array(number);
    this.pinned = new Uint8Array(number);
    this.degree = new Uint32Array(number);
    for (const [a, b] of links) {
      this.degree[a] += 1;
      this.degree[b] += 1;
    }
    // The nearest come first, so the seeds lie in the middle of a sunflower.
    for (let one = 0; one < number; one += 1) {
      const radius = REST * 0.6 * Math.sqrt(one + 0.5);
      const angle = one * Math.PI * (3 - Math.sqrt(5));
      this.x[one] = radius * Math.cos(angle);
      this.y[one] = radius * Math.sin(angle);
    }
    this.heat = number > 1 ? 1 : 0;
  }

  get isStill() {
    return this.heat < STILL;
  }

  reheat() {
    this.heat = Math.max(this.heat, REHEATED);
  }

  step() {
    this.attract();
    const tree = new Quadtree(this.x, this.y);
    for (let one = 0; one < this.number; one += 1) this.repel(tree, one);
    for (let one = 0; one < this.number; one += 1) this.move(one);
    this.heat *= COOLING;
  }

  attract() {
    const { x, y, vx, vy, degree } = this;
    for (const [a, b] of this.links) {
      const dx = x[b] + vx[b] - x[a] - vx[a] || 1e-6;
      const dy = y[b] + vy[b] - y[a] - vy[a] || 1e-6;
      const length = Math.sqrt(dx * dx + dy * dy);
      // The end with fewer edges moves more, and hubs do not jump.
      const share = degree[a] / (degree[a] + degree[b]);
      const rest = REST + ROOM * Math.sqrt(Math.max(degree[a], degree[b]));
      const force = ((length - rest) / length) * (this.heat / Math.min(degree[a], degree[b]));
      vx[b] -= dx * force * share;
      vy[b] -= dy * force * share;
      vx[a] += dx * force * (1 - share);
      vy[a] += dy * force * (1 - share);
    }
  }

  repel(tree, one) {
    const stack = [tree.root];
    const [x, y] = [this.x[one], this.y[one]];
    while (stack.length > 0) {
      const cell = stack.pop();
      if (cell === null || cell.point === one) continue;
      const dx = x - cell.sumX / cell.mass;
      const dy = y - cell.sumY / cell.mass;
      const square = dx * dx + dy * dy;
      if (cell.children !== null && cell.width * cell.width > OPENING * square) {
        stack.push(...cell.children);
        continue;
      }
      const force = (REPULSION * cell.mass * this.heat) / Math.max(square, 4);
      // Two at the same place part in a direction of their own.
      this.vx[one] += (square > 0 ? dx : Math.cos(one)) * force;
      this.vy[one] += (square > 0 ? dy : Math.sin(one)) * force;
    }
  }

  move(one) {
    if (this.pinned[one]) {
      this.vx[one] = 0;
      this.vy[one] = 0;
      return;
    }
    this.vx[one] = (this.vx[one] - this.x[one] * this.pullX * this.heat) * FRICTION;
    this.vy[one] = (this.vy[one] - this.y[one] * this.pullY * this.heat) * FRICTION;
    this.x[one] = Math.min(FARTHEST, Math.max(-FARTHEST, this.x[one] + this.vx[one]));
    this.y[one] = Math.min(FARTHEST, Math.max(-FARTHEST, this.y[one] + this.vy[one]));
  }
}
