// The relationships and scopes as they are configured, how far each has come, and what can be changed.

import { openChange } from "./change.js";
import { EDITS } from "./edits.js";
import { byId, element, level, say } from "./elements.js";
import { CHANGED, ask, mayEdit } from "./session.js";
import { ago, count, progressWords, span } from "./words.js";

const known = { relationships: [], scopes: [] };
const standings = new Map();

export const setup = {
  signature: null, told: [],
  // The status comes every second; what is configured is asked for when it looks different.
  heard(relationships) {
    this.told = relationships;
    const signature = JSON.stringify(relationships.map(({ name, role, pools }) => [name, role, pools.map(({ range }) => range)]));
    if (signature !== this.signature) { this.signature = signature; this.refresh(); }
    showStandings();
  },
  async refresh() {
    byId("setup").hidden = false;
    try {
      const [relationships, scopes] = await Promise.all(["/v1/relationships", "/v1/scopes"].map(async (path) => (await ask(path)).json()));
      Object.assign(known, relationships, scopes);
      show();
      say(byId("setup-note"), "");
    } catch (error) {
      say(byId("setup-note"), error.message);
    }
  },
};

function show() {
  standings.clear();
  byId("setup-relationships").replaceChildren(...known.relationships.map(relationshipEntry));
  byId("setup-scopes").replaceChildren(...known.scopes.map(scopeEntry));
  if (!known.relationships.length) byId("setup-relationships").append(element("p", { class: "note" }, "There is no relationship: this server shares its pools with nobody."));
  if (!known.scopes.length) byId("setup-scopes").append(element("p", { class: "note" }, "There is no scope: this server leases nothing."));
  showStandings();
}

function editButton(word, text, ...told) {
  const button = element("button", { "type": "button", "data-edits": "", "data-edit": word }, text);
  button.disabled = !mayEdit();
  button.addEventListener("click", () => openChange(EDITS[word](...told), button));
  return button;
}

// Relationships.

function relationshipEntry(told) {
  const standing = { chip: element("span", { class: "chip" }), more: element("span", { class: "quiet" }), told };
  standings.set(told.name, standing);
  const drift = element("div", { class: "drift", role: "status" });
  const check = element("button", { "type": "button", "data-drift": "" }, "Check drift");
  check.addEventListener("click", () => showDrift(told.name, drift));
  const replicate = editButton("replicate", "Replicate", told);
  replicate.disabled ||= !told.scopes.length;
  return element("article", { "class": "entry", "data-entry": `relationship ${told.name}`, "aria-label": `Relationship ${told.name}` },
    element("div", { class: "head" }, element("h4", {}, told.name), standing.chip, standing.more),
    element("p", {}, `${told.role} · ${modeWords(told)}`),
    element("p", { class: "mono" }, `${told.address}:${told.port} → ${told["peer-address"]}:${told["peer-port"]}`),
    element("p", { class: "note" }, told.scopes.length ? `Scopes: ${told.scopes.join(", ")}` : "No scope yet."),
    element("details", {}, element("summary", {}, "Parameters"), parameterList(told)),
    element("div", { class: "actions" }, editButton("modify", "Modify", told), editButton("add-scope", "Add a scope", told, known.scopes),
      replicate, check, editButton("remove", "Remove", told)),
    drift);
}

function modeWords(told) {
  if (told.role === "secondary") return "the primary says the mode";
  if (told.mode === "hot-standby") return `hot standby${told["reserve-percent"] === null ? "" : `, ${told["reserve-percent"]} % in reserve`}`;
  return `load balance${told.split === null ? "" : `, ${told.split} of 256 clients here`}`;
}

const isTime = (value) => typeof value === "number";
const seconds = (value) => (isTime(value) ? span(value) : value);
const ALL = [
  ["role", "Role"], ["mode", "Mode"], ["address", "Address"], ["port", "Port"], ["peer-address", "Partner's address"], ["peer-port", "Partner's port"],
  ["max-response-delay", "Max response delay", seconds], ["max-unacked-updates", "Max unacked updates"], ["mclt", "Lead time (MCLT)", seconds],
  ["split", "Split, of 256"], ["reserve-percent", "Reserve, in percent"], ["load-balance-max-seconds", "Load balance max seconds"],
  ["auto-partner-down", "Automatic switchover", (value) => (value === 0 ? "never" : seconds(value))], ["heartbeat-interval", "Heartbeat interval"],
  ["contact-lost-time", "Contact lost time"], ["takeover-delay", "Takeover delay"], ["dialect", "Dialect"], ["shared-secret", "Shared secret"],
  ["peer-admin", "Partner's admin address"], ["state", "State"], ["partner-state", "Partner's state"],
];

function parameterList(told) {
  const value = ([key, , words]) => (told[key] === null || told[key] === undefined ? "not set" : words ? words(told[key]) : String(told[key]));
  return element("dl", { class: "facts" }, ...ALL.map((entry) => element("div", { "data-key": entry[0] }, element("dt", {}, entry[1]), element("dd", {}, value(entry)))));
}

// How far each is: empty, not synced, syncing with what is done, synced with when.
function showStandings() {
  for (const [name, { chip, more, told }] of standings) {
    const live = setup.told.find((relationship) => relationship.name === name);
    const status = told.scopes.length && live ? live.sync : told.status;
    say(chip, status.replaceAll("-", " "));
    level(chip, { "synced": "good", "not-synced": "warn" }[status] || "");
    say(more, standingWords(status, live));
  }
}

function standingWords(status, live) {
  if (status === "empty" || !live) return "";
  if (live.progress) return progressWords(live.progress);
  return `last synced ${ago(live["last-synced"])}`;
}

// Drift.

async function showDrift(name, where) {
  where.replaceChildren(element("p", { class: "note" }, "Asking the partner."));
  try {
    const told = await (await ask(`/v1/relationships/${encodeURIComponent(name)}/drift`)).json();
    where.replaceChildren(told["in-agreement"] ? element("p", { class: "agrees" }, "Both servers are configured alike.") : driftTable(told.differences));
  } catch (error) {
    where.replaceChildren(element("p", { class: "error" }, error.message));
  }
}

function driftTable(differences) {
  const head = ["What", "Key", "Here", "There"].map((text) => element("th", { scope: "col" }, text));
  const text = (value) => (value === null ? "nothing" : typeof value === "string" ? value : JSON.stringify(value));
  const row = ({ what, key, here, there }) => element("tr", {}, element("td", {}, what), element("td", {}, key), element("td", { class: "mono" }, text(here)), element("td", { class: "mono" }, text(there)));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Differences" },
    element("p", {}, `${count(differences.length)} ${differences.length === 1 ? "difference" : "differences"}`),
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...differences.map(row))));
}

// Scopes.

function scopeEntry(scope) {
  const owners = [...new Set(scope.pools.map((pool) => pool.relationship).filter(Boolean))];
  const times = [["default-lease-time", "lease"], ["max-lease-time", "at most"]].filter(([key]) => scope[key]).map(([key, word]) => `${word} ${seconds(scope[key])}`);
  const options = Object.entries(scope.options).map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(", ") : value}`);
  const held = scope.reservations.length ? [`${count(scope.reservations.length)} reserved`] : [];
  return element("article", { "class": "entry", "data-entry": `scope ${scope.network}`, "aria-label": `Scope ${scope.network}` },
    element("div", { class: "head" }, element("h4", { class: "mono" }, scope.network), element("span", { class: "quiet" }, [...times, ...held].join(" · "))),
    element("ul", { class: "ranges" }, ...scope.pools.map(poolRow)),
    options.length ? element("p", { class: "note" }, options.join(" · ")) : null,
    scope.reservations.length ? reservations(scope) : null,
    ...owners.map((owner) => scopeActions(scope, owner, owners.length > 1)),
    element("div", { class: "actions" }, editButton("reserve", "Reserve an address", scope)));
}

function reservations(scope) {
  const row = (held) => element("li", { "data-held": held.address },
    element("span", { class: "mono" }, held.address), element("span", { class: "mono quiet" }, held["hw-address"] || held["client-id"]),
    editButton("change-reservation", "Change", held), editButton("free-reservation", "Remove", held));
  return element("details", {}, element("summary", {}, "Reservations"), element("ul", { class: "ranges" }, ...scope.reservations.map(row)));
}

function poolRow(pool) {
  const owner = pool.disabled ? "disabled" : pool.relationship || "this server alone";
  return element("li", {}, element("span", { class: "mono" }, pool.range), element("span", { class: "quiet" }, owner));
}

function scopeActions(scope, owner, isOneOfMany) {
  const told = known.relationships.find((relationship) => relationship.name === owner) || { name: owner };
  const others = known.relationships.map(({ name }) => name).filter((name) => name !== owner);
  const suffix = isOneOfMany ? ` (${owner})` : "";
  const move = editButton("move-scope", `Move${suffix}`, told, scope, others);
  move.disabled ||= !others.length;
  return element("div", { class: "actions" }, editButton("replicate-scope", `Replicate${suffix}`, told, scope), move, editButton("remove-scope", `Remove from ${owner}`, told, scope));
}

byId("setup-actions").append(editButton("create", "New relationship"), editButton("replicate-all", "Replicate all"), editButton("reload", "Reload the file"));
document.addEventListener(CHANGED, () => setup.refresh());
