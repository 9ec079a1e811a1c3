// @ts-check
// Requests to the server. Addresses are from the page's base, which may lie below a Jupyter server's.

export const AWAY = "The server does not answer.";

/** What a Jupyter server wants to be shown beside its cookie; it has another cookie for that, which other sites cannot read. */
export function proof() {
  return /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)?.[1] ?? "";
}

/** A problem that the server told of. */
export class Refused extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * Ask the server; a problem rejects with what is to be said.
 * @param {string} path @param {{method?: string, body?: any}} [given] @returns {Promise<any>}
 */
export async function call(path, { method = "GET", body } = {}) {
  /** @type {Response} */
  let response;
  try {
    const headers = { "X-XSRFToken": proof(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refused(AWAY, 0);
  }
  const answer = await response.json().catch(() => ({}));
  if (response.status === 403) location.reload(); // to sign in anew
  if (!response.ok) throw new Refused(answer.problem ?? `The server answered ${response.status}.`, response.status);
  return answer;
}

/** @param {string} path @param {any} body */
export function post(path, body = {}) {
  return call(path, { method: "POST", body });
}
