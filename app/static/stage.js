// Stage mode: a scripted story over the page, one idea a screen.

export function listen() {}
