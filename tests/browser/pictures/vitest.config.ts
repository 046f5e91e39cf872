// Runs what takes the pictures of the documentation, apart from the tests.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["pictures/take.ts", "pictures/amounts.ts"],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 60_000,
  },
});
