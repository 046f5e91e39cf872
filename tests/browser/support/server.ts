// A running `castalia serve` on free ports with SQLite in a temporary directory, and one more
// process for each further environment.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** The administrator's; users that tests create have the same password. */
export const PASSWORD = "correct horse battery staple";
const START_MS = 120_000;
/** Bytes of memory that are free where the data is put into it. */
const ENOUGH = 2 ** 30;

export interface ServerOptions {
  /** The first is served by the portal's process. DEV by default. */
  environments?: string[];
  /** Environments that are configured, but that no process serves. */
  offline?: string[];
  /** Settings and ServerConfig keys of all processes, as variables: `{ NAMESPACE_LOCK_SWITCH: "true" }`. */
  variables?: Record<string, string>;
}

export interface Castalia {
  /** Address of the portal, without a trailing slash. */
  portal: string;
  /** Address of the config service of each environment. */
  config: Record<string, string>;
  stop: () => Promise<void>;
}

export async function startCastalia({
  environments = ["DEV"],
  offline = [],
  variables = {},
}: ServerOptions = {}): Promise<Castalia> {
  const directory = await mkdtemp(join(await place(), "castalia-browser-"));
  const running: ChildProcess[] = [];
  const stop = async () => {
    await Promise.all(running.map(end));
    await rm(directory, { recursive: true, force: true });
  };
  const common = settings(variables);
  const config: Record<string, string> = {};
  const start = async (env: string, roles: string[], more: Record<string, string>) => {
    const addresses = await listen(env, roles, join(directory, env), { ...common, ...more }, running);
    config[env] = address(addresses, "config");
    return addresses;
  };
  try {
    const [first = "DEV", ...others] = environments;
    // The portal would otherwise need the generated token of each environment.
    const open = { CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED: "false" };
    for (const env of others) await start(env, ["config", "meta", "admin"], open);
    // Port 1 refuses connections.
    const meta = [...Object.entries(config), ...offline.map((env) => [env, "http://127.0.0.1:1"] as const)];
    const addresses = await start(first, ["config", "meta", "admin", "portal"], {
      ...Object.fromEntries(meta.map(([env, url]) => [`${env}_META`, url])),
      CASTALIA_APOLLO_PORTAL_ENVS: [...environments, ...offline].join(","),
    });
    return { portal: address(addresses, "portal"), config, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** In memory where there is enough: a disk that others use as well may keep each write waiting for seconds. */
async function place(): Promise<string> {
  const memory = await statfs("/dev/shm").catch(() => null);
  return memory !== null && memory.bavail * memory.bsize > ENOUGH ? "/dev/shm" : tmpdir();
}

function settings(variables: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [`CASTALIA_${name}`, value]));
}

/** Starts a process, which is added to `running`. Returns the addresses of its listeners by role. */
async function listen(
  env: string,
  roles: string[],
  data: string,
  variables: Record<string, string>,
  running: ChildProcess[],
): Promise<Map<string, string>> {
  const binary = process.env.CASTALIA_TEST_BINARY;
  if (!binary) throw new Error("CASTALIA_TEST_BINARY is not set; run tests/browser/run.sh");
  const ports = ["config", "admin", "portal"].flatMap((role) => (roles.includes(role) ? [`--${role}-port`, "0"] : []));
  const child = spawn(
    binary,
    ["serve", "--log-format", "json", "--env", env, "--roles", roles.join(","), "--data-dir", data]
      .concat(ports)
      .concat("--sample-app", "off"),
    {
      env: { ...process.env, CASTALIA_ADMIN_PASSWORD: PASSWORD, ...variables },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  running.push(child);
  const listening = roles.filter((role) => role !== "meta");
  const addresses = new Map<string, string>();
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${env} did not listen within ${START_MS} ms`)), START_MS);
    child.once("exit", (code) => reject(new Error(`the server of ${env} ended with ${code}`)));
    lines.on("line", (line) => {
      const entry = JSON.parse(line) as { level: string; message: string; role?: string; address?: string };
      if (entry.level === "ERROR") console.error(`${env}: ${line}`);
      if (entry.message !== "listening" || !entry.role || !entry.address) return;
      addresses.set(entry.role, `http://${entry.address}`);
      if (addresses.size < listening.length) return;
      clearTimeout(timer);
      resolve();
    });
  });
  return addresses;
}

function address(addresses: Map<string, string>, role: string): string {
  const found = addresses.get(role);
  if (!found) throw new Error(`no listener of ${role}`);
  return found;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  // The data is deleted afterwards.
  child.kill("SIGKILL");
  await ended;
}
