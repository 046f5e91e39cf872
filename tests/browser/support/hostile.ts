// Texts that run when they are used as HTML, as an attribute, as an address, as a script or as a
// template, and what stores them in each field that takes a text of users.
import payloads from "../hostile.json" with { type: "json" };
import { namespacePath, type Api, type Place } from "./api";
import { PASSWORD } from "./server";

export const PAYLOADS: string[] = payloads;
/** The variable that each of them sets. */
export const RAN = "ran";
/** Concurrent calls. */
const CALLS = 8;

/** Calls for each text with its index. */
async function each(call: (text: string, index: number) => Promise<unknown>, texts = PAYLOADS): Promise<void> {
  const waiting = [...texts.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await call(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: CALLS }, work));
}

/** Keys, values and comments of one namespace, which stays unpublished. */
export function plantItems(api: Api, place: Place): Promise<unknown> {
  const create = PAYLOADS.map((payload, index) => ({ key: `${index}.${payload}`, value: payload, comment: payload }));
  return api.call("POST", `${namespacePath(place)}/changes`, { create });
}

/** Titles and comments of releases. */
export function plantReleases(api: Api, place: Place): Promise<void> {
  return each((text) => {
    const [releaseTitle, ...comments] = text.split("\n");
    const body = { releaseTitle, releaseComment: comments.join("\n"), releasedBy: api.user };
    return api.call("POST", `${namespacePath(place)}/releases`, body);
  }, packed(250));
}

/** Names and departments of apps. */
export function plantApps(api: Api): Promise<void> {
  return each((name, index) => {
    const orgName = PAYLOADS[index] ?? "";
    const app = { appId: `hostile-${index}`, name, orgId: orgName.slice(0, 32), orgName, ownerName: api.user };
    return api.call("POST", "apps", { app, admins: [] });
  }, packed(120));
}

/** Comments of public namespaces. */
export function plantNamespaces(api: Api, appId: string): Promise<void> {
  return each((comment, index) => {
    const body = { appId, name: `n${index}`, format: "properties", isPublic: true, comment };
    return api.call("POST", `apps/${appId}/appnamespaces`, { ...body, appendNamespacePrefix: false });
  });
}

/** Comments of clusters. */
export function plantClusters(api: Api, appId: string): Promise<void> {
  return each((comment, index) =>
    api.call("POST", `envs/DEV/apps/${appId}/clusters`, {
      appId,
      name: `c${index}`,
      comment,
      dataChangeCreatedBy: api.user,
    }),
  );
}

/** User names, display names and mail addresses. */
export function plantUsers(api: Api): Promise<void> {
  return each((payload, index) => {
    // A user name has no control characters, and no blank at its ends.
    const username = `${index}.${payload.replace(/\p{Cc}/gu, "")}`;
    const user = { username, userDisplayName: payload, email: payload, password: PASSWORD, enabled: 1 };
    return api.call("POST", "users?isCreate=true", user);
  });
}

/** Names and departments of third-party apps. */
export function plantConsumers(api: Api): Promise<void> {
  return each((payload, index) => {
    const consumer = { appId: `hostile-${index}`, name: payload, orgId: "o", orgName: payload, ownerName: api.user };
    return api.call("POST", "consumers", consumer);
  });
}

/** Keys, values and comments of settings. */
export function plantSettings(api: Api): Promise<void> {
  return each((payload) =>
    api.call("POST", "server/portal-db/config", { key: payload, value: payload, comment: payload }),
  );
}

/** Names of access tokens, of which a user has at most 200. */
export function plantTokens(api: Api): Promise<void> {
  return each((name) => api.call("POST", "user-tokens", { name }), packed(128, " "));
}

/** Addresses of webhooks, of which there are at most 100. */
export function plantWebhooks(api: Api): Promise<void> {
  return each((text) => api.call("POST", "webhooks", { url: `http://x.invalid/?${text}` }), packed(400, "&"));
}

/** Notes of requests for access, of which a user has at most 20. */
export function plantRequests(api: Api, appId: string): Promise<void> {
  return each((note, index) => {
    const request = { appId, namespaceName: `n${index}`, roleType: "ModifyNamespace", note };
    return api.call("POST", "access-requests", request);
  }, packed(500));
}

/** All payloads in as few texts of this length as possible. */
function packed(length: number, separator = "\n"): string[] {
  const texts: string[] = [];
  for (const payload of PAYLOADS) {
    const longer = [...texts.slice(-1), payload].join(separator);
    if (texts.length > 0 && longer.length <= length) texts[texts.length - 1] = longer;
    else texts.push(payload);
  }
  return texts;
}
