// The last taps and what came of each.

const KEPT = 30;

export function startResults(page) {
  const list = page.querySelector("#results");

  function add(result) {
    page.querySelector("#no-results").hidden = true;
    const row = page.querySelector("#result-row").content.cloneNode(true);
    const { pattern, name, verdict } = result.feedback ?? {};
    row.querySelector(".lamp").dataset.pattern = pattern ?? "none";
    row.querySelector(".said").textContent = pattern
      ? [page.dataset[pattern], name].filter(Boolean).join(", ")
      : result.detail ?? result.error;
    row.querySelector(".detail").textContent = [
      result.gate,
      result.label,
      verdict ?? result.error,
      result.at.toLocaleTimeString(document.documentElement.lang),
    ].join(" · ");
    const times = (result.readings ?? []).map((reading) => page.dataset.took.replace("{n}", reading.took_ms));
    row.querySelector(".took").textContent = times.join(", ");
    list.prepend(row);
    while (list.children.length > KEPT) list.lastElementChild.remove();
  }

  return { add };
}
