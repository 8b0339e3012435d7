// The queue by keyboard.

import { keys } from "./desk.js";

const rows = [...document.querySelectorAll(".moments a")];

function step(by) {
  const now = rows.indexOf(document.activeElement);
  const next = now < 0 ? 0 : Math.min(Math.max(0, now + by), rows.length - 1);
  rows[next]?.focus();
}

keys({ j: () => step(1), k: () => step(-1), Enter: () => rows[0]?.click() });

const filters = document.querySelector(".filters");
filters.addEventListener("change", (event) => {
  if (event.target.matches("select")) filters.requestSubmit();
});
filters.addEventListener("submit", () => {
  // What is usual need not stand in the address.
  for (const field of filters.elements) if (field.name && !field.value) field.disabled = true;
});
