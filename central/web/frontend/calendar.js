// The year by keyboard, the month of today on a phone, and fields that belong to one kind.

const year = document.querySelector("[data-calendar]");
if (year) {
  const days = [...year.querySelectorAll("[data-date]")];
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
  const first = days.find((day) => day.hasAttribute("aria-current")) ?? days[0];
  // one stop for the tab key; the arrows do the rest
  const stopAt = (chosen) => days.forEach((day) => (day.tabIndex = day === chosen ? 0 : -1));
  stopAt(first);
  year.addEventListener("keydown", (event) => {
    const at = days.indexOf(event.target.closest("[data-date]"));
    const next = at < 0 ? undefined : days[at + (steps[event.key] ?? NaN)];
    if (!next) return;
    event.preventDefault();
    stopAt(next);
    next.focus();
  });
  const month = year.querySelector("[data-now]");
  if (month) {
    year.scrollLeft += month.getBoundingClientRect().left - year.getBoundingClientRect().left;
  }
}

const form = document.querySelector("[data-exception]");
if (form) {
  const shown = (field, wanted) => {
    field.hidden = !wanted;
  };
  const update = () => {
    const kind = form.elements.kind.value;
    for (const field of form.querySelectorAll("[data-for]")) {
      shown(field, field.dataset.for.split(" ").includes(kind));
    }
    form.querySelector("[data-times]").hidden = !["hours", "early_leave", "recovery"].includes(kind);
    const courses = form.querySelector("[data-for-scope]");
    shown(courses, form.elements.scope.value === courses.dataset.forScope);
  };
  form.addEventListener("change", update);
  const from = form.elements.from;
  const to = form.elements.to;
  from.addEventListener("change", () => {
    if (to.value < from.value) to.value = from.value;
  });
  update();
}
