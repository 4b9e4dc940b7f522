// Beside a handset: its inbox, and the transcript with what each message took.

const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const kinds = {
  dial: "dials",
  answer: "answers",
  ask: "asks",
  notice: "notice",
  end: "last screen",
  hangup: "hangs up",
  timeout: "timeout",
  error: "no connection",
  sms: "SMS",
};

/** Makes an element: el("p", {class: "x"}, "text", child). */
export function el(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children);
  return e;
}

/** How long a text is: "87/182 septets". */
function size(s, parts = 1) {
  if (!s.encoding) return null;
  const unit = s.encoding === "gsm7" ? "septets" : "UCS-2";
  return parts > 1 ? `${s.units} ${unit} in ${parts} parts` : `${s.units}/${s.limit} ${unit}`;
}

function level(s) {
  if (s.units > s.limit) return "over";
  return s.units > s.limit * 0.9 ? "near" : "fine";
}

/** How full the message is, along its lower edge. */
function meter(s) {
  const bar = el("i", { class: "meter", "aria-hidden": "true", "data-level": level(s) });
  bar.style.setProperty("--part", Math.min(1, s.units / s.limit).toFixed(3));
  return bar;
}

export class Side {
  /** @param {HTMLElement} root  @param {(id: number) => void} read */
  constructor(root, read) {
    const role = (name) => root.querySelector(`[data-role=${name}]`);
    this.inbox = role("inbox");
    this.noSMS = role("no-sms");
    this.badge = role("badge");
    this.readAll = role("read-all");
    this.lines = role("transcript");
    this.noLines = role("no-lines");
    this.copy = role("copy");
    this.read = read;
    this.readAll.addEventListener("click", () => read(0));
    this.copy.addEventListener("click", () => this.copyLines());
    // The transcript stays at its end, unless somebody has scrolled away from it.
    this.stick = true;
    this.lines.addEventListener("scroll", () => {
      this.stick = this.lines.scrollHeight - this.lines.scrollTop - this.lines.clientHeight < 30;
    });
    new ResizeObserver(() => this.toEnd()).observe(this.lines);
  }

  toEnd() {
    if (this.stick) this.lines.scrollTop = this.lines.scrollHeight;
  }

  /** Shows the whole inbox, the newest message first. Known items stay as they are. */
  messages(inbox) {
    const known = new Map([...this.inbox.children].map((li) => [li.dataset.id, li]));
    const items = inbox.map((m) => {
      const li = known.get(String(m.id)) ?? this.message(m);
      li.dataset.read = m.read;
      li.querySelector("[data-role=mark]").hidden = m.read;
      return li;
    });
    const keep = new Set(items);
    for (const li of known.values()) if (!keep.has(li)) li.remove();
    for (const li of items) if (!li.isConnected) this.inbox.prepend(li);
    const unread = inbox.filter((m) => !m.read).length;
    this.badge.hidden = unread === 0;
    this.badge.textContent = `${unread} new`;
    this.readAll.hidden = unread === 0;
    this.noSMS.hidden = inbox.length > 0;
    this.inbox.hidden = inbox.length === 0;
  }

  message(m) {
    const mark = el("button", { type: "button", class: "quiet", "data-role": "mark" }, "Mark read");
    mark.addEventListener("click", () => this.read(m.id));
    const at = new Date(m.at);
    return el("li", { "data-role": "sms", "data-id": m.id },
      el("div", { class: "from" }, el("b", { "data-role": "from" }, m.from),
        el("time", { datetime: at.toISOString() }, time.format(at))),
      el("p", { "data-role": "text" }, m.text),
      el("div", { class: "foot" }, el("small", {}, size(m.size, m.parts) ?? ""), mark));
  }

  /** Appends transcript lines, after clearing it if all are there. */
  append(lines, reset) {
    if (reset) this.lines.replaceChildren();
    for (const l of lines) this.lines.append(this.line(l));
    const none = this.lines.childElementCount === 0;
    this.noLines.hidden = !none;
    this.lines.hidden = none;
    this.copy.hidden = none;
    this.toEnd();
  }

  line(l) {
    const at = new Date(l.at);
    const count = l.secret ? "secret" : size(l.size);
    const about = el("div", { class: "about" },
      el("span", {}, el("time", { datetime: at.toISOString() }, time.format(at)),
        el("span", { class: "kind" }, kinds[l.kind] ?? l.kind)));
    if (count) about.append(el("span", { class: "count", "data-level": level(l.size) }, count));
    const words = el("div", {});
    if (l.text) words.append(el("p", {}, l.text));
    if (l.detail) words.append(el("p", { class: "why" }, l.detail));
    const body = el("div", { class: "what" });
    if (words.childElementCount) body.append(words);
    if (l.screen) body.append(el("code", { title: "The menu's screen" }, l.screen));
    if (count && l.direction === "in") body.append(meter(l.size));
    return el("li", { "data-direction": l.direction, "data-kind": l.kind }, about, body);
  }

  async copyLines() {
    const rows = [...this.lines.children].map((li) => {
      const text = (selector) => li.querySelector(selector)?.textContent ?? "";
      const arrow = li.dataset.direction === "out" ? ">" : "<";
      return `${text("time")} ${arrow} ${text(".kind")} ${text(".count")}\n${text(".what p").replace(/^/gm, "    ")}`;
    });
    try {
      await navigator.clipboard.writeText(rows.join("\n") + "\n");
      this.copy.textContent = "Copied";
    } catch {
      this.copy.textContent = "Not allowed";
    }
    setTimeout(() => (this.copy.textContent = "Copy"), 1500);
  }
}
