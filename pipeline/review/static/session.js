// The whole session: its picture, transcript, moments, and who is who.

import { follow, keys, post, say, trouble } from "./desk.js";
import { marking } from "./missed.js";
import { Player } from "./player.js";

const player = new Player();
const moments = [...document.querySelectorAll(".short a")];
let chosen = -1;

function step(by) {
  if (!moments.length) return;
  chosen = Math.min(Math.max(0, chosen + by), moments.length - 1);
  moments[chosen].focus();
}

keys({ j: () => step(1), k: () => step(-1), q: () => follow("to-queue") });
marking(player, () => location.reload());

const who = document.getElementById("roles");

async function mend(roles) {
  trouble(who, "");
  try {
    const told = await post(who.dataset.path, { roles });
    say(`Rules ran again: ${told.moments} moments.`);
    location.reload();
  } catch (caught) {
    trouble(who, caught.message);
  }
}

const swap = document.getElementById("swap");
swap?.addEventListener("click", () => mend(JSON.parse(swap.dataset.roles)));
document.getElementById("set-roles").addEventListener("click", () => {
  const changed = [...who.querySelectorAll("select")].filter((select) => select.value !== select.dataset.was);
  if (!changed.length) say("Nothing was changed.");
  else mend(Object.fromEntries(changed.map((select) => [select.name, select.value])));
});

for (const item of document.querySelectorAll(".loose li"))
  item.querySelector(".undo").addEventListener("click", async () => {
    try {
      await post(`/verdicts/${item.dataset.verdict}/undo`, {});
      location.reload();
    } catch (caught) {
      say(caught.message);
    }
  });
