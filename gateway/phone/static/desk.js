// What those who write the menus see beside a phone: problems of an edit, the
// screen in every language, what a dialogue took, and tests made of dialogues.

import { el } from "./side.js";

/** A language's own name for itself: "Kiswahili". */
export function languageName(code) {
  try {
    const name = new Intl.DisplayNames([code], { type: "language" }).of(code);
    return name[0].toLocaleUpperCase(code) + name.slice(1);
  } catch {
    return code;
  }
}

const unit = (size) => (size.encoding === "ucs2" ? "UCS-2" : "septets");

/** "wallet.yaml:46:3", without the folder. */
export const place = (s) => `${s.file.split("/").pop()}:${s.line}:${s.col}`;

/** Copies a text, and says so on the button. */
export async function copy(button, text) {
  const was = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = text;
    return;
  }
  setTimeout(() => (button.textContent = was), 1200);
}

/** Asks the server for something that only this machine may do. */
export async function ask(path, body) {
  let answer;
  try {
    const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    answer = await response.json();
  } catch {
    return { error: "The gateway did not answer." };
  }
  return answer;
}

/** Shows what is wrong with the menus on disk, while the last good ones serve. */
export function showBroken(box, broken) {
  box.hidden = !broken;
  if (!broken) return box.replaceChildren();
  const n = broken.count;
  const head = el("p", { class: "broken-head" },
    el("b", {}, n === 1 ? "The menus on disk have a problem." : `The menus on disk have ${n} problems.`),
    " The last good revision serves on.");
  const items = broken.problems.map((p) => {
    const at = p.line ? `${p.file}:${p.line}:${p.col}` : p.file || "";
    const where = el("button", { type: "button", class: "where", title: "Copy the place" }, at);
    where.addEventListener("click", () => copy(where, at));
    const li = el("li", {}, el("p", {}, where, el("code", { class: "code" }, p.code), el("span", { class: "message" }, p.message)));
    if (p.snippet) li.append(el("pre", {}, p.snippet));
    if (p.fix) li.append(el("p", { class: "fix" }, el("b", {}, "Fix: "), p.fix));
    return li;
  });
  const list = el("ol", { tabindex: "0", "aria-label": "Problems" }, ...items);
  if (n > items.length) list.append(el("li", { class: "rest" }, `and ${n - items.length} more: gateway check shows them all`));
  box.replaceChildren(head, list);
}

/** How full a screen is, and how full it can become. */
export function gauge(now, worst) {
  const bar = el("div", { class: "gauge", "aria-hidden": "true" });
  const part = (s) => Math.min(1, s.units / s.limit);
  if (worst) {
    const w = el("u", { "data-level": worst.pages > 1 ? "pages" : worst.size.units > worst.size.limit * 0.9 ? "near" : "fine" });
    w.style.setProperty("--part", part(worst.size).toFixed(3));
    bar.append(w);
  }
  if (now) {
    const i = el("i");
    i.style.setProperty("--part", part(now).toFixed(3));
    bar.append(i);
  }
  return bar;
}

/** What a length means, in words: "at its longest 140 of 182 septets". */
export function longestWords(w) {
  const pages = w.pages > 1 ? `${w.pages} pages` : `${w.size.units} of ${w.size.limit} ${unit(w.size)}`;
  const why = w.because ? ` · ${w.because} needs UCS-2` : "";
  return `At its longest ${pages}${why}`;
}

/** The present screen in every language. */
export class Tongues {
  constructor(box) {
    this.box = box;
    this.known = null;
  }

  /** @param {object|null} desk  @param {boolean} on */
  show(desk, on) {
    if (desk?.languages) this.known = desk;
    if (!desk) this.known = null;
    this.box.hidden = !on;
    if (!on) return;
    this.box.dataset.waiting = Boolean(desk && !desk.languages);
    const v = this.known;
    if (!v) {
      this.box.replaceChildren(el("p", { class: "none" }, "Dial a code: its screens show here, in every language of the menu."));
      return;
    }
    this.box.replaceChildren(...v.languages.map((l) => this.phone(l, l.language === v.language)));
  }

  phone(l, current) {
    const pages = l.pages > 1 ? ` · page ${l.page} of ${l.pages}` : "";
    const foot = el("p", { class: "tongue-foot" },
      el("span", { class: "count" }, `${l.size.units}/${l.size.limit} ${unit(l.size)}${pages}`));
    if (l.worst) foot.append(el("span", { class: "longest", "data-level": l.worst.pages > 1 ? "pages" : "fine" }, longestWords(l.worst)));
    return el("article", { class: "tongue", lang: l.language, "data-language": l.language, "data-current": current },
      el("h4", {}, languageName(l.language), current ? el("small", {}, "on the phone") : ""),
      el("div", { class: "mini" }, el("div", { class: "mini-text" }, l.text)),
      gauge(l.size, l.worst), foot);
  }
}

/** The sheet that makes a test of a phone's last dialogue. */
export class TestSheet {
  constructor(box) {
    this.box = box;
    box.addEventListener("click", (e) => {
      if (e.target === box) box.close();
    });
  }

  async open(msisdn, title) {
    const name = el("input", { id: "test-name", maxlength: "200", autocomplete: "off", spellcheck: "false" });
    name.value = title;
    const file = el("input", { id: "test-file", maxlength: "64", pattern: "[a-z0-9][a-z0-9_\\-]*", required: true, autocomplete: "off", spellcheck: "false" });
    file.value = `recorded-${new Date().toISOString().slice(5, 16).replace(/\D/g, "")}`;
    const text = el("pre", { tabindex: "0", "data-role": "test-text", "aria-label": "The test" });
    const said = el("p", { class: "said", role: "status", "data-role": "test-said" });
    const save = el("button", { type: "submit", class: "main", "data-role": "test-save" }, "Save beside the menus");
    const copied = el("button", { type: "button" }, "Copy");
    const close = el("button", { type: "button", class: "quiet", "data-role": "test-close" }, "Close");
    const form = el("form", { method: "dialog" },
      el("h2", { id: "test-title" }, "Save as test"),
      el("p", { class: "lead" }, "The dialogue, with the core's answers and the SMS. A PIN is the word ", el("code", {}, "secret"), ". It passes as it stands."),
      el("label", { for: "test-name" }, "What the case shows"), name,
      text,
      el("label", { for: "test-file" }, "File"), el("span", { class: "file" }, file, el("span", {}, ".test.yaml")),
      said, el("div", { class: "buttons" }, close, copied, save));
    const make = async (body) => {
      const answer = await ask("/phone/test", { msisdn, name: name.value, ...body });
      said.dataset.bad = Boolean(answer.error);
      said.textContent = answer.error ?? (answer.file ? `Saved as ${answer.file}` : "");
      text.hidden = !answer.test;
      if (answer.test) text.textContent = answer.test;
      save.disabled = copied.disabled = !answer.test && !body.file;
      return answer;
    };
    let timer = 0;
    name.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => make({}), 250);
    });
    close.addEventListener("click", () => this.box.close());
    copied.addEventListener("click", () => copy(copied, text.textContent));
    form.addEventListener("submit", async (e) => {
      e.preventDefault();
      save.disabled = true;
      await make({ file: file.value });
      save.disabled = false;
    });
    this.box.replaceChildren(form);
    this.box.showModal();
    name.select();
    await make({});
  }
}
