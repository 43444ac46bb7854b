// The rows of the stream. A group is one student's (or one unknown card's) rows of the day; the
// server always sends a group whole, so an earlier tap that arrives late also corrects the others.

const NEWS_EVERY_MS = 15_000; // to screen readers; a rush read out row by row helps nobody

export function startStream(list) {
  const groups = new Map();
  let wanted = { kind: "", matches: () => true };
  let unread = 0;

  for (const row of list.children) keep(row);

  function keep(row) {
    const name = row.dataset.group;
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(row);
  }

  function replaceGroups(updated) {
    for (const [name, rows] of Object.entries(updated)) replaceGroup(name, rows);
    show();
  }

  function replaceGroup(name, rows) {
    const old = new Map((groups.get(name) ?? []).map((row) => [row.id, row]));
    groups.delete(name);
    for (const html of rows) {
      const row = parsed(html);
      const before = old.get(row.id);
      old.delete(row.id);
      keep(row);
      if (before) before.replaceWith(row);
      else insert(row);
    }
    for (const row of old.values()) row.remove();
  }

  function insert(row) {
    let next = list.firstElementChild;
    while (next && Number(next.dataset.at) > Number(row.dataset.at)) next = next.nextElementSibling;
    row.classList.add("is-new");
    list.insertBefore(row, next);
    unread += 1;
  }

  /** Show the rows of `kind` ("" is all) for which `matches`; the chips count what matches. */
  function filter(kind, matches) {
    wanted = { kind, matches };
    show();
  }

  function show() {
    const counts = { "": 0, entry: 0, exit: 0, nobody: 0 };
    for (const row of list.children) {
      const matches = wanted.matches(row);
      row.hidden = !matches || (wanted.kind !== "" && row.dataset.kind !== wanted.kind);
      if (!matches) continue;
      counts[""] += 1;
      counts[row.dataset.kind] += 1;
    }
    const format = new Intl.NumberFormat(document.documentElement.lang);
    for (const [kind, number] of Object.entries(counts)) {
      document.querySelector(`[data-count="${kind}"]`).textContent = format.format(number);
    }
    document.querySelector("#nothing").hidden = counts[wanted.kind] > 0;
  }

  setInterval(() => {
    if (unread === 0) return;
    const news = document.querySelector("#news");
    news.textContent = unread === 1 ? news.dataset.one : news.dataset.many.replace("{n}", unread);
    unread = 0;
  }, NEWS_EVERY_MS);

  return { replaceGroups, filter };
}

function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}
