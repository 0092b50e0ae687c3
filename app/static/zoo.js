// Against the zoo: filters, axes, a model beside the stitches that match it, what one file saves, exports.

export function listen() {}
