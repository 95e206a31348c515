"use strict";
// The population list: unpacks every verdict and shows a page of those asked for.
// Names are hostile: they reach the page as text only, control characters spelled out.
(async () => {
  const PAGE = 100;
  const SIGNS = { p: ["passed", "✓"], f: ["failed", "✕"], w: ["waived", "◇"], u: ["unknown", "?"] };
  const byId = (id) => document.getElementById(id);
  if (!("DecompressionStream" in window)) return;

  const packed = atob(JSON.parse(byId("verdicts").textContent));
  const bytes = Uint8Array.from(packed, (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = await new Response(stream).json();

  const visible = (text) =>
    text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, (c) => "\\u{" + c.codePointAt(0).toString(16) + "}");
  const lower = (list) => list.map((text) => text.toLowerCase());
  const found = { subjects: lower(data.subjects), notes: lower(data.notes) };

  const form = byId("explorer");
  const { text, rule, outcome, back, on } = form.elements;
  data.rules.forEach((name, n) => rule.append(new Option(visible(name), n)));

  let rows = [];
  let first = 0;

  const filter = () => {
    const words = text.value.toLowerCase();
    rows = [];
    for (let n = 0; n < data.outcome.length; n++) {
      if (outcome.value && data.outcome[n] !== outcome.value) continue;
      if (rule.value !== "" && data.rule[n] !== Number(rule.value)) continue;
      if (words && !found.subjects[data.subject[n]].includes(words) && !found.notes[data.note[n]].includes(words)) continue;
      rows.push(n);
    }
    first = 0;
    show();
  };

  const cell = (parent, words, className) => {
    const made = parent.appendChild(document.createElement("td"));
    made.textContent = words;
    if (className) made.className = className;
  };

  const show = () => {
    const body = byId("explorer-rows");
    body.replaceChildren();
    for (const n of rows.slice(first, first + PAGE)) {
      const row = body.appendChild(document.createElement("tr"));
      const [word, sign] = SIGNS[data.outcome[n]];
      cell(row, sign + " " + word, "outcome " + word);
      cell(row, visible(data.rules[data.rule[n]]), "id");
      cell(row, visible(data.subjects[data.subject[n]]), "id");
      cell(row, data.notes[data.note[n]]);
    }
    const last = Math.min(first + PAGE, rows.length);
    byId("explorer-count").textContent = rows.length
      ? `${(first + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`
      : "None fits.";
    back.disabled = first === 0;
    on.disabled = last === rows.length;
  };

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  back.addEventListener("click", () => { first -= PAGE; show(); });
  on.addEventListener("click", () => { first += PAGE; show(); });
  byId("explorer-off").hidden = true;
  form.hidden = false;
  filter();
})();
