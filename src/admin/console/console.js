"use strict";

// The status page. Everything comes from the same API as for everybody else, over one stream of events;
// what is told is shown as text and never as markup.

const TOKEN = "twinlease-token";
const SVG = "http://www.w3.org/2000/svg";
const MAX_EVENTS = 200;
const MAX_RATES = 120;
const LEASES = 50;
const FOREVER = 4294967295;

const byId = (id) => document.getElementById(id);
const session = { token: sessionStorage.getItem(TOKEN), role: null, lastEvent: 0, clock: 0, stop: null, entered: null };
const sections = new Map();
const events = [];

// Elements.

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

function drawn(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function say(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

function level(where, value) {
  if (where.dataset.level !== value) where.dataset.level = value;
}

// Words.

const now = () => Date.now() / 1000 + session.clock;

function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  const days = Math.floor(whole / 86400);
  return days < 730 ? `${days} d ${Math.floor((whole % 86400) / 3600)} h` : `${Math.floor(days / 365)} years`;
}

const ago = (time) => (time === null ? "never" : `${span(now() - time)} ago`);
const count = (number) => number.toLocaleString("en");
const two = (number) => String(number).padStart(2, "0");

function moment(time) {
  if (time === null) return "";
  if (time === FOREVER) return "never";
  const date = new Date(time * 1000);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? clock : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}`;
}

function rate(perSecond) {
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : count(Math.round(perSecond));
}

const LEVELS = {
  "normal": "good", "recover-done": "good", "conflict-done": "good",
  "communications-interrupted": "warn", "partner-down": "warn", "recover": "warn", "recover-wait": "warn",
  "startup": "warn", "paused": "warn", "shutdown": "warn",
  "potential-conflict": "bad", "resolution-interrupted": "bad",
};

// The API.

async function ask(path, options) {
  const headers = session.token ? { authorization: `Bearer ${session.token}` } : {};
  const response = await fetch(path, { cache: "no-store", credentials: "omit", ...options, headers: { ...headers, ...(options || {}).headers } });
  const date = Date.parse(response.headers.get("date") || "");
  if (!Number.isNaN(date) && Math.abs(date / 1000 - now()) > 2) session.clock = date / 1000 - Date.now() / 1000;
  if (response.ok) return response;
  let problem = { error: response.statusText, rule: "" };
  try { problem = await response.json(); } catch { /* What answers is no twinlease; its status has to do. */ }
  const error = new Error(problem.rule ? `${problem.error} (${problem.rule})` : problem.error);
  error.status = response.status;
  throw error;
}

async function greet() {
  const known = await (await ask("/v1/session")).json();
  session.role = known.role;
  say(byId("session"), `${known.name} · ${known.role}`);
  byId("token-button").hidden = known.name === "loopback";
  for (const button of document.querySelectorAll("[data-steers]")) button.disabled = known.role === "read";
}

async function listen() {
  session.stop = new AbortController();
  const headers = { "last-event-id": String(session.lastEvent) };
  const response = await ask("/v1/events", { headers, signal: session.stop.signal });
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
  if (data.number <= session.lastEvent) events.length = 0;
  session.lastEvent = data.number;
  events.unshift({ ...data, kind: heard.event });
  events.length = Math.min(events.length, MAX_EVENTS);
  sections.forEach(showEvents);
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
  return new Promise((resume) => { session.entered = resume; });
}

byId("token-dialog").querySelector("form").addEventListener("submit", () => {
  session.token = byId("token-input").value.trim();
  byId("token-input").value = "";
  if (session.token) sessionStorage.setItem(TOKEN, session.token);
  else sessionStorage.removeItem(TOKEN);
  if (session.entered) session.entered();
  if (session.stop) session.stop.abort();
});
byId("token-cancel").addEventListener("click", () => byId("token-dialog").close());
byId("token-button").addEventListener("click", () => enterToken(""));

// Actions.

const act = { path: "" };

// What is to be confirmed may be forced, for the reason said, or has to last for a time.
function confirmAct(title, text, label, path, { force = "", time = false } = {}) {
  act.path = path;
  say(byId("act-title"), title);
  say(byId("act-text"), text);
  say(byId("act-submit"), label);
  say(byId("act-error"), "");
  byId("act-force").checked = false;
  byId("act-reason").value = "";
  byId("act-force-label").hidden = !force;
  say(byId("act-force-text"), force);
  byId("act-reason-label").hidden = true;
  byId("act-time-label").hidden = !time;
  byId("act-dialog").showModal();
  byId("act-cancel").focus();
}

byId("act-force").addEventListener("change", () => { byId("act-reason-label").hidden = !byId("act-force").checked; });
byId("act-cancel").addEventListener("click", () => byId("act-dialog").close());
byId("act-dialog").querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const submit = byId("act-submit");
  submit.disabled = true;
  try {
    const query = new URLSearchParams();
    if (byId("act-force").checked) query.set("force", "true");
    if (byId("act-force").checked && byId("act-reason").value) query.set("reason", byId("act-reason").value);
    if (!byId("act-time-label").hidden) query.set("seconds", byId("act-time").value);
    await ask(`${act.path}?${query}`, { method: "POST" });
    byId("act-dialog").close();
    leases.refresh();
    showAudit();
  } catch (error) {
    say(byId("act-error"), error.message);
  }
  submit.disabled = false;
});

// What can be done to a relationship; what is offered follows from how it stands when it is asked for.
const DEEDS = {
  "partner-down": { label: "Promote this server", title: (name) => `Declare the partner of ${name} down?`,
    text: "This server goes on alone, and one lead time later gives the partner's addresses too. Only if the partner really does not run and will not come back by itself: two servers that both believe the other to be down give the same address to two clients.",
    force: ({ told }) => (told.communications === "ok" ? "Although the partner answers" : "Also while this server recovers and does not know the partner's leases") },
  "maintenance": { label: "Maintenance", title: (name) => `Work on the partner of ${name}?`, time: true,
    text: "Until the end the partner is not declared down automatically, however long it stays away. Everything else goes on; if it is still away then, the takeover follows." },
  "end-maintenance": { label: "End maintenance", title: (name) => `End maintenance of ${name}?`,
    text: "The partner may be declared down automatically again, at once if it has been away for long enough." },
  "resynchronise": { label: "Resynchronise", title: (name) => `Tell the partner of ${name} every lease again?`,
    text: "The partner is asked for what was never acknowledged here, too. Clients are served meanwhile. For two servers in normal." },
  "rebalance": { label: "Rebalance", title: (name) => `Divide the unused addresses of ${name} anew?`,
    text: "However small the difference. For two servers in normal." },
  "pause": { label: "Pause", title: (name) => `Stop ${name} here for a short time?`,
    text: "This server stops serving the relationship; the partner goes on with its own addresses. It serves again after a restart of this server." },
  "shutdown": { label: "Shut down", title: (name) => `Hand ${name} over to the partner?`,
    text: "This server stops serving the relationship and the partner goes on alone. It serves again after a restart of this server." },
};

function actions(made) {
  const warning = ({ told }) => (told.communications === "ok" ? `The partner answers at this moment and is in ${told["partner-state"]}. ` : "");
  const buttons = Object.entries(DEEDS).map(([word, deed]) => {
    const button = element("button", { "type": "button", "data-steers": "", "data-act": word }, deed.label);
    button.disabled = session.role === "read";
    button.addEventListener("click", () => confirmAct(deed.title(made.name), warning(made) + deed.text, deed.label,
      `/v1/relationships/${encodeURIComponent(made.name)}/${word}`, { force: deed.force ? deed.force(made) : "", time: deed.time }));
    return [word, button];
  });
  made.deeds = Object.fromEntries(buttons);
  return element("div", { class: "actions" }, ...Object.values(made.deeds));
}

// Relationships.

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

function build(name) {
  const made = { name, rates: [], pools: new Map(), title: element("span", { class: "quiet" }) };
  made.own = server("This server");
  made.partner = server("Partner");
  made.wire = { what: element("p", { class: "what" }), track: element("div", { class: "track" }), more: element("p", { class: "more" }), maintenance: element("p", { class: "maintenance" }) };
  made.wire.box = element("div", { class: "wire", role: "status" }, made.wire.what, made.wire.track, made.wire.more, made.wire.maintenance);
  const labels = { sync: "Agreement", unacked: "Updates", oldest: "Oldest unanswered", rate: "Updates a second", fresh: "New leases an hour", clock: "Clock difference", mclt: "Lead time (MCLT)", cut: "Leases cut by it" };
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
      showEvents(sections.get(relationship.name));
    }
    showRelationship(sections.get(relationship.name), relationship);
  }
  document.title = title(status.relationships);
  if (byId("leases").hidden) { byId("leases").hidden = false; leases.refresh(); showAudit(); }
  leases.changed(JSON.stringify(status.relationships.map((relationship) => relationship.pools.map((pool) => [pool.free, pool.backup, pool.active, pool.abandoned]))));
}

function title(relationships) {
  const odd = relationships.find((relationship) => relationship.state !== "normal");
  return odd ? `${odd.state} · ${odd.name} · twinlease` : "twinlease";
}

function showRelationship(made, told) {
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
    const total = progress.total === null ? "" : ` of ${count(progress.total)}`;
    const left = progress["seconds-left"] === null ? "" : `, ${span(progress["seconds-left"])} left`;
    detail = `${progress.direction} ${count(progress.done)}${total} ${progress.unit}${left}`;
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
}

// The state diagram: where each state stands on a wide and on a narrow page.

const WIDE = { size: [640, 304], box: [134, 42], at: {
  "startup": [68, 23], "recover": [236, 23], "recover-wait": [404, 23], "recover-done": [572, 23],
  "paused": [68, 109], "communications-interrupted": [236, 109], "normal": [572, 109],
  "shutdown": [68, 195], "partner-down": [236, 195], "potential-conflict": [404, 195], "conflict-done": [572, 195],
  "resolution-interrupted": [404, 281],
} };
const NARROW = { size: [340, 420], box: [150, 42], at: {
  "startup": [76, 24], "recover": [264, 24], "recover-done": [76, 98], "recover-wait": [264, 98],
  "normal": [76, 172], "communications-interrupted": [264, 172], "conflict-done": [76, 246], "partner-down": [264, 246],
  "potential-conflict": [76, 320], "resolution-interrupted": [264, 320], "paused": [76, 396], "shutdown": [264, 396],
} };
const EDGES = [
  ["startup", "recover"], ["startup", "communications-interrupted"], ["recover", "recover-wait"], ["recover-wait", "recover-done"], ["recover-done", "normal"],
  ["normal", "communications-interrupted"], ["communications-interrupted", "normal"], ["communications-interrupted", "partner-down"],
  ["communications-interrupted", "potential-conflict"], ["partner-down", "normal"], ["partner-down", "potential-conflict"],
  ["potential-conflict", "conflict-done"], ["conflict-done", "normal"], ["potential-conflict", "resolution-interrupted"],
  ["resolution-interrupted", "potential-conflict"], ["resolution-interrupted", "partner-down"],
];
const narrow = matchMedia("(max-width: 46rem)");

// Where the line from the middle of a box leaves it.
function border([x, y], [toX, toY], [width, height]) {
  const [dx, dy] = [toX - x, toY - y];
  const scale = Math.min(width / 2 / Math.abs(dx || 1e-9), height / 2 / Math.abs(dy || 1e-9));
  return [x + dx * scale, y + dy * scale];
}

function edge(layout, from, to) {
  const [a, b] = [layout.at[from], layout.at[to]];
  const [x1, y1] = border(a, b, layout.box);
  const [x2, y2] = border(b, a, layout.box);
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const side = (turn) => `${x2 - 8 * Math.cos(angle + turn)},${y2 - 8 * Math.sin(angle + turn)}`;
  return [drawn("line", { class: "edge", x1, y1, x2, y2 }), drawn("polygon", { class: "head", points: `${x2},${y2} ${side(0.4)} ${side(-0.4)}` })];
}

function node(layout, state, isOwn, isPartner) {
  const [[x, y], [width, height]] = [layout.at[state], layout.box];
  const lit = [isOwn ? "lit" : "", isPartner ? "partner" : ""].join(" ").trim();
  const made = drawn("g", { "class": lit, "data-state": state, "data-level": LEVELS[state] || "warn" });
  made.append(drawn("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: 6 }));
  const words = state.length > 20 ? state.replace("-", "-\n").split("\n") : [state];
  words.forEach((word, line) => {
    const text = drawn("text", { x, y: y + 4 + (line - (words.length - 1) / 2) * 14 });
    text.append(word);
    made.append(text);
  });
  return made;
}

function showDiagram(made, told) {
  const partner = told["partner-state"];
  const shown = `${told.state} ${partner} ${narrow.matches}`;
  if (made.shown === shown) return;
  made.shown = shown;
  const layout = narrow.matches ? NARROW : WIDE;
  const [width, height] = layout.size;
  const label = `This server is in ${told.state}; the partner ${partner ? `was last heard in ${partner}` : "was never heard"}`;
  const svg = drawn("svg", { "viewBox": `0 0 ${width} ${height}`, "role": "img", "aria-label": label });
  svg.append(...EDGES.flatMap(([from, to]) => edge(layout, from, to)));
  svg.append(...Object.keys(layout.at).map((state) => node(layout, state, state === told.state, state === partner)));
  made.diagram.replaceChildren(svg);
}

narrow.addEventListener("change", () => sections.forEach((made) => showDiagram(made, made.told)));

// Pools.

function showPools(made, told) {
  const seen = new Set(told.pools.map((pool) => pool.range));
  for (const [range, parts] of made.pools) {
    if (!seen.has(range)) { parts.box.remove(); made.pools.delete(range); }
  }
  for (const pool of told.pools) {
    if (!made.pools.has(pool.range)) made.pools.set(pool.range, buildPool(made, pool.range));
    showPool(made.pools.get(pool.range), pool, told);
  }
}

function buildPool(made, range) {
  const parts = { segments: {}, lasts: element("span", { class: "lasts" }), counts: element("p", { class: "counts" }) };
  for (const kind of ["free", "backup", "active", "other"]) parts.segments[kind] = element("span", { class: kind });
  parts.bar = element("div", { class: "bar", role: "img" }, ...Object.values(parts.segments));
  parts.box = element("div", { class: "pool" }, element("div", { class: "head" }, element("span", { class: "mono" }, range), parts.lasts), parts.bar, parts.counts);
  made.poolBox.append(parts.box);
  return parts;
}

function showPool(parts, pool, told) {
  const other = pool.expired + pool.released + pool.abandoned + pool.reset;
  const numbers = { free: pool.free, backup: pool.backup, active: pool.active, other };
  const total = Math.max(1, pool.free + pool.backup + pool.active + other);
  for (const [kind, number] of Object.entries(numbers)) parts.segments[kind].style.width = `${(number / total) * 100}%`;
  const words = Object.entries(numbers).map(([kind, number]) => `${count(number)} ${kind}`).join(" · ");
  say(parts.counts, `${words} · ${count(total)} in all`);
  parts.bar.setAttribute("aria-label", words);
  const [rateKnown, lasts] = [pool["new-leases-per-hour"], pool["endurance-seconds"]];
  const alone = told.communications === "ok" ? "without the partner" : "alone";
  const text = lasts === null
    ? `${count(pool.available)} to give ${alone}`
    : `lasts ${span(lasts)} ${alone}`;
  say(parts.lasts, pool["endurance-warning"] ? `${text}: short` : text);
  parts.lasts.title = rateKnown === null ? "" : `${count(pool.available)} addresses, ${count(Math.round(rateKnown))} new leases an hour`;
  level(parts.lasts, pool["endurance-warning"] ? "warn" : "");
}

// Rates.

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

// The time line.

function showEvents(made) {
  const own = events.filter((event) => event.relationship === made.name);
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

// Leases.

const leases = {
  next: null, signature: "", pages: 1, timer: null, asked: 0,
  changed(signature) {
    if (signature === this.signature) return;
    this.signature = signature;
    if (this.pages === 1 && !this.timer) this.timer = setTimeout(() => { this.timer = null; this.refresh(); }, 2000);
  },
  path() {
    const form = new FormData(byId("lease-filter"));
    const query = new URLSearchParams({ limit: LEASES });
    for (const name of ["search", "status"]) if (form.get(name)) query.set(name, form.get(name));
    return `/v1/leases?${query}`;
  },
  async refresh() {
    this.pages = 1;
    await this.load(this.path(), true);
  },
  async load(path, isFirst) {
    const asked = ++this.asked;
    try {
      const response = await ask(path);
      const text = await response.text();
      if (asked !== this.asked) return;
      const rows = text.split("\n").filter(Boolean).map((line) => leaseRow(JSON.parse(line)));
      if (isFirst) byId("lease-rows").replaceChildren(...rows);
      else byId("lease-rows").append(...rows);
      const link = /<([^>]*)>/.exec(response.headers.get("link") || "");
      this.next = link ? link[1] : null;
      byId("lease-more").hidden = !this.next;
      const shown = byId("lease-rows").childElementCount;
      say(byId("lease-note"), shown ? `${count(shown)} shown${this.next ? ", there are more" : ""}` : "No lease is like this.");
    } catch (error) {
      say(byId("lease-note"), error.message);
    }
  },
};

function leaseRow(lease) {
  const row = element("tr", {},
    element("td", { class: "mono" }, lease.address),
    element("td", {}, lease["binding-status"]),
    element("td", { class: "mono" }, lease["hw-address"] || lease["client-id"] || ""),
    element("td", {}, moment(lease["lease-expiration"])),
    element("td", {}, moment(lease["client-last-transaction"])));
  const last = element("td", {});
  if (lease["binding-status"] === "abandoned" && session.role !== "read") {
    const button = element("button", { "type": "button", "aria-label": `Reset ${lease.address}` }, "Reset");
    button.addEventListener("click", () => confirmAct(`Free ${lease.address}?`,
      "It was declined, or answered a ping. If it is well again it may be leased once the partner has agreed.", "Reset", `/v1/addresses/${lease.address}/reset`));
    last.append(button);
  }
  row.append(last);
  return row;
}

let typing = null;
byId("lease-filter").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => leases.refresh(), 200);
});
byId("lease-filter").addEventListener("submit", (event) => { event.preventDefault(); leases.refresh(); });
byId("lease-more").addEventListener("click", () => { leases.pages += 1; leases.load(leases.next, false); });

// What was changed.

async function showAudit() {
  const box = byId("audit");
  box.hidden = session.role !== "admin";
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

stay();
