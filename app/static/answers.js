// What the photo is at every budget: the probabilities of its leading classes over GMACs.

export function listen() {}
