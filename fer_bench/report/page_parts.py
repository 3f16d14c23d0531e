"""Style and script of the report's page. Both stand in the page itself: nothing is loaded."""

STYLE = """
:root { color-scheme: light dark; --text: #1a1a1a; --quiet: #4a4a4a; --page: #fff; --line: #d5d5d5; --rule: #555;
  --shade: #f3f5f8; --link: #0b57a4; }
@media screen and (prefers-color-scheme: dark) {
  :root { --text: #e6e6e6; --quiet: #b5b5b5; --page: #16181b; --line: #3a3d42; --rule: #8a8d92; --shade: #22262b;
    --link: #8ab8ff; }
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 64rem;
  margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }
a { color: var(--link); }
h1, h2, h3, h4 { line-height: 1.25; margin: 1.6em 0 .5em; }
h1 { font-size: 1.7rem; margin-top: .5em; }
h2 { font-size: 1.35rem; border-bottom: 1px solid var(--line); padding-bottom: .2em; }
h3 { font-size: 1.1rem; }
h4 { font-size: 1rem; }
nav { background: var(--shade); border-radius: .4rem; padding: .6rem 1rem; font-size: .9rem; }
nav > ul { padding-left: 0; list-style: none; columns: 20rem; margin: 0; }
nav > ul > li { break-inside: avoid-column; }
nav ul ul { padding-left: 1.1rem; list-style: none; }
.scroll { overflow-x: auto; margin: .3rem 0 1rem; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid var(--rule); vertical-align: bottom; }
tbody tr:hover { background: var(--shade); }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; margin: 0; text-align: inherit;
  cursor: pointer; }
th button:hover { text-decoration: underline; }
th button::after { content: "\\a0\\2195"; opacity: .4; font-weight: normal; }
th[aria-sort="ascending"] button::after { content: "\\a0\\2191"; opacity: 1; }
th[aria-sort="descending"] button::after { content: "\\a0\\2193"; opacity: 1; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.notes { font-size: .85rem; color: var(--quiet); padding-left: 1.2rem; }
figure { margin: 1.5rem 0 2.2rem; }
figure img { max-width: 100%; height: auto; background: #fff; border-radius: .25rem; }
figcaption { font-size: .875rem; color: var(--quiet); max-width: 54rem; }
pre { background: var(--shade); padding: .7rem; overflow-x: auto; font-size: .85rem; border-radius: .25rem; }
@media screen {
  td[style*="right"] { white-space: nowrap; }
  td:not([style]) { min-width: 7rem; }
}
@media print {
  @page { size: A4; margin: 15mm; }
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  .scroll, pre { overflow: visible; }
  pre { white-space: pre-wrap; }
  table { font-size: 7pt; }
  th, td { padding: .1rem .3rem; }
  th button::after { content: none; }
  h2, h3, h4 { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  figure img { max-height: 200mm; width: auto; }
  thead { display: table-header-group; }
  nav { display: none; }
}
"""

SCRIPT = """
"use strict";
// A click or the enter key on a column's name sorts its table: upwards, downwards, as it was.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  if (!table.tHead || !body || body.rows.length < 2) continue;
  const original = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const missing = text => text === "" || text.startsWith("\\u2013");
  const numeric = text => /^[-+]?(\\d[\\d,]*\\.?\\d*|\\.\\d+)(?=$|[ *(])/.exec(text);
  const number = text => parseFloat(numeric(text)[1].replaceAll(",", "")) * (text.startsWith("-") ? -1 : 1);
  heads.forEach((head, column) => {
    if (!head.textContent.trim()) return;
    const textOf = row => row.cells[column].textContent.trim();
    const present = original.map(textOf).filter(text => !missing(text));
    const compare = present.every(numeric)
      ? (a, b) => number(a) - number(b)
      : (a, b) => a.localeCompare(b, "en", { numeric: true });
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent.trim();
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const now = { none: "ascending", ascending: "descending", descending: "none" }[before];
      for (const other of heads) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", now);
      const sign = now === "descending" ? -1 : 1;
      const sorted = now === "none" ? original : original.slice().sort((one, two) => {
        const a = textOf(one), b = textOf(two);
        // What is missing stays at the foot, whichever way is up.
        return missing(a) - missing(b) || (missing(a) ? 0 : sign * compare(a, b));
      });
      body.append(...sorted);
    });
  });
}
"""
