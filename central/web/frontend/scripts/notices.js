// Says in words when a part of the page could not be fetched or sent. The texts are in layout.html.

const SHOWN_FOR_MS = 8000;
let hiding;

function show(text) {
  const notice = document.querySelector("#notice");
  if (!notice) return;
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (notice.hidden = true), SHOWN_FOR_MS);
}

function textOf(name) {
  return document.querySelector("#notice")?.dataset[name] ?? "";
}

document.addEventListener("htmx:sendError", () => show(textOf("offline")));
document.addEventListener("htmx:timeout", () => show(textOf("offline")));
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.getResponseHeader("HX-Redirect")) return; // on its way to the sign-in page
  show(textOf("failed"));
});
