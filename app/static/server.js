// @ts-check
// All that the page asks of its server, a method a question. The page needs nothing else of it: whoever answers the
// same questions can stand in its place.

import { Connection } from "./connection.js";
import { pause } from "./core.js";

const POLL_MS = 500; // between questions how far a fetch is
const MB = 2 ** 20; // bytes, as the server counts them
const NO_SUCH_PLACE = [404, 500]; // what Gradio says of a component that it does not have

/** @import { How, Refusal } from "./connection.js" */
/** @import { Answer, Network, Photo, Progress, Run } from "./types.js" */

/** Of Gradio's page: `max_file_size` in bytes, null without a limit. */
const config = () => window.gradio_config ?? {};

const api = () => `${config().root ?? ""}${config().api_prefix ?? "/gradio_api"}`;

// Gradio's component that takes the page's questions, by the number that this run of the app gave it.
/** @param {any} page a configuration of Gradio's */
const componentOf = (page) => page.components?.find((/** @type {any} */ one) => one.props?.server_fns?.includes("ask"))?.id;

/** All questions are answered by {error: a sentence} where there is no answer; those whose `signal` is aborted, at once. */
export class Server {
  #connection = new Connection();
  #component = componentOf(config());
  #session = window.__gradio_session_hash__ ?? "page";
  /** True once another version of the app runs, which has no answers for this page. */
  isOutdated = false;

  /** What is waited for: {sentence, isBusy, until, tries}, the oldest first. */
  get troubles() {
    return [...this.#connection.troubles];
  }

  /** @param {() => void} listener is told when `troubles` or `isOutdated` change */
  onTrouble(listener) {
    this.#connection.onChange = listener;
  }

  tryNow() {
    this.#connection.tryNow();
  }

  // Not by Gradio's own client, which hides why there is no answer.
  /**
   * @param {string} question @param {object} [more] @param {How} [how]
   * @returns {Promise<any>}
   */
  async #answer(question, more, how) {
    for (;;) {
      const component = this.#component;
      const body = { data: { question, ...more }, component_id: component, fn_name: "ask", session_hash: this.#session };
      const answer = await this.#connection.ask(`${api()}/component_server/`, JSON.stringify(body), how);
      if (!NO_SUCH_PLACE.includes(answer.status)) return answer;
      await this.#findComponent(how?.signal);
      if (component === this.#component) return answer;
    }
  }

  // The app may have come back as another version, with other numbers.
  /** @param {AbortSignal} [signal] */
  async #findComponent(signal) {
    const page = await this.#connection.ask(`${config().root ?? ""}/config`, null, { signal });
    if (page.error) return;
    const component = componentOf(page);
    if (component !== undefined) this.#component = component;
    else if (!this.isOutdated) {
      this.isOutdated = true;
      this.#connection.onChange();
    }
  }

  /** The chart without a network, and the menu. */
  backdrop() {
    return this.#answer("backdrop");
  }

  /** What the page shows of a network. @param {string} network @param {AbortSignal} [signal] @returns {Promise<Refusal & Network & {instead?: string, fetching?: boolean}>} */
  network(network, signal) {
    return this.#answer("network", { network }, { signal });
  }

  /** What a fetch would bring. @param {string} network @param {AbortSignal} signal @returns {Promise<Refusal & {bytes: number, progress: Progress | null, licence: string}>} */
  size(network, signal) {
    return this.#answer("size", { network }, { signal });
  }

  /** @param {string} network @param {AbortSignal} signal @returns {Promise<Refusal & Progress>} */
  fetch(network, signal) {
    return this.#answer("fetch", { network }, { signal });
  }

  /** @param {string} network @param {AbortSignal} signal @returns {Promise<Refusal & Progress>} */
  progress(network, signal) {
    return this.#answer("progress", { network }, { signal });
  }

  /**
   * What the stitch that a budget buys says of a photo.
   * @param {Photo} photo @param {number} gmacs @param {string} network @param {AbortSignal} signal @returns {Promise<Refusal & Answer>}
   */
  classify(photo, gmacs, network, signal) {
    return this.#withPhoto(photo, signal, (path) => {
      const image = { path, orig_name: photo.file?.name ?? photo.example, meta: { _type: "gradio.FileData" } };
      const pick = (/** @type {any} */ answer) => answer.data?.[0] ?? answer;
      return this.#connection.ask(`${api()}/run/classify`, JSON.stringify({ data: [image, gmacs, network] }), { signal, pick });
    });
  }

  /**
   * Has all stitches asked about a photo, those named first before the rest; its name comes even if it is given up meanwhile.
   * @param {Photo} photo @param {string} network @param {string[]} first @param {AbortSignal} signal
   * @returns {Promise<Refusal & {sweep: string, total: number}>}
   */
  beginSweep(photo, network, first, signal) {
    return this.#withPhoto(photo, signal, (path) => this.#answer("begin_sweep", { image: { path }, network, first }, { signal, settles: true }));
  }

  /**
   * The sweep's next answers, and its place in the queue while it waits; `gone` where the server does not know it any more.
   * @param {string} sweep @param {AbortSignal} signal @returns {Promise<Refusal & {rows: Answer[], left: number, place?: number}>}
   */
  more(sweep, signal) {
    return this.#answer("more", { sweep }, { signal });
  }

  /** Gives a sweep up; the page may be about to leave. @param {string} sweep */
  endSweep(sweep) {
    return this.#answer("end_sweep", { sweep }, { isPatient: false });
  }

  /** @param {string} model @param {AbortSignal} signal @returns {Promise<Refusal & {here: boolean, bytes: number, progress: Progress | null, licence: string}>} */
  zooSize(model, signal) {
    return this.#answer("zoo_size", { model }, { signal });
  }

  /** @param {string} model @param {AbortSignal} signal @returns {Promise<Refusal & Progress>} */
  zooFetch(model, signal) {
    return this.#answer("zoo_fetch", { model }, { signal });
  }

  /** @param {string} model @param {AbortSignal} signal @returns {Promise<Refusal & Progress>} */
  zooProgress(model, signal) {
    return this.#answer("zoo_progress", { model }, { signal });
  }

  /**
   * A zoo model and some stitches on one photo.
   * @param {Photo} photo @param {{name: string, size: number}} model @param {string[]} stitches @param {string} network @param {AbortSignal} signal
   * @returns {Promise<Refusal & {model: Run, stitches: Run[]}>}
   */
  comparePhoto(photo, model, stitches, network, signal) {
    return this.#withPhoto(photo, signal, (path) =>
      this.#answer("compare_photo", { image: { path }, model: model.name, image_size: model.size, stitches, network }, { signal }),
    );
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

  /** The store's table, of one network or of all. @param {string} network @param {boolean} everything @param {AbortSignal} signal */
  measured(network, everything, signal) {
    return this.#answer("measured", { network, everything }, { signal });
  }

  /** A file that the page itself names. @param {string} url @param {AbortSignal} signal @returns {Promise<Blob & Refusal>} */
  file(url, signal) {
    return this.#connection.ask(url, null, { signal, as: "blob" });
  }

  // Uploads are swept away in time, or with the server: what was refused with an old one is asked once more with a new one.
  /**
   * @param {Photo} photo @param {AbortSignal} signal @param {(path: string) => Promise<any>} ask
   * @returns {Promise<any>}
   */
  async #withPhoto(photo, signal, ask) {
    if (photo.path !== null) {
      const answer = await ask(photo.path);
      if (!answer.error || answer.gone === false || signal.aborted) return answer;
    }
    photo.upload ??= this.#upload(photo).finally(() => (photo.upload = null)); // one for all that is asked meanwhile
    const upload = await photo.upload;
    if (upload.error) return upload;
    photo.path = upload.path;
    return ask(upload.path);
  }

  /** @param {Photo} photo @returns {Promise<Refusal & {path: string}>} */
  async #upload(photo) {
    const { signal } = photo;
    const file = photo.file ?? (await this.#exampleFile(photo));
    if (!(file instanceof File)) return file;
    const most = config().max_file_size;
    const isTooLarge = most && file.size > most;
    const form = new FormData();
    form.append("files", file, file.name || "photo");
    const how = { signal, isLong: true, pick: (/** @type {any} */ [path]) => ({ path }) };
    const answer = isTooLarge ? { status: 413 } : await this.#connection.ask(`${api()}/upload`, form, how);
    if (answer.status !== 413) return answer;
    const limit = isTooLarge ? `a photo may have up to ${Math.round(most / MB)} MB` : "the server takes no photo as large";
    return { ...answer, error: `${(file.size / MB).toFixed(file.size < 10 * MB ? 1 : 0)} MB: ${limit}; make it smaller.` };
  }

  /** @param {Photo} photo @returns {Promise<any>} a File, or the refusal */
  async #exampleFile(photo) {
    const blob = await this.file(photo.url, photo.signal);
    if (blob.error) return blob;
    photo.file = new File([blob], photo.example, { type: blob.type });
    return photo.file;
  }
}

/**
 * Asks how far a fetch is until it ends; nobody asking, the server stops it after a while.
 * @param {Refusal & Progress} progress
 * @param {{fetch: () => Promise<Refusal & Progress>, ask: () => Promise<Refusal & Progress>, show: (progress: Progress) => void}} how
 * @param {AbortSignal} signal where nobody wants it any more
 * @returns {Promise<{error?: string}>} empty when all is here
 */
export async function followFetch(progress, { fetch, ask, show }, signal) {
  let now = progress;
  while (!signal.aborted) {
    if (now.error || now.state === "failed") return { error: now.error ?? now.sentence };
    if (now.state === "done") return {};
    show(now);
    // stopped: a page in the background is slow to ask
    if (now.state === "stopped") now = await fetch();
    else {
      await pause(POLL_MS);
      if (!signal.aborted) now = await ask();
    }
  }
  return { error: "given up" };
}
