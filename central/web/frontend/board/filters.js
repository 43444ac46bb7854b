// Filters of the stream by way, course and name. They are links and a form that work without this
// script; here they act at once and keep the address current. The same rules as StreamFilter's.

const MARKS = /[\u0300-\u036f]/g;

export function fold(text) {
  return text.toLowerCase().normalize("NFD").replace(MARKS, "").split(/\s+/).filter(Boolean);
}

const names = new WeakMap(); // row -> its folded name; thousands of rows are asked at each key

function nameOf(row) {
  if (!names.has(row)) {
    const named = row.dataset.kind !== "nobody";
    names.set(row, named ? fold(row.querySelector(".name").textContent).join(" ") : "");
  }
  return names.get(row);
}

export function startFilters(stream) {
  const wanted = new URL(location.href).searchParams;
  const field = document.querySelector("#stream-search");

  function apply() {
    const kind = wanted.get("kind") ?? "";
    const course = wanted.get("course") ?? "";
    const words = fold(wanted.get("q") ?? "");
    stream.filter(
      kind,
      (row) =>
        (!course || row.dataset.course === course) &&
        words.every((word) => nameOf(row).includes(word)),
    );
  }

  function set(name, value) {
    if (value) wanted.set(name, value);
    else wanted.delete(name);
    const query = wanted.toString();
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
    for (const link of document.querySelectorAll("[data-filter-kind], [data-filter-course]")) point(link);
    apply();
  }

  function point(link) {
    if (link.closest("[data-part]")) return; // the server's: rendered anew with each update
    const [name, value] = filterOf(link);
    if (value === (wanted.get(name) ?? "")) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    const target = new URLSearchParams(wanted);
    if (value) target.set(name, value);
    else target.delete(name);
    link.search = target.toString();
  }

  function showCourse() {
    const chosen = document.querySelector("#course-chosen");
    const link = document.querySelector('#course-menu [aria-current="true"]');
    const course = wanted.get("course");
    chosen.textContent = course && link ? link.textContent : chosen.dataset.all;
    const summary = chosen.closest("summary");
    if (course) summary.setAttribute("aria-current", "true");
    else summary.removeAttribute("aria-current");
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-filter-kind], [data-filter-course]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    set(...filterOf(link));
    showCourse();
    const menu = link.closest("details.menu");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    if (link.closest("[data-part]")) document.querySelector("#stream-title").scrollIntoView({ block: "start" });
  });

  field.addEventListener("input", () => set("q", field.value.trim()));
  field.form.addEventListener("submit", (event) => event.preventDefault());
  apply();
}

function filterOf(link) {
  return "filterKind" in link.dataset
    ? ["kind", link.dataset.filterKind]
    : ["course", link.dataset.filterCourse];
}
