// Fields of a form, and what stands in them.

import { element } from "./elements.js";

const number = { next: 0 };

// A field: { name, label, hint, kind, value, options, when, more }. Kinds are "text", "number" (a number
// or a text with units, as in the configuration file), "lines", "select", "radio", "check" and "checks".
// `when` says for which values it is asked for, `more` that it is rarely needed.
export function makeFields(fields) {
  const made = fields.map(makeField);
  const often = made.filter(({ field }) => !field.more).map(({ box }) => box);
  const seldom = made.filter(({ field }) => field.more).map(({ box }) => box);
  const box = element("div", { class: "fields" }, ...often);
  if (seldom.length) box.append(element("details", {}, element("summary", {}, "More"), element("div", { class: "fields" }, ...seldom)));
  const show = () => {
    const values = valuesOf(made);
    for (const entry of made) entry.box.hidden = entry.field.when ? !entry.field.when(values) : false;
  };
  box.addEventListener("change", show);
  show();
  return { box, values: () => valuesOf(made.filter((entry) => !entry.box.hidden)) };
}

function valuesOf(made) {
  return Object.fromEntries(made.map(({ field, read }) => [field.name, read()]));
}

function makeField(field) {
  number.next += 1;
  const id = `field-${number.next}`;
  const { controls, read } = KINDS[field.kind](field, id);
  const isGroup = field.kind === "radio" || field.kind === "checks";
  const hint = field.hint ? element("small", { id: `${id}-hint` }, field.hint) : null;
  if (hint) for (const control of controls) describe(control, hint.id);
  if (isGroup) return { field, read, box: element("fieldset", { "data-field": field.name }, element("legend", {}, field.label), ...controls, hint) };
  if (field.kind === "check") return { field, read, box: element("div", { "class": "wide", "data-field": field.name }, ...controls, hint) };
  const label = element("label", { for: id }, field.label);
  return { field, read, box: element("div", { "class": field.kind === "lines" ? "wide" : "", "data-field": field.name }, label, ...controls, hint) };
}

function describe(control, id) {
  const input = control.matches("input, select, textarea") ? control : control.querySelector("input");
  input.setAttribute("aria-describedby", id);
}

const KINDS = {
  text(field, id) {
    const input = element("input", { id, type: "text", name: field.name, autocomplete: "off", autocapitalize: "off", spellcheck: "false", placeholder: field.placeholder || "" });
    input.value = field.value ?? "";
    return { controls: [input], read: () => input.value.trim() };
  },
  number(field, id) {
    const { controls, read } = KINDS.text(field, id);
    return { controls, read: () => asNumber(read()) };
  },
  lines(field, id) {
    const area = element("textarea", { id, name: field.name, rows: "3", spellcheck: "false", placeholder: field.placeholder || "" });
    area.value = field.value ?? "";
    return { controls: [area], read: () => area.value.split(/[\n,]/).map((line) => line.trim()).filter(Boolean) };
  },
  select(field, id) {
    const select = element("select", { id, name: field.name }, ...field.options.map(([value, text]) => element("option", { value }, text)));
    if (field.value !== undefined) select.value = field.value;
    return { controls: [select], read: () => select.value };
  },
  radio(field, id) {
    const choices = field.options.map(([value, text]) => choice("radio", id, value, text, value === field.value));
    return { controls: choices, read: () => chosen(choices)[0] };
  },
  checks(field, id) {
    const choices = field.options.map((value) => choice("checkbox", id, value, value, true));
    return { controls: choices, read: () => chosen(choices) };
  },
  check(field, id) {
    const box = choice("checkbox", id, field.name, field.label, Boolean(field.value));
    return { controls: [box], read: () => chosen([box]).length > 0 };
  },
};

function choice(type, name, value, text, isChosen) {
  const input = element("input", { type, name, value });
  input.checked = isChosen;
  return element("label", { class: "check" }, input, element("span", {}, text));
}

function chosen(choices) {
  return choices.map((label) => label.querySelector("input")).filter((input) => input.checked).map((input) => input.value);
}

// Digits are a number, everything else is a text.
function asNumber(text) {
  return /^\d+$/.test(text) ? Number(text) : text;
}
