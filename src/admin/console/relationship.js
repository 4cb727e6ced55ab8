// One relationship: both servers and the line between them, and everything that is known of it.

import { byId, drawn, element, level, say } from "./elements.js";
import { showDiagram } from "./diagram.js";
import { showPools } from "./pools.js";
import { actions } from "./steer.js";
import { LEVELS, ago, count, moment, now, progressWords, rate, span } from "./words.js";

const MAX_RATES = 120;

function fact(label) {
  const value = element("dd", {});
  return { row: element("div", {}, element("dt", {}, label), value), value };
}

function server(title) {
  const parts = { who: element("p", { class: "who" }, title), state: element("p", { class: "state" }), since: element("p", { class: "since" }) };
  return { ...parts, card: element("div", { class: "server" }, parts.who, parts.state, parts.since) };
}

function legend(...entries) {
  return element("ul", { class: "legend" }, ...entries.map(([key, text]) => element("li", {}, element("i", { "class": `key-${key}`, "aria-hidden": "true" }), text)));
}

function block(title, ...children) {
  return element("section", { class: "block" }, element("h3", {}, title), ...children);
}

export function build(name) {
  const made = { name, rates: [], pools: new Map(), title: element("span", { class: "quiet" }) };
  made.own = server("This server");
  made.partner = server("Partner");
  made.wire = { what: element("p", { class: "what" }), track: element("div", { class: "track" }), more: element("p", { class: "more" }), maintenance: element("p", { class: "maintenance" }) };
  made.wire.box = element("div", { class: "wire", role: "status" }, made.wire.what, made.wire.track, made.wire.more, made.wire.maintenance);
  const labels = { sync: "Agreement", unacked: "Updates", oldest: "Oldest unanswered", rate: "Updates a second", fresh: "New leases an hour", clock: "Clock difference", mclt: "Lead time (MCLT)", cut: "Leases cut by it", virtual: "Virtual address" };
  made.facts = Object.fromEntries(Object.entries(labels).map(([key, label]) => [key, fact(label)]));
  made.progress = element("progress", { max: "1", hidden: "", "aria-label": "Exchange of updates" });
  made.facts.sync.row.append(made.progress);
  made.poolBox = element("div", {});
  made.diagram = element("div", { class: "diagram" });
  made.spark = drawn("svg", { "class": "spark", "viewBox": "0 0 120 40", "preserveAspectRatio": "none", "role": "img", "aria-label": "Updates a second in the last two minutes" });
  made.line = element("ol", { "class": "line", "tabindex": "0", "aria-label": "Events" });
  const left = element("div", {},
    block("State", made.diagram, legend(["own", "this server"], ["partner", "partner, as last heard"])),
    block("Pools", made.poolBox, legend(["free", "free: the primary's to give"], ["backup", "backup: the secondary's"], ["active", "active"], ["other", "other"])),
    block("Updates a second", made.spark, legend(["sent", "answered by the partner"], ["received", "from the partner"])));
  const right = element("div", {},
    block("Time line", made.line),
    block("Steer", actions(made)));
  made.box = element("section", { class: "relationship" },
    element("h2", {}, name, made.title),
    element("div", { class: "pair" }, made.own.card, made.wire.box, made.partner.card),
    element("dl", { class: "facts" }, ...Object.values(made.facts).map((entry) => entry.row)),
    element("div", { class: "columns" }, left, right));
  byId("relationships").append(made.box);
  return made;
}

export function showRelationship(made, told) {
  const isOk = told.communications === "ok";
  made.told = told;
  say(made.title, told.role);
  say(made.own.who, `This server · ${told.role}`);
  say(made.own.state, told.state);
  say(made.own.since, told["state-since"] ? `for ${span(now() - told["state-since"])}` : "");
  level(made.own.card, LEVELS[told.state] || "warn");
  say(made.partner.who, `Partner · ${told.role === "primary" ? "secondary" : "primary"}`);
  const partner = told["partner-state"];
  say(made.partner.state, isOk ? partner || "unknown" : "not heard");
  made.partner.card.classList.toggle("dead", !isOk);
  level(made.partner.card, isOk ? LEVELS[partner] || "warn" : "bad");
  const since = told["partner-state-since"] ? ` for ${span(now() - told["partner-state-since"])}` : "";
  say(made.partner.since, isOk ? since.trim() : `last known: ${partner || "nothing"}`);
  made.wire.box.classList.toggle("cut", !isOk);
  say(made.wire.what, isOk ? "communications ok" : "communications interrupted");
  const until = told["maintenance-until"];
  say(made.wire.more, `last contact ${ago(told["last-contact"])}`);
  say(made.wire.maintenance, until ? `maintenance until ${moment(until)}` : "");
  made.deeds["end-maintenance"].hidden = !until;
  showFacts(made, told);
  showDiagram(made, told);
  showPools(made, told);
  showRates(made, told);
}

function showFacts(made, told) {
  const put = (key, value, small, isWarning) => {
    const where = made.facts[key].value;
    const text = `${value}\n${small}`;
    if (where.dataset.text !== text) {
      where.dataset.text = text;
      where.replaceChildren(value, element("small", {}, small));
    }
    level(where, isWarning ? "warn" : "");
  };
  const progress = told.progress;
  let detail = told.sync === "synced" ? "nothing waits on either side" : `last synced ${ago(told["last-synced"])}`;
  made.progress.hidden = !progress;
  if (progress) {
    detail = progressWords(progress);
    if (progress.total) made.progress.value = progress.done / progress.total;
    else made.progress.removeAttribute("value");
  }
  put("sync", told.sync.replaceAll("-", " "), detail, told.sync === "not-synced");
  put("unacked", `${count(told["unacked-updates"])} under way`, `${count(told["queued-updates"])} queued · window ${count(told["partner-window"])}, own ${count(told["own-window"])}`);
  const oldest = told["oldest-unacked-seconds"];
  put("oldest", oldest === null ? "none" : span(oldest), oldest === null ? "everything is answered" : "since it was sent", oldest > 10);
  put("rate", `${rate(told["sent-rate"])} · ${rate(told["received-rate"])}`, "sent · received");
  const fresh = told.pools.map((pool) => pool["new-leases-per-hour"]);
  const isKnown = fresh.every((number) => number !== null);
  put("fresh", isKnown ? count(Math.round(fresh.reduce((sum, number) => sum + number, 0))) : "counting", "of both servers, in all pools");
  const delta = told["clock-delta-seconds"];
  put("clock", delta === null ? "unknown" : `${delta > 0 ? "+" : ""}${delta} s`, "this server against the partner", Math.abs(delta) > 5);
  put("mclt", span(told.mclt), "ahead of the partner at most");
  const cut = told["leases-cut-share"];
  put("cut", cut === null ? "none given" : `${Math.round(cut * 100)} %`, "of the leases given here");
  const virtual = told["virtual-address"];
  made.facts.virtual.row.hidden = !virtual;
  if (virtual) put("virtual", virtual.address, virtual["is-here"] ? "on this server" : "not on this server");
}

function showRates(made, told) {
  made.rates.push([told["sent-rate"], told["received-rate"]]);
  if (made.rates.length > MAX_RATES) made.rates.shift();
  const most = Math.max(1, ...made.rates.flat());
  const points = (index) => made.rates.map((pair, at) => `${at + MAX_RATES - made.rates.length},${(38 - (pair[index] / most) * 36).toFixed(2)}`).join(" ");
  made.spark.replaceChildren(
    drawn("line", { class: "base", x1: 0, y1: 38.5, x2: 120, y2: 38.5 }),
    drawn("polyline", { class: "received", points: points(1) }),
    drawn("polyline", { class: "sent", points: points(0) }));
}
