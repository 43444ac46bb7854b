// The office's forms: a drawn signature, fields that belong to one choice, printing.

import { signatures } from "./desk/signature.js";

for (const field of document.querySelectorAll("[data-signature]")) signatures(field);

for (const select of document.querySelectorAll("select[data-shows]")) {
  const shown = document.getElementById(select.dataset.shown);
  const update = () => (shown.hidden = select.value !== select.dataset.shows);
  select.addEventListener("change", update);
  update();
}

for (const button of document.querySelectorAll("[data-prints]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

for (const field of document.querySelectorAll("[data-submits]")) {
  field.addEventListener("change", () => field.checkValidity() && field.form.requestSubmit());
}
