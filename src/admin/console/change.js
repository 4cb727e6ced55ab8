// A change of the configuration: what is wanted, what it would make of the files of both servers, and,
// after a confirmation, what it has made of them.

import { byId, element, say } from "./elements.js";
import { makeFields } from "./fields.js";
import { ask, tellChanged } from "./session.js";

const change = { wanted: null, fields: null, step: "", isBusy: false, opener: null };

// Opens the dialog for { title, text, fields, label, isDangerous, request }. `request` makes of the
// values of the fields what is asked for: { method, path, query, body }.
export function openChange(wanted, button) {
  change.wanted = wanted;
  change.opener = openerOf(button);
  change.fields = wanted.fields.length ? makeFields(wanted.fields) : null;
  say(byId("change-title"), wanted.title);
  byId("change-fields").replaceChildren(...(change.fields ? [change.fields.box] : []));
  byId("change-submit").classList.toggle("danger", false);
  showStep("form");
  byId("change-dialog").showModal();
  if (change.fields) byId("change-fields").querySelector("input, select, textarea").focus();
  else propose();
}

// Where the focus goes afterwards, also if what had it was made anew meanwhile.
function openerOf(button) {
  const entry = button.closest("[data-entry]");
  const within = entry ? `[data-entry="${CSS.escape(entry.dataset.entry)}"] ` : "";
  return `${within}[data-edit="${button.dataset.edit}"]`;
}

// Steps: "form", "difference" and "done".
function showStep(step) {
  change.step = step;
  const { wanted, fields } = change;
  say(byId("change-error"), "");
  say(byId("change-said"), "");
  say(byId("change-text"), step === "form" ? wanted.text : "");
  byId("change-fields").hidden = step !== "form";
  byId("change-difference").hidden = step !== "difference";
  byId("change-back").hidden = step !== "difference" || !fields;
  byId("change-cancel").hidden = step === "done";
  const submit = byId("change-submit");
  say(submit, { form: "Show the difference", difference: wanted.label, done: "Close" }[step]);
  submit.classList.toggle("danger", step === "difference" && Boolean(wanted.isDangerous));
  submit.classList.toggle("primary", step !== "difference" || !wanted.isDangerous);
  submit.disabled = false;
}

async function send(isDryRun) {
  const { method, path, query, body } = change.wanted.request(change.fields ? change.fields.values() : {});
  const asked = new URLSearchParams(query || {});
  if (isDryRun) asked.set("dry-run", "true");
  const options = { method };
  if (body) Object.assign(options, { headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  return (await ask(`${path}?${asked}`, options)).json();
}

// Shows what would become different.
async function propose() {
  await busy(async () => {
    const told = await send(true);
    showStep("difference");
    showDifference(told);
    byId("change-cancel").focus();
  });
}

async function apply() {
  await busy(async () => {
    const told = await send(false);
    showStep("done");
    say(byId("change-said"), doneWords(told));
    byId("change-submit").focus();
    tellChanged();
  });
}

// Nothing is asked for twice, and a refusal is shown where it happened.
async function busy(work) {
  if (change.isBusy) return;
  change.isBusy = true;
  byId("change-dialog").setAttribute("aria-busy", "true");
  byId("change-submit").disabled = true;
  say(byId("change-error"), "");
  try {
    await work();
  } catch (error) {
    say(byId("change-error"), error.message);
    byId("change-submit").disabled = change.step === "form" && !change.fields;
    byId(byId("change-submit").disabled ? "change-cancel" : "change-submit").focus();
  }
  change.isBusy = false;
  byId("change-dialog").removeAttribute("aria-busy");
}

function showDifference(told) {
  const isNothing = !told.diff && !told["partner-diff"];
  showLines(byId("change-here"), told.diff);
  const partner = told["partner-diff"];
  byId("change-partner").hidden = partner === null;
  showLines(byId("change-partner-lines"), partner || "");
  const words = [isNothing ? "Nothing would become different." : ""];
  if (partner === null) words.push(partnerWords(told.partner, "The partner is left as it is."));
  if (told.changed.length) words.push(`Begun anew: ${told.changed.join(", ")}.`);
  if (told["needs-restart"].length) words.push(`Waits for a restart: ${told["needs-restart"].join(", ")}.`);
  say(byId("change-said"), words.filter(Boolean).join(" "));
  byId("change-submit").disabled = isNothing;
}

function partnerWords(partner, otherwise) {
  return partner.startsWith("unreachable") ? `The partner is ${partner}.` : otherwise;
}

function doneWords(told) {
  const words = ["Done."];
  words.push(partnerWords(told.partner, told.partner === "applied" ? "The partner has it too." : ""));
  if (told["needs-restart"].length) words.push(`A restart is needed for ${told["needs-restart"].join(", ")}.`);
  return words.filter(Boolean).join(" ");
}

// A unified difference line by line; what goes and what comes is told apart by its first character too.
function showLines(where, text) {
  const kinds = { "+": "comes", "-": "goes", "@": "where" };
  const isHead = (line) => line.startsWith("+++") || line.startsWith("---");
  const lines = text.split("\n").filter((line, at, all) => line || at + 1 < all.length);
  where.replaceChildren(...lines.map((line) => element("span", { class: isHead(line) ? "where" : kinds[line[0]] || "" }, `${line}\n`)));
  if (!lines.length) where.append("Stays as it is.");
}

byId("change-dialog").querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (change.step === "form") propose();
  else if (change.step === "difference") apply();
  else byId("change-dialog").close();
});
byId("change-back").addEventListener("click", () => {
  showStep("form");
  byId("change-fields").querySelector("input, select, textarea").focus();
});
byId("change-cancel").addEventListener("click", () => byId("change-dialog").close());
byId("change-dialog").addEventListener("cancel", (event) => { if (change.isBusy) event.preventDefault(); });
byId("change-dialog").addEventListener("close", () => {
  const opener = document.querySelector(change.opener);
  (opener || byId("setup-title")).focus();
});
