// Which instances read a namespace, and which release each of them has.
import { expect, test } from "vitest";

import { namespacePath } from "./support/api";
import { expectAccessible, expectAccessibleInAllViews, useSuite } from "./support/suite";

const suite = useSuite();

test("instances are listed with the release that each of them has, also a gray one, and filtered by address", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  const page = await suite.open(`/a/${at.app}/c/DEV/default/application?view=instances`);
  await page.getByText("No instance can have a release before the first publish.").waitFor();
  await api.setItem(at, { key: "limit", value: "1" });
  await api.publish(at, "first");
  await page.reload();
  await page.getByText("No instance has read this namespace within a day.").waitFor();
  for (const [ip, center] of [
    ["10.0.0.1", "fra1"],
    ["10.0.0.2", "ams2"],
    ["10.0.0.3", "fra1"],
  ] as const)
    await expect.poll(() => suite.served(at, ip, center)).toEqual({ limit: "1" });
  await api.setItem(at, { key: "limit", value: "2" });
  await api.publish(at, "second");
  await expect.poll(() => suite.served(at, "10.0.0.1", "fra1")).toEqual({ limit: "2" });
  const branch = await api.startGray(at, { key: "limit", value: "3" });
  await api.setAudience(at, branch, ["10.0.0.3"]);
  await api.publishGray(at, branch, "trial");
  const table = page.getByRole("table", { name: "Instances" });
  // Records of instances are stored a moment later; the rule takes effect within a minute.
  await expect
    .poll(
      async () => {
        await suite.served(at, "10.0.0.3", "fra1");
        await page.reload();
        await table.getByRole("row").nth(1).waitFor({ timeout: 15_000 });
        return (await table.getByRole("row").allInnerTexts())
          .slice(1)
          .map((text) => text.split(/\s*\n\s*/).slice(0, 3));
      },
      { timeout: 150_000, interval: 500 },
    )
    .toEqual([
      ["10.0.0.2", "Not yet", "first"],
      ["10.0.0.3", "Gray", "trial"],
      ["10.0.0.1", "Live", "second"],
    ]);
  await expectAccessibleInAllViews(page);
  await page.getByRole("button", { name: "Earlier release 1" }).click();
  await page.getByText("1 of 3 instances").waitFor();
  await page.getByRole("button", { name: "Earlier release 1" }).click();
  await page.getByRole("searchbox", { name: "IP address, data center, app or release" }).fill("fra1");
  await page.getByText("2 of 3 instances").waitFor();
  await expect.poll(() => new URL(page.url()).search).toBe("?view=instances&q=fra1");
  await page.reload();
  await page.getByText("2 of 3 instances").waitFor();
});

test("instances beyond the first two thousand are listed and found by the filter", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "1" });
  await api.publish(at, "first");
  const addresses = Array.from({ length: 2100 }, (_, n) => `10.1.${n >> 8}.${n & 255}`);
  const read = (ip?: string) => suite.served(at, ip);
  await expect.poll(() => read(addresses[0])).toEqual({ limit: "1" });
  for (let n = 0; n < addresses.length; n += 100) await Promise.all(addresses.slice(n, n + 100).map(read));
  // Records of instances are stored a moment later.
  await expect
    .poll(() => api.call<number>("GET", `${namespacePath(at)}/instances`), { timeout: 120_000 })
    .toBe(addresses.length);
  const page = await suite.open(`/a/${at.app}/c/DEV/default/application?view=instances`);
  await page.getByText("2100 of 2100 instances", { exact: true }).waitFor();
  for (const ip of [addresses[0], addresses.at(-1)]) {
    await page.getByRole("searchbox", { name: "IP address, data center, app or release" }).fill(ip ?? "");
    await page.getByText("1 of 2100 instances", { exact: true }).waitFor();
    await page
      .getByRole("table", { name: "Instances" })
      .getByText(ip ?? "", { exact: true })
      .waitFor();
  }
});

test("an administrator forgets an instance, which appears again if it still runs; others are not offered that", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "1" });
  await api.publish(at, "first");
  // Records of instances are stored a moment later.
  const recorded = async () => {
    for (const ip of ["10.0.0.1", "10.0.0.2"]) await suite.served(at, ip);
    return api.call("GET", `${namespacePath(at)}/instances`);
  };
  await expect.poll(recorded, { timeout: 60_000 }).toBe(2);
  const page = await suite.open(`/a/${at.app}/c/DEV/default/application?view=instances`);
  await page.getByRole("button", { name: "Forget 10.0.0.1…" }).waitFor();
  await expectAccessibleInAllViews(page);
  await page.getByRole("button", { name: "Forget 10.0.0.2…" }).click();
  const dialog = page.getByRole("dialog", { name: "Forget instance" });
  await dialog.getByText("10.0.0.2 was recorded last:").waitFor();
  await expectAccessible(page, "[role=dialog]");
  await dialog.getByRole("button", { name: "Forget 10.0.0.2" }).click();
  await page.getByText("1 of 1 instance", { exact: true }).waitFor();
  expect(await api.call("GET", `${namespacePath(at)}/instances`)).toBe(1);
  await expect.poll(recorded, { timeout: 60_000 }).toBe(2);
  await suite.as("reader");
  const seen = await suite.open(new URL(page.url()).pathname + new URL(page.url()).search, { as: "reader" });
  await seen.getByText("10.0.0.1", { exact: true }).waitFor();
  await expect.poll(() => seen.getByRole("button", { name: /^Forget/ }).count()).toBe(0);
});
