// A command line that calls OpenAPI v1 with a token.

/** `path` is below `/openapi/v1/`; tokens of consumers are sent without a scheme. */
export function curl(path: string, authorization: string): string {
  return `curl -fsS -H 'Authorization: ${authorization}' '${new URL(`openapi/v1/${path}`, document.baseURI).href}'`;
}
