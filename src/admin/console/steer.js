// What can be done to a relationship or an address, after a confirmation.

import { byId, element, say } from "./elements.js";
import { ask, maySteer, tellChanged } from "./session.js";

const act = { path: "" };

// What is to be confirmed may be forced, for the reason said, or has to last for a time.
export function confirmAct(title, text, label, path, { force = "", time = false } = {}) {
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
    tellChanged();
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

export function actions(made) {
  const warning = ({ told }) => (told.communications === "ok" ? `The partner answers at this moment and is in ${told["partner-state"]}. ` : "");
  const buttons = Object.entries(DEEDS).map(([word, deed]) => {
    const button = element("button", { "type": "button", "data-steers": "", "data-act": word }, deed.label);
    button.disabled = !maySteer();
    button.addEventListener("click", () => confirmAct(deed.title(made.name), warning(made) + deed.text, deed.label,
      `/v1/relationships/${encodeURIComponent(made.name)}/${word}`, { force: deed.force ? deed.force(made) : "", time: deed.time }));
    return [word, button];
  });
  made.deeds = Object.fromEntries(buttons);
  return element("div", { class: "actions" }, ...Object.values(made.deeds));
}
