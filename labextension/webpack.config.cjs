// What is built must not depend on where: by default the entry's number is made from its whole path, and the minifier
// gives names by how often letters stand in hashes that were made from paths.
module.exports = { optimization: { moduleIds: "natural", chunkIds: "natural", minimize: false } };
