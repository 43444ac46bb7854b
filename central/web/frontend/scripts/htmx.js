// htmx, with the form token that the server demands of every change. Its settings stand in base.html.

import htmx from "htmx.org";

window.htmx = htmx; // extensions such as htmx-ext-sse look for it here

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  event.detail.headers["X-CSRFToken"] = token;
});
