// Addresses of Apollo's portal lead to the same thing here.
import { expect, it } from "vitest";

import { oldAddress } from "../src/routes/old";

it.each([
  ["/config.html", "#/appid=shop", "/a/shop"],
  ["/config.html", "#appid=shop&env=PRO", "/a/shop/c/PRO/default"],
  ["/config.html", "#/appid=shop&env=DEV&cluster=ams&namespace=a.yml", "/a/shop/c/DEV/ams/a.yml"],
  ["/config.html", "#/appid=a&env=DEV&cluster=c&namespace=n&item=x%2Fy", "/a/a/c/DEV/c/n?f=x%2Fy&key=x%2Fy"],
  ["/config/history.html", "#/appid=a&env=DEV&clusterName=c&namespaceName=n", "/a/a/history?env=DEV&cluster=c&ns=n"],
  ["/config/diff.html", "#/appid=a&env=DEV&clusterName=c&namespaceName=n", "/a/a/compare?base=DEV&cluster=c&ns=n"],
  ["/namespace/role.html", "#/appid=a&namespaceName=n", "/a/a/access?ns=n"],
  ["/app/setting.html", "#/appid=..%2Fevil", "/a/..%2Fevil/settings/general"],
  ["/audit_log_trace_detail.html", "#/traceId=7", "/admin/audit?trace=7"],
  ["/index.html", "", "/"],
])("%s%s leads to %s", (pathname, hash, to) => {
  expect(oldAddress(pathname, hash)).toEqual({ to });
});

it("reports addresses that lead nowhere, and leaves those of this UI alone", () => {
  expect(oldAddress("/config.html", "#/env=DEV")).toBe("lost");
  expect(oldAddress("/", "#/unknown=1")).toBe("lost");
  expect(oldAddress("/", "")).toBeNull();
  expect(oldAddress("/a/shop/c/DEV/default", "#/appid=x")).toBeNull();
});
