// Calls of OpenAPI v1 as a signed-in user, to prepare what a test looks at and to read what it
// stored.
import { PASSWORD } from "./server";

export interface Place {
  app: string;
  env: string;
  cluster: string;
  ns: string;
}

/** A namespace in the cluster that each environment has. */
export function placeIn(app: string, env = "DEV", ns = "application"): Place {
  return { app, env, cluster: "default", ns };
}

export interface Item {
  key: string;
  value: string;
  type?: number;
  comment?: string;
}

export class Api {
  private csrf = "";

  private constructor(
    private readonly portal: string,
    readonly user: string,
    /** Value of the session cookie. */
    readonly session: string,
  ) {}

  static async signIn(portal: string, user: string): Promise<Api> {
    const response = await fetch(`${portal}/signin`, {
      method: "POST",
      body: new URLSearchParams({ username: user, password: PASSWORD }),
      redirect: "manual",
    });
    const session = /SESSION=([^;]+)/.exec(response.headers.get("set-cookie") ?? "")?.[1];
    if (!session) throw new Error(`cannot sign in as ${user}: ${response.status}`);
    const api = new Api(portal, user, session);
    await api.call("GET", "user");
    return api;
  }

  /** `path` is below `/openapi/v1/`. Fails on any answer that is not a success. */
  async call<T>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.portal}/openapi/v1/${path}`, {
      method,
      headers: {
        Cookie: `SESSION=${this.session}`,
        "X-CSRF-Token": this.csrf,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    this.csrf = response.headers.get("x-csrf-token") ?? this.csrf;
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? null : JSON.parse(text)) as T;
  }

  /** Creates an app whose owner and administrator is this user, who may also edit and publish in it. */
  async createApp(appId: string, name = appId): Promise<void> {
    const app = { appId, name, orgId: "TEST1", orgName: "Test department 1", ownerName: this.user };
    await this.call("POST", "apps", { app, admins: [this.user], assignAppRoleToSelf: true });
  }

  async createUser(name: string): Promise<void> {
    const user = {
      username: name,
      userDisplayName: name,
      password: PASSWORD,
      email: `${name}@example.org`,
      enabled: 1,
    };
    await this.call("POST", "users?isCreate=true", user);
  }

  /** A format other than properties becomes the suffix of the name. */
  async createNamespace(appId: string, name: string, format = "properties", isPublic = false): Promise<void> {
    const body = { appId, name, format, isPublic, appendNamespacePrefix: false };
    await this.call("POST", `apps/${appId}/appnamespaces`, body);
  }

  async createCluster(appId: string, env: string, name: string): Promise<void> {
    await this.call("POST", `envs/${env}/apps/${appId}/clusters`, { appId, name });
  }

  /** `role` is ModifyNamespace or ReleaseNamespace; without an environment it applies to all. */
  async grant(place: Pick<Place, "app" | "ns"> & { env?: string }, role: string, user: string): Promise<void> {
    const env = place.env ? `/envs/${place.env}` : "";
    const of = `apps/${place.app}${env}/namespaces/${place.ns}/roles/${role}`;
    await this.call("POST", `${of}?userId=${encodeURIComponent(user)}`);
  }

  async setItem(place: Place, { type = 0, comment = "", ...item }: Item): Promise<void> {
    const path = `${namespacePath(place)}/items/${encodeURIComponent(item.key)}?createIfNotExists=true`;
    const people = { dataChangeCreatedBy: this.user, dataChangeLastModifiedBy: this.user };
    await this.call("PUT", path, { ...item, type, comment, ...people });
  }

  async deleteItem(place: Place, key: string): Promise<void> {
    await this.call("DELETE", `${namespacePath(place)}/items/${encodeURIComponent(key)}`);
  }

  /** Stores the whole text of a namespace. */
  async setText(place: Place, configText: string, format = "properties"): Promise<void> {
    await this.call("PUT", `${namespacePath(place)}/items`, { configText, format });
  }

  async items(place: Place): Promise<Item[]> {
    const page = await this.call<{ content: Item[] }>("GET", `${namespacePath(place)}/items?page=0&size=10000`);
    return page.content;
  }

  async publish(place: Place, releaseTitle = "test"): Promise<{ id: number }> {
    const body = { releaseTitle, releaseComment: "", releasedBy: this.user, isEmergencyPublish: false };
    return this.call("POST", `${namespacePath(place)}/releases`, body);
  }

  /** Starts a gray release with these values; returns the place of its branch. */
  async startGray(place: Place, ...items: Item[]): Promise<Place> {
    const { clusterName } = await this.call<{ clusterName: string }>("POST", `${namespacePath(place)}/branches`);
    const branch = { ...place, cluster: clusterName };
    for (const item of items) await this.setItem(branch, item);
    return branch;
  }

  /** Which clients of the app receive the gray release of a branch. */
  async setAudience(
    place: Place,
    branch: Place,
    clientIpList: string[],
    clientLabelList: string[] = [],
  ): Promise<void> {
    const line = { clientAppId: place.app, clientIpList, clientLabelList };
    await this.call("PUT", `${branchPath(place, branch)}/rules`, { ruleItems: [line] });
  }

  async publishGray(place: Place, branch: Place, releaseTitle: string): Promise<void> {
    const body = { releaseTitle, releaseComment: "", releasedBy: this.user, isEmergencyPublish: false };
    await this.call("POST", `${branchPath(place, branch)}/releases`, body);
  }
}

export function namespacePath({ app, env, cluster, ns }: Place): string {
  return `envs/${env}/apps/${app}/clusters/${cluster}/namespaces/${encodeURIComponent(ns)}`;
}

function branchPath(place: Place, { cluster }: Place): string {
  return `${namespacePath(place)}/branches/${cluster}`;
}

/** The page of a namespace, and that of its gray release. */
export const addressOf = ({ app, env, cluster, ns }: Place) => `/a/${app}/c/${env}/${cluster}/${ns}`;
export const grayAddressOf = (place: Place) => `${addressOf(place)}/gray`;
