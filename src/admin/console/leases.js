// Leases with search.

import { byId, element, say } from "./elements.js";
import { CHANGED, ask, maySteer } from "./session.js";
import { confirmAct } from "./steer.js";
import { count, moment } from "./words.js";

const LEASES = 50;

export const leases = {
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
  if (lease["binding-status"] === "abandoned" && maySteer()) {
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
document.addEventListener(CHANGED, () => leases.refresh());
