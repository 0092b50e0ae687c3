// The way through the network: the anchors as rows of blocks, the chosen route lit through them.

export function listen() {}
