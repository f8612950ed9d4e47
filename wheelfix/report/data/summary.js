"use strict";
// What is read first: the answer, the findings, the code; and the shorter tables at the end.

const LEVELS = { error: "error", warning: "warning", note: "plain" };
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;

function showHead() {
  document.title = `${report.target} – wheelfix report`;
  byId("target").textContent = report.target;
  const files = report.distributions.reduce((sum, one) => sum + one.files, 0);
  const facts = [
    count(report.distributions.length, "distribution"),
    count(files, "ELF file"),
    count(report.libraries.length, "library", "libraries"),
  ];
  const origin = report.indexes.length ? `; answers from ${report.indexes.join(", ")}` : "";
  byId("about").textContent = facts.join(", ") + origin;
  for (const section of document.querySelectorAll("main section:not([hidden])")) {
    const link = make("a", { href: `#${section.id}` }, section.querySelector("h2").textContent);
    byId("sections").append(make("li", null, link));
  }
}

function showAnswer(filterClass) {
  const open = report.classes.filter((one) => one.open).map((one) => one.name);
  const unanswered = report.libraries.filter((library) => open.includes(library.class));
  const errors = report.findings.filter((finding) => finding.level === "error");
  const verdict = byId("verdict");
  const parts = [];
  if (unanswered.length) {
    const names = [...new Set(unanswered.map((library) => library.soname))];
    parts.push(`${count(names.length, "library has", "libraries have")} no answer: ${nameSome(names, 6)}.`);
  }
  if (errors.length) parts.push(`${count(errors.length, "error")} below.`);
  if (!report.libraries.length) parts.push("Nothing here wants a shared library.");
  else if (!parts.length) parts.push("Every library has an answer.");
  verdict.append(`${parts.join(" ")} `);
  verdict.classList.toggle("open", !report.answered);
  if (unanswered.length) {
    const show = () => filterClass(open);
    verdict.append(make("button", { type: "button", class: "text", click: show }, unanswered.length > 1 ? "Show them" : "Show it"));
  }
  const baseline = new Set(report.distributions.flatMap((one) => one.baseline));
  showNames("nixpkgs attributes that supply libraries", report.inputs, report.copied_inputs, (attr) => baseline.has(attr));
  showNames("To be ignored by autoPatchelf, exactly these", report.ignored, report.copied_ignored, () => false);
}

function showNames(title, names, text, isBaseline) {
  if (!names.length) return;
  const some = names.some(isBaseline);
  const items = names.map((name) => make("li", null, make("code", null, name), isBaseline(name) ? " *" : ""));
  const copy = onCopy(make("button", { type: "button", "aria-label": `Copy: ${title}` }, "Copy"), () => text);
  const note = some
    ? make("p", { class: "note" }, "* added by uv2nix and poetry2nix by themselves where the wheel's tag says manylinux")
    : null;
  const line = make("div", { class: "line" }, make("h3", null, title), text ? copy : null);
  byId("answer-lists").append(...[line, make("ul", { class: "chips" }, ...items), note].filter(Boolean));
}

function showFindings() {
  const box = byId("findings-lists");
  byId("findings").hidden = !report.findings.length;
  const notes = report.findings.filter((finding) => finding.level === "note");
  const grave = report.findings.filter((finding) => finding.level !== "note");
  if (grave.length) box.append(make("ul", { class: "findings" }, ...grave.map(makeFinding)));
  if (!notes.length) return;
  const list = make("ul", { class: "findings" }, ...notes.map(makeFinding));
  const words = count(notes.length, "note");
  box.append(make("details", { open: !grave.length && notes.length < 8 }, make("summary", null, words), list));
}

function makeFinding({ level, subject, message, by }) {
  const owners = report.distributions.length > 1 && by.length ? ` (${nameSome(by.map(nameDistribution), 4)})` : "";
  return make(
    "li", null,
    make("span", { class: `class ${LEVELS[level]}` }, level), " ",
    make("code", null, subject), ` ${message}`, make("span", { class: "note" }, owners),
  );
}

function showNix() {
  byId("nix").hidden = !report.code.length;
  report.code.forEach(({ label }, number) => {
    const radio = make("input", { type: "radio", name: "tool", value: number, change: () => chooseCode(number) });
    radio.checked = number === 0;
    byId("tools").append(make("label", null, radio, label));
  });
  if (!report.code.length) return;
  chooseCode(0);
  onCopy(byId("copy-code"), () => report.code[document.querySelector("[name=tool]:checked").value].text);
}

/** Show code with comments in a quiet colour, and with what nobody would see made visible: copied is the text itself. */
function chooseCode(number) {
  const { label, place, text } = report.code[number];
  byId("place").textContent = place;
  const pre = byId("code");
  pre.setAttribute("aria-label", `Nix code for ${label}`);
  pre.replaceChildren();
  for (const line of text.replace(/\n$/, "").split("\n")) {
    const box = line.trimStart().startsWith("#") ? make("span", { class: "comment" }) : make("span");
    let plain = "";
    for (const character of line) {
      if (INVISIBLE.test(character)) {
        const name = `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
        box.append(plain, make("span", { class: "mark" }, name));
        plain = "";
      } else plain += character;
    }
    box.append(plain);
    pre.append(box, "\n");
  }
}

function showDistributions(search) {
  const columns = ["Distribution", "Version", "ELF files", "Libraries", "nixpkgs attributes", "Ignored"].map((label) => ({ label }));
  makeColumns(byId("distribution-columns"), columns);
  for (const one of report.distributions) {
    const show = () => search(one.name);
    const wanted = one.needs
      ? make("button", { type: "button", class: "text", click: show, "aria-label": `${one.needs}: show the libraries of ${one.name}` }, `${one.needs}`)
      : "0";
    const open = one.open ? ` (${one.open} open)` : "";
    byId("distribution-rows").append(makeRow(columns, [
      make("code", null, one.name), one.version || "–", `${one.files}`, [wanted, open],
      one.inputs.join(", ") || "–", one.ignored.join(", ") || "–",
    ]));
  }
}

function showOpened() {
  byId("opened").hidden = !report.opened.length;
  const columns = ["Library", "Distribution", "Who brings it", "File", "Evidence"].map((label) => ({ label }));
  makeColumns(byId("opened-columns"), columns);
  for (const { soname, by, answer, file, evidence } of report.opened) {
    byId("opened-rows").append(makeRow(columns, [
      make("code", null, soname), nameDistribution(by), answer || "nobody known", make("code", null, file), evidence,
    ]));
  }
}
