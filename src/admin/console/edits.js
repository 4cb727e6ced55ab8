// What can be changed of the relationships and scopes: the fields that are asked for, and the request
// that follows from them. Names are those of the configuration file.

const ROLES = [["primary", "primary"], ["secondary", "secondary"]];
const MODES = [["load-balance", "load balance"], ["hot-standby", "hot standby"]];
const DIALECTS = [["isc", "isc: a dhcpd or a twinlease"], ["draft", "draft: a twinlease"]];

const isPrimary = (values) => values.role === "primary";

const PARTNER = { name: "partner", kind: "check", label: "Also on the partner", value: true };

const path = (name, rest = "") => `/v1/relationships/${encodeURIComponent(name)}${rest}`;

// The parameters of a relationship as they stand, or of a new one.
function parameters(told) {
  const isNew = !told;
  const now = told || { role: "primary", mode: "load-balance", dialect: "isc" };
  const text = (name, label, more) => ({ kind: "text", name, label, value: now[name], ...more });
  const number = (name, label, more) => ({ kind: "number", name, label, value: now[name], ...more });
  const ofPrimary = { when: isPrimary };
  const all = [
    text("name", "Name", { hint: "The same on both servers." }),
    { kind: "select", name: "role", label: "Role of this server", options: ROLES, value: now.role },
    text("address", "Address of this server"),
    number("port", "Port", { placeholder: "647" }),
    text("peer-address", "Address of the partner"),
    number("peer-port", "Port of the partner", { placeholder: "647" }),
    text("peer-admin", "Admin address of the partner", { hint: "Where this server asks the partner to change with it: http or https, address, port." }),
    text("peer-admin-token-file", "File with the token for it", { hint: "On this server. Its content is never shown." }),
    { kind: "select", name: "mode", label: "Mode", options: MODES, value: now.mode, when: isPrimary },
    number("split", "Split", { placeholder: "128", hint: "How many of 256 clients the primary answers.", when: (values) => isPrimary(values) && values.mode !== "hot-standby" }),
    number("reserve-percent", "Reserve of the standby, in percent", { placeholder: "5", when: (values) => isPrimary(values) && values.mode === "hot-standby" }),
    number("mclt", "Maximum client lead time (MCLT)", { placeholder: "3600", hint: "In seconds, or with a unit as 1h.", ...ofPrimary }),
    number("max-response-delay", "Max response delay", { placeholder: "30", hint: "Silence after which the partner counts as unreachable, in seconds.", more: true }),
    number("max-unacked-updates", "Max unacked updates", { placeholder: "11", more: true }),
    number("load-balance-max-seconds", "Load balance max seconds", { placeholder: "3", hint: "Who has waited longer is answered by either.", more: true }),
    number("auto-partner-down", "Automatic switchover after", { placeholder: "0", hint: "Silence after which the partner is declared down. 0 is never.", more: true }),
    number("heartbeat-interval", "Heartbeat interval", { hint: "To another twinlease, as 250ms.", more: true }),
    number("contact-lost-time", "Contact lost time", { hint: "Silence after which another twinlease counts as unreachable, as 500ms.", more: true }),
    number("takeover-delay", "Takeover delay", { placeholder: "0ms", hint: "For how long its share is left to it then.", more: true }),
    { kind: "select", name: "dialect", label: "Dialect", options: DIALECTS, value: now.dialect, more: true },
    text("shared-secret-file", "File with the shared secret", { hint: `On each server. It is never shown${now["shared-secret"] === "set" ? "; one is set" : ""}.`, more: true }),
  ];
  return isNew ? all : all.filter(({ name }) => name !== "name").map((field) => ({ ...field, value: field.value ?? "" }));
}

const CLIENT = [
  { kind: "text", name: "hw-address", label: "Hardware address", placeholder: "00:0c:01:02:03:04" },
  { kind: "text", name: "client-id", label: "Or client identifier", placeholder: "01:00:0c:01:02:03:04" },
];

const reservation = (address) => `/v1/reservations/${encodeURIComponent(address)}`;

// For whom: what was left empty is not said.
function client({ partner, ...values }) {
  return { ...Object.fromEntries(Object.entries(values).filter(([, value]) => isSaid(value))), partner };
}

const isSaid = (value) => value !== "" && value !== undefined && value !== null;

// What differs from how it stood: an emptied field goes back to its default.
function changedOf(values, told) {
  const entries = Object.entries(values).filter(([name, value]) => String(value ?? "") !== String(told[name] ?? ""));
  return Object.fromEntries(entries.map(([name, value]) => [name, isSaid(value) ? value : null]));
}

function newScopeFields(when) {
  return [
    { kind: "text", name: "network", label: "Network", placeholder: "10.78.0.0/24", when },
    { kind: "lines", name: "ranges", label: "Ranges", placeholder: "10.78.0.10-10.78.0.200", hint: "One a line.", when },
    { kind: "number", name: "default-lease-time", label: "Default lease time", placeholder: "600", when },
    { kind: "number", name: "max-lease-time", label: "Max lease time", placeholder: "7200", when },
    { kind: "lines", name: "routers", label: "Routers", hint: "One address a line.", when },
    { kind: "lines", name: "domain-name-servers", label: "Domain name servers", hint: "One address a line.", when },
  ];
}

function newScope(values) {
  const { network, ranges } = values;
  const scope = { network, ranges };
  for (const name of ["default-lease-time", "max-lease-time"]) if (isSaid(values[name])) scope[name] = values[name];
  const options = Object.fromEntries(["routers", "domain-name-servers"].map((name) => [name, values[name]]).filter(([, value]) => value.length));
  if (Object.keys(options).length) scope.options = options;
  return scope;
}

const NEW = "";

// A scope of the file, or a new one: all or some of its ranges.
function scopeFields(name, scopes) {
  const others = scopes.map((scope) => ({ network: scope.network, ranges: scope.pools.filter((pool) => pool.relationship !== name).map((pool) => pool.range) }))
    .filter((scope) => scope.ranges.length);
  const options = [[NEW, "a new one"], ...others.map(({ network }) => [network, network])];
  const ranges = others.map((scope) => ({ kind: "checks", name: `of ${scope.network}`, label: "Ranges", options: scope.ranges, when: (values) => values.scope === scope.network }));
  return [{ kind: "select", name: "scope", label: "Scope", options, value: NEW }, ...newScopeFields((values) => values.scope === NEW), ...ranges];
}

export const EDITS = {
  "create": () => ({
    label: "Create", title: "New relationship", text: "It is empty until it gets its first scope.",
    fields: [...parameters(null), PARTNER],
    request: ({ partner, ...values }) => ({ method: "POST", path: "/v1/relationships",
      body: { relationship: Object.fromEntries(Object.entries(values).filter(([, value]) => isSaid(value))), partner } }),
  }),
  "modify": (told) => ({
    label: "Apply", title: `Modify ${told.name}`, text: "An emptied field goes back to its default.",
    fields: [...parameters(told), PARTNER],
    request: ({ partner, ...values }) => ({ method: "PATCH", path: path(told.name), body: { set: changedOf(values, told), partner } }),
  }),
  "remove": (told) => ({
    label: "Remove", isDangerous: true, title: `Remove ${told.name}?`, text: "No lease is lost. What stops here is stopped before it goes on there.",
    fields: [
      { kind: "radio", name: "scopes", label: "Its scopes", value: "here", options: [["here", "are served here, by this server alone"], ["there", "are served there, by the partner alone"], ["disabled", "stay in the file and are served by nobody"]] },
      PARTNER,
    ],
    request: ({ scopes, partner }) => ({ method: "DELETE", path: path(told.name), query: { scopes, partner } }),
  }),
  "add-scope": (told, scopes) => ({
    label: "Add", title: `Add a scope to ${told.name}`, text: "Both servers share it from then on.",
    fields: [...scopeFields(told.name, scopes), PARTNER],
    request: ({ partner, scope, ...values }) => ({ method: "POST", path: path(told.name, "/scopes"), body: { scope: scope === NEW ? newScope(values) : { network: scope, ranges: values[`of ${scope}`] }, partner } }),
  }),
  "remove-scope": (told, { network }) => ({
    label: "Remove", isDangerous: true, title: `Remove ${network} from ${told.name}?`, text: "This server alone serves it from then on.",
    fields: [
      { kind: "radio", name: "on-partner", label: "On the partner it is", value: "delete", options: [["delete", "deleted"], ["disable", "disabled: it stays in the file"]] },
      PARTNER,
    ],
    request: (values) => ({ method: "DELETE", path: path(told.name, "/scopes"), query: { network, ...values } }),
  }),
  "move-scope": (told, { network }, others) => ({
    label: "Move", title: `Move ${network} out of ${told.name}`, text: "To another relationship of this server.",
    fields: [{ kind: "select", name: "to", label: "To", options: others.map((name) => [name, name]) }, PARTNER],
    request: ({ to, partner }) => ({ method: "POST", path: "/v1/scopes/move", body: { network, from: told.name, to, partner } }),
  }),
  "replicate-scope": (told, { network }) => ({
    label: "Replicate", title: `Replicate ${network}`, fields: [], text: "The partner gets it as it is here, its leases stay.",
    request: () => ({ method: "POST", path: path(told.name, "/replicate"), body: { network } }),
  }),
  "replicate": (told) => ({
    label: "Replicate", title: `Replicate the scopes of ${told.name}`, fields: [], text: "The partner gets them as they are here, its leases stay.",
    request: () => ({ method: "POST", path: path(told.name, "/replicate"), body: {} }),
  }),
  "replicate-all": () => ({
    label: "Replicate", title: "Replicate every relationship", fields: [], text: "The partners get the scopes as they are here, their leases stay.",
    request: () => ({ method: "POST", path: "/v1/replicate", body: {} }),
  }),
  "reserve": ({ network }) => ({
    label: "Reserve", title: `Reserve an address of ${network}`, text: "Only this client gets it from then on.",
    fields: [{ kind: "text", name: "address", label: "Address" }, ...CLIENT, PARTNER],
    request: ({ address, ...values }) => ({ method: "PUT", path: reservation(address), body: client(values) }),
  }),
  "change-reservation": (held) => ({
    label: "Apply", title: `Change the reservation of ${held.address}`, text: "Who holds a lease of it keeps it until it ends.",
    fields: [...CLIENT.map((field) => ({ ...field, value: held[field.name] || "" })), PARTNER],
    request: (values) => ({ method: "PUT", path: reservation(held.address), body: client(values) }),
  }),
  "free-reservation": (held) => ({
    label: "Remove", isDangerous: true, title: `Remove the reservation of ${held.address}?`, text: "Anybody may get the address then, if it is in a pool.",
    fields: [PARTNER],
    request: ({ partner }) => ({ method: "DELETE", path: reservation(held.address), query: { partner } }),
  }),
  "reload": () => ({
    label: "Reload", title: "Read the configuration file again", fields: [], text: "It is applied as it stands on the disk.",
    request: () => ({ method: "POST", path: "/v1/configuration/reload" }),
  }),
};
