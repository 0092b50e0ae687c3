// Measuring on the page, where the app was started for it.

export function listen() {}
