// Numbers and times in words.

const FOREVER = 4294967295;

// By how many seconds the clock of the server is ahead of this one.
export const clock = { ahead: 0 };

export const now = () => Date.now() / 1000 + clock.ahead;

export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  const days = Math.floor(whole / 86400);
  return days < 730 ? `${days} d ${Math.floor((whole % 86400) / 3600)} h` : `${Math.floor(days / 365)} years`;
}

export const ago = (time) => (time === null ? "never" : `${span(now() - time)} ago`);
export const count = (number) => number.toLocaleString("en");
const two = (number) => String(number).padStart(2, "0");

export function moment(time) {
  if (time === null) return "";
  if (time === FOREVER) return "never";
  const date = new Date(time * 1000);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? clock : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}`;
}

export function rate(perSecond) {
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : count(Math.round(perSecond));
}

export const LEVELS = {
  "normal": "good", "recover-done": "good", "conflict-done": "good",
  "communications-interrupted": "warn", "partner-down": "warn", "recover": "warn", "recover-wait": "warn",
  "startup": "warn", "paused": "warn", "shutdown": "warn",
  "potential-conflict": "bad", "resolution-interrupted": "bad",
};

// How far an exchange of updates is.
export function progressWords(progress) {
  const total = progress.total === null ? "" : ` of ${count(progress.total)}`;
  const left = progress["seconds-left"] === null ? "" : `, ${span(progress["seconds-left"])} left`;
  return `${progress.direction} ${count(progress.done)}${total} ${progress.unit}${left}`;
}
