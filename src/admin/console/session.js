// Who asks, and how.

import { clock, now } from "./words.js";

const TOKEN = "twinlease-token";

export const session = { token: sessionStorage.getItem(TOKEN), role: null };

export function keepToken(token) {
  session.token = token;
  if (token) sessionStorage.setItem(TOKEN, token);
  else sessionStorage.removeItem(TOKEN);
}

// What the roles let be done; read, operate, admin.
export const maySteer = () => session.role !== "read";
export const mayEdit = () => session.role === "admin";

// Whoever shows what was changed listens for this.
export const CHANGED = "twinlease-changed";

export function tellChanged() {
  document.dispatchEvent(new Event(CHANGED));
}

export async function ask(path, options) {
  const headers = session.token ? { authorization: `Bearer ${session.token}` } : {};
  const response = await fetch(path, { cache: "no-store", credentials: "omit", ...options, headers: { ...headers, ...(options || {}).headers } });
  const date = Date.parse(response.headers.get("date") || "");
  if (!Number.isNaN(date) && Math.abs(date / 1000 - now()) > 2) clock.ahead = date / 1000 - Date.now() / 1000;
  if (response.ok) return response;
  let problem = { error: response.statusText, rule: "" };
  try { problem = await response.json(); } catch { /* What answers is no twinlease; its status has to do. */ }
  const error = new Error(problem.rule ? `${problem.error} (${problem.rule})` : problem.error);
  error.status = response.status;
  throw error;
}
