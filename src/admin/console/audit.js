// Who changed what.

import { byId, element, say } from "./elements.js";
import { CHANGED, ask, mayEdit } from "./session.js";
import { moment } from "./words.js";

export async function showAudit() {
  const box = byId("audit");
  box.hidden = !mayEdit();
  if (box.hidden) return;
  try {
    const { entries } = await (await ask("/v1/audit?limit=50")).json();
    const ended = new Set(entries.map((entry) => entry.outcome !== "begun" && entry.begun));
    const shown = entries.filter((entry) => entry.outcome !== "begun" || !ended.has(entry.number));
    byId("audit-rows").replaceChildren(...shown.map(auditRow));
    say(byId("audit-note"), shown.length ? "" : "Nothing has been changed by anybody.");
  } catch (error) {
    say(byId("audit-note"), error.message);
  }
}

function auditRow(entry) {
  const state = (picture) => (picture ? picture.state || picture["binding-status"] || "" : "");
  const [before, after] = [state(entry.before), state(entry.after)];
  const change = entry.outcome === "done" && before !== after ? ` ${before} → ${after}` : "";
  const outcome = entry.outcome === "done" ? "" : `, ${entry.outcome}`;
  const item = element("li", { "data-level": entry.outcome === "done" ? "good" : "warn" },
    element("time", { datetime: new Date(entry.at * 1000).toISOString() }, moment(entry.at)),
    `${entry.who.name}: ${entry.action} ${entry.target}${outcome}${change}`);
  if (entry.error) item.append(element("span", { class: "why" }, `${entry.error} (${entry.rule})`));
  return item;
}

document.addEventListener(CHANGED, showAudit);
