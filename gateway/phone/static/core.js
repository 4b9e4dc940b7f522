// The switches of the simulated core, and how it is.

const words = {
  normal: (f) => `${count(f.workers, "worker")}, ${f.service_ms} ms each`,
  slow: (f) => `${count(f.workers, "worker")}, ${f.service_ms / 1000} s each`,
  silent: (f) => `${Math.round(f.drop_answers * 100)} % of answers are lost`,
  dead: () => "cuts every connection",
};

function count(n, what) {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

export class CoreSwitch {
  /**
   * @param {HTMLFieldSetElement} box
   * @param {(mode: string) => boolean} turn
   */
  constructor(box, turn) {
    this.box = box;
    this.detail = box.querySelector("[data-role=core-detail]");
    this.mode = "unknown";
    box.addEventListener("change", (e) => {
      // What is shown as chosen is what the core is, not what was asked for.
      const wanted = e.target.value;
      this.show(this.mode);
      box.dataset.turning = wanted;
      if (!turn(wanted)) delete box.dataset.turning;
    });
  }

  /** Takes what the server says of the core. */
  update(state) {
    delete this.box.dataset.turning;
    this.mode = state.mode;
    this.show(state.mode);
    this.detail.textContent = state.error ?? words[state.mode]?.(state.faults) ?? "";
  }

  show(mode) {
    this.box.dataset.mode = mode;
    for (const radio of this.box.querySelectorAll("input")) radio.checked = radio.value === mode;
  }
}
