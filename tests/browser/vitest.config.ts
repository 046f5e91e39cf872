// Each file starts a server and a browser, so files run one after the other.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["*.test.ts"], fileParallelism: false, testTimeout: 90_000, hookTimeout: 60_000 },
});
