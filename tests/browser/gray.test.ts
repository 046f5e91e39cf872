// Gray releases: scenarios S18 to S20.
import { expect, test } from "vitest";

import { grayAddressOf, namespacePath, type Place } from "./support/api";
import { expectAccessibleInAllViews, NARROW, useSuite } from "./support/suite";

const suite = useSuite();

/** A rule takes effect within a minute. */
const EFFECT = { timeout: 90_000 };

/** A namespace whose live release has `timeout` = 3000, read by two instances. */
async function prepare(): Promise<Place> {
  const place = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(place, { key: "timeout", value: "3000" });
  await api.publish(place, "first");
  await known(place, 2);
  return place;
}

/** Waits until so many instances have read the namespace; the page does not look for further ones. */
async function known(place: Place, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) await expect.poll(() => read(place, `10.0.0.${n}`)).toBe("3000");
  const api = await suite.api;
  await expect.poll(() => api.call("GET", `${namespacePath(place)}/instances`)).toBe(count);
}

/** The timeout of a client with this address. */
const read = async (place: Place, ip: string) => (await suite.served(place, ip))?.timeout;

async function changeTimeout(place: Place, width?: number) {
  const page = await suite.open(grayAddressOf(place), width === undefined ? {} : { width });
  await page.getByRole("button", { name: "Start gray release" }).click();
  await page.getByLabel("Change a key of master…").selectOption("timeout");
  await page.getByLabel("Value").fill("4500");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("cell", { name: "4500" }).waitFor();
  return page;
}

async function publishTo(place: Place, ip: string, width?: number) {
  const page = await changeTimeout(place, width);
  await page.getByRole("button", { name: "Next: Audience" }).click();
  await page.getByLabel(ip).check();
  await page.getByText("Matches 1 of 2 known instances").waitFor();
  await page.getByRole("button", { name: "Save audience" }).click();
  await page.getByRole("button", { name: "Publish gray release" }).click();
  await page.getByText("1 of 1 instance runs the gray release").or(page.getByText("0 of 1 instance")).waitFor();
  return page;
}

test.each([undefined, NARROW])(
  "S18: after a gray publish to one address, that instance reads the gray value and another the old one (width %s)",
  async (width) => {
    const place = await prepare();
    const page = await publishTo(place, "10.0.0.1", width);
    // The straggler is named until it has read.
    await page.getByText("has not picked it up").waitFor();
    await expect.poll(() => read(place, "10.0.0.1"), EFFECT).toBe("4500");
    await expect.poll(() => read(place, "10.0.0.2")).toBe("3000");
    await page.getByText("1 of 1 instance runs the gray release").waitFor();
    await page.getByText("1 other instance stays on master.").waitFor();
  },
);

test("S19: without a rule the page asks for the audience instead of publishing", async () => {
  const place = await prepare();
  const page = await changeTimeout(place);
  await page.goto(`${grayAddressOf(place)}?step=observe`);
  await page.getByText("Without an audience no instance would receive it.").waitFor();
  await expect.poll(() => page.getByRole("button", { name: "Publish gray release" }).count()).toBe(0);
  await page.getByRole("button", { name: "Choose the audience first" }).click();
  await page.getByRole("button", { name: "Save audience" }).waitFor();
  await expect.poll(() => new URL(page.url()).searchParams.get("step")).toBe("audience");
  await expect.poll(() => read(place, "10.0.0.1")).toBe("3000");
});

test("a share of the known instances is chosen as the audience", async () => {
  const place = await prepare();
  await known(place, 4);
  const page = await changeTimeout(place);
  await page.getByRole("button", { name: "Next: Audience" }).click();
  await page.getByLabel("IP addresses").fill("192.168.0.9");
  const shares = page.getByRole("group", { name: "Choose a share" });
  await shares.getByRole("button", { name: "50 %" }).click();
  await page.getByText("Matches 2 of 4 known instances").waitFor();
  await shares.getByRole("button", { name: "25 %" }).click();
  await page.getByText("Matches 1 of 4 known instances").waitFor();
  await expect.poll(() => page.getByLabel("IP addresses").inputValue()).toMatch(/^192\.168\.0\.9\n10\.0\.0\.\d$/);
  await expectAccessibleInAllViews(page);
});

test("the audience of an earlier gray release of the app is used again", async () => {
  const place = await prepare();
  await publishTo(place, "10.0.0.1");
  const other = { ...place, ns: "other" };
  const api = await suite.api;
  await api.createNamespace(place.app, "other");
  await api.setItem(other, { key: "timeout", value: "1" });
  await api.publish(other);
  const page = await changeTimeout(other);
  await page.getByRole("button", { name: "Next: Audience" }).click();
  await page.getByRole("button", { name: "Use an earlier audience" }).click();
  const list = page.getByRole("dialog", { name: "Audiences used before" });
  await list.getByRole("listitem").filter({ hasText: "10.0.0.1" }).getByText("default / application").waitFor();
  expect(await list.getByRole("textbox").count(), "few need no search").toBe(0);
  await list.getByRole("button", { name: "Use the audience 10.0.0.1" }).click();
  await list.waitFor({ state: "detached" });
  await expect.poll(() => page.getByLabel("IP addresses").inputValue()).toBe("10.0.0.1");
  // Nothing is stored before it was looked at.
  await page.getByRole("button", { name: "Save audience" }).click();
  await page.getByRole("button", { name: "Publish gray release" }).waitFor();
});

test("one of many audiences is found, and replaces what is entered after a confirmation", async () => {
  const place = await prepare();
  const api = await suite.api;
  const branch = await api.startGray(place);
  for (let n = 1; n <= 10; n++) await api.setAudience(place, branch, [`10.0.1.${n}`], [`team-${n}`]);
  const page = await suite.open(`${grayAddressOf(place)}?step=audience`);
  const ips = page.getByLabel("IP addresses");
  await expect.poll(() => ips.inputValue()).toBe("10.0.1.10");
  const open = page.getByRole("button", { name: "Use an earlier audience" });
  await open.click();
  const list = page.getByRole("dialog", { name: "Audiences used before" });
  await expect.poll(() => list.getByRole("listitem").count()).toBe(10);
  // The newest is the first.
  await expect.poll(() => list.getByRole("listitem").first().innerText()).toContain("10.0.1.10");
  await expectAccessibleInAllViews(page);
  await list.getByRole("textbox").fill("TEAM-7");
  await expect.poll(() => list.getByRole("listitem").count()).toBe(1);
  await list.getByRole("button", { name: /^Use the audience 10.0.1.7/ }).click();
  const confirm = page.getByRole("dialog", { name: "Replace the audience?" });
  await confirm.getByText("10.0.1.10").waitFor();
  await confirm.getByText("10.0.1.7").waitFor();
  await expectAccessibleInAllViews(page);
  await confirm.getByRole("button", { name: "Cancel" }).click();
  await expect.poll(() => ips.inputValue()).toBe("10.0.1.10");
  await open.click();
  await list.getByRole("textbox").fill("team-7");
  await list.getByRole("button", { name: /^Use the audience/ }).click();
  await confirm.getByRole("button", { name: "Replace" }).click();
  await expect.poll(() => ips.inputValue()).toBe("10.0.1.7");
  await expect.poll(() => page.getByLabel("Labels").inputValue()).toBe("team-7");
});

test("S20: a release to all gives every instance the value and removes the gray release", async () => {
  const place = await prepare();
  const page = await publishTo(place, "10.0.0.1");
  await page.getByRole("button", { name: "Release to all, or abandon" }).click();
  await page.getByRole("button", { name: "Release to all 2 instances…" }).click();
  await page.getByRole("button", { name: "Release to all of DEV" }).click();
  await page.waitForURL((url) => !url.pathname.endsWith("/gray"));
  await expect.poll(() => read(place, "10.0.0.2"), EFFECT).toBe("4500");
  expect(await (await suite.api).call("GET", `${namespacePath(place)}/branches`)).toBeNull();
});

test("S20: after abandoning, master is unchanged and its value returns to the instance", async () => {
  const place = await prepare();
  const page = await publishTo(place, "10.0.0.1");
  await expect.poll(() => read(place, "10.0.0.1"), EFFECT).toBe("4500");
  await page.getByRole("button", { name: "Release to all, or abandon" }).click();
  await page.getByRole("button", { name: "Abandon…" }).click();
  await page.getByRole("button", { name: "Abandon gray release" }).click();
  await page.waitForURL((url) => !url.pathname.endsWith("/gray"));
  await expect.poll(() => read(place, "10.0.0.1"), EFFECT).toBe("3000");
  const [item] = await (await suite.api).items(place);
  expect(item?.value).toBe("3000");
});

test("unpublished changes of master block the release to all, which says how many", async () => {
  const place = await prepare();
  const page = await publishTo(place, "10.0.0.1");
  await (await suite.api).setItem(place, { key: "other", value: "1" });
  await page.goto(`${grayAddressOf(place)}?step=finish`);
  await page.getByText("Master has 1 unpublished change").filter({ visible: true }).waitFor();
  await expect.poll(() => page.getByRole("button", { name: /^Release to all \d/ }).isDisabled()).toBe(true);
});

test("a user without the right to edit sees who can grant it, and no start", async () => {
  const place = await prepare();
  const page = await suite.open(grayAddressOf(place), { as: "gray-reader" });
  await page.getByText("This needs the permission to edit the namespace.").waitFor();
  await expect.poll(() => page.getByRole("button", { name: "Start gray release" }).count()).toBe(0);
});

test("each step is accessible in both themes and widths", async () => {
  const place = await prepare();
  await publishTo(place, "10.0.0.1");
  const page = await suite.open(grayAddressOf(place));
  for (const step of ["change", "audience", "observe", "finish"]) {
    await page.goto(`${grayAddressOf(place)}?step=${step}`);
    await page.locator("[aria-current=step]").waitFor();
    await expectAccessibleInAllViews(page);
  }
});

test("the views of the namespace are in reach of its gray release", async () => {
  const place = await prepare();
  await (await suite.api).createNamespace(place.app, "other");
  const page = await changeTimeout(place);
  const views = page.getByRole("navigation", { name: "Views of the namespace" });
  await views.getByRole("link", { name: "Gray" }).waitFor();
  await expect.poll(() => views.locator("[aria-current=page]").allInnerTexts()).toHaveLength(1);
  await views.getByRole("link", { name: "Live" }).click();
  await page.getByRole("table", { name: /Releases/ }).waitFor();
  await views.getByRole("link", { name: "Table" }).click();
  await page.getByRole("row", { name: "timeout" }).waitFor();
  const list = page.getByRole("navigation", { name: "Namespaces" });
  await list.getByRole("link", { name: "application" }).getByText("Has a gray release").waitFor({ state: "attached" });
  await expect.poll(() => list.getByText("Has a gray release").count()).toBe(1);
});

test("on a narrow screen another namespace is selected, and the environment and cluster are switched, without leaving the view", async () => {
  const place = await prepare();
  const api = await suite.api;
  await api.createNamespace(place.app, "limits");
  await api.createCluster(place.app, "DEV", "fra1");
  const page = await suite.open(`${grayAddressOf(place)}?step=change`, { width: NARROW });
  await page.getByRole("combobox", { name: "Namespaces" }).selectOption("limits");
  await page.getByRole("heading", { name: "limits" }).waitFor();
  await expect.poll(() => new URL(page.url()).pathname).toBe(grayAddressOf({ ...place, ns: "limits" }));
  await page.getByRole("combobox", { name: "Environment and cluster" }).selectOption("DEV / fra1");
  await page.waitForURL(`**${grayAddressOf({ ...place, ns: "limits", cluster: "fra1" })}`);
});
