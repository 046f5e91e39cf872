// The sign-in redirect and back, the language of a new visitor, and how calls are addressed and
// classified.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ApiError, errorKind, mayRetry, retryDelay } from "../src/api/errors";
import { preferredLanguage } from "../src/state/prefs";
import { providerAddress, signInNotice, signInWays, singleSignOnAddress, wantedAddress } from "../src/state/signIn";

const ORIGIN = "https://portal.example.org";

describe("sign-in", () => {
  it("goes back to an address of the portal", () => {
    expect(wantedAddress("/a/x/c/PRO/default?f=a#b", "", ORIGIN)).toBe("/a/x/c/PRO/default?f=a#b");
    expect(wantedAddress("/a/x", "/portal", ORIGIN)).toBe("/portal/a/x");
    expect(wantedAddress(undefined, "/portal", ORIGIN)).toBe("/portal/");
  });

  it("never goes to another origin, nor to itself", () => {
    for (const next of [
      "//evil.example/",
      "/\\evil.example/",
      "/.//evil.example",
      "/./\\evil.example",
      "/a/..//evil.example",
      "/%2e//evil.example",
      "/\t/evil.example",
      "/.//evil.example:443/signin",
      "https://evil.example/",
      "javascript:alert(1)",
      "/signin",
    ]) {
      expect(wantedAddress(next, "", ORIGIN), next).toBe("/");
    }
  });

  it("says why the user is here", () => {
    expect(signInNotice("#/error", undefined)).toBe("failed");
    expect(signInNotice("#/logout", undefined)).toBe("signedOut");
    expect(signInNotice("", "expired")).toBe("expired");
    expect(signInNotice("#/error", "initialPassword")).toBe("initialPassword");
    expect(signInNotice("#/error", "refused")).toBe("refused");
    expect(signInNotice("#/error", "providerDown")).toBe("providerDown");
    expect(signInNotice("", undefined)).toBeNull();
  });

  it("offers the ways that the server has written into the page", () => {
    expect(signInWays(undefined)).toMatchObject({ form: true, provider: null });
    expect(signInWays({ form: "form", provider: "" })).toMatchObject({ form: true, provider: null });
    expect(signInWays({ form: "", provider: "apollo" })).toMatchObject({ form: false, provider: "apollo" });
    expect(signInWays({ form: "form", provider: "apollo" })).toMatchObject({ form: true, provider: "apollo" });
    expect(providerAddress("apollo", undefined, "/portal")).toBe("/portal/oauth2/authorization/apollo");
    const wanted = "/oauth2/authorization/apollo?next=%2Fa%2Fx%3Fenv%3DPRO";
    expect(providerAddress("apollo", "/a/x?env=PRO", "")).toBe(wanted);
    expect(signInWays(undefined).isExternal).toBe(false);
    expect(signInWays({ form: "form", provider: "", accounts: "external" }).isExternal).toBe(true);
  });

  it("is no form where only a proxy signs users in", () => {
    const none = signInWays({ form: "", provider: "", accounts: "external", proxy: "" });
    expect(none).toEqual({ form: false, provider: null, isProxied: false, isExternal: true });
    expect(singleSignOnAddress(none, "/a/x", "", ORIGIN)).toBeNull();
    const proxied = signInWays({ form: "", provider: "", accounts: "external", proxy: "proxy" });
    expect(singleSignOnAddress(proxied, "/a/x", "/portal", ORIGIN)).toBe("/portal/a/x");
    expect(singleSignOnAddress(proxied, "//evil.example/", "", ORIGIN)).toBe("/");
    const provider = signInWays({ form: "", provider: "apollo", proxy: "" });
    expect(singleSignOnAddress(provider, undefined, "", ORIGIN)).toBe("/oauth2/authorization/apollo");
  });

  it("speaks the stored language, else the browser's, else English", () => {
    expect(preferredLanguage("zh", ["en-GB"])).toBe("zh");
    expect(preferredLanguage(null, ["fr-FR", "zh-CN", "en"])).toBe("zh");
    expect(preferredLanguage("xx", ["fr-FR"])).toBe("en");
  });
});

describe("errors", () => {
  it("are named by what the user can do", () => {
    expect(errorKind(new ApiError(0, "Failed to fetch"))).toBe("unreachable");
    expect(errorKind(new ApiError(400, "item already exists"))).toBe("refused");
    expect(errorKind(new ApiError(418, ""))).toBe("refused");
    expect(errorKind(new ApiError(500, "boom"))).toBe("server");
    expect(errorKind(new ApiError(500, "No available admin server for env PRO"))).toBe("offline");
    expect(errorKind(new TypeError("x is undefined"))).toBe("page");
  });

  it("lead to one retry only after a failure of the network or the server", () => {
    expect(mayRetry(0, new ApiError(0, ""))).toBe(true);
    expect(mayRetry(1, new ApiError(0, ""))).toBe(false);
    expect(mayRetry(0, new ApiError(403, ""))).toBe(false);
    expect(mayRetry(0, new ApiError(429, "", "", 5))).toBe(true);
    expect(retryDelay(0, new ApiError(429, "", "", 5))).toBe(5_000);
    expect(retryDelay(0, new ApiError(503, "", "", 300))).toBe(10_000);
    expect(retryDelay(0, new ApiError(0, ""))).toBe(1_000);
  });
});

describe("calls", () => {
  const fetched = vi.fn<typeof fetch>();

  beforeEach(() => {
    vi.resetModules();
    vi.stubGlobal("document", { baseURI: `${ORIGIN}/portal/` });
    vi.stubGlobal("fetch", fetched);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    fetched.mockReset();
  });

  const answer = (status: number, body = "", token?: string) =>
    fetched.mockResolvedValueOnce(new Response(body, { status, headers: token ? { "X-CSRF-Token": token } : {} }));
  const sent = () =>
    fetched.mock.calls.map(([, init]) => [init?.method, new Headers(init?.headers).get("X-CSRF-Token")]);

  it("escape each value of a path", async () => {
    const { path } = await import("../src/api/client");
    expect(path`apps/${"a/b c"}?page=${0}`).toBe("apps/a%2Fb%20c?page=0");
  });

  it("stand under the prefix, and an empty answer is null", async () => {
    const { get } = await import("../src/api/client");
    answer(200);
    expect(await get("apps")).toBeNull();
    expect(fetched.mock.calls[0]?.[0]).toBe("/portal/openapi/v1/apps");
  });

  const ANN = '{"userId":"ann"}';

  it("carry the token of the last answer, and a stale token is renewed once", async () => {
    const { currentUser, send } = await import("../src/api/client");
    answer(200, ANN, "old");
    await currentUser();
    answer(403);
    answer(200, ANN, "new");
    answer(200);
    await send("POST", "apps", {});
    expect(sent()).toEqual([
      ["GET", null],
      ["POST", "old"],
      ["GET", null],
      ["POST", "new"],
    ]);
  });

  it("are not repeated when the right is missing", async () => {
    const { currentUser, send } = await import("../src/api/client");
    answer(200, ANN, "same");
    await currentUser();
    answer(403, '{"status":403,"message":"Access is denied"}');
    answer(200, ANN, "same");
    await expect(send("POST", "apps", {})).rejects.toMatchObject({ status: 403, message: "Access is denied" });
    expect(fetched).toHaveBeenCalledTimes(3);
  });

  it.each([429, 503, 0])("report the missing right although the user cannot be read: %d", async (status) => {
    const { currentUser, send } = await import("../src/api/client");
    answer(200, ANN, "same");
    await currentUser();
    answer(403, '{"status":403,"message":"Access is denied"}');
    if (status === 0) fetched.mockRejectedValueOnce(new TypeError("Failed to fetch"));
    else answer(status);
    await expect(send("POST", "apps", {})).rejects.toMatchObject({ status: 403, message: "Access is denied" });
    expect(fetched).toHaveBeenCalledTimes(3);
  });

  it("are not carried out as another user who has signed in in another tab: the page is left", async () => {
    const assign = vi.fn();
    vi.stubGlobal("window", { location: { assign } });
    const { currentUser, send, sessionUser } = await import("../src/api/client");
    answer(200, ANN, "ann's");
    await currentUser();
    answer(403, '{"status":403,"code":"csrf"}');
    answer(200, '{"userId":"bob"}', "bob's");
    await expect(send("POST", "apps", {})).rejects.toMatchObject({ code: "csrf" });
    expect(assign).toHaveBeenCalledExactlyOnceWith("/portal/");
    // Until the browser has left it.
    answer(200, '{"userId":"bob"}', "bob's");
    expect(await sessionUser()).toBe("bob");
    answer(403);
    answer(200, '{"userId":"bob"}', "bob's");
    await expect(send("POST", "apps", {})).rejects.toMatchObject({ status: 403 });
    expect(sent().filter(([method]) => method === "POST")).toEqual([
      ["POST", "ann's"],
      ["POST", "ann's"],
    ]);
    expect(assign).toHaveBeenCalledTimes(3);
  });

  it("fail with the server's words, or with what the network said", async () => {
    const { get } = await import("../src/api/client");
    answer(400, '{"status":400,"message":"App not found: x","code":"app_not_found"}');
    await expect(get("apps/x")).rejects.toMatchObject({ message: "App not found: x", code: "app_not_found" });
    answer(502, "<html>");
    await expect(get("apps/x")).rejects.toMatchObject({ status: 502 });
    fetched.mockRejectedValueOnce(new TypeError("Failed to fetch"));
    await expect(get("apps/x")).rejects.toMatchObject({ status: 0 });
  });

  it("wait for a new sign-in when the session has ended, downloads too", async () => {
    const { download, get } = await import("../src/api/client");
    const { onSessionEnd } = await import("../src/state/signOut");
    const asked = vi.fn(() => Promise.resolve("again" as const));
    onSessionEnd(asked);
    for (const read of [get, download]) {
      answer(401, '{"message":"Unauthorized"}');
      answer(200, '"done"');
      expect(String(await read("items/export"))).toContain("done");
    }
    expect(asked).toHaveBeenCalledTimes(2);
  });

  it("are signed out by 401 and by a redirect, which can only lead to the sign-in", async () => {
    const { get } = await import("../src/api/client");
    const { isSignedOut } = await import("../src/api/errors");
    const caught = () => get("user").catch((error: unknown) => error);
    answer(401, '{"message":"Unauthorized"}');
    expect(isSignedOut(await caught())).toBe(true);
    const redirect = Object.defineProperty(Response.error(), "type", { value: "opaqueredirect" });
    fetched.mockResolvedValueOnce(redirect);
    expect(isSignedOut(await caught())).toBe(true);
  });
});
