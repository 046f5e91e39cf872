// An in-memory portal, to use the built UI without a server: `npm run build && npm run mock [port]
// [prefix]`.
// Serves dist/ under the strict content policy. Sign in as any user with the password "secret".
// To test failures: environment FAT is unreachable, app `denied` refuses writes, user `expire` is
// signed out after a minute.
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const port = Number(process.argv[2] ?? 8070);
const prefix = process.argv[3] ?? "";
const dist = new URL("../dist/", import.meta.url).pathname;
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
    "form-action 'self'; base-uri 'self'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
};
const PAGES = /^\/($|signin$|new$|a\/)/;

const sessions = new Map();
const apps = new Map();
const namespaces = new Map();
const releases = [];

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const now = (minutesAgo = 0) => new Date(Date.now() - minutesAgo * 60_000).toISOString().replace("Z", "+0000");
const stamp = (by, minutesAgo) => ({ dataChangeLastModifiedBy: by, dataChangeLastModifiedTime: now(minutesAgo) });

function seed() {
  addApp("checkout-service", "Checkout", "Payments", ["DEV", "UAT", "PRO"]);
  addApp("billing-core", "Billing", "Finance", ["DEV", "PRO"]);
  addApp("denied", "Nobody may write here", "Finance", ["DEV"]);
  for (let i = 1; i <= 20; i++) addApp(`search-index-${i}`, `Search index ${i}`, "Search", ["DEV"]);
  const at = ["checkout-service", "PRO", "default"];
  const main = namespaces.get([...at, "application"].join("/"));
  const items = {
    "checkout.cart.max-items": ["100", 1, "Raised for the winter campaign"],
    "checkout.fraud.rules": ['{"version":6,"threshold":0.85,"actions":["review"]}', 3],
    "checkout.legacy.endpoint": ["http://legacy-cart.internal:8080/v1", 0],
    "checkout.currency.default": ["EUR", 0],
    "checkout.gateway.base-url": ["https://gateway.pay.internal/v3", 0],
    "checkout.gateway.retry.max-attempts": ["3", 1],
    "checkout.gateway.timeout-ms": ["3000", 1, "Keep under the load balancer's limit"],
    "checkout.payment.methods": ["card,transfer,wallet,voucher", 0],
    "checkout.pricing.rounding": ["HALF_EVEN", 0],
    "checkout.session.ttl-seconds": ["1800", 1],
  };
  for (const [key, [value, type, comment]] of Object.entries(items)) {
    main.items.push({ key, value, type, comment, lineNum: main.items.length + 1, ...stamp("payments-dev", 60 * 50) });
  }
  main.items.push({ key: "", value: "", comment: "# end of the file", lineNum: 99 });
  release(main, "20261112-0901-release", "First limits", "payments-dev", 60 * 24 * 8);
  main.items[0].value = "120";
  release(main, "20261118-1642-release", "Winter limits, step 1", "release-manager", 60 * 48);
  Object.assign(main.items[0], { value: "150" }, stamp("payments-dev", 12));
  const rules = '{"version":7,"threshold":0.82,"actions":["review","block"]}';
  Object.assign(main.items[1], { value: rules }, stamp("risk-analyst", 38));
  main.items.splice(2, 1);
  const express = { key: "checkout.express.enabled", value: "true", type: 2, comment: "Express lane, phase 1" };
  main.items.push({ ...express, lineNum: 50, ...stamp("cart-dev", 3) });
  const many = addNamespace(...at, "feature-switches", "properties");
  for (let i = 1; i <= 5000; i++) {
    const key = `switch.${String(i).padStart(4, "0")}.enabled`;
    many.items.push({ key, value: String(i % 3 === 0), type: 2, lineNum: i, ...stamp("cart-dev", i) });
  }
  release(many, "20261101-0800-release", "", "release-manager", 60 * 24 * 19);
  const yaml = addNamespace(...at, "payment.yml", "yml");
  const text = "gateway:\n  base-url: https://gateway.pay.internal/v3\n  timeout-ms: 3000\nretry:\n  max-attempts: 3\n";
  yaml.items.push({ key: "content", value: text, lineNum: 1, ...stamp("payments-dev", 90) });
  addNamespace(...at, "PLATFORM.redis", "properties").extendInfo = { parentAppId: "platform" };
}

function addApp(appId, name, orgName, envs) {
  const app = { appId, name, orgId: orgName.slice(0, 3).toUpperCase(), orgName, ownerName: "payments-lead" };
  apps.set(appId, { ...app, envs });
  for (const env of envs) addNamespace(appId, env, "default", "application", "properties");
}

function addNamespace(appId, env, clusterName, namespaceName, format) {
  const namespace = {
    appId,
    env,
    clusterName,
    namespaceName,
    format,
    isPublic: namespaceName.includes("PLATFORM"),
    items: [],
  };
  namespaces.set([appId, env, clusterName, namespaceName].join("/"), namespace);
  return namespace;
}

function valuesOf(namespace) {
  return Object.fromEntries(namespace.items.filter((item) => item.key).map((item) => [item.key, item.value]));
}

function release(namespace, name, comment, by, minutesAgo = 0) {
  const { appId, env, clusterName, namespaceName } = namespace;
  const entry = { id: releases.length + 101, appId, env, clusterName, namespaceName, name, comment };
  const configurations = valuesOf(namespace);
  releases.push({ ...entry, configurations, dataChangeCreatedBy: by, dataChangeCreatedTime: now(minutesAgo) });
  return releases.at(-1);
}

function active({ appId, env, clusterName, namespaceName }) {
  const key = [appId, env, clusterName, namespaceName].join("/");
  const own = (r) => !r.abandoned && [r.appId, r.env, r.clusterName, r.namespaceName].join("/") === key;
  return releases.filter(own).reverse();
}

function withMarks(namespace) {
  const live = active(namespace)[0]?.configurations ?? {};
  const marked = namespace.items.map((item) => {
    const isNewlyAdded = item.key !== "" && !(item.key in live);
    const isModified = item.key !== "" && live[item.key] !== item.value;
    return { ...item, extendInfo: { isModified, isNewlyAdded, oldValue: live[item.key], newValue: item.value } };
  });
  const stored = valuesOf(namespace);
  for (const [key, oldValue] of Object.entries(live).filter(([key]) => !(key in stored))) {
    marked.push({
      key,
      value: oldValue,
      ...stamp("cart-dev", 2),
      extendInfo: { isDeleted: true, oldValue, newValue: "" },
    });
  }
  const itemModifiedCnt = marked.filter(({ extendInfo: e }) => e?.isModified || e?.isDeleted).length;
  return { ...namespace, items: marked, extendInfo: { ...namespace.extendInfo, itemModifiedCnt } };
}

const NS = "/envs/:env/apps/:app/clusters/:cluster/namespaces/:ns";
const ROUTES = {
  "GET /user": ({ user }) => ({ userId: user, name: user, email: `${user}@example.org`, enabled: 1 }),
  "GET /envs": () => ["DEV", "UAT", "PRO"],
  "GET /organizations": () => [
    { orgId: "PAY", orgName: "Payments" },
    { orgId: "FIN", orgName: "Finance" },
  ],
  "GET /apps": () => [...apps.values()],
  "GET /apps/by-self": ({ query }) => {
    const [page, size] = [Number(query.get("page")), Number(query.get("size"))];
    return [...apps.values()].slice(page * size, page * size + size).slice(0, 3);
  },
  "POST /apps": ({ body }) => {
    if (apps.has(body.app.appId)) throw new Refusal(400, `App already exists: ${body.app.appId}`);
    addApp(body.app.appId, body.app.name, body.app.orgName, ["DEV", "UAT", "PRO"]);
  },
  "GET /apps/:app": ({ app }) => apps.get(app) ?? refuse(400, `App not found: ${app}`),
  "GET /apps/:app/envclusters": ({ app }) => [
    ...(apps.get(app)?.envs ?? []).map((env) => ({ env, clusters: env === "PRO" ? ["default", "ams2"] : ["default"] })),
    { env: "FAT", clusters: [], error: "No available admin server found for env FAT" },
  ],
  "GET /apps/:app/appnamespaces": ({ app }) => {
    const own = [...namespaces.values()].filter((namespace) => namespace.appId === app);
    return [...new Map(own.map((n) => [n.namespaceName, { ...n, name: n.namespaceName, items: undefined }])).values()];
  },
  "GET /envs/:env/apps/:app/clusters/:cluster/namespaces": ({ env, app, cluster }) => {
    if (env === "FAT") throw new Refusal(500, "No available admin server found for env FAT");
    const here = (n) => n.appId === app && n.env === env && n.clusterName === cluster;
    return [...namespaces.values()].filter(here).map(withMarks);
  },
  [`GET ${NS}`]: ({ namespace }) => namespace && withMarks(namespace),
  [`POST ${NS}/items`]: ({ namespace, body, user }) => {
    const known = namespace.items.some((item) => item.key === body.key);
    if (known) throw new Refusal(400, `item already exists for itemKey:${body.key}`);
    namespace.items.push({ ...body, lineNum: namespace.items.length + 1, ...stamp(user) });
  },
  [`PUT ${NS}/items`]: ({ namespace, body, user }) => {
    if (body.configText.includes("\t"))
      throw new Refusal(400, "line 1: found character '\\t' that cannot start any token");
    namespace.items = [{ key: "content", value: body.configText, lineNum: 1, ...stamp(user) }];
  },
  [`PUT ${NS}/encodedItems/:key`]: ({ namespace, key, body, user }) => {
    const item = namespace.items.find((item) => item.key === Buffer.from(key, "base64url").toString());
    Object.assign(item ?? refuse(404, "item not found"), body, stamp(user));
  },
  [`DELETE ${NS}/encodedItems/:key`]: ({ namespace, key }) => {
    const decoded = Buffer.from(key, "base64url").toString();
    namespace.items = namespace.items.filter((item) => item.key !== decoded);
  },
  [`POST ${NS}/items/revocation`]: ({ namespace, user }) => {
    const live = Object.entries(active(namespace)[0]?.configurations ?? {});
    namespace.items = live.map(([key, value], index) => ({ key, value, type: 0, lineNum: index + 1, ...stamp(user) }));
  },
  [`POST ${NS}/releases`]: ({ namespace, body, user }) =>
    release(namespace, body.releaseTitle, body.releaseComment, user),
  [`GET ${NS}/releases/active`]: ({ namespace, query }) =>
    namespace && active(namespace).slice(0, Number(query.get("size"))),
  "GET /envs/:env/releases/comparison": ({ query }) => {
    const [a, b] = ["baseReleaseId", "toCompareReleaseId"].map((name) => byId(query.get(name)).configurations);
    const changes = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => a[key] !== b[key]);
    const kind = (key) => (key in a ? (key in b ? "MODIFIED" : "DELETED") : "ADDED");
    return { changes: changes.map((key) => ({ changeType: kind(key), key, oldValue: a[key], newValue: b[key] })) };
  },
  "GET /envs/:env/releases/:id": ({ id }) => byId(id),
  "PUT /envs/:env/releases/:id/rollback": ({ id, query }) => {
    for (const entry of active(byId(id))) {
      if (entry.id === Number(query.get("toReleaseId"))) break;
      entry.abandoned = true;
    }
  },
};

function byId(id) {
  return releases.find((entry) => entry.id === Number(id)) ?? refuse(404, `release not found for releaseId:${id}`);
}

function refuse(status, message) {
  throw new Refusal(status, message);
}

function match(method, path) {
  for (const [route, handler] of Object.entries(ROUTES)) {
    const [verb, pattern] = route.split(" ");
    const [want, have] = [pattern.split("/"), path.split("/")];
    const fits = want.length === have.length && want.every((part, i) => part.startsWith(":") || part === have[i]);
    if (verb !== method || !fits) continue;
    const named = want.flatMap((part, i) =>
      part.startsWith(":") ? [[part.slice(1), decodeURIComponent(have[i])]] : [],
    );
    return { handler, params: Object.fromEntries(named) };
  }
  throw new Refusal(404, `No such path: ${method} ${path}`);
}

function api(request, url, session, text) {
  const { handler, params } = match(request.method, url.pathname.slice("/openapi/v1".length));
  if (!session) throw new Refusal(401, "Unauthorized");
  if (request.method !== "GET" && request.headers["x-csrf-token"] !== session.csrf)
    throw new Refusal(403, "CSRF token");
  if (request.method !== "GET" && params.app === "denied") throw new Refusal(403, "Access is denied");
  const { app, env, cluster, ns } = params;
  const namespace = ns && namespaces.get([app, env, cluster, ns].join("/"));
  if (text && text !== "null") params.body = JSON.parse(text);
  return handler({ ...params, namespace, query: url.searchParams, user: session.user });
}

function answerApi(request, response, url, session, text) {
  const headers = { ...HEADERS, "Content-Type": "application/json", "Cache-Control": "no-store" };
  if (session) headers["X-CSRF-Token"] = session.csrf;
  if (url.pathname === "/openapi/v1/reads" && session) {
    const lines = url.searchParams
      .get("paths")
      .split("\n")
      .map((path, index) => {
        const read = new URL(`/openapi/v1/${path}`, url);
        return JSON.stringify({ index, headers: { "x-csrf-token": session.csrf }, ...outcome(request, read, session) });
      });
    return response.writeHead(200, headers).end(lines.map((line) => `${line}\n`).join(""));
  }
  const { status, body } = outcome(request, url, session, text);
  return response.writeHead(status, headers).end(body === null ? "" : JSON.stringify(body));
}

function outcome(request, url, session, text) {
  try {
    return { status: 200, body: api(request, url, session, text) ?? null };
  } catch (error) {
    const status = error.status ?? 500;
    return { status, body: { status, message: error.message, timestamp: now(), exception: error.name } };
  }
}

function signIn(response, text) {
  const form = new URLSearchParams(text);
  if (form.get("password") !== "secret") return redirect(response, "/signin?#/error");
  const id = randomUUID();
  const lifetime = form.get("username") === "expire" ? 60_000 : 8 * 3_600_000;
  const csrf = createHash("sha256").update(id).digest("hex");
  sessions.set(id, { user: form.get("username"), csrf, until: Date.now() + lifetime });
  return redirect(response, "/", { "Set-Cookie": `SESSION=${id}; HttpOnly; SameSite=Lax; Path=/` });
}

function redirect(response, to, headers = {}) {
  response.writeHead(302, { ...HEADERS, ...headers, Location: prefix + to }).end();
}

function answerFile(response, path) {
  const file = PAGES.test(path) ? "index.html" : normalize(path).slice(1);
  if (!existsSync(join(dist, file))) return response.writeHead(404, HEADERS).end("Not found");
  let content = readFileSync(join(dist, file));
  if (file === "index.html") content = String(content).replace('<base href="/"', `<base href="${prefix}/"`);
  const cache = file === "index.html" ? "no-cache" : "public, max-age=31536000, immutable";
  return response
    .writeHead(200, { ...HEADERS, "Content-Type": TYPES[extname(file)], "Cache-Control": cache })
    .end(content);
}

seed();
createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const url = new URL(request.url, "http://localhost");
  if (!url.pathname.startsWith(`${prefix}/`)) return response.writeHead(404, HEADERS).end("Not found");
  url.pathname = url.pathname.slice(prefix.length);
  const id = /SESSION=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
  const session = sessions.get(id)?.until > Date.now() ? sessions.get(id) : undefined;
  if (url.pathname.startsWith("/openapi/v1/")) return answerApi(request, response, url, session, text);
  if (url.pathname === "/signin" && request.method === "POST") return signIn(response, text);
  if (url.pathname !== "/user/logout") return answerFile(response, url.pathname);
  sessions.delete(id);
  return redirect(response, "/signin?#/logout");
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}${prefix}/`));
