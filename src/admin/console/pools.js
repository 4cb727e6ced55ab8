// Pools as bars.

import { element, level, say } from "./elements.js";
import { count, span } from "./words.js";

export function showPools(made, told) {
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
