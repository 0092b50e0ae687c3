// @ts-check
// All that the page asks of its server, a method a question. The page needs nothing else of it: whoever answers the
// same questions can stand in its place.

export const LOST = "The server does not answer: is the app still running?";

const API = `${/** @type {any} */ (window).gradio_config?.root ?? ""}/gradio_api`;
const POLL_MS = 500; // between questions how far a fetch is

/**
 * @typedef {{error?: string}} Refusal a sentence where there is no answer
 * @typedef {{name: string, title: string, here: boolean, hosts: string[]}} Entry of the menu of networks
 * @typedef {{state: "running" | "done" | "failed" | "stopped", done: number, total: number, sentence: string}} Progress of a fetch, in bytes
 * @typedef {{file: File, path: string | null, url: string}} Photo and where the server has it
 * @typedef {{index: number, label: string, probability: number}} Class
 * @typedef {{stitch: string, top5: Class[], latency_ms: number, probabilities?: Record<number, number>}} Answer of a stitch
 * @typedef {{name: string, latency_ms: number, top5: Class[]}} Run of a model on a photo
 */

/** A question that the server refused, with its sentence. */
export class Refused extends Error {}

export class Server {
  #ask;

  /** @param {(question: object) => Promise<any>} ask Python's function, which takes {question, ...} */
  constructor(ask) {
    this.#ask = ask;
  }

  /**
   * An answer; {error} where none comes.
   * @param {string} question
   * @param {object} [more]
   * @returns {Promise<any>}
   */
  async #answer(question, more) {
    try {
      return (await this.#ask({ question, ...more })) ?? { error: LOST };
    } catch {
      return { error: LOST };
    }
  }

  /** The chart without a network, and the menu. */
  backdrop() {
    return this.#answer("backdrop");
  }

  /** What the page shows of a network. @param {string} network */
  network(network) {
    return this.#answer("network", { network });
  }

  /** What a fetch would bring. @param {string} network @returns {Promise<Refusal & {bytes: number, progress: Progress | null}>} */
  size(network) {
    return this.#answer("size", { network });
  }

  /** @param {string} network @returns {Promise<Refusal & Progress>} */
  fetch(network) {
    return this.#answer("fetch", { network });
  }

  /** @param {string} network @returns {Promise<Refusal & Progress>} */
  progress(network) {
    return this.#answer("progress", { network });
  }

  /**
   * Has all stitches asked about a photo, those named first before the rest.
   * @param {Photo} photo @param {string} network @param {string[]} first
   * @returns {Promise<Refusal & {sweep: string, total: number}>}
   */
  beginSweep(photo, network, first) {
    return this.#answer("begin_sweep", { image: { path: photo.path }, network, first });
  }

  /** The sweep's next answers. @param {string} sweep @returns {Promise<Refusal & {rows: Answer[], left: number}>} */
  more(sweep) {
    return this.#answer("more", { sweep });
  }

  /** @param {string} sweep */
  endSweep(sweep) {
    return this.#answer("end_sweep", { sweep });
  }

  /** @param {string} model @returns {Promise<Refusal & {here: boolean, bytes: number, progress: Progress | null}>} */
  zooSize(model) {
    return this.#answer("zoo_size", { model });
  }

  /** @param {string} model @returns {Promise<Refusal & Progress>} */
  zooFetch(model) {
    return this.#answer("zoo_fetch", { model });
  }

  /** @param {string} model @returns {Promise<Refusal & Progress>} */
  zooProgress(model) {
    return this.#answer("zoo_progress", { model });
  }

  /**
   * A zoo model and some stitches on one photo; `gone` where the photo was swept away.
   * @param {Photo} photo @param {{name: string, size: number}} model @param {string[]} stitches @param {string} network
   * @returns {Promise<Refusal & {gone?: boolean, model: Run, stitches: Run[]}>}
   */
  comparePhoto(photo, model, stitches, network) {
    return this.#answer("compare_photo", { image: { path: photo.path }, model: model.name, image_size: model.size, stitches, network });
  }

  /** Begins an evaluation. @param {string} network @param {object} form */
  measure(network, form) {
    return this.#answer("measure", { network, ...form });
  }

  measureProgress() {
    return this.#answer("measure_progress");
  }

  measureCancel() {
    return this.#answer("measure_cancel");
  }

  /** The store's table, of one network or of all. @param {string} network @param {boolean} everything */
  measured(network, everything) {
    return this.#answer("measured", { network, everything });
  }

  // These two can be aborted, and throw `Refused` where the server says no, TypeError where it is lost.

  /** Where the server has a photo from now on. @param {File} file @param {AbortSignal} [signal] @returns {Promise<string>} */
  async upload(file, signal) {
    const form = new FormData();
    form.append("files", file, file.name || "photo");
    const [path] = await post("upload", form, signal);
    return path;
  }

  /**
   * What the stitch that a budget buys says of a photo.
   * @param {Photo} photo @param {number} gmacs @param {string} network @param {AbortSignal} [signal] @returns {Promise<Answer>}
   */
  async classify(photo, gmacs, network, signal) {
    const image = { path: photo.path, orig_name: photo.file.name, meta: { _type: "gradio.FileData" } };
    const { data } = await post("run/classify", JSON.stringify({ data: [image, gmacs, network] }), signal);
    return data[0];
  }
}

/** @param {string} path @param {FormData | string} body @param {AbortSignal} [signal] @returns {Promise<any>} */
async function post(path, body, signal) {
  const headers = typeof body === "string" ? { "Content-Type": "application/json" } : undefined;
  const response = await fetch(`${API}/${path}`, { method: "POST", body, signal, headers });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(answer.error ?? answer.detail ?? "The server could not answer; try again.");
  return answer;
}

/**
 * Asks how far a fetch is until it ends; nobody asking, the server stops it after a while.
 * @param {Refusal & Progress} progress
 * @param {{fetch: () => Promise<Refusal & Progress>, ask: () => Promise<Refusal & Progress>, isWanted: () => boolean, show: (progress: Progress) => void}} how
 * @returns {Promise<{error?: string} | null>} empty when all is here; null where nobody wants it any more
 */
export async function followFetch(progress, { fetch, ask, isWanted, show }) {
  let now = progress;
  while (isWanted()) {
    if (now.error || now.state === "failed") return { error: now.error ?? now.sentence };
    if (now.state === "done") return {};
    show(now);
    // stopped: a page in the background is slow to ask
    if (now.state === "stopped") now = await fetch();
    else {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      if (isWanted()) now = await ask();
    }
  }
  return null;
}
