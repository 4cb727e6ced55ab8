// The time line of a relationship.

import { element } from "./elements.js";
import { LEVELS, moment } from "./words.js";

export function showEvents(made, heard) {
  const own = heard.filter((event) => event.relationship === made.name);
  made.line.replaceChildren(...own.map((event) => {
    const [what, why] = eventWords(event);
    const item = element("li", { "data-level": eventLevel(event), "data-kind": event.kind },
      element("time", { datetime: new Date(event.at * 1000).toISOString() }, moment(event.at)), what);
    if (why) item.append(element("span", { class: "why" }, why));
    return item;
  }));
  if (!own.length) made.line.append(element("li", {}, "Nothing has happened since this server started."));
}

function eventWords(event) {
  if (event.kind === "transition") return [`${event.from} → ${event.to}`, `${event.why} (${event.row})`];
  if (event.kind === "partner") return [`partner: ${event.to}${event.startup ? " (in startup)" : ""}`, ""];
  if (event.kind === "maintenance") return [event.until ? `maintenance until ${moment(event.until)}` : "maintenance is over", ""];
  return [event.text, ""];
}

function eventLevel(event) {
  if (event.kind === "transition") return LEVELS[event.to] || "warn";
  if (event.kind === "communications") return event.communications === "ok" ? "good" : "bad";
  return event.warning ? "warn" : "";
}
