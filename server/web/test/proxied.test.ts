// The sign-in where a proxy has identified the user: a page is opened, and no password is asked for. Beside the proxy,
// the way to it is named.
import { afterAll, expect, it, vi } from "vitest";

import { SignInForm } from "../src/components/SignInForm";
import { shown } from "./shallow";

const { ways } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/portal/" });
  vi.stubGlobal("window", { location: { origin: "https://portal.example.org" } });
  return { ways: { form: false, provider: null, isProxied: true, isExternal: true } };
});

vi.mock("react", async (original) => ({
  ...(await original()),
  useState: (await import("./shallow")).useState,
  useEffect: vi.fn(),
  useRef: <T>(current: T) => ({ current }),
}));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useMutation: () => ({ isPending: false, error: null }),
}));
vi.mock("../src/state/signIn", async (original) => ({ ...(await original()), ownSignInWays: () => ways }));

afterAll(() => vi.unstubAllGlobals());

/** The properties of an element and of those in it. */
function all(node: unknown): Record<string, unknown>[] {
  if (Array.isArray(node)) return node.flatMap(all);
  if (typeof node !== "object" || node === null || !("props" in node)) return [];
  const props = node.props as Record<string, unknown>;
  return [props, ...all(props.children)];
}

function elements(next: string | undefined, keepsPage: boolean): Record<string, unknown>[] {
  return all(shown(SignInForm)({ first: null, next, keepsPage, onSignedIn: () => null }));
}

it("a user of the proxy opens a page instead of typing a password", () => {
  const page = elements("/a/shop?env=PRO", false);
  expect(page.filter(({ href }) => href !== undefined)).toMatchObject([{ href: "/portal/a/shop?env=PRO" }]);
  expect(page.some(({ name, type }) => name === "password" || type === "submit")).toBe(false);
  expect(page.some(({ target }) => target !== undefined)).toBe(false);
  const other = elements("https://evil.example/", false);
  expect(other.filter(({ href }) => href !== undefined)).toMatchObject([{ href: "/portal/" }]);
});

it("over an open page it is another tab, so that the page stays", () => {
  expect(elements("/", true)).toContainEqual(expect.objectContaining({ href: "/portal/", target: "_blank" }));
});

it("beside the proxy, nothing but the way to it is shown", () => {
  ways.isProxied = false;
  const page = elements("/", false);
  expect(page).toContainEqual(expect.objectContaining({ children: "signIn.elsewhere" }));
  expect(page.some(({ href, name }) => href !== undefined || name !== undefined)).toBe(false);
  ways.form = true;
  const form = elements("/", false);
  expect(form).toContainEqual(expect.objectContaining({ name: "password" }));
  expect(form.some(({ children }) => children === "signIn.elsewhere")).toBe(false);
});
