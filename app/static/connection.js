// @ts-check
// One question over HTTP, put again until it is answered: a device that is offline, a server that is lost, starts, is
// slow or busy are waited for. All questions may be put twice: none changes what another answers.

const PAUSES_S = [0.5, 1, 2, 4, 8, 15]; // between tries; the last of them from then on
const JITTER = 0.2; // of a pause, so that not all pages come back at once
const LONGEST_S = 60; // that a server may ask to be left alone
const PATIENCE_MS = 120_000; // with one try; a photo may be on its way for longer
const SLOW = [408, 504, 524]; // a proxy's patience ended
const OK = 200;
// This page's name for itself: behind a proxy its visitors share an address, and the server is fair to each.
const VISITOR = { "X-Visitor": Math.random().toString(36).slice(2) };

const OFFLINE = "This device is offline";
const LOST = "The server does not answer";
const STARTING = "The app is starting";
const LATE = "The server took too long to answer";
const BUSY = "The server is busy";

/** @typedef {{error?: string, status?: number, busy?: {place?: number, retry_s?: number}, gone?: boolean}} Refusal a sentence where there is no answer */
/** @typedef {{sentence: string, pause?: number, isBusy?: boolean}} Hindrance that passes; `pause` in s, where the server named one */
/** @typedef {{signal?: AbortSignal, settles?: boolean, isPatient?: boolean, isLong?: boolean, pick?: (answer: any) => any, as?: "json" | "blob"}} How */

/** @param {unknown} value */
const isSentence = (value) => typeof value === "string" && value !== "";

/** The seconds of a Retry-After; undefined without one. @param {string | null} text */
function secondsOf(text) {
  if (!text) return undefined;
  const seconds = /^\d+$/.test(text.trim()) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

/**
 * What came back: an answer (a refusal is one), or what hinders the server for now.
 * @param {number} status @param {string | null} retryAfter @param {any} answer undefined where it is no JSON: a proxy's page
 * @returns {{answer: any} | {hindrance: Hindrance}}
 */
export function meaning(status, retryAfter, answer) {
  const sentence = [answer?.error, answer?.detail].find(isSentence);
  const pause = answer?.busy?.retry_s ?? secondsOf(retryAfter);
  if (answer?.busy || status === 429 || (status === 503 && pause !== undefined)) {
    const place = answer?.busy?.place;
    return { hindrance: { sentence: place > 0 ? `${BUSY}: place ${place}` : BUSY, pause, isBusy: true } };
  }
  if (status >= OK && status < 300) return answer === undefined ? { hindrance: { sentence: LOST } } : { answer: answer ?? {} };
  if (SLOW.includes(status)) return { hindrance: { sentence: LATE, pause } };
  if (status > 500) return { hindrance: { sentence: sentence?.replace(/\.$/, "") ?? STARTING, pause } };
  return { answer: { ...answer, error: sentence ?? `The server could not answer (status ${status}): try again.`, status } };
}

/** A question that is being waited for. */
class Trouble {
  sentence = "";
  isBusy = false; // the server named the pause: nobody shortens it
  until = 0; // ms, when it is put again; 0 while it is
  tries = 0;
  wake = () => {};
}

export class Connection {
  /** @type {Set<Trouble>} the oldest first */
  troubles = new Set();
  /** Told whenever `troubles` change. */
  onChange = () => {};

  constructor() {
    const wake = () => document.hidden || this.tryNow();
    addEventListener("online", wake);
    addEventListener("pageshow", wake);
    document.addEventListener("visibilitychange", wake);
  }

  /** Puts at once what waits for a server that is lost or starts. */
  tryNow() {
    for (const trouble of this.troubles) if (!trouble.isBusy) trouble.wake();
  }

  /**
   * The answer to one question; {error} where it is refused, or was given up by its signal. It `settles` where the try
   * that is under way shall come to its end all the same; who is not patient tries once.
   * @param {string} url @param {BodyInit | null} body null: a GET
   * @param {How} how
   * @returns {Promise<any>}
   */
  async ask(url, body, how = {}) {
    const { signal, settles = false, isPatient = true } = how;
    const trouble = new Trouble();
    try {
      for (;;) {
        const come = await this.#once(url, body, how);
        if (signal?.aborted && !settles) break;
        if ("answer" in come) {
          if (trouble.tries && !trouble.isBusy) this.tryNow(); // the server is back for all that wait
          return come.answer;
        }
        if (!isPatient) return { error: `${come.hindrance.sentence}.` };
        if (signal?.aborted) break;
        await this.#pause(trouble, come.hindrance, signal);
        if (signal?.aborted) break;
      }
      return { error: "given up" };
    } finally {
      if (this.troubles.delete(trouble)) this.onChange();
    }
  }

  /** @param {string} url @param {BodyInit | null} body @param {How} how */
  async #once(url, body, { signal, settles = false, isPatient = true, isLong = false, pick = (answer) => answer, as = "json" }) {
    const ends = [settles ? undefined : signal, isLong ? undefined : AbortSignal.timeout(PATIENCE_MS)].filter((end) => end !== undefined);
    try {
      const response = await fetch(url, {
        method: body === null ? "GET" : "POST",
        body,
        headers: typeof body === "string" ? { ...VISITOR, "Content-Type": "application/json" } : VISITOR,
        signal: AbortSignal.any(ends),
        keepalive: !isPatient, // it may outlive the page
      });
      const answer = response.ok && as === "blob" ? await response.blob() : parsed(await response.text());
      return meaning(response.status, response.headers.get("Retry-After"), response.ok && answer !== undefined ? pick(answer) : answer);
    } catch (error) {
      const isLate = error instanceof DOMException && error.name === "TimeoutError";
      return { hindrance: { sentence: isLate ? LATE : navigator.onLine ? LOST : OFFLINE } };
    }
  }

  /** @param {Trouble} trouble @param {Hindrance} hindrance @param {AbortSignal} [signal] */
  async #pause(trouble, { sentence, pause, isBusy = false }, signal) {
    const usual = PAUSES_S[Math.min(trouble.tries, PAUSES_S.length - 1)];
    const seconds = Math.min(pause ?? usual, LONGEST_S) * (1 + JITTER * Math.random());
    Object.assign(trouble, { sentence, isBusy, until: performance.now() + 1000 * seconds, tries: trouble.tries + 1 });
    this.troubles.add(trouble);
    this.onChange();
    await new Promise((resolve) => {
      trouble.wake = () => resolve(null);
      setTimeout(resolve, 1000 * seconds);
      signal?.addEventListener("abort", resolve, { once: true });
    });
    trouble.until = 0;
    this.onChange();
  }
}

/** @param {string} text @returns {any} undefined for what is no JSON */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
