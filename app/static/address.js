// The view in the address: what a link restores.

export function listen() {}
