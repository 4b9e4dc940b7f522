// One websocket for the whole page. It comes back by itself, a little later
// after each failure, and says how it is.

const FIRST = 500;
const LONGEST = 10000;

export class Socket {
  /**
   * @param {string} path
   * @param {{message: (m: object) => void, open: () => void, lost: (seconds: number) => void}} on
   */
  constructor(path, on) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.url = `${scheme}//${location.host}${path}`;
    this.on = on;
    this.wait = FIRST;
    this.timer = 0;
    this.connect();
    addEventListener("online", () => this.now());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.now();
    });
  }

  get open() {
    return this.ws?.readyState === WebSocket.OPEN;
  }

  connect() {
    clearTimeout(this.timer);
    this.timer = 0;
    const ws = new WebSocket(this.url);
    this.ws = ws;
    ws.addEventListener("open", () => {
      this.wait = FIRST;
      this.on.open();
    });
    ws.addEventListener("message", (e) => {
      let m;
      try {
        m = JSON.parse(e.data);
      } catch {
        return;
      }
      this.on.message(m);
    });
    ws.addEventListener("close", () => {
      if (this.ws !== ws) return;
      // A share of chance, so that many pages do not come back together.
      const pause = this.wait * (0.75 + Math.random() / 2);
      this.wait = Math.min(this.wait * 2, LONGEST);
      this.timer = setTimeout(() => this.connect(), pause);
      this.on.lost(Math.ceil(pause / 1000));
    });
  }

  /** Tries again at once if it was going to try later. */
  now() {
    if (this.timer) {
      this.wait = FIRST;
      this.connect();
    }
  }

  /** Sends m, or says that it cannot. */
  send(m) {
    if (!this.open) return false;
    this.ws.send(JSON.stringify(m));
    return true;
  }
}
