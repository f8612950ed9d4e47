"use strict";
// What the graph consists of, and where it goes: three columns, so that it reads from left to right like a sentence.

const ROW = 34;
const TALL = 20 * ROW;
const FOLD_FROM = 40;
const FOLD_SIZE = 4;
const DISTRIBUTION = "distribution";
const LIBRARY = "library";
const PROVIDER = "provider";

const pen = document.createElement("canvas").getContext("2d");

function shorten(name, most = 42) {
  return name.length <= most ? name : `${name.slice(0, most - 9)}…${name.slice(-8)}`;
}

function makeNode(id, kind, label, more) {
  const short = shorten(label);
  pen.font = kind === LIBRARY ? "13px sans-serif" : "bold 13px sans-serif";
  return { id, kind, label: short, name: label, width: Math.ceil(pen.measureText(short).width) + 20, from: new Set(), to: new Set(), ...more };
}

/**
 * Build nodes and edges for some libraries.
 *
 * Where there are many, those of one class and provider are folded to one node, until somebody opens it.
 *
 * Returns a map of nodes by id; each knows the nodes it comes from, and leads to.
 */
function buildGraph(libraries, opened) {
  const groups = new Map();
  for (const library of libraries) {
    const key = `${library.class} ${library.answer}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(library);
  }
  const nodes = new Map();
  const add = (id, create) => {
    if (!nodes.has(id)) nodes.set(id, create());
    return nodes.get(id);
  };
  const join = (one, other) => {
    one.to.add(other.id);
    other.from.add(one.id);
  };
  for (const [key, members] of groups) {
    const { class: name, answer } = members[0];
    const provider = add(`p ${key}`, () => makeNode(`p ${key}`, PROVIDER, answer, { class: name, key }));
    const folded = libraries.length > FOLD_FROM && members.length > FOLD_SIZE && !opened.has(key);
    for (const library of members) {
      const id = folded ? `g ${key}` : `l ${library.number}`;
      const node = add(id, () => (folded
        ? makeNode(id, LIBRARY, `${members.length} libraries`, { class: name, members, key, folded })
        : makeNode(id, LIBRARY, library.soname, { class: name, members: [library], key, folded })));
      join(node, provider);
      for (const { by } of library.wanted) {
        join(add(`d ${by}`, () => makeNode(`d ${by}`, DISTRIBUTION, nameDistribution(by), { number: by })), node);
      }
    }
  }
  return nodes;
}

/** Put nodes below each other near where they want to be, without overlap, in the order they want. */
function spread(nodes, height) {
  nodes.sort((a, b) => a.y - b.y || collator.compare(a.name, b.name));
  let last = -Infinity;
  for (const node of nodes) last = node.y = Math.max(node.y, last + ROW);
  let next = Math.max(height, (nodes.length - 1) * ROW) + ROW;
  for (const node of [...nodes].reverse()) next = node.y = Math.min(node.y, next - ROW);
}

function mean(ids, nodes) {
  return [...ids].reduce((sum, id) => sum + nodes.get(id).y, 0) / ids.size;
}

/** Give every node a place: libraries in the order of classes and providers, the others beside what they touch. */
function placeGraph(nodes, gap) {
  const columns = { [DISTRIBUTION]: [], [LIBRARY]: [], [PROVIDER]: [] };
  for (const node of nodes.values()) columns[node.kind].push(node);
  columns[LIBRARY].sort((a, b) => rank[a.class] - rank[b.class] || collator.compare(a.key, b.key) || collator.compare(a.name, b.name));
  columns[LIBRARY].forEach((node, number) => { node.y = number * ROW; });
  const height = (columns[LIBRARY].length - 1) * ROW;
  // Where not all can be seen at once, the distributions stand at the top, which is what is seen first.
  const first = (ids) => Math.min(...[...ids].map((id) => nodes.get(id).y));
  for (const node of columns[DISTRIBUTION]) node.y = height > TALL ? first(node.to) : mean(node.to, nodes);
  for (const node of columns[PROVIDER]) node.y = mean(node.from, nodes);
  spread(columns[DISTRIBUTION], height);
  spread(columns[PROVIDER], height);
  let x = 0;
  for (const column of [columns[DISTRIBUTION], columns[LIBRARY], columns[PROVIDER]]) {
    const width = Math.max(0, ...column.map((node) => node.width));
    for (const node of column) node.x = x + width / 2;
    x += width + gap;
  }
  return columns;
}
