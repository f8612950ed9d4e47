"use strict";
// Everything below is text out of files that strangers made: it goes into the page by append() alone, as text.

const report = JSON.parse(document.getElementById("data").textContent);

function byId(id) {
  return document.getElementById(id);
}

byId("unscripted").remove();

/** Make an element. Attributes with a function are listeners, with null, false or undefined left out. */
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

/** Name the first few, and say how many more there are. */
function nameSome(names, most = 3) {
  if (names.length <= most) return names.join(", ");
  return `${names.slice(0, most - 1).join(", ")} and ${names.length - most + 1} more`;
}

function nameDistribution(number) {
  return report.distributions[number].name;
}

/** Tell screen readers what a button did. */
function say(text) {
  const said = byId("said");
  said.textContent = "";
  setTimeout(() => { said.textContent = text; }, 50);
}

/** Copy text, also where the clipboard interface is missing: a page of an http server is no secure context. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = make("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
    area.value = text;
    const before = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (before) before.focus();
    return done;
  }
}

/** Make a button copy what a function gives, and say so. */
function onCopy(button, give) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    const done = await copyText(give());
    button.textContent = done ? "Copied" : "Not allowed";
    say(done ? "Copied" : "The browser does not allow copying: select the text");
    setTimeout(() => { button.textContent = label; }, 2000);
  });
  return button;
}

function makeClass(name) {
  return make("span", { class: `class ${name}` }, name);
}

/** Fill a table's head; a column with a key can be sorted by. */
function makeColumns(row, columns, onSort) {
  for (const { label, key } of columns) {
    const content = onSort && key ? make("button", { type: "button", click: () => onSort(key) }, label) : label;
    row.append(make("th", { scope: "col", role: "columnheader", "data-key": key }, content));
  }
}

/** Make a row. Roles are spelt out because a narrow screen shows the cells as blocks, which would lose them. */
function makeRow(columns, cells) {
  const row = make("tr", { role: "row" });
  cells.forEach((cell, number) => {
    const content = Array.isArray(cell) ? make("div", null, ...cell) : make("div", null, cell);
    if (number === 0) row.append(make("th", { scope: "row", role: "rowheader" }, content));
    else row.append(make("td", { role: "cell", "data-label": columns[number].label }, content));
  });
  return row;
}
