// Recordings that are added, and how far they are.

import { post, trouble } from "./desk.js";

const LOOKS_MS = 1000;
const STATES = { waiting: "waiting", working: "at work", done: "in the queue", kept: "was there already", failed: "failed" };
const panel = document.getElementById("progress");
const form = document.getElementById("add");

function show(told) {
  panel.hidden = !told.recordings.length;
  const rows = told.recordings.map((each) => {
    const row = document.createElement("li");
    row.className = each.state;
    const name = document.createElement("b");
    name.textContent = each.name;
    name.dir = "auto";
    const state = document.createElement("span");
    state.textContent = each.stage ? `${STATES[each.state]}: ${each.stage}` : STATES[each.state];
    row.append(name, state);
    if (each.note) {
      const note = document.createElement("small");
      note.textContent = each.note;
      row.append(note);
    }
    if (each.session && each.state !== "failed") {
      const link = document.createElement("a");
      link.href = `/sessions/${each.session}`;
      link.textContent = "open";
      row.append(link);
    }
    return row;
  });
  const list = panel.querySelector("ol");
  if (list.textContent !== rows.map((row) => row.textContent).join("")) list.replaceChildren(...rows);
  if (told.working) setTimeout(look, LOOKS_MS);
}

async function look() {
  try {
    show(await (await fetch("/recordings/progress", { headers: { accept: "application/json" } })).json());
  } catch {
    setTimeout(look, 5 * LOOKS_MS);
  }
}

if (!panel.hidden) look();

if (form) {
  const boxes = [...form.querySelectorAll("[name=key]")];
  const all = document.getElementById("all");
  const count = () => (document.getElementById("count").textContent = boxes.filter((box) => box.checked).length);
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    count();
  });
  form.addEventListener("change", count);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    trouble(form, "");
    const keys = boxes.filter((box) => box.checked).map((box) => box.value);
    if (!keys.length) {
      trouble(form, "No recording is chosen.");
      return;
    }
    try {
      show(await post("/recordings/add", { keys }));
      form.hidden = true;
    } catch (caught) {
      trouble(form, caught.message);
    }
  });
}
