// The page: one stream of events of the same API that everybody else asks, shown as it comes.

import { showAudit } from "./audit.js";
import { narrow, showDiagram } from "./diagram.js";
import { byId, level, say } from "./elements.js";
import { leases } from "./leases.js";
import { build, showRelationship } from "./relationship.js";
import { ask, keepToken, mayEdit, maySteer, session } from "./session.js";
import { setup } from "./setup.js";
import { showEvents } from "./timeline.js";

const MAX_EVENTS = 200;

const stream = { lastEvent: 0, stop: null, entered: null };
const sections = new Map();
const events = [];

async function greet() {
  const known = await (await ask("/v1/session")).json();
  session.role = known.role;
  say(byId("session"), `${known.name} · ${known.role}`);
  byId("token-button").hidden = known.name === "loopback";
  for (const button of document.querySelectorAll("[data-steers]")) button.disabled = !maySteer();
  for (const button of document.querySelectorAll("[data-edits]")) button.disabled = !mayEdit();
}

async function listen() {
  stream.stop = new AbortController();
  const headers = { "last-event-id": String(stream.lastEvent) };
  const response = await ask("/v1/events", { headers, signal: stream.stop.signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the server has ended the stream");
    text += value;
    const pieces = text.split("\n\n");
    text = pieces.pop();
    pieces.forEach(hear);
  }
}

function hear(piece) {
  const heard = { event: "", data: "" };
  for (const line of piece.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) heard[line.slice(0, colon)] = line.slice(colon + 2);
  }
  if (!heard.data) return;
  const data = JSON.parse(heard.data);
  if (heard.event === "status") return showStatus(data);
  if (heard.event === "missed") return;
  // Numbers begin anew with the process.
  if (data.number <= stream.lastEvent) events.length = 0;
  stream.lastEvent = data.number;
  events.unshift({ ...data, kind: heard.event });
  events.length = Math.min(events.length, MAX_EVENTS);
  sections.forEach((made) => showEvents(made, events));
}

async function stay() {
  let wait = 500;
  for (;;) {
    try {
      await greet();
      wait = 500;
      await listen();
    } catch (error) {
      if (error.name === "AbortError") continue;
      if (error.status === 401) {
        showLive("dead", "no token");
        await enterToken(session.token ? error.message : "");
        wait = 0;
      }
      showLost(error);
    }
    await new Promise((resume) => setTimeout(resume, wait));
    wait = Math.min(wait * 2, 4000);
  }
}

function showLive(value, text) {
  level(byId("live"), value);
  say(byId("live"), text);
}

function showLost(error) {
  showLive("dead", "no answer");
  const alarm = byId("alarm");
  alarm.hidden = false;
  const why = error.status ? `: ${error.message}` : "";
  say(alarm, `This server does not answer${why}. What is shown below is what it said last; its partner may be asked at its own address.`);
  byId("content").classList.add("stale");
}

// Tokens.

function enterToken(why) {
  const dialog = byId("token-dialog");
  say(byId("token-error"), why);
  if (!dialog.open) dialog.showModal();
  return new Promise((resume) => { stream.entered = resume; });
}

byId("token-dialog").querySelector("form").addEventListener("submit", () => {
  keepToken(byId("token-input").value.trim());
  byId("token-input").value = "";
  if (stream.entered) stream.entered();
  if (stream.stop) stream.stop.abort();
});
byId("token-cancel").addEventListener("click", () => byId("token-dialog").close());
byId("token-button").addEventListener("click", () => enterToken(""));

// What is told.

function showStatus(status) {
  showLive("ok", "live");
  byId("content").classList.remove("stale");
  say(byId("version"), status.version);
  const alarm = byId("alarm");
  alarm.hidden = status.storage === "ok";
  say(alarm, status.storage === "ok" ? "" : "The disk is full or takes no writes: no client is answered until there is room.");
  const names = new Set(status.relationships.map((relationship) => relationship.name));
  for (const [name, made] of sections) {
    if (!names.has(name)) { made.box.remove(); sections.delete(name); }
  }
  for (const relationship of status.relationships) {
    if (!sections.has(relationship.name)) {
      sections.set(relationship.name, build(relationship.name));
      showEvents(sections.get(relationship.name), events);
    }
    showRelationship(sections.get(relationship.name), relationship);
  }
  document.title = title(status.relationships);
  if (byId("leases").hidden) { byId("leases").hidden = false; leases.refresh(); showAudit(); }
  setup.heard(status.relationships);
  leases.changed(JSON.stringify(status.relationships.map((relationship) => relationship.pools.map((pool) => [pool.free, pool.backup, pool.active, pool.abandoned]))));
}

function title(relationships) {
  const odd = relationships.find((relationship) => relationship.state !== "normal");
  return odd ? `${odd.state} · ${odd.name} · twinlease` : "twinlease";
}

narrow.addEventListener("change", () => sections.forEach((made) => showDiagram(made, made.told)));

stay();
