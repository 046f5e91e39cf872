// What an installation permits and has is what its pages offer and show.
import { Button, Checkbox, TextInput } from "@mantine/core";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { mayAppoint } from "../src/api/rights";
import { Access } from "../src/pages/Access";
import { AccessMatrix } from "../src/pages/AccessMatrix";
import { AdminSettings } from "../src/pages/AdminSettings";
import { AppEnvironments } from "../src/pages/AppEnvironments";
import { NewNamespace } from "../src/pages/NewNamespace";
import { SettingsNamespaces } from "../src/pages/SettingsNamespaces";
import { DataTable } from "../src/components/DataTable";
import { Filtered } from "../src/components/Filtered";
import { StateChip } from "../src/components/StateChip";
import { Loaded } from "../src/components/States";
import type { SettingRow } from "../src/text/settings";
import { find, get, named, shown } from "./shallow";

type Mutation = { mutationFn: (input: unknown) => Promise<unknown>; onSettled?: () => unknown };
const { data, fetched, invalidateQueries, mutations } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  const fetched = vi.fn<typeof fetch>();
  vi.stubGlobal("fetch", fetched);
  /** What pages read, by the beginning of its key. */
  const data = new Map<string, unknown>();
  return { data, fetched, invalidateQueries: vi.fn(), mutations: [] as Mutation[] };
});

vi.mock("react", async (original) => ({ ...(await original()), useState: (await import("./shallow")).useState }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ invalidateQueries }),
  useMutation: (options: Mutation) => {
    mutations.push(options);
    return { isPending: false, isSuccess: false, error: null, mutate: options.mutationFn };
  },
  useQuery: ({ queryKey }: { queryKey: unknown[] }) => {
    const key = [...data.keys()].find((key) => JSON.stringify(queryKey).startsWith(key)) ?? "";
    return { data: data.get(key) };
  },
  useQueries: ({ queries }: { queries: object[] }) => queries.map(() => ({ data: { edit: [], publish: [] } })),
}));
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original()),
  getRouteApi: () => ({ useParams: () => ({ app: "shop" }), useSearch: () => ({}), useNavigate: () => vi.fn() }),
}));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/queries", async (original) => ({
  ...(await original()),
  useBoot: () => ({ user: { userId: "ann" }, envs: ["DEV"] }),
}));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  vi.clearAllMocks();
  data.clear();
  mutations.length = 0;
  fetched.mockImplementation(() => Promise.resolve(Response.json({})));
});

/** Whether the form of a new namespace offers a private one, and whether the one that it creates is public. */
async function namespaceForm() {
  const { type, props } = named(shown(NewNamespace)({}), "Own");
  const form = shown(type);
  const { disabled } = get<{ disabled: boolean }>(form(props), Checkbox as never);
  get<{ onChange: (event: object) => void }>(form(props), TextInput as never).onChange({
    currentTarget: { value: "a" },
  });
  get<{ onSubmit: (event: object) => void }>(form(props), "form" as never).onSubmit({ preventDefault: vi.fn() });
  await vi.waitFor(() => expect(fetched).toHaveBeenCalledTimes(1));
  const { isPublic } = JSON.parse(fetched.mock.lastCall?.[1]?.body as string) as { isPublic: boolean };
  fetched.mockClear();
  return { isOffered: !disabled, isPublic };
}

// X143
it("private namespaces are offered to whom the setting permits them", async () => {
  expect(await namespaceForm()).toEqual({ isOffered: true, isPublic: false });
  data.set('["page settings"', { canAppAdminCreatePrivateNamespace: false });
  expect(await namespaceForm()).toEqual({ isOffered: false, isPublic: true });
  data.set('["root"', true);
  expect(await namespaceForm()).toEqual({ isOffered: true, isPublic: false });
});

// X143
it("copies of namespaces, which are private, are offered to whom the setting permits them", () => {
  data.set('["access","shop","create"', true);
  const namespaces = [{ name: "limits", appId: "shop" }];
  const offered = () => {
    const page = shown(SettingsNamespaces)({ app: "shop", places: [] });
    const list = get(get(page, Loaded<object[]>).children(namespaces), Filtered<object>);
    return find<{ "aria-label": string }>(list.children(namespaces), Button as never)?.["aria-label"];
  };
  expect(offered()).toBe("duplicate.namespace");
  data.set('["page settings"', { canAppAdminCreatePrivateNamespace: false });
  expect(offered()).toBeUndefined();
  data.set('["root"', true);
  expect(offered()).toBe("duplicate.namespace");
});

/** Whether an administrator of the app may appoint others, if a permission is needed for that, or held. */
function appoints(isLimited: boolean, hasPermission: boolean) {
  fetched.mockImplementation((url) => {
    const isSetting = (url as string).endsWith("/openapi/v1/system/role/manage-app-master");
    return Promise.resolve(
      Response.json(isSetting ? { isManageAppMasterPermissionEnabled: isLimited } : { hasPermission }),
    );
  });
  return (mayAppoint("ann", "shop").queryFn as () => Promise<boolean>)();
}

// X143
it("administrators may be appointed by others, unless that needs a permission of its own", async () => {
  expect(await appoints(false, false)).toBe(true);
  expect(await appoints(true, false)).toBe(false);
  expect(fetched.mock.lastCall?.[0]).toBe("/openapi/v1/apps/shop/permissions/ManageAppMaster?userId=ann");
  expect(await appoints(true, true)).toBe(true);
});

// X143
it("administrators are changed in the page of who may appoint others", () => {
  data.set('["access","shop","masters"', [{ userId: "ann" }]);
  data.set('["root"', false);
  const isPermitted = () => get(shown(Access)({}), AccessMatrix).mayAppoint;
  data.set('["access","shop","appoint"', false);
  expect(isPermitted()).toBe(false);
  data.set('["access","shop","appoint"', true);
  expect(isPermitted()).toBe(true);
  data.set('["access","shop","appoint"', false);
  data.set('["root"', true);
  expect(isPermitted()).toBe(true);
});

// X143
it("after a setting is deleted, who is a super administrator is asked again", () => {
  data.set('["settings",null,"known"', [{ key: "superAdmin" }]);
  data.set('["settings",null', [{ key: "superAdmin", value: "ann", revision: "r1" }]);
  const page = shown(AdminSettings);
  const table = get(get(page({}), Loaded<unknown>).children([]), DataTable<SettingRow>);
  table.actions?.(table.rows[0] as SettingRow)[1]?.onClick();
  const { type, props } = named(page({}), "Delete");
  void shown(type)(props);
  mutations.at(-1)?.onSettled?.();
  expect(invalidateQueries).toHaveBeenCalledWith({ queryKey: ["root"] });
});

// X143
it("a cluster with the name of a member of every object has no unpublished changes because of it", () => {
  const places = [{ env: "DEV", clusters: ["constructor"] }];
  const chip = () => find(shown(AppEnvironments)({ app: "shop", places }), StateChip);
  data.set('["app","shop","unpublished"', { DEV: {} });
  expect(chip()).toBeUndefined();
  data.set('["app","shop","unpublished"', { DEV: { constructor: true } });
  expect(chip()).toBeDefined();
});
