// What is built must not depend on where: by default the entry's number is made from its whole path.
module.exports = { optimization: { moduleIds: "natural", chunkIds: "natural" } };
