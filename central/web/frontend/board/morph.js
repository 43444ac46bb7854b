// Changes a part of the page into new HTML by touching only what differs: what has the focus keeps
// it, open details stay open, and a bar grows from where it was.

export function morph(element, html) {
  const wanted = document.createElement("template");
  wanted.innerHTML = html;
  children(element, wanted.content);
}

function children(from, to) {
  const wanted = [...to.childNodes];
  wanted.forEach((node, at) => {
    const present = from.childNodes[at];
    if (present === undefined) from.append(node.cloneNode(true));
    else if (!alike(present, node)) present.replaceWith(node.cloneNode(true));
    else if (present.nodeType === Node.TEXT_NODE) text(present, node);
    else if (present.nodeType === Node.ELEMENT_NODE) node.isEqualNode(present) || same(present, node);
  });
  while (from.childNodes.length > wanted.length) from.lastChild.remove();
}

function alike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName;
}

function text(present, wanted) {
  if (present.data !== wanted.data) present.data = wanted.data;
}

function same(present, wanted) {
  const open = present.nodeName === "DETAILS" && present.open;
  for (const { name } of [...present.attributes]) {
    if (!wanted.hasAttribute(name)) present.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (present.getAttribute(name) !== value) present.setAttribute(name, value);
  }
  if (open) present.open = true;
  children(present, wanted);
}
