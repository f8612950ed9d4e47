"use strict";
// The table of libraries, and the filter that it shares with the graph.

const COLUMNS = [
  { label: "Library", key: "soname" },
  { label: "Class", key: "class" },
  { label: "Provided by", key: "answer" },
  { label: "Wanted by", key: "wanted" },
  { label: "Why" },
];
// What the wheel, the interpreter or the C library bring is most of all, and asks nothing of the reader.
const SETTLED = ["bundled", "python", "libc"];
const unsettled = report.classes.map((one) => one.name).filter((name) => !SETTLED.includes(name));
const filter = { text: "", classes: new Set(), listeners: [] };
const order = { key: "class", ascending: true };
const rank = Object.fromEntries(report.classes.map((one, number) => [one.name, number]));
const severalMachines = new Set(report.libraries.map((library) => library.machine)).size > 1;
const collator = new Intl.Collator("en", { numeric: true });

for (const library of report.libraries) {
  const words = [library.soname, library.machine, library.answer, ...library.providers.map((one) => one.attr)];
  for (const { by, files, reason } of library.wanted) words.push(nameDistribution(by), reason, ...files);
  library.words = words.join("\n").toLowerCase();
  library.fileCount = library.wanted.reduce((sum, one) => sum + one.files.length, 0);
}

function matches(library) {
  return filter.text.split(/\s+/).every((word) => library.words.includes(word));
}

function isShown(library) {
  return filter.classes.has(library.class) && matches(library);
}

function listShown() {
  return report.libraries.filter(isShown);
}

function makeLibrary(library) {
  const name = [make("code", null, library.soname)];
  if (severalMachines) name.push(make("span", { class: "note" }, ` ${library.machine}`));
  if (library.wanted.every((one) => one.optional)) name.push(make("span", { class: "note" }, " optional"));
  const show = () => showInGraph(library);
  name.push(" ", make("button", { type: "button", class: "text note", click: show, "aria-label": `Show ${library.soname} in the graph` }, "graph"));
  const reasons = [...new Set(library.wanted.map((one) => one.reason))];
  const more = reasons.length > 1 ? make("span", { class: "note" }, ` (and ${count(reasons.length - 1, "other reason")}, below “Wanted by”)`) : "";
  return makeRow(COLUMNS, [name, makeClass(library.class), makeAnswer(library), makeWanted(library), [reasons[0], more]]);
}

function makeAnswer(library) {
  const isName = library.class === "provided" || library.class === "sibling" || library.class === "ambiguous";
  return isName ? make("code", null, library.answer) : library.answer;
}

/** Say who wants it; the files, which may be thousands, are written in a row below when somebody asks for them. */
function makeWanted(library) {
  const names = nameSome(library.wanted.map((one) => nameDistribution(one.by)));
  const files = count(library.fileCount, "file");
  const label = report.distributions.length > 1 ? `${names} (${files.replace(" ", "\u00a0")})` : files;
  const button = make("button", { type: "button", class: "text", "aria-expanded": "false" }, label);
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") === "false";
    button.setAttribute("aria-expanded", open);
    if (open) {
      const cell = make("td", { role: "cell", colspan: COLUMNS.length }, make("div", null, ...makeDetails(library)));
      library.more = make("tr", { role: "row", class: "more" }, cell);
      library.row.after(library.more);
    } else {
      library.more.remove();
      library.more = null;
    }
  });
  return button;
}

function makeDetails(library) {
  const parts = [];
  const differ = library.wanted.some((one) => one.reason !== library.wanted[0].reason);
  for (const { by, files, reason, versions, optional } of library.wanted) {
    const notes = differ ? [reason] : [];
    if (versions.length) notes.push(`versions: ${versions.join(", ")}`);
    if (optional) notes.push("optional: only plugins want it");
    parts.push(make("p", null, make("code", null, nameDistribution(by)), make("span", { class: "note" }, ` ${notes.join("; ")}`)));
    parts.push(make("ul", null, ...files.map((file) => make("li", null, make("code", null, file)))));
  }
  if (library.providers.length) {
    parts.push(make("p", null, "In nixpkgs:"));
    const items = library.providers.map(({ attr, output, path, version }) =>
      make("li", null, make("code", null, attr), make("span", { class: "note" }, ` ${version} ${output} ${path}`)));
    parts.push(make("ul", null, ...items));
  }
  return parts;
}

function compareBy(key) {
  const compare = {
    soname: (a, b) => collator.compare(a.soname, b.soname),
    class: (a, b) => rank[a.class] - rank[b.class],
    answer: (a, b) => collator.compare(a.answer, b.answer),
    wanted: (a, b) => a.wanted.length - b.wanted.length || a.fileCount - b.fileCount,
  }[key];
  return (a, b) => (order.ascending ? compare(a, b) : compare(b, a)) || collator.compare(a.soname, b.soname);
}

function sortBy(key) {
  order.ascending = order.key === key ? !order.ascending : key !== "wanted";
  order.key = key;
  showOrder();
}

function showOrder() {
  const sorted = [...report.libraries].sort(compareBy(order.key));
  byId("rows").append(...sorted.flatMap((library) => (library.more ? [library.row, library.more] : [library.row])));
  for (const column of byId("columns").children) {
    const direction = order.ascending ? "ascending" : "descending";
    if (column.dataset.key === order.key) column.setAttribute("aria-sort", direction);
    else column.removeAttribute("aria-sort");
  }
}

function applyFilter() {
  let shown = 0;
  for (const library of report.libraries) {
    const visible = isShown(library);
    shown += visible;
    if (library.row.hidden === visible) library.row.hidden = !visible;
    if (library.more) library.more.hidden = !visible;
  }
  const all = report.libraries.length;
  const left = report.libraries.filter((library) => matches(library) && !filter.classes.has(library.class));
  const what = left.every((library) => SETTLED.includes(library.class)) ? "that need nothing" : "of other classes";
  const rest = left.length ? `; ${left.length} ${what} not shown` : "";
  byId("shown").textContent = shown === all ? `All ${count(all, "library", "libraries")}` : `${shown} of ${count(all, "library", "libraries")}${rest}`;
  byId("reset").hidden = shown === all;
  byId("reset").textContent = filter.text && left.length ? "Search all classes" : "Show all";
  for (const listener of filter.listeners) listener();
}

function setFilter(text, classes) {
  byId("search").value = text;
  filter.text = text.trim().toLowerCase();
  filter.classes = new Set(classes || report.classes.map((one) => one.name));
  for (const box of byId("classes").querySelectorAll("input")) box.checked = filter.classes.has(box.value);
  applyFilter();
}

function jumpTo(id) {
  byId(id).scrollIntoView();
  byId(id).focus({ preventScroll: true });
}

function showLibraries() {
  makeColumns(byId("columns"), COLUMNS, sortBy);
  for (const library of report.libraries) library.row = makeLibrary(library);
  for (const { name, meaning } of report.classes) {
    const number = report.libraries.filter((library) => library.class === name).length;
    if (!number) continue;
    const change = (event) => {
      if (event.target.checked) filter.classes.add(name);
      else filter.classes.delete(name);
      applyFilter();
    };
    const box = make("input", { type: "checkbox", value: name, change });
    byId("classes").append(make("label", { title: meaning }, box, makeClass(name), ` ${number}`));
  }
  let waiting = 0;
  byId("search").addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      filter.text = event.target.value.trim().toLowerCase();
      applyFilter();
    }, 120);
  });
  byId("filter").addEventListener("submit", (event) => event.preventDefault());
  byId("reset").addEventListener("click", ({ target }) => {
    setFilter(target.textContent === "Show all" ? "" : filter.text);
    byId("search").focus();
  });
  showOrder();
  setFilter("", report.libraries.some((library) => unsettled.includes(library.class)) ? unsettled : null);
}
