// Keyboard shortcuts and filters of the queue.

import { keys } from "./desk.js";

const rows = [...document.querySelectorAll(".moments a")];
const seen = sessionStorage.getItem("seen");
rows.find((row) => row.pathname === seen)?.focus(); // the moment last visited, so that j goes on from there

function step(by) {
  const now = rows.indexOf(document.activeElement);
  const next = now < 0 ? 0 : Math.min(Math.max(0, now + by), rows.length - 1);
  rows[next]?.focus();
}

const filters = document.querySelector(".filters");
keys({
  j: () => step(1),
  k: () => step(-1),
  Enter: () => rows[0]?.click(),
  f: () => filters.elements.kind.focus(),
});

filters.addEventListener("change", (event) => {
  if (event.target.matches("select")) filters.requestSubmit();
});
filters.addEventListener("submit", () => {
  // Keep empty fields out of the address.
  for (const field of filters.elements) if (field.name && !field.value) field.disabled = true;
});
