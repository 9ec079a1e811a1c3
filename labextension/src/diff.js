// @ts-check
// What changes from one text to another, line by line.

/** @typedef {{kind: "same" | "out" | "in", text: string}} Line */

const MAX_CELLS = 4_000_000;

/** @param {string} before @param {string} after @returns {Line[]} */
export function diffLines(before, after) {
  const [one, other] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < one.length && start < other.length && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < one.length - start && end < other.length - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  const same = (/** @type {string} */ text) => ({ kind: /** @type {const} */ ("same"), text });
  return [
    ...one.slice(0, start).map(same),
    ...middle(one.slice(start, one.length - end), other.slice(start, other.length - end)),
    ...one.slice(one.length - end).map(same),
  ];
}

/** By the longest common subsequence; texts that are too long for that are replaced as a whole. @param {string[]} one @param {string[]} other @returns {Line[]} */
function middle(one, other) {
  const width = other.length + 1;
  if ((one.length + 1) * width > MAX_CELLS) return [...one.map(out), ...other.map(into)];
  const common = new Uint32Array((one.length + 1) * width);
  for (let i = one.length - 1; i >= 0; i -= 1) {
    for (let j = other.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = one[i] === other[j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  /** @type {Line[]} */
  const lines = [];
  let [i, j] = [0, 0];
  while (i < one.length || j < other.length) {
    if (i < one.length && j < other.length && one[i] === other[j]) {
      lines.push({ kind: "same", text: one[i] });
      i += 1;
      j += 1;
    } else if (i < one.length && (j === other.length || common[(i + 1) * width + j] >= common[i * width + j + 1])) lines.push(out(one[i++]));
    else lines.push(into(other[j++]));
  }
  return lines;
}

/** @param {string} text @returns {Line} */
function out(text) {
  return { kind: "out", text };
}

/** @param {string} text @returns {Line} */
function into(text) {
  return { kind: "in", text };
}
