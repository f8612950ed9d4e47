"use strict";
// The graph: drawn when it comes near the screen, and anew when the filter changes.

const MIN_READABLE = 0.5;
const view = { cy: null, nodes: new Map(), columns: {}, opened: new Set(), only: null, chosen: null, stale: true, near: false };

function readColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Styles with the page's colours, which the canvas cannot see by itself. */
function makeStyles() {
  const styles = [
    { selector: "node", style: {
      shape: "round-rectangle", width: "data(width)", height: 24, label: "data(label)", "font-size": 13,
      "font-family": "sans-serif", "text-valign": "center", "text-halign": "center", color: readColor("ink"),
      "background-color": readColor("page"), "border-width": 1.5, "border-color": readColor("soft"), "min-zoomed-font-size": 5,
    } },
    { selector: `node[kind = "${DISTRIBUTION}"]`, style: { "background-color": readColor("panel"), "font-weight": "bold" } },
    { selector: "edge", style: {
      width: 1.3, opacity: "data(opacity)", "curve-style": "unbundled-bezier", "control-point-distances": "data(distances)",
      "control-point-weights": "data(weights)", "edge-distances": "endpoints", "source-endpoint": "90deg", "target-endpoint": "270deg",
    } },
    { selector: "node[?folded]", style: { "border-style": "double", "border-width": 4 } },
    { selector: ".faded", style: { opacity: Number(readColor("faded")) } },
    { selector: "edge.linked", style: { opacity: 1, width: 2.2 } },
    { selector: "node.chosen", style: { "border-width": 4, "border-color": readColor("focus") } },
    { selector: ":active", style: { "overlay-opacity": 0 } },
  ];
  for (const { name } of report.classes) {
    const color = readColor(name);
    styles.splice(3, 0,
      { selector: `node[class = "${name}"]`, style: { "border-color": color } },
      { selector: `node[kind = "${PROVIDER}"][class = "${name}"]`, style: { "background-color": color, color: readColor("page"), "font-weight": "bold" } },
      { selector: `edge[class = "${name}"]`, style: { "line-color": color } });
  }
  return styles;
}

/** The libraries to draw: those of the filter, or those around the one node that is shown alone. */
function listDrawn() {
  const libraries = listShown();
  return view.only ? libraries.filter(view.only.test) : libraries;
}

/** Two control points halfway, level with one end each, as cytoscape wants them: along the line, and off it. */
function bend(source, target) {
  const x = target.x - target.width / 2 - source.x - source.width / 2;
  const y = target.y - source.y;
  const square = x * x + y * y;
  const along = (x * x) / 2 / square;
  const away = (x * y) / 2 / Math.sqrt(square);
  return { weights: [along, 1 - along], distances: [-away, away] };
}

function makeElements() {
  const elements = [];
  const edges = [...view.nodes.values()].reduce((sum, node) => sum + node.to.size, 0);
  const opacity = edges > 100 ? 0.35 : 0.6;
  for (const { id, kind, label, width, class: name, folded, x, y } of view.nodes.values()) {
    elements.push({ group: "nodes", data: { id, kind, label, width, class: name, folded }, position: { x, y } });
  }
  for (const node of view.nodes.values()) {
    for (const id of node.to) {
      const target = view.nodes.get(id);
      const name = node.kind === LIBRARY ? node.class : target.class;
      elements.push({ group: "edges", data: { source: node.id, target: id, class: name, opacity, ...bend(node, target) } });
    }
  }
  return elements;
}

function drawGraph() {
  if (!view.near || !view.stale) return;
  view.stale = false;
  view.nodes = buildGraph(listDrawn(), view.opened);
  view.columns = placeGraph(view.nodes, byId("canvas").clientWidth < 600 ? 45 : 130);
  const rows = Math.max(...Object.values(view.columns).map((column) => column.length));
  byId("canvas").style.setProperty("--rows", rows);
  if (view.cy) view.cy.resize();
  else view.cy = startGraph();
  view.cy.batch(() => {
    view.cy.elements().remove();
    view.cy.add(makeElements());
  });
  byId("everything").hidden = !view.only;
  frameGraph(false);
  choose(view.nodes.has(view.chosen) ? view.chosen : null);
  if (view.chosen) bringIntoSight(view.nodes.get(view.chosen));
}

function startGraph() {
  const cy = cytoscape({
    container: byId("canvas"), style: makeStyles(), layout: { name: "preset" }, autoungrabify: true, boxSelectionEnabled: false,
    minZoom: 0.05, maxZoom: 3, pixelRatio: "auto", textureOnViewport: report.libraries.length > 600,
  });
  cy.on("tap", "node", (event) => {
    const node = view.nodes.get(event.target.id());
    if (node.folded && view.chosen === node.id) openGroup(node);
    else choose(node.id);
  });
  cy.on("tap", (event) => { if (event.target === cy) choose(null); });
  return cy;
}

/** Show everything, or as much from the top as can still be read. */
function frameGraph(whole) {
  const { cy } = view;
  if (!view.nodes.size) return;
  cy.fit(undefined, cy.width() < 600 ? 10 : 24);
  if (cy.zoom() > 1.2) { cy.zoom(1.2); cy.center(); }
  if (whole || cy.zoom() >= MIN_READABLE) return;
  const box = cy.elements().boundingBox();
  const zoom = Math.min(1, Math.max(MIN_READABLE, (cy.width() - 24) / box.w));
  cy.viewport({ zoom, pan: { x: Math.max(12, (cy.width() - box.w * zoom) / 2) - box.x1 * zoom, y: 24 - box.y1 * zoom } });
}

function zoomBy(factor) {
  const { cy } = view;
  if (cy) cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
}

/** Everything upstream and downstream of a node: whom it is wanted by, and who answers. */
function findLinked(node) {
  const linked = new Set([node.id]);
  for (const direction of ["from", "to"]) {
    const queue = [node];
    while (queue.length) for (const id of queue.pop()[direction]) if (!linked.has(id)) { linked.add(id); queue.push(view.nodes.get(id)); }
  }
  return linked;
}

function choose(id) {
  view.chosen = id;
  const node = id && view.nodes.get(id);
  const linked = node ? findLinked(node) : null;
  view.cy.batch(() => {
    view.cy.elements().removeClass("faded linked chosen");
    if (!node) return;
    view.cy.nodes().filter((one) => !linked.has(one.id())).addClass("faded");
    view.cy.edges().forEach((one) => { one.addClass(linked.has(one.source().id()) && linked.has(one.target().id()) ? "linked" : "faded"); });
    view.cy.getElementById(id).addClass("chosen");
  });
  const alone = byId("alone");
  alone.hidden = !node;
  if (node) alone.textContent = node.folded ? `Open ${node.name}` : `Only ${shorten(node.name, 24)}`;
  byId("chosen").replaceChildren(...(node ? describeNode(node) : describeAll()));
}

function describeAll() {
  const [distributions, libraries, providers] = [DISTRIBUTION, LIBRARY, PROVIDER].map((kind) => (view.columns[kind] || []));
  if (!libraries.length) return ["Nothing to draw: the filter leaves no library."];
  const number = libraries.reduce((sum, node) => sum + node.members.length, 0);
  const what = view.only ? `Around ${view.only.name}: ` : "";
  const folded = libraries.some((node) => node.folded) ? " Double frames are groups: choose one twice to open it." : "";
  return [`${what}${count(distributions.length, "distribution")}, ${count(number, "library", "libraries")}, ${count(providers.length, "provider")}.${folded}`];
}

function nameAll(ids) {
  return nameSome([...ids].map((id) => view.nodes.get(id).name).sort(collator.compare), 12);
}

function describeNode(node) {
  const title = make("code", null, node.name);
  if (node.kind === DISTRIBUTION) return [title, ` ${report.distributions[node.number].version} wants `, nameAll(node.to), "."];
  if (node.kind === PROVIDER) return [title, " (", makeClass(node.class), ") supplies ", nameAll(node.from), "."];
  const names = node.folded ? [": ", nameSome(node.members.map((one) => one.soname), 12)] : [];
  const reason = node.folded ? [] : [` ${node.members[0].wanted[0].reason}.`];
  return [title, " (", makeClass(node.class), ")", ...names, " – wanted by ", nameAll(node.from), "; provided by ", nameAll(node.to), ".", ...reason];
}

function redraw() {
  view.stale = true;
  drawGraph();
}

function openGroup(node) {
  view.opened.add(node.key);
  redraw();
  choose(`p ${node.key}`);
  say(`${node.name} opened`);
}

/** Draw only what is connected to a node. */
function showOnly(name, test) {
  view.only = { name, test };
  redraw();
}

function showChosenAlone() {
  const node = view.nodes.get(view.chosen);
  if (!node) return;
  if (node.folded) openGroup(node);
  else if (node.kind === DISTRIBUTION) showOnly(node.name, (library) => library.wanted.some((one) => one.by === node.number));
  else if (node.kind === PROVIDER) showOnly(node.name, (library) => `${library.class} ${library.answer}` === node.key);
  else showOnly(node.name, (library) => library === node.members[0]);
}

function showEverything() {
  view.only = null;
  redraw();
}

/** From the table: a library with whom it is wanted by, and who answers. */
function showInGraph(library) {
  if (!isShown(library)) setFilter("");
  view.only = { name: library.soname, test: (other) => other === library };
  view.chosen = `l ${library.number}`;
  view.stale = view.near = true;
  drawGraph();
  jumpTo("graph");
}

/** Walk: up and down in a column, left and right along an edge. */
function walk(key) {
  const node = view.nodes.get(view.chosen);
  const first = [DISTRIBUTION, LIBRARY, PROVIDER].map((kind) => view.columns[kind][0]).find(Boolean);
  let next = node ? null : first;
  if (node && (key === "ArrowUp" || key === "ArrowDown")) {
    const column = [...view.columns[node.kind]].sort((a, b) => a.y - b.y);
    next = column[column.indexOf(node) + (key === "ArrowDown" ? 1 : -1)];
  } else if (node) {
    const near = [...(key === "ArrowRight" ? node.to : node.from)].map((id) => view.nodes.get(id));
    next = near.sort((a, b) => Math.abs(a.y - node.y) - Math.abs(b.y - node.y))[0];
  }
  if (!next) return;
  choose(next.id);
  bringIntoSight(next);
}

/** Move the picture no more than it takes to see a node. */
function bringIntoSight(node) {
  const { cy } = view;
  const box = cy.getElementById(node.id).renderedBoundingBox();
  const move = (low, high, size) => (low < 0 || high > size ? size / 2 - (low + high) / 2 : 0);
  cy.panBy({ x: move(box.x1, box.x2, cy.width()), y: move(box.y1, box.y2, cy.height()) });
}

/** Choose the first node with some text in its name, or in that of a library that it stands for. */
function find(text) {
  const wanted = text.trim().toLowerCase();
  const has = (name) => name.toLowerCase().includes(wanted);
  const nodes = [...view.nodes.values()].sort((a, b) => a.name.length - b.name.length);
  const node = wanted && nodes.find((one) => has(one.name) || (one.folded && one.members.some((member) => has(member.soname))));
  choose(node ? node.id : null);
  if (node) bringIntoSight(node);
  else if (wanted) byId("chosen").replaceChildren(`Nothing drawn here is called ${text.trim()}.`);
}

function onKey(event) {
  if (!view.cy || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = { Enter: showChosenAlone, "+": () => zoomBy(1.25), "-": () => zoomBy(0.8), 0: () => frameGraph(true) };
  keys.Escape = () => (view.chosen ? choose(null) : showEverything());
  const act = event.key.startsWith("Arrow") ? () => walk(event.key) : keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function showGraph() {
  const canvas = byId("canvas");
  report.libraries.forEach((library, number) => { library.number = number; });
  byId("graph").hidden = !report.libraries.length;
  filter.listeners.push(redraw);
  // A wheel without Ctrl belongs to the page: a graph that swallows it would stop readers halfway down.
  canvas.addEventListener("wheel", (event) => { if (!event.ctrlKey && !event.metaKey) event.stopImmediatePropagation(); }, { capture: true });
  canvas.addEventListener("keydown", onKey);
  byId("find").addEventListener("input", (event) => { if (view.cy) find(event.target.value); });
  byId("zoom-in").addEventListener("click", () => zoomBy(1.25));
  byId("zoom-out").addEventListener("click", () => zoomBy(0.8));
  byId("fit").addEventListener("click", () => frameGraph(true));
  byId("alone").addEventListener("click", showChosenAlone);
  byId("everything").addEventListener("click", showEverything);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (view.cy) view.cy.style(makeStyles()); });
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    view.near = true;
    drawGraph();
  }, { rootMargin: "300px" }).observe(canvas);
}
