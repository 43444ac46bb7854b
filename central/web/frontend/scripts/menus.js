// Menus are <details class="menu">, so they work without this; here they also close by themselves.
// A field with data-shortcut="/" is reached by that key.

function close(menu, { refocus }) {
  menu.open = false;
  if (refocus) menu.querySelector("summary").focus();
}

function openMenus() {
  return document.querySelectorAll("details.menu[open]");
}

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target)) close(menu, { refocus: false });
  }
});

document.addEventListener("focusin", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target)) close(menu, { refocus: false });
  }
});

function isTyping(element) {
  return element.matches("input, textarea, select, [contenteditable]");
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of openMenus()) close(menu, { refocus: true });
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const field = document.querySelector(`[data-shortcut="${CSS.escape(event.key)}"]`);
  if (field) {
    event.preventDefault(); // else the key is typed into the field
    field.focus();
  }
});
