// Adding recordings and showing their progress.

import { clock, post, refresh, say, trouble } from "./desk.js";

const LOOKS_MS = 1000;
const STATES = { waiting: "waiting", working: "processing", done: "in the queue", kept: "already added", failed: "failed" };
const STAGES = {
  media: "reading the recording",
  activity: "finding speech",
  spans: "separating speakers",
  frames: "measuring pitch and level",
  voices: "comparing enrolled voices",
  words: "transcribing",
  quality: "checking the recording quality",
  turns: "finding turns and silences",
  readings: "reading replies",
  values: "measuring each turn",
  roles: "finding who is who",
  measures: "comparing with typical values",
  moments: "looking for moments",
  report: "writing the report",
};
const panel = document.getElementById("progress");
const form = document.getElementById("add");
const failed = document.getElementById("failed");

function part(name, text) {
  return Object.assign(document.createElement(name), { textContent: text });
}

function shown(each) {
  const row = document.createElement("li");
  row.className = each.state;
  row.append(Object.assign(part("b", each.name), { dir: "auto" }), part("span", STATES[each.state]));
  if (each.state === "working") {
    const names = Object.keys(STAGES);
    const bar = document.createElement("progress");
    bar.max = names.length;
    bar.value = Math.max(0, names.indexOf(each.stage));
    bar.setAttribute("aria-label", `Progress of ${each.name}`);
    row.append(bar, part("small", `${STAGES[each.stage] ?? "starting"}, ${clock(1000 * each.for_s)}`));
  } else if (each.note) row.append(part("small", each.note));
  if (each.session && each.state !== "failed") {
    const moments = each.moments === 1 ? "1 suggested moment" : `${each.moments} suggested moments`;
    row.append(Object.assign(part("a", moments), { href: `/sessions/${each.session}` }));
  }
  return row;
}

/** How the run stands: "2 added, 1 failed, 3 to go". */
function sum(recordings) {
  const having = (...states) => recordings.filter((each) => states.includes(each.state)).length;
  const parts = [
    [having("done"), "added"],
    [having("kept"), "already added"],
    [having("failed"), "failed"],
    [having("waiting", "working"), "to go"],
  ];
  return parts.flatMap(([count, what]) => (count ? `${count} ${what}` : [])).join(", ");
}

function show(run) {
  panel.hidden = !run.recordings.length;
  panel.querySelector("ol").replaceChildren(...run.recordings.map(shown));
  const now = sum(run.recordings);
  panel.querySelector(".sum").textContent = now;
  if (show.last !== undefined && show.last !== now) {
    say(now);
    refresh("failed");
  }
  show.last = now;
  clearTimeout(show.timer);
  if (run.working || now.endsWith("to go")) show.timer = setTimeout(look, LOOKS_MS);
}

async function look() {
  try {
    show(await (await fetch("/recordings/progress", { headers: { accept: "application/json" } })).json());
  } catch {
    show.timer = setTimeout(look, 5 * LOOKS_MS);
  }
}

async function add(keys) {
  show.last = "";
  show(await post("/recordings/add", { keys }));
}

if (!panel.hidden) look();

failed.addEventListener("click", async ({ target }) => {
  if (!target.matches(".retry")) return;
  target.disabled = true;
  try {
    await add([target.dataset.key]);
    panel.querySelector("h2").focus();
  } catch (caught) {
    target.disabled = false;
    trouble(failed, caught.message);
  }
});

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
      trouble(form, "Choose at least one recording.");
      return;
    }
    try {
      await add(keys);
      for (const box of boxes) if (box.checked) box.closest("li").remove();
      boxes.splice(0, boxes.length, ...boxes.filter((box) => box.isConnected));
      form.hidden = !boxes.length;
      all.checked = false;
      count();
    } catch (caught) {
      trouble(form, caught.message);
    }
  });
}
