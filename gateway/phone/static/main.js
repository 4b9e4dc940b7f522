// The page: which phones are on it, the connection, the switches.

import { Socket } from "./socket.js";
import { Handset } from "./handset.js";
import { CoreSwitch } from "./core.js";
import { el } from "./side.js";
import { TestSheet, showBroken } from "./desk.js";

const SHELLS = 4;
const valid = /^[0-9]{5,15}$/;
const role = (name) => document.querySelector(`[data-role=${name}]`);

const phones = new Map(); // by number, in the order of the page
let active = null;
let most = 8;
let desk = false; // there are menus to look into
let local = false; // this page may save tests
let network = 0; // ms that the network gives a dialogue
let everyTongue = localStorage.getItem("tongues") === "on";
const sheet = new TestSheet(role("test-sheet"));
let fallback = "255700000001";

const core = new CoreSwitch(role("core-state"), (mode) => send({ t: "core", mode }));

const socket = new Socket("/phone/ws", {
  open() {
    role("connection").hidden = true;
    document.body.dataset.connected = "true";
    for (const msisdn of phones.keys()) socket.send({ t: "watch", msisdn });
  },
  lost(seconds) {
    const box = role("connection");
    document.body.dataset.connected = "false";
    box.textContent = `The connection to Nyota is lost. Trying again${seconds > 1 ? ` in ${seconds} seconds` : ""} …`;
    box.hidden = false;
  },
  message(m) {
    switch (m.t) {
      case "hello":
        return welcome(m);
      case "phone":
        phones.get(m.phone.msisdn)?.update(m);
        return title();
      case "core":
        return core.update(m);
      case "menus":
        return showBroken(role("broken"), m.broken);
      case "error":
        return toast(m.msisdn ? `${m.msisdn}: ${m.text}` : m.text);
    }
  },
});

function send(m) {
  if (socket.send(m)) return true;
  toast("Not connected. It will try again by itself.");
  return false;
}

function welcome(m) {
  most = m.max_phones;
  fallback = m.msisdn;
  ({ desk, local, network_ms: network } = m);
  role("to-flow").hidden = !desk;
  role("to-flow").href = "/flow";
  role("tongues-toggle").hidden = !desk;
  for (const handset of phones.values()) equip(handset);
  tongues(everyTongue);
  if (phones.size === 0) add(fallback);
  const hint = role("hint-code");
  hint.textContent = m.code;
  hint.onclick = () => offer(m.code);
  role("hint").hidden = false;
  role("hint-pin").hidden = !m.pin;
  role("hint-pin").querySelector("b").textContent = m.pin ?? "";
  role("core-state").hidden = !m.core;
}

function add(msisdn) {
  if (phones.has(msisdn)) {
    const there = phones.get(msisdn);
    activate(there);
    there.root.scrollIntoView({ block: "nearest" });
    return true;
  }
  if (phones.size >= most) {
    toast(`At most ${most} phones fit on a page.`);
    return false;
  }
  const used = new Set([...phones.values()].map((h) => h.shell));
  let shell = 0;
  while (used.has(shell)) shell++;
  const handset = new Handset(msisdn, shell % SHELLS, {
    send,
    active: () => activate(handset),
    remove: () => remove(msisdn),
  });
  handset.shell = shell;
  equip(handset);
  phones.set(msisdn, handset);
  document.getElementById("phones").append(handset.root);
  socket?.send({ t: "watch", msisdn });
  if (!active) activate(handset);
  arranged();
  return true;
}

function remove(msisdn) {
  const handset = phones.get(msisdn);
  phones.delete(msisdn);
  handset.root.remove();
  socket.send({ t: "unwatch", msisdn });
  if (active === handset) {
    active = null;
    const [next] = phones.values();
    if (next) activate(next);
  }
  arranged();
}

/** Gives a handset what the server has for authors of menus. */
function equip(handset) {
  handset.network = network;
  handset.page.test = local ? (number, title) => sheet.open(number, title) : undefined;
  handset.everyTongue(desk && everyTongue);
  handset.look(handset.desk);
}

/** Shows every phone's screen in all languages, or no longer. */
function tongues(on) {
  everyTongue = on;
  role("tongues-toggle").setAttribute("aria-pressed", on);
  for (const handset of phones.values()) handset.everyTongue(desk && on);
}

role("tongues-toggle").addEventListener("click", () => {
  tongues(!everyTongue);
  localStorage.setItem("tongues", everyTongue ? "on" : "off");
});

/** Puts a code on the active phone, or on the first that is free. */
function offer(code) {
  const free = [active, ...phones.values()].find((h) => h?.offer(code));
  if (free) activate(free);
  else toast("Every phone on this page is in a dialogue.");
}

/** Typing on the computer's keyboard goes to the active phone. */
function activate(handset) {
  if (active === handset) return;
  if (active) active.root.dataset.active = "false";
  active = handset;
  handset.root.dataset.active = "true";
}

/** The address names the phones, so that a reload and a bookmark keep them. */
function arranged() {
  const query = [...phones.keys()].map((n) => `msisdn=${n}`).join("&");
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  document.getElementById("phones").dataset.count = phones.size;
  for (const handset of phones.values()) handset.role.remove.hidden = phones.size === 1;
  const next = nextNumber();
  const number = document.getElementById("add-number");
  number.placeholder = next;
  number.value = next;
}

/** The number after the last phone's is the likely next one. */
function nextNumber() {
  let n = BigInt([...phones.keys()].at(-1) ?? fallback) + 1n;
  while (phones.has(String(n))) n++;
  return String(n).slice(0, 15);
}

function title() {
  let unread = 0;
  for (const handset of phones.values()) unread += handset.phone.unread ?? 0;
  document.title = unread ? `(${unread}) Nyota phone` : "Nyota phone";
}

function toast(text) {
  const box = role("toasts");
  if (box.lastElementChild?.textContent === text) box.lastElementChild.remove();
  const item = el("p", {}, text);
  box.append(item);
  while (box.childElementCount > 3) box.firstElementChild.remove();
  setTimeout(() => item.remove(), 5000);
}

role("add-phone").addEventListener("submit", (e) => {
  e.preventDefault();
  const field = document.getElementById("add-number");
  const msisdn = field.value.replace(/[\s+-]/g, "");
  if (!valid.test(msisdn)) return toast("A number has 5 to 15 digits, such as 255700000002.");
  if (add(msisdn)) phones.get(msisdn).root.scrollIntoView({ block: "nearest", behavior: "smooth" });
});

document.addEventListener("keydown", (e) => {
  if (!active || e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (e.key === "F2" && desk) {
    e.preventDefault();
    role("tongues-toggle").click();
    return;
  }
  const at = document.activeElement;
  if (at && at !== document.body && at !== document.documentElement && at.id !== "phones") return;
  if (/^[0-9*#+]$/.test(e.key)) {
    e.preventDefault();
    active.type(e.key);
    if (!active.role.input.hidden) active.role.input.focus({ preventScroll: true });
  } else if (e.key === "Enter") active.enter();
  else if (e.key === "Escape") active.hangUp();
});

setInterval(() => {
  for (const handset of phones.values()) handset.tick();
}, 250);

for (const msisdn of new URLSearchParams(location.search).getAll("msisdn")) {
  if (valid.test(msisdn)) add(msisdn);
  else toast(`${msisdn.slice(0, 20)} is no number.`);
}
