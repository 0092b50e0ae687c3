// What the page's scripts hand to one another, for the type checker alone.

import type { Newest } from "./core.js";

export interface Entry { name: string; title: string; here: boolean; bytes: number | null; hosts: string[] }

/** A stitch as `network_layer` of app/figures/chart.py describes it. */
export interface Stitch {
  name: string;
  words: string;
  note: string;
  gmacs: number;
  params_m: number;
  image_size: number;
  top1: number | null;
  interval: [number, number] | null;
  source: "measured" | "published" | "estimated" | "partial" | null;
  origin: string | null; // the source in words
  classes: number | null; // of ImageNet-1k's, that top1 is a figure of
  is_anchor: boolean;
  on_front: boolean;
  sets: Record<string, number | null> | null;
}

/** An anchor's weights before joint training. */
export interface Original { name: string; title: string; gmacs: number; params_m: number; before: number; after: number | null }

/** A published network, a place a stitch. */
export interface Curve {
  key: string;
  title: string;
  source: string;
  gmacs: number[];
  top1: number[];
  params_m: (number | null)[];
  index: number[];
  anchors: number[];
}

/** The zoo by columns, a place a row. */
export interface Zoo {
  columns: Record<string, any[]>;
  families: string[];
  pretraining: Record<string, string>;
  notes: Record<string, string>; // what of a row's figures is not timm's
  sets: Record<string, string>;
}

export interface View { x: number[]; y: number[] }

/** What `Service.network` says of a network. */
export interface Network {
  name: string;
  title: string;
  networks: Entry[];
  stitches: Stitch[];
  originals: Original[];
  hides: string | null;
  beats: Standing;
  head: { headline: string; lead: string };
  ownership: { network: string; published: string; arithmetic: Sums[] };
  joint: string;
  unmeasured: { text: string; command: string } | null;
  line: string;
  credits: string;
  view: View;
  drawing: any;
  examples: Examples | null;
}

/** How a network stands against the zoo: see snnet/evaluation/against_zoo.py. */
export interface Standing {
  beaten: number;
  total: number;
  low: number;
  high: number;
  at_low: number;
  at_high: number;
  by_anchors: number;
  own: string[];
  definition: string;
  nothing: string;
  sentence: string;
}

export interface Sums {
  title: string;
  sums: { of: string; terms: string; apart: string; together: string; times: string }[];
  note: string;
}

/** Answers that ship: see app/examples.py. */
export interface Examples {
  weights: string;
  opening: string;
  stitches: string[];
  classes: Record<number, string>;
  photos: Record<string, number[][]>;
}

/**
 * The visitor's, or an example, which has its file's name; `path` and `upload` are where the server has it, and on its way there.
 * `file` is null until an example's bytes are needed.
 */
export interface Photo { file: File | null; example: string; url: string; path: string | null; upload: Promise<any> | null; signal: AbortSignal }

export interface Class { index: number; label: string; probability: number }

/** What a stitch says of a photo. */
export interface Answer { stitch: string; top5: Class[]; latency_ms?: number; warm_ms?: number | null; probabilities?: Record<number, number>; error?: string; note?: string }

/** A model's run on a photo. */
export interface Run { name: string; latency_ms: number; top5: Class[] }

/** Of a fetch, in bytes. */
export interface Progress { state: "running" | "done" | "failed" | "stopped"; done: number; total: number; sentence: string }

/** What all parts of a page share; see `Page`. */
export interface State {
  networks: Entry[];
  network: string | null;
  choice: Newest;
  zoo: Zoo | null;
  shown: number[];
  curves: Curve[];
  hides: string | null;
  stitches: Stitch[];
  originals: Original[];
  view: View | null;
  names: { name: HTMLElement; key: string }[];
  gmacs: number | null;
  opening: number | null;
  chosen: Stitch | null;
  clicked: Stitch | null; // off the front
  photo: Photo | null;
  answers: Map<string, Answer>;
  sweep: { photo: Photo | null; total: number; place: number; error: string; isShipped?: boolean } | null; // place: in the server's queue
  x: "gmacs" | "params";
  scale: "log" | "linear";
  set: string;
  setName: string;
  picked: number | null;
  moves: number;
  updates: number;
}

declare global {
  interface Window {
    Plotly: any;
    explorer: any;
    __gradio_session_hash__?: string;
    gradio_config?: { root?: string; api_prefix?: string; max_file_size?: number | null; components?: any[] };
  }
}
