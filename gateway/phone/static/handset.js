// One handset: keys, screen and countdown. What it shows is the operator's
// state; only what is being typed, and an SMS being read, are its own.

import { Side, el } from "./side.js";
import { Tongues, copy, place } from "./desk.js";

const keypad = [
  ["1", ""], ["2", "abc"], ["3", "def"],
  ["4", "ghi"], ["5", "jkl"], ["6", "mno"],
  ["7", "pqrs"], ["8", "tuv"], ["9", "wxyz"],
  ["*", ""], ["0", "+"], ["#", ""],
];
const names = { "*": "star", "#": "hash" };
const HOLD = 550; // ms until a held 0 becomes +
const DOUBLE = 600; // ms in which a second press of a key is a slip of the thumb

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

const doing = {
  idle: "Ready to dial",
  dialling: "Dialling",
  waiting: "Waits for the gateway",
  asking: "Waits for the customer",
  ended: "The dialogue has ended",
  failed: "The network gave up",
};

export class Handset {
  /**
   * @param {string} msisdn
   * @param {number} shell  which colour
   * @param {{send: (m: object) => boolean, remove: () => void, active: () => void}} page
   */
  constructor(msisdn, shell, page) {
    this.msisdn = msisdn;
    this.page = page;
    const root = document.getElementById("phone-template").content.firstElementChild.cloneNode(true);
    this.root = root;
    root.dataset.msisdn = msisdn;
    root.dataset.shell = shell;
    this.role = Object.fromEntries([...root.querySelectorAll("[data-role]")].map((e) => [e.dataset.role, e]));
    this.glass = root.querySelector(".glass");
    this.side = new Side(root, (id) => this.send({ t: "read", id }));
    this.tongues = new Tongues(this.role.tongues);
    this.allTongues = false; // whether they are shown
    this.desk = null; // what authors of menus see of the dialogue
    this.network = 0; // ms that the network gives a dialogue
    this.phone = { state: "idle", service: false, screen: "", code: "" };
    this.inbox = [];
    this.reading = null; // the SMS on the screen
    this.skew = 0; // the operator's clock minus ours, ms
    this.lastCode = "";
    this.sentAt = -DOUBLE; // of a key press that the operator has not answered yet

    const title = `title-${msisdn}`;
    this.role.number.id = title;
    this.role.number.textContent = `+${msisdn}`;
    root.setAttribute("aria-labelledby", title);
    this.role.screen.setAttribute("aria-label", `Screen of ${msisdn}`);
    this.keys();
    this.listen();
    this.render();
    this.tick();
  }

  keys() {
    for (const [key, letters] of keypad) {
      const b = el("button", { type: "button", "data-key": key, "aria-label": names[key] ?? key }, el("b", {}, key));
      if (letters) b.append(el("small", { "aria-hidden": "true" }, letters));
      let held = 0;
      let long = false;
      b.addEventListener("pointerdown", () => {
        long = false;
        if (key !== "0") return;
        held = setTimeout(() => {
          long = true;
          this.type("+");
        }, HOLD);
      });
      for (const end of ["pointerup", "pointerleave", "pointercancel"]) b.addEventListener(end, () => clearTimeout(held));
      b.addEventListener("click", () => {
        if (!long) this.type(key);
        long = false;
      });
      this.role.keys.append(b);
    }
  }

  listen() {
    const { input, call, send, cancel, hangup, ok, up, down, remove, screen } = this.role;
    // A press of a key leaves the typing where it is.
    this.root.querySelector(".handset").addEventListener("mousedown", (e) => {
      if (e.target.closest("button")) e.preventDefault();
    });
    this.root.addEventListener("pointerdown", () => this.page.active());
    this.root.addEventListener("focusin", () => this.page.active());
    call.addEventListener("click", () => this.call());
    hangup.addEventListener("click", () => this.hangUp());
    send.addEventListener("click", () => this.left());
    ok.addEventListener("click", () => this.left());
    cancel.addEventListener("click", () => this.right());
    up.addEventListener("click", () => screen.scrollBy({ top: -60 }));
    down.addEventListener("click", () => screen.scrollBy({ top: 60 }));
    remove.addEventListener("click", () => this.page.remove());
    this.role["save-test"].addEventListener("click", () => this.page.test?.(this.msisdn, this.desk?.title ?? ""));
    this.role["place-file"].addEventListener("click", () => copy(this.role["place-file"], `${this.desk.file}:${this.desk.line}:${this.desk.col}`));
    input.addEventListener("input", () => this.render());
    this.root.querySelector(".handset").addEventListener("keydown", (e) => {
      if (e.isComposing) return;
      if (e.key === "Escape") {
        e.preventDefault();
        this.hangUp();
      } else if (e.key === "Enter" && e.target === input) {
        e.preventDefault();
        this.enter();
      }
    });
  }

  send(m) {
    return this.page.send({ ...m, msisdn: this.msisdn });
  }

  /** Sends m unless the same key was pressed just now. */
  once(m) {
    const now = performance.now();
    if (now - this.sentAt < DOUBLE) return false;
    if (!this.send(m)) return false;
    this.sentAt = now;
    return true;
  }

  /** Takes the operator's state. */
  update(u) {
    this.skew = u.now - Date.now();
    const before = this.phone.state;
    this.phone = u.phone;
    this.sentAt = -DOUBLE;
    if (u.phone.code) this.lastCode = u.phone.code;
    if (u.phone.state === "asking" && before !== "asking") this.role.input.value = "";
    if (u.phone.state !== "idle" && u.phone.state !== before) this.reading = null;
    if (u.inbox) {
      const newest = u.inbox.at(-1);
      const had = this.inbox.at(-1)?.id ?? 0;
      if (!u.reset && newest && newest.id > had) this.notify();
      this.inbox = u.inbox;
      this.side.messages(u.inbox);
    }
    this.side.append(u.lines ?? [], u.reset === true);
    if (u.desk !== undefined) this.look(u.desk);
    this.render();
    if (u.phone.state !== before) {
      this.role.screen.scrollTop = 0;
      if (u.phone.state === "asking" && this.wantsFocus()) this.role.input.focus({ preventScroll: true });
    }
    this.tick();
  }

  /** Takes what authors see of the dialogue; null for none. */
  look(desk) {
    this.desk = desk;
    this.tongues.show(desk, this.allTongues);
    const known = Boolean(desk?.file);
    this.role.place.hidden = !known;
    if (known) {
      this.role["place-screen"].textContent = desk.screen;
      this.role["place-screen"].href = `/flow#${desk.menu}.${desk.screen}`;
      this.role["place-file"].textContent = place(desk);
    }
    this.role["save-test"].hidden = !desk || !this.page.test;
  }

  /** Shows the screen in every language, or no longer. */
  everyTongue(on) {
    this.allTongues = on;
    this.tongues.show(this.desk, on);
  }

  /** What the dialogue took of its customer so far. */
  effort(now) {
    const p = this.phone;
    const began = p.began ? Date.parse(p.began) : 0;
    this.role.effort.hidden = !began || !this.network;
    if (this.role.effort.hidden) return;
    const took = Math.max(0, (p.over ? Date.parse(p.over) : now) - began);
    const part = Math.min(1, took / this.network);
    const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
    const words = `${p.keys} key ${p.keys === 1 ? "press" : "presses"} · ${count(p.answers, "answer")} · ${Math.round(took / 1000)} s of ${Math.round(this.network / 1000)} s`;
    if (this.role["effort-words"].textContent !== words) this.role["effort-words"].textContent = words;
    this.role["effort-bar"].style.setProperty("--part", part.toFixed(3));
    this.role.effort.dataset.level = part > 0.8 ? "low" : "fine";
  }

  /** Whether the keyboard's focus may move to the answer line. */
  wantsFocus() {
    if (!matchMedia("(pointer: fine)").matches) return false; // it would open a keyboard
    const at = document.activeElement;
    if (at && at !== document.body) return this.root.querySelector(".handset").contains(at);
    return this.root.dataset.active === "true";
  }

  notify() {
    this.root.dataset.buzz = "true";
    setTimeout(() => delete this.root.dataset.buzz, 900);
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(120); // browsers forbid it before a tap
  }

  /** A character from the keypad or the keyboard. */
  type(c) {
    const { input } = this.role;
    this.reading = null;
    if (this.phone.state === "ended" || this.phone.state === "failed") {
      input.value = "";
      this.send({ t: "hangup" }); // clears the last screen
    } else if (this.phone.state !== "idle" && this.phone.state !== "asking") {
      return;
    }
    if (input.value.length < input.maxLength) input.value += c;
    this.render();
    input.scrollLeft = input.scrollWidth;
  }

  /** Puts a code on the dial line, unless a dialogue runs. */
  offer(code) {
    if (!["idle", "ended", "failed"].includes(this.phone.state)) return false;
    if (this.phone.state !== "idle") this.send({ t: "hangup" });
    this.reading = null;
    this.role.input.value = code;
    this.render();
    if (matchMedia("(pointer: fine)").matches) this.role.input.focus({ preventScroll: true });
    return true;
  }

  call() {
    const { input } = this.role;
    this.reading = null;
    if (this.phone.state === "asking") return this.answer();
    if (this.phone.state === "dialling" || this.phone.state === "waiting") return;
    const code = input.value.trim();
    if (!code) { // as phones do: the last number comes back, a second press dials it
      if (this.lastCode) this.offer(this.lastCode);
      return;
    }
    if (this.once({ t: "dial", code })) input.value = "";
    this.render();
  }

  answer() {
    const { input } = this.role;
    if (this.once({ t: "press", text: input.value })) input.value = "";
    this.render();
  }

  hangUp() {
    this.reading = null;
    if (this.phone.state === "idle") this.role.input.value = "";
    else this.send({ t: "hangup" });
    this.render();
  }

  enter() {
    if (this.phone.state === "idle") this.call();
    else this.left();
  }

  left() {
    this.soft().left?.[1]();
  }

  right() {
    this.soft().right?.[1]();
  }

  /** What the soft keys are called and do now. */
  soft() {
    const { input } = this.role;
    if (this.reading) {
      const next = this.inbox.findLast((m) => !m.read && m.id !== this.reading.id);
      return {
        left: next ? ["Next", () => this.open(next)] : undefined,
        right: ["Back", () => this.back()],
      };
    }
    switch (this.phone.state) {
      case "asking":
        return { left: ["Send", () => this.answer()], right: ["Cancel", () => this.hangUp()] };
      case "dialling":
      case "waiting":
        return { right: ["Cancel", () => this.hangUp()] };
      case "ended":
      case "failed":
        return {
          left: ["OK", () => this.hangUp()],
          right: this.phone.unread ? ["Read", () => this.open(this.newest())] : undefined,
        };
    }
    if (input.value) {
      return {
        left: ["Call", () => this.call()],
        right: ["Clear", () => { input.value = input.value.slice(0, -1); this.render(); }],
      };
    }
    const newest = this.newest();
    if (!newest) return {};
    return { left: [this.phone.unread ? "Read" : "Inbox", () => this.open(newest)] };
  }

  /** The message to read next. */
  newest() {
    return this.inbox.findLast((m) => !m.read) ?? this.inbox.at(-1);
  }

  open(sms) {
    this.reading = sms;
    if (!sms.read) this.send({ t: "read", id: sms.id });
    this.render();
    this.role.screen.scrollTop = 0;
  }

  back() {
    this.reading = null;
    this.render();
  }

  /** Which view the glass shows. */
  view() {
    if (this.reading) return "sms";
    switch (this.phone.state) {
      case "dialling":
      case "waiting":
        return "running";
      case "asking":
        return "asking";
      case "ended":
      case "failed":
        return "last";
    }
    return this.role.input.value ? "typing" : "idle";
  }

  render() {
    const { input, screen, send, cancel, call, hangup } = this.role;
    const p = this.phone;
    const view = this.view();
    this.root.dataset.state = p.state;
    this.root.dataset.service = p.service;
    this.glass.dataset.view = view;

    let text = p.screen;
    if (view === "sms") text = `${this.reading.from}\n${this.reading.text}`;
    else if (view === "running" && !text) text = "USSD code running…";
    else if (view === "idle" && p.unread) text = p.unread === 1 ? "1 new message" : `${p.unread} new messages`;
    if (screen.textContent !== text) screen.textContent = text;

    const secret = p.state === "asking" && p.secret;
    const type = secret ? "password" : "text";
    if (input.type !== type) input.type = type;
    input.autocomplete = secret ? "one-time-code" : "off";
    input.setAttribute("aria-label", secret ? "Secret answer" : view === "asking" ? "Answer" : "Number to dial");
    input.hidden = !(view === "asking" || view === "typing" || view === "idle");
    input.placeholder = view === "idle" && !p.unread ? "Dial a code" : "";

    const soft = this.soft();
    for (const [button, action] of [[send, soft.left], [cancel, soft.right]]) {
      button.textContent = action?.[0] ?? "";
      button.disabled = !action;
    }
    call.disabled = view === "running";
    hangup.setAttribute("aria-label", view === "last" ? "Close" : "Hang up");

    this.role.operator.textContent = p.service ? "Nyota" : "No service";
    this.role.signal.setAttribute("aria-label", p.service ? "Signal" : "No service: no gateway is bound");
    this.role.mail.hidden = !p.unread;
    this.role.unread.textContent = p.unread > 1 ? p.unread : "";
    this.role.doing.textContent = p.service || p.state !== "idle" ? doing[p.state] : "No gateway is bound";
  }

  /** Clock and countdown. */
  tick() {
    const now = new Date(Date.now() + this.skew);
    const at = clock.format(now);
    if (this.role.clock.textContent !== at) {
      this.role.clock.textContent = at;
      this.role.bigclock.textContent = at;
      this.role.date.textContent = day.format(now);
    }
    this.effort(now.getTime());
    const until = this.phone.deadline ? Date.parse(this.phone.deadline) : 0;
    const ring = this.role.countdown;
    if (!until) {
      ring.dataset.level = "off";
      this.role["time-left"].style.setProperty("--part", 0);
      this.role.seconds.textContent = "";
      ring.setAttribute("aria-label", "No dialogue");
      return;
    }
    const left = Math.max(0, until - now.getTime());
    const part = Math.min(1, left / Math.max(1, this.phone.allowed_ns / 1e6));
    const seconds = Math.ceil(left / 1000);
    ring.dataset.level = part < 0.2 ? "low" : "fine";
    ring.style.setProperty("--part", part.toFixed(4));
    this.role["time-left"].style.setProperty("--part", part.toFixed(4));
    this.role["time-left"].dataset.level = ring.dataset.level;
    this.role.seconds.textContent = seconds;
    ring.setAttribute("aria-label", `${seconds} seconds until the network gives up`);
  }
}
