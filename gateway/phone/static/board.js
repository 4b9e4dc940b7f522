// The drawing of a menu: it is moved, zoomed, and its screens are chosen.

const SMALLEST = 0.12;
const LARGEST = 2.2;

export class Board {
  /**
   * @param {HTMLElement} box  what shows a part of the drawing
   * @param {HTMLElement} canvas  what holds it
   * @param {(screen: string, e: Event) => void} chosen
   */
  constructor(box, canvas, chosen) {
    this.box = box;
    this.canvas = canvas;
    this.chosen = chosen;
    this.x = this.y = 0;
    this.k = 1;
    this.svg = null;
    this.nodes = new Map(); // by screen
    this.listen();
  }

  /** Puts a drawing there. The view stays if it is the same menu's. */
  draw(text, menu, names) {
    const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    if (svg.nodeName !== "svg") return false;
    svg.querySelector("style")?.remove(); // the page has its own
    svg.querySelector(":scope > rect")?.remove();
    svg.removeAttribute("id");
    const same = this.menu === menu;
    this.menu = menu;
    this.width = Number(svg.getAttribute("width"));
    this.height = Number(svg.getAttribute("height"));
    this.svg = document.importNode(svg, true);
    this.canvas.replaceChildren(this.svg);
    this.nodes.clear();
    for (const g of this.svg.querySelectorAll("g[data-x]")) {
      const screen = g.id.slice(g.id.indexOf(".") + 1);
      this.nodes.set(screen, g);
      g.dataset.screen = screen;
      g.setAttribute("tabindex", "0");
      g.setAttribute("role", "button");
      g.setAttribute("aria-label", names(screen));
    }
    if (!same) this.home();
    else this.place();
    return true;
  }

  listen() {
    const { box } = this;
    const held = new Map(); // pointers that are down
    let moved = 0;
    let apart = 0;
    box.addEventListener("pointerdown", (e) => {
      if (e.target.closest(".tools, .look")) return;
      if (held.size === 0) moved = 0;
      held.set(e.pointerId, e);
      apart = 0;
    });
    addEventListener("pointermove", (e) => {
      const before = held.get(e.pointerId);
      if (!before) return;
      held.set(e.pointerId, e);
      if (held.size === 1) {
        const dx = e.clientX - before.clientX;
        const dy = e.clientY - before.clientY;
        moved += Math.abs(dx) + Math.abs(dy);
        if (moved > 6) {
          box.dataset.moving = "true";
          this.move(dx, dy);
        }
      } else if (held.size === 2) {
        const [a, b] = [...held.values()];
        const now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
        if (apart) this.zoom(now / apart, (a.clientX + b.clientX) / 2, (a.clientY + b.clientY) / 2);
        apart = now;
        moved = 99;
      }
    });
    for (const end of ["pointerup", "pointercancel"]) {
      addEventListener(end, (e) => {
        held.delete(e.pointerId);
        apart = 0;
        if (held.size === 0) setTimeout(() => delete box.dataset.moving);
      });
    }
    box.addEventListener("click", (e) => {
      if (moved > 6 || e.target.closest(".tools, .look")) return;
      const tag = e.target.closest("a[href]");
      if (tag) { // the name of a screen that a way leads to
        e.preventDefault();
        this.show(tag.dataset.to.slice(tag.dataset.to.indexOf(".") + 1), true);
        return;
      }
      const g = e.target.closest("g[data-screen]");
      if (g) this.chosen(g.dataset.screen, e);
    });
    box.addEventListener("keydown", (e) => {
      if (e.target.closest(".tools, .look") || e.ctrlKey || e.metaKey || e.altKey) return;
      const step = 90;
      const g = e.target.closest?.("g[data-screen]");
      switch (e.key) {
        case "ArrowLeft": this.move(step, 0); break;
        case "ArrowRight": this.move(-step, 0); break;
        case "ArrowUp": this.move(0, step); break;
        case "ArrowDown": this.move(0, -step); break;
        case "+": case "=": this.zoom(1.25); break;
        case "-": this.zoom(0.8); break;
        case "0": this.fit(); break;
        case "Enter": case " ":
          if (!g) return;
          this.chosen(g.dataset.screen, e);
          break;
        default: return;
      }
      e.preventDefault();
      e.stopPropagation();
    });
    box.addEventListener("focusin", (e) => {
      const g = e.target.closest?.("g[data-screen]");
      box.scrollTo(0, 0); // browsers scroll to what has the focus; here the drawing moves
      if (g && g.matches(":focus-visible")) this.show(g.dataset.screen);
    });
    box.addEventListener("wheel", (e) => {
      if (e.target.closest(".look")) return;
      e.preventDefault();
      if (e.ctrlKey || e.metaKey || !e.shiftKey && Math.abs(e.deltaX) < 1 && e.deltaMode === 0 && Math.abs(e.deltaY) >= 100) {
        this.zoom(Math.exp(-Math.max(-60, Math.min(60, e.deltaY)) / 260), e.clientX, e.clientY);
      } else {
        this.move(-e.deltaX - (e.shiftKey ? e.deltaY : 0), e.shiftKey ? 0 : -e.deltaY);
      }
    }, { passive: false });
    new ResizeObserver(() => this.place()).observe(box);
  }

  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.place();
  }

  /** Zooms around a point of the window, the middle of the board if none is given. */
  zoom(by, cx, cy) {
    const r = this.box.getBoundingClientRect();
    const px = (cx ?? r.left + r.width / 2) - r.left;
    const py = (cy ?? r.top + r.height / 2) - r.top;
    const k = Math.max(SMALLEST, Math.min(LARGEST, this.k * by));
    this.x = px - ((px - this.x) * k) / this.k;
    this.y = py - ((py - this.y) * k) / this.k;
    this.k = k;
    this.place();
  }

  /** The whole menu. */
  fit() {
    const { clientWidth: w, clientHeight: h } = this.box;
    if (!w || !this.width) return;
    this.k = Math.max(SMALLEST, Math.min(1, (w - 20) / this.width, (h - 20) / this.height));
    this.x = (w - this.width * this.k) / 2;
    this.y = (h - this.height * this.k) / 2;
    this.place(true);
  }

  /** The first screen, large enough to be read. */
  home() {
    const { clientWidth: w, clientHeight: h } = this.box;
    const whole = Math.min((w - 20) / this.width, (h - 20) / this.height);
    this.k = Math.max(0.9, Math.min(1, whole));
    const g = this.svg?.querySelector("g.start");
    if (!g) return this.fit();
    const at = (name) => Number(g.dataset[name]);
    this.x = 30 - at("x") * this.k + (w > 700 ? 10 : 0);
    this.y = h / 2 - (at("y") + at("h") / 2) * this.k;
    this.place();
  }

  /** Brings a screen into view: to the middle, if it is not well in it already. */
  show(screen, flash = false) {
    const g = this.nodes.get(screen);
    if (!g) return;
    const at = (name) => Number(g.dataset[name]);
    const { clientWidth: w, clientHeight: h } = this.box;
    if (this.k < 0.55) this.k = 0.85;
    const cx = at("x") + at("w") / 2;
    const cy = at("y") + at("h") / 2;
    const sx = this.x + cx * this.k;
    const sy = this.y + cy * this.k;
    // What lies over the drawing leaves less of it to be seen.
    const over = this.box.querySelector(".look:not([hidden])")?.getBoundingClientRect();
    const all = this.box.getBoundingClientRect();
    const below = over && over.width > w * 0.8 ? over.height + 8 : 0;
    const hidden = over && !below && sx - (at("w") / 2) * this.k < over.right - all.left && sy + (at("h") / 2) * this.k > over.top - all.top;
    const roomX = Math.min(w * 0.25, (at("w") * this.k) / 2 + 40);
    const roomY = Math.min(h * 0.3, (at("h") * this.k) / 2 + 40);
    if (sx < roomX || sx > w - roomX || sy < roomY || sy > h - below - roomY || hidden) {
      this.x = w / 2 - cx * this.k;
      this.y = (h - below) / 2 - cy * this.k;
    }
    this.place(true);
    if (flash) {
      g.classList.add("flash");
      setTimeout(() => g.classList.remove("flash"), 900);
    }
  }

  place(smooth = false) {
    if (!this.svg) return;
    this.canvas.classList.toggle("smooth", smooth);
    // The drawing never gets lost beyond an edge.
    const { clientWidth: w, clientHeight: h } = this.box;
    const keep = 80;
    this.x = Math.max(keep - this.width * this.k, Math.min(w - keep, this.x));
    this.y = Math.max(keep - this.height * this.k, Math.min(h - keep, this.y));
    this.canvas.style.setProperty("transform", `translate(${this.x}px, ${this.y}px) scale(${this.k})`);
  }

  /** Marks where the dialogue is and has been. */
  mark(here, visited) {
    for (const [screen, g] of this.nodes) {
      g.classList.toggle("here", screen === here);
      g.classList.toggle("been", visited.includes(screen));
    }
    const steps = new Set(visited.slice(1).map((to, i) => `${visited[i]}>${to}`));
    for (const way of this.svg?.querySelectorAll("[data-from]") ?? []) {
      const name = (key) => way.dataset[key].slice(way.dataset[key].indexOf(".") + 1);
      way.classList.toggle("trod", steps.has(`${name("from")}>${name("to")}`));
    }
  }

  select(screen) {
    for (const [name, g] of this.nodes) g.classList.toggle("chosen", name === screen);
  }
}
