// The live graph: every menu as it serves now, and a phone that opens on any of
// its screens.

import { Socket } from "./socket.js";
import { Handset } from "./handset.js";
import { Board } from "./board.js";
import { ask, copy, gauge, languageName, longestWords, place, showBroken } from "./desk.js";
import { el } from "./side.js";

const role = (name) => document.querySelector(`[data-role=${name}]`);

let menus = []; // heads of what serves
let revision = "";
let menu = ""; // shown
let lang = "";
let screens = new Map(); // of the menu, by id
let handset = null;
let local = false;
let chosen = ""; // screen
let drawing = 0; // the latest drawing that was asked for
const given = new Map(); // values that were typed, by menu and variable

const board = new Board(role("board"), role("canvas"), (screen, e) => open(screen, !e.shiftKey));

const socket = new Socket("/phone/ws", {
  open() {
    role("connection").hidden = true;
    document.body.dataset.connected = "true";
    if (handset) socket.send({ t: "watch", msisdn: handset.msisdn });
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
        if (handset?.msisdn !== m.phone.msisdn) return;
        handset.update(m);
        return m.desk === undefined ? undefined : follow();
      case "menus":
        return edited(m);
      case "error":
        return toast(m.text);
    }
  },
});

function send(m) {
  if (socket.send(m)) return true;
  toast("Not connected. It will try again by itself.");
  return false;
}

function welcome(m) {
  local = m.local;
  const wanted = new URLSearchParams(location.search).get("msisdn");
  if (!handset) {
    const msisdn = /^[0-9]{5,15}$/.test(wanted ?? "") ? wanted : m.msisdn;
    handset = new Handset(msisdn, 0, { send, active() {}, remove() {} });
    handset.root.dataset.active = "true";
    handset.role.remove.hidden = true;
    role("rail").append(handset.root);
    socket.send({ t: "watch", msisdn });
  }
  handset.network = m.network_ms;
  if (chosen) look();
}

/** New menus serve, or an edit has problems. */
function edited(m) {
  showBroken(role("broken"), m.broken);
  menus = m.menus;
  if (!menus.some((x) => x.name === menu)) {
    const [name, screen] = decodeURIComponent(location.hash.slice(1)).split(".");
    const main = menus.reduce((a, b) => ((b.codes[0] ?? "~") < (a.codes[0] ?? "~") ? b : a), menus[0]);
    menu = menus.some((x) => x.name === name) ? name : main.name;
    chosen = menu === name ? screen ?? "" : "";
  }
  tabs();
  if (m.revision !== revision) {
    const first = revision === "";
    revision = m.revision;
    redraw(first);
  }
}

/** The switch of menus and the choice of languages. */
function tabs() {
  role("menus").replaceChildren(...menus.map((m) => {
    const radio = el("input", { type: "radio", name: "menu", value: m.name });
    radio.checked = m.name === menu;
    return el("label", { title: `${m.codes.join(", ")} · ${m.screens} screens` }, radio, el("span", {}, m.name, " ", el("small", {}, m.codes[0] ?? "")));
  }));
  const langs = menus.find((m) => m.name === menu)?.languages ?? [];
  if (!langs.includes(lang)) lang = langs[0] ?? "";
  role("lang").replaceChildren(...langs.map((l) => {
    const option = el("option", { value: l }, languageName(l));
    option.selected = l === lang;
    return option;
  }));
}

async function redraw(quiet = true) {
  const mine = ++drawing;
  const query = new URLSearchParams({ menu, lang });
  let text, view;
  try {
    const [svg, json] = await Promise.all([fetch(`/flow/graph.svg?${query}`), fetch(`/flow/screens?${query}`)]);
    if (!svg.ok || !json.ok) throw new Error();
    [text, view] = [await svg.text(), await json.json()];
  } catch {
    if (mine === drawing) toast("The flow could not be drawn. Reload the page.");
    return;
  }
  if (mine !== drawing) return; // a later edit is drawn instead
  screens = new Map(view.screens.map((s) => [s.id, s]));
  board.draw(text, menu, (id) => {
    const s = screens.get(id);
    return s ? `${id}, ${s.kind}${s.closed ? "" : ": open the phone here"}` : id;
  });
  role("board").dataset.menu = menu;
  role("board").dataset.revision = revision;
  if (!screens.has(chosen)) chosen = "";
  board.select(chosen);
  look();
  if (chosen) board.show(chosen);
  follow(false);
  if (!quiet) {
    const saved = role("saved");
    saved.textContent = `Redrawn at ${new Date().toLocaleTimeString("en-GB")}`;
    saved.classList.remove("new");
    void saved.offsetWidth; // begins the animation again
    saved.classList.add("new");
  }
}

/** Marks where the phone's dialogue is. */
function follow(move = role("follow").checked) {
  const d = handset?.desk;
  if (!d || d.menu !== menu) {
    board.mark("", []);
    return;
  }
  board.mark(d.screen, d.visited ?? []);
  if (move) board.show(d.screen);
}

/** Chooses a screen, and opens the phone there. */
function open(screen, start) {
  const same = chosen === screen;
  chosen = screen;
  history.replaceState(null, "", `${location.search}#${menu}.${screen}`);
  board.select(screen);
  look();
  board.show(screen);
  if (!start || screens.get(screen)?.closed || !local) return;
  const running = ["asking", "waiting", "dialling"].includes(handset?.phone.state);
  if (same && running && handset.desk?.menu === menu && handset.desk.screen === screen) return; // it is open there
  begin();
}

async function begin() {
  const s = screens.get(chosen);
  if (!s || !handset) return;
  const vars = Object.fromEntries((s.vars ?? []).map((v) => [v.name, value(v)]));
  const said = role("look").querySelector("[data-role=look-said]");
  said.textContent = "";
  const answer = await ask("/flow/start", { msisdn: handset.msisdn, menu, screen: s.id, language: lang, vars });
  if (answer.error) said.textContent = answer.error;
}

const key = (v) => `${menu}.${v.name}`;
const value = (v) => given.get(key(v)) ?? v.sample;

/** What there is to know of the chosen screen. */
function look() {
  const box = role("look");
  const s = screens.get(chosen);
  box.hidden = !s;
  if (!s) return box.replaceChildren();
  const where = el("button", { type: "button", class: "where quiet", title: "Copy the place in the file", "data-role": "look-place" }, place(s));
  where.addEventListener("click", () => copy(where, `${s.file}:${s.line}:${s.col}`));
  const close = el("button", { type: "button", class: "remove", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => {
    chosen = "";
    board.select("");
    look();
  });
  const parts = [
    el("header", {}, el("div", {}, el("h2", {}, s.id), el("p", {}, el("span", { class: "kind" }, s.call ? `${s.kind} ${s.call}` : s.kind), where)), close),
  ];
  if (s.lengths) {
    parts.push(el("dl", { class: "lengths", "aria-label": "How long it can become" }, ...s.lengths.flatMap((l) => [
      el("dt", {}, languageName(l.language)),
      el("dd", { title: longestWords(l) }, gauge(null, l), el("span", { "data-level": l.pages > 1 ? "pages" : "fine" }, l.pages > 1 ? `${l.pages} pages` : `${l.size.units}/${l.size.limit}`)),
    ])));
  }
  if (s.closed) {
    parts.push(el("p", { class: "closed" }, s.closed[0].toUpperCase() + s.closed.slice(1) + "."));
  } else if (!local) {
    parts.push(el("p", { class: "closed" }, "Only a page on the gateway's own machine can open the phone here."));
  } else {
    for (const v of s.vars ?? []) {
      const id = `var-${v.name}`;
      const field = v.choices
        ? el("select", { id }, ...v.choices.map((c) => el("option", { value: c }, c)))
        : el("input", { id, autocomplete: "off", spellcheck: "false", maxlength: "100", required: true });
      field.value = value(v);
      field.addEventListener("input", () => given.set(key(v), field.value));
      parts.push(el("p", { class: "var" }, el("label", { for: id }, v.name, el("small", {}, v.type)), field));
    }
    parts.push(el("p", { class: "said", "data-bad": "true", role: "status", "data-role": "look-said" }),
      el("button", { type: "submit", class: "tool main", "data-role": "look-start" }, "Open the phone here"));
  }
  box.replaceChildren(...parts);
}

role("look").addEventListener("submit", (e) => {
  e.preventDefault();
  begin();
});
role("menus").addEventListener("change", (e) => {
  menu = e.target.value;
  chosen = "";
  history.replaceState(null, "", `${location.search}#${menu}`);
  tabs();
  redraw();
});
role("lang").addEventListener("change", (e) => {
  lang = e.target.value;
  redraw();
});
role("fit").addEventListener("click", () => board.fit());
role("larger").addEventListener("click", () => board.zoom(1.25));
role("smaller").addEventListener("click", () => board.zoom(0.8));
role("follow").addEventListener("change", () => follow());

function toast(text) {
  const box = role("toasts");
  if (box.lastElementChild?.textContent === text) box.lastElementChild.remove();
  const item = el("p", {}, text);
  box.append(item);
  setTimeout(() => item.remove(), 5000);
}

document.addEventListener("keydown", (e) => {
  if (!handset || e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
  const at = document.activeElement;
  const free = !at || at === document.body || at.closest("g[data-screen]");
  if (e.key === "Escape" && !role("look").hidden && !handset.root.contains(at)) {
    role("look").querySelector(".remove").click();
  } else if (free && /^[0-9*#]$/.test(e.key)) {
    e.preventDefault();
    handset.type(e.key);
    if (!handset.role.input.hidden) handset.role.input.focus({ preventScroll: true });
  } else if (at === document.body && e.key === "Enter") handset.enter();
});

setInterval(() => handset?.tick(), 250);
