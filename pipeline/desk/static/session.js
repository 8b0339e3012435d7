// The page of a session: timeline, transcript, moments, and who is who.

import { follow, keys, post, say, trouble } from "./desk.js";
import { Missed } from "./missed.js";
import { Player } from "./player.js";

const missed = new Missed(() => location.reload());
const player = new Player({ drawn: (start, end) => missed.open(start, end) });
missed.with(player);
const near = player.lines.find(({ end }) => end > player.begin);
if (player.begin && near) player.reveal(near.line);
document.getElementById("mark-missed").addEventListener("click", () => missed.open(player.ms, player.ms + 10000));

const moments = [...document.querySelectorAll("#candidates li")];
let chosen = moments.findIndex(
  ({ dataset }) => Number(dataset.start) <= player.begin && player.begin < Number(dataset.end),
);
moments[chosen]?.classList.add("chosen");

function step(by) {
  if (!moments.length) return;
  moments[chosen]?.classList.remove("chosen");
  chosen = Math.min(Math.max(0, chosen + by), moments.length - 1);
  moments[chosen].classList.add("chosen");
  moments[chosen].querySelector("a").focus();
  player.seek(Number(moments[chosen].dataset.start));
}

const open = () => moments[chosen]?.querySelector("a").click();
keys({ j: () => step(1), k: () => step(-1), Enter: open, c: open, q: () => follow("to-queue") });

for (const item of document.querySelectorAll(".loose li")) {
  const { start, end, verdict } = item.dataset;
  for (const picture of player.pictures) picture.stretch(Number(start), Number(end), `beside ${item.className}`);
  item.querySelector(".change")?.addEventListener("click", () => missed.open(Number(start), Number(end), item.dataset));
  item.querySelector(".undo")?.addEventListener("click", async () => {
    try {
      await post(`/verdicts/${verdict}/undo`, {});
      location.reload();
    } catch (caught) {
      say(caught.message);
    }
  });
}

const who = document.getElementById("roles");

async function correct(roles) {
  trouble(who, "");
  say("Re-analysing the session …");
  try {
    await post(who.dataset.path, { roles });
    location.reload();
  } catch (caught) {
    trouble(who, caught.message);
  }
}

for (const button of document.querySelectorAll("#swap, .offer"))
  button.addEventListener("click", () => correct(JSON.parse(button.dataset.roles)));
document.getElementById("set-roles").addEventListener("click", () => {
  const changed = [...who.querySelectorAll("select")].filter((select) => select.value !== select.dataset.was);
  if (!changed.length) say("Nothing was changed.");
  else correct(Object.fromEntries(changed.map((select) => [select.name, select.value])));
});
